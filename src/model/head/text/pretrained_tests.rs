//! Pretrained decoders against the tiny models and the expected values of `tests/pretrained/make.py`.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use crate::domain::decoder::DecoderConfig;
use crate::domain::shape::Shape;
use crate::domain::text::{Segmenter, Tokenizer};
use crate::model::activations::{Activations, SequenceMask};
use crate::model::autograd::record;
use crate::model::error::ModelError;
use crate::model::head::decoder::pretrained_model::pretrained_model;
use crate::model::head::text::{TextHead, TextHeadSettings, TrueTexts, flat};
use crate::model::head::text_writer::TextWriter;
use crate::model::kernel::reference_check::near;
use crate::model::layer::pretrained::PretrainedConfig;
use crate::model::layer::pretrained::model_cell::ModelFolders;
use crate::model::layer::{BuildLayer, Module};
use crate::model::mode::Mode;
use crate::model::pretrained::WeightSource;
use crate::model::weights::{Weight, Weights};

const TOKENS: usize = 60;
const WIDTH: usize = 16;
const HEAD: &str = "head.t.output";

struct Case {
    expected: HashMap<String, Tensor>,
    encoder: Box<dyn Module>,
    config: PretrainedConfig,
    head: TextHead,
    weights: Weights,
}

impl Case {
    fn read(family: &str) -> Self {
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained");
        let file = base.join(family).join("expected.safetensors");
        let expected = candle_core::safetensors::load(file, &Device::Cpu).expect("expected values");
        let config: PretrainedConfig =
            serde_json::from_str(&format!(r#"{{"path": "{family}"}}"#)).expect("settings");
        config.read(&ModelFolders::in_folder(&base)).expect("a model");
        let mut weights = Weights::new(1, &Device::Cpu);
        let input = Shape::Tokens { vocabulary: TOKENS };
        let encoder = config.build("encoder", input, &mut weights).expect("a layer");
        let decoder: DecoderConfig = serde_json::from_str(r#"{"pretrained": {}}"#).expect("settings");
        let tokenizer = Tokenizer {
            segmenter: Segmenter::None,
            json: String::new(),
            size: TOKENS,
            pad: 0,
            unknown: None,
            begin: None,
            end: Some(1),
            leading: 0,
            trailing: 0,
        };
        let settings = TextHeadSettings {
            decoder: &decoder,
            tokenizer: &tokenizer,
            length: 8,
            copy: false,
            scheduled_sampling: None,
        };
        let memory = Shape::Sequence { width: WIDTH };
        let head = TextHead::build(HEAD, settings, memory, &mut weights).expect("a head");
        weights.set_pretrained().expect("pretrained values");
        Self { expected, encoder, config, head, weights }
    }

    fn integers(&self, name: &str) -> Vec<Vec<u32>> {
        let values = self.expected[name].to_dtype(DType::U32);
        values.and_then(|values| values.to_vec2()).expect("integers")
    }

    fn input(&self) -> Activations {
        let x = self.expected["input_ids"].to_dtype(DType::U32).expect("token ids");
        let lengths = self.expected["lengths"].to_dtype(DType::U32).and_then(|x| x.to_vec1());
        let time = x.dim(1).expect("steps");
        let mask = SequenceMask::from_lengths(lengths.expect("lengths"), time, &Device::Cpu);
        Activations { x, mask: Some(mask.expect("a mask")) }
    }

    /// All weights of ours that hold values of this tensor, with where they are in it.
    fn sources(&self, theirs: &str) -> Vec<(String, WeightSource)> {
        let family = &self.config.model.get().expect("a model").family;
        let decoder = pretrained_model(HEAD, &self.weights).expect("a decoder").decoder;
        let mut own = decoder.body_sources();
        own.extend(decoder.table_sources(TOKENS));
        own.push(decoder.begin_source());
        let encoder = family.sources().into_iter().map(|source| (format!("encoder.{}", source.ours), source));
        let head = own.into_iter().map(|source| (format!("{HEAD}.{}", source.ours), source));
        encoder.chain(head).filter(|(_, source)| source.theirs.iter().any(|name| name == theirs)).collect()
    }
}

fn logits_and_gradients(family: &str) {
    let case = Case::read(family);
    let expected = &case.expected["decoder_logits"];
    let (rows, time, _) = expected.dims3().expect("logits");
    // The head puts the start token before the text, and does not read its last token.
    let ids = case.integers("decoder_input_ids");
    let classes: Vec<u32> = ids.iter().flat_map(|row| row[1..].iter().copied().chain([0])).collect();
    let shares = vec![1.0; classes.len()];
    let texts = TrueTexts { rows: (0..rows as u32).collect(), time, classes: classes.clone(), shares };
    let of_logits = format!("{HEAD}.projection.bias");
    let bias = case.weights.iter().find(|weight| weight.name == of_logits).expect("a bias");
    let bias = bias.var.as_tensor().clone();
    let (logits, tape) = record(|| {
        let mode = Mode::evaluate();
        let memory = case.encoder.forward(&case.input(), &mode)?;
        let (h, _) = case.head.hidden(&memory, &texts, &classes, &mode)?;
        let logits = flat(&h)?.matmul(&case.head.vocabulary.weight()?)?;
        Ok::<_, ModelError>(logits.broadcast_add(&bias)?)
    })
    .expect("logits");
    near("logits", &logits, &expected.reshape((rows * time, TOKENS)).expect("rows"), 1e-5);
    let upstream = case.expected["decoder_upstream"].reshape((rows * time, TOKENS)).expect("rows");
    let mut gradients = tape.backward_from(&logits, upstream).expect("gradients");
    let gradient = |weight: &Weight| Some((weight.name.clone(), gradients.remove(&weight.var)?));
    let found: Vec<(String, Tensor)> = case.weights.iter().filter_map(gradient).collect();
    let mut compared = 0;
    for (key, expected) in &case.expected {
        let Some(theirs) = key.strip_prefix("decoder_gradient.") else { continue };
        // The tables of encoder and decoder are apart, those of transformers are one.
        let mut sum = expected.zeros_like().expect("zeros");
        for (ours, source) in case.sources(theirs) {
            // Marian begins with its padding token, whose row transformers does not train.
            if family == "marian" && ours.ends_with(".begin") {
                continue;
            }
            let gradient = found.iter().find(|(name, _)| *name == ours).map(|(_, gradient)| gradient);
            let gradient = gradient.unwrap_or_else(|| panic!("no gradient of {ours}")).clone();
            let gradient = if source.transposed { gradient.t().expect("a matrix") } else { gradient };
            // Packed projections are side by side.
            let part = source.theirs.iter().position(|name| name == theirs).expect("a part");
            let count = gradient.dim(0).expect("rows") / source.theirs.len();
            let gradient = match source.theirs.len() {
                1 => gradient,
                _ => gradient.narrow(0, part * count, count).expect("a part"),
            };
            let range = source.rows.unwrap_or(0..count);
            let after = sum.dim(0).expect("rows") - range.end;
            let padded = gradient.pad_with_zeros(0, range.start, after).expect("all rows");
            sum = sum.add(&padded).expect("a sum");
        }
        near(theirs, &sum, expected, 1e-4);
        compared += 1;
    }
    assert!(compared >= 5, "{compared} gradients");
}

fn greedy(family: &str) {
    let case = Case::read(family);
    let memory = case.encoder.forward(&case.input(), &Mode::evaluate()).expect("hidden states");
    let expected = case.integers("greedy_ids");
    let mut decoding = case.head.start_decoding(&memory).expect("a decoder").expect("a decoder");
    let mut tokens = vec![TextWriter::start_token(&case.head); expected.len()];
    let parents: Vec<usize> = (0..expected.len()).collect();
    for step in 0..expected[0].len() {
        let logits = decoding.step(&tokens, &parents).expect("logits");
        let best = |row: &[f32]| (0..TOKENS).max_by(|a, b| row[*a].total_cmp(&row[*b])).expect("a token");
        tokens = logits.chunks(TOKENS).map(|row| best(row) as u32).collect();
        let truth: Vec<u32> = expected.iter().map(|row| row[step]).collect();
        assert_eq!(tokens, truth, "{family}: step {step}");
    }
}

#[test]
fn t5_equals_transformers() {
    logits_and_gradients("t5");
    logits_and_gradients("t5_gated");
}

#[test]
fn bart_mbart_and_marian_equal_transformers() {
    logits_and_gradients("bart");
    logits_and_gradients("mbart");
    logits_and_gradients("marian");
}

#[test]
fn step_by_step_decoding_generates_the_texts_of_transformers() {
    ["t5", "t5_gated", "bart", "mbart", "marian"].into_iter().for_each(greedy);
}
