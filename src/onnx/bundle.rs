//! The model card `mtl.json` beside an exported model: what it is, where it comes from, and how to verify it.
//!
//! An exported model is a folder with `model.onnx` and `mtl.json`; nothing else is needed to use it. The
//! model takes raw values - numbers as in the table, categories as their text - and outputs, for each task,
//! `<task>` (probabilities, or values in the target's unit) and `<task>_logits`. In Python:
//!
//! ```python
//! import json
//! import numpy as np
//! import onnxruntime
//!
//! session = onnxruntime.InferenceSession("bundle/model.onnx")
//! card = json.load(open("bundle/mtl.json"))
//!
//! # One array [rows, 1] per input. A missing number is NaN, a missing text is "".
//! predictions = session.run(["income", "marital"], {
//!     "age": np.array([[39.0], [np.nan]], dtype=np.float32),
//!     "education": np.array([["Bachelors"], ["Masters"]], dtype=object),
//! })
//! print(predictions[0])  # [rows, 1]: the probability of the positive class
//!
//! # The names of inputs, tasks and classes are in the card.
//! marital = next(task for task in card["signature"]["tasks"] if task["name"] == "marital")
//! print([marital["target"]["classes"][best] for best in predictions[1].argmax(axis=1)])
//! ```
//!
//! A model trained with `weighting: cosmos` has another input, `preference`: each task's weight, `[1, tasks]`
//! for all rows or `[rows, tasks]`, in the order of the card's `preference`, which holds the default:
//!
//! ```python
//! shares = card["preference"]  # {"income": 0.5, "marital": 0.5}
//! feed["preference"] = np.array([list(shares.values())], dtype=np.float32)
//! ```
//!
//! A text task has a decoder of its own, `<task>.decoder.onnx` where its name is a valid file name, which
//! computes the logits of the next token. The main model outputs the decoder's encoded inputs and initial
//! states, each prefixed with the task's name: `title_memory`, `title_mask`, `title_hidden`... Greedy search
//! (the token id after the vocabulary starts a text):
//!
//! ```python
//! file = next(file for file in card["files"] if file["part"] == "decoder" and file["of"] == "title")
//! decoder = onnxruntime.InferenceSession(f"bundle/{file['name']}")
//! target = next(task for task in card["signature"]["tasks"] if task["name"] == "title")["target"]
//! tokenizer = target["tokenizer"]
//! never = {tokenizer[name] for name in ("pad", "unknown", "begin")} - {None, tokenizer["end"]}
//! names = [port.name for port in decoder.get_inputs() if port.name != "token"]
//! feed = dict(zip(names, session.run([f"title_{name}" for name in names], rows)))
//! tokens, texts = np.full(count, tokenizer["size"]), []
//! for _ in range(target["length"]):
//!     ports = [port.name for port in decoder.get_outputs()]
//!     given = dict(zip(ports, decoder.run(None, {"token": tokens, **feed})))
//!     given["logits"][:, list(never)] = -np.inf
//!     tokens = given["logits"].argmax(axis=1)
//!     texts.append(tokens)  # each row ends at tokenizer["end"]
//!     feed.update({name: given[f"{name}_next"] for name in names if f"{name}_next" in given})
//! ```
//!
//! An input with encoding `registered` has a kind from another crate: it takes the 32-bit floats that this
//! kind computes from cells, in the card's shape; the program that registers the kind computes them.
//!
//! `pipelines/predict.py` does all of this.

use std::path::Path;

use serde::Deserialize;

pub use crate::onnx::bundle_file::MODEL;
pub use crate::onnx::card::{CARD, FORMAT, HASHED, ModelCard, ModelSample};
use crate::onnx::check::{self, LARGEST};
use crate::onnx::error::OnnxError;
use crate::onnx::seal::{is_whole, sealed};
use crate::onnx::write::atomically;

/// The earliest supported format: cards without readings of the source data.
const EARLIEST: u64 = 1;

/// Read first, so that an unsupported format is reported whatever else the card holds.
#[derive(Deserialize)]
struct CardVersion {
    format: u64,
}

impl ModelCard {
    /// Writes the card atomically. Scores that are not finite are left out, because JSON cannot represent
    /// them.
    pub fn write(&self, path: &Path) -> Result<(), OnnxError> {
        let mut card = self.clone();
        card.metrics.retain(|score| score.value.is_finite());
        let mut text = serde_json::to_string_pretty(&card)
            .map_err(|error| OnnxError::NotACard { path: path.to_owned(), reason: error.to_string() })?;
        text.push('\n');
        let text = if card.format >= HASHED { sealed(&text) } else { text };
        atomically(path, text.as_bytes())
    }

    /// Reads and validates a card of this format or an earlier one, whoever wrote it.
    ///
    /// # Errors
    /// If the file is not a card, has an unsupported format, was changed, or describes an impossible model.
    pub fn read(path: &Path) -> Result<Self, OnnxError> {
        let bytes = std::fs::metadata(path).map_err(OnnxError::file(path))?.len();
        if bytes > LARGEST {
            let reason = format!("it has {bytes} bytes, and a card has at most {LARGEST}");
            return Err(OnnxError::NotACard { path: path.to_owned(), reason });
        }
        let text = std::fs::read(path).map_err(OnnxError::file(path))?;
        let not_a_card = |reason: String| OnnxError::NotACard { path: path.to_owned(), reason };
        let probe: CardVersion =
            serde_json::from_slice(&text).map_err(|error| not_a_card(error.to_string()))?;
        if !(EARLIEST..=FORMAT).contains(&probe.format) {
            return Err(OnnxError::CardFormat { path: path.to_owned(), found: probe.format, known: FORMAT });
        }
        if probe.format >= HASHED && !is_whole(&text) {
            // Distinguishes a truncated copy from a change by hand, because the remedy differs.
            let path = path.to_owned();
            return match serde_json::from_slice::<serde_json::Value>(&text) {
                Ok(_) => Err(OnnxError::ChangedCard { path }),
                Err(error) => Err(OnnxError::NotACard { path, reason: error.to_string() }),
            };
        }
        let card: Self = serde_json::from_slice(&text).map_err(|error| not_a_card(error.to_string()))?;
        match check::validate(&card) {
            Ok(()) => Ok(card),
            Err(reason) => Err(OnnxError::InvalidCard { path: path.to_owned(), reason }),
        }
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::{CARD, FORMAT, ModelCard, ModelSample};
    use crate::domain::array::{Array, ArrayValues, ElementType};
    use crate::domain::name::{InputName, PipelineName, RunId, TableName, TaskName};
    use crate::domain::precision::Precision;
    use crate::domain::score::{Direction, Score, Split};
    use crate::domain::signature::{Encoding, InputSignature, Keys, MISSING_INT, Signature, TaskSignature};
    use crate::domain::task::FittedTarget;
    use crate::onnx::bundle_file::{BundleFile, members};
    use crate::onnx::error::OnnxError;

    fn arrays() -> Vec<(String, Array)> {
        vec![
            ("age".to_owned(), Array::f32(&[3, 1], vec![0.1, f32::NAN, f32::NEG_INFINITY])),
            ("zip".to_owned(), Array::new(&[3, 1], ArrayValues::I64(vec![1, MISSING_INT, i64::MAX]))),
            (
                "born".to_owned(),
                Array::new(&[3, 1], ArrayValues::F64(vec![1.7e12 + 0.1, 1e300, f64::INFINITY])),
            ),
        ]
    }

    fn job() -> (String, Array) {
        let texts = vec!["caf\u{e9} \"x\"".into(), "".into(), "b".into()];
        ("job".to_owned(), Array::new(&[3, 1], ArrayValues::Text(texts)))
    }

    fn card() -> ModelCard {
        let task = TaskName::new("income").unwrap();
        let signature = Signature {
            readings: IndexMap::new(),
            inputs: vec![InputSignature {
                name: InputName::new("job").unwrap(),
                raw: ElementType::Text,
                encoding: Encoding::OneHot { keys: Keys::Text(vec!["b".to_owned()]) },
                required: false,
            }],
            tasks: vec![TaskSignature {
                name: task.clone(),
                table: TableName::new("census").unwrap(),
                target: FittedTarget::Binary {
                    classes: ["no".to_owned(), "yes".to_owned()],
                    counts: [3, 4],
                    threshold: 0.5,
                },
            }],
        };
        ModelCard {
            format: FORMAT,
            mtl: "0.1.0".to_owned(),
            pipeline: PipelineName::new("census").unwrap(),
            run: RunId::new("census-3f2a9c").unwrap(),
            trial: 1,
            seed: 7,
            opset: 17,
            tolerance: 1e-4,
            precision: Precision::F32,
            metrics: vec![Score {
                task,
                split: Split::Test,
                metric: "auroc".to_owned(),
                value: 0.875,
                direction: Direction::Higher,
                rows: 3,
                interval: None,
            }],
            data: Vec::new(),
            files: vec![BundleFile { bytes: 7, sha256: "0f".repeat(32), ..members(&signature).remove(0) }],
            signature,
            sample: ModelSample::new(&[job()], &arrays()),
            preference: IndexMap::new(),
            transitions: Vec::new(),
            texts: Vec::new(),
            answers: Vec::new(),
        }
    }

    #[test]
    fn a_written_card_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CARD);
        card().write(&path).unwrap();
        let read = ModelCard::read(&path).unwrap();
        assert_eq!(read, card());
        assert_eq!(read.sample.outputs()[1..], arrays()[1..]);
        let inputs = read.sample.inputs();
        assert_eq!(inputs, [job()]);
        let age = read.sample.outputs()[0].1.as_f32().unwrap().to_vec();
        assert!(age[0] == 0.1 && age[1].is_nan() && age[2] == f32::NEG_INFINITY);
    }

    #[test]
    fn a_score_that_is_nan_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CARD);
        let mut card = card();
        card.metrics[0].value = f64::NAN;
        card.write(&path).unwrap();
        assert!(ModelCard::read(&path).unwrap().metrics.is_empty());
    }

    #[test]
    fn another_format_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CARD);
        std::fs::write(&path, r#"{"format": 4, "all": "else may differ"}"#).unwrap();
        let error = ModelCard::read(&path).unwrap_err();
        assert!(matches!(error, OnnxError::CardFormat { found: 4, known: 3, .. }));
        assert!(error.to_string().contains("a newer mtl"), "{error}");
        std::fs::write(&path, r#"{"format": 0}"#).unwrap();
        assert!(ModelCard::read(&path).unwrap_err().to_string().contains("an older mtl"));
    }

    #[test]
    fn truncated_and_changed_cards_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CARD);
        card().write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 20, whole.len() / 2, whole.len() - 3] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(ModelCard::read(&path), Err(OnnxError::NotACard { .. })), "{length} bytes");
        }
        // Changed by hand: format 3 detects it by the hash; earlier formats only if it can no longer be read.
        let text = String::from_utf8(whole).unwrap();
        for (old, new) in [("-inf", "low"), ("0.1,", "0.2,"), ("\"trial\": 1", "\"trial\": 2")] {
            assert!(text.contains(old));
            std::fs::write(&path, text.replace(old, new)).unwrap();
            assert!(matches!(ModelCard::read(&path), Err(OnnxError::ChangedCard { .. })), "{old} -> {new}");
            let earlier = text.replacen("\"format\": 3", "\"format\": 2", 1).replace(old, new);
            std::fs::write(&path, earlier).unwrap();
            let read = ModelCard::read(&path);
            assert_eq!(read.is_err(), old == "-inf", "{old} -> {new}");
        }
        std::fs::write(&path, text.replacen("\"format\"", "\"form\"", 1)).unwrap();
        assert!(matches!(ModelCard::read(&path), Err(OnnxError::NotACard { .. })));
    }
}
