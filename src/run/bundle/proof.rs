//! Verifies that an exported model is still the trained one: runs the card's sample rows through ONNX Runtime
//! and compares all outputs, decisions and texts with those of the trained network.

use crate::domain::array::Array;
use crate::domain::event::{OutputParity, Parity};
use crate::domain::signature::{PREFERENCE, TaskSignature};
use crate::onnx::bundle::HASHED;
use crate::onnx::runtime::{OnnxRuntime, RuntimeSearch};
use crate::onnx::session::OnnxSession;
use crate::onnx::{self, OnnxError};
use crate::run::bundle::ModelBundle;
use crate::run::error::RunError;
use crate::run::generation::{OnnxDecoder, continue_inputs, next_logits};
use crate::run::prediction::{PredictionCollector, sequence_lengths};
use crate::run::sample_predictions::sample_predictions;

/// Batch sizes used in verification: a single row, and several.
pub const BATCH_SIZES: [usize; 2] = [1, 7];

impl ModelBundle {
    /// Runs the card's sample rows through ONNX Runtime and compares with the trained network's outputs.
    /// `notify` receives notes: a download, or what a card of an earlier format does not cover.
    ///
    /// # Errors
    /// If the card's sample does not cover the whole model, or the model does not match its card.
    pub fn verify(&self, notify: &dyn Fn(&str)) -> Result<Parity, RunError> {
        self.check_sample()?;
        let card = &self.card;
        if card.format < HASHED {
            notify(&format!(
                "mtl.json has format {}, which has no file checksums and no predictions by name; \
                 these are not verified. Export the model again to add them",
                card.format
            ));
        }
        let runtime = OnnxRuntime::find(&RuntimeSearch::everywhere(notify))?;
        let mut session = self.session(&runtime)?;
        // After opening the session, which has the more specific error.
        if card.format >= HASHED {
            self.check_predictions()?;
        }
        let (rows, expected) = (card.sample.inputs(), card.sample.outputs());
        let (tasks, tolerance) = (&card.signature.tasks, card.tolerance);
        let mut parity =
            onnx::verify::verify(&mut session, &rows, &expected, tasks, &BATCH_SIZES, tolerance)?;
        parity.precision = card.precision;
        let outputs = session.run(&rows)?;
        let mut shares = self.differing_decisions(&rows, &expected, &outputs)?;
        shares.extend(self.differing_texts(&runtime, &mut session, &rows, &outputs)?);
        for (output, largest) in shares {
            parity.largest = parity.largest.max(largest);
            parity.outputs.push(OutputParity { output, largest });
        }
        Ok(parity)
    }

    /// Refuses a card whose sample does not cover every input and task.
    fn check_sample(&self) -> Result<(), RunError> {
        let card = &self.card;
        let refuse = |reason: String| {
            let text =
                format!("{} cannot be verified: {reason}. Export the model again", self.folder.display());
            Err(OnnxError::Unverifiable(text).into())
        };
        let rows = card.sample.inputs.first().map_or(0, |column| column.rows());
        if rows == 0 {
            return refuse("the sample in mtl.json has no rows".to_owned());
        }
        let has_input = |name: &str| card.sample.inputs.iter().any(|column| column.name == name);
        if let Some(input) = card.signature.inputs.iter().find(|input| !has_input(input.name.as_str())) {
            return refuse(format!("the sample in mtl.json has no input `{}`", input.name));
        }
        if !card.preference.is_empty() && !has_input(PREFERENCE) {
            return refuse("the sample in mtl.json has no preference".to_owned());
        }
        let has_output = |name: &str| card.sample.outputs.iter().any(|column| column.name == name);
        for task in &card.signature.tasks {
            let has_texts = card.texts.iter().any(|(name, _)| *name == task.name);
            let covered = match task.target.output_tokenizer() {
                Some(_) => has_texts || has_output(&task.logits_output()),
                None => has_output(&task.logits_output()) && has_output(&task.prediction_output()),
            };
            if !covered {
                return refuse(format!("the sample in mtl.json has no predictions of task `{}`", task.name));
            }
        }
        Ok(())
    }

    /// Checks that the card's predictions follow from the outputs it stores.
    fn check_predictions(&self) -> Result<(), RunError> {
        let computed = sample_predictions(&self.card)?;
        let stored = &self.card.answers;
        let differing = computed.iter().zip(stored).find(|(computed, stored)| computed != stored);
        let what = match differing {
            Some((column, _)) => format!("its predictions `{}` do not follow from its outputs", column.name),
            None if computed.len() != stored.len() => "some predictions are missing".to_owned(),
            None => return Ok(()),
        };
        Err(RunError::CardMismatch { what })
    }

    /// The share of rows with a different decision, for each task that decides; expected to be 0.
    fn differing_decisions(
        &self,
        rows: &[(String, Array)],
        expected: &[(String, Array)],
        actual: &[(String, Array)],
    ) -> Result<Vec<(String, f64)>, RunError> {
        let lengths = sequence_lengths(&self.card.signature, rows);
        let count = rows.first().map_or(1, |(_, array)| array.rows().max(1));
        let mut shares = Vec::new();
        for task in &self.card.signature.tasks {
            let collector = || PredictionCollector::new(task, self.card.transitions(&task.name));
            if !collector().decides() {
                continue;
            }
            let misshapen = |output| RunError::OutputMismatch { output };
            let (expected, actual) =
                (collector().with_batch(expected, &lengths), collector().with_batch(actual, &lengths));
            let (expected, actual) = (expected.map_err(misshapen)?, actual.map_err(misshapen)?);
            let differing = expected.differing_rows(&actual, self.card.tolerance);
            shares.push((format!("{} (decided)", task.name), differing as f64 / count as f64));
        }
        Ok(shares)
    }

    /// The share of rows with a different generated text, for each task with texts; expected to be 0.
    fn differing_texts(
        &self,
        runtime: &OnnxRuntime,
        session: &mut OnnxSession,
        rows: &[(String, Array)],
        outputs: &[(String, Array)],
    ) -> Result<Vec<(String, f64)>, RunError> {
        let mut shares = Vec::new();
        for (name, expected) in &self.card.texts {
            let Some(task) = self.card.signature.task(name) else { continue };
            let mut decoder = OnnxDecoder::open(runtime, &self.decoder(name), task)?;
            let generated = match &mut decoder {
                Some(decoder) => Some(decoder.write(outputs, 0, 0)?),
                None => continue_inputs(session, &self.card.signature, task, rows, 0, 0)?,
            };
            let generated = generated.filter(|generated| generated.len() == expected.len());
            let mut differing = if generated.is_some() { 0 } else { expected.len() };
            for (row, (own, theirs)) in expected.iter().zip(generated.unwrap_or_default()).enumerate() {
                if *own == theirs {
                    continue;
                }
                let common = own.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
                let logits = match &mut decoder {
                    Some(decoder) => decoder.next_logits(outputs, row as u32, &own[..common])?,
                    None => {
                        next_logits(session, &self.card.signature, task, rows, (row as u32, &own[..common]))?
                    }
                };
                differing += usize::from(!self.is_tied(&logits, task, own.get(common), theirs.get(common)));
            }
            shares.push((format!("{name} (text)"), differing as f64 / expected.len().max(1) as f64));
        }
        Ok(shares)
    }

    /// Whether the two tokens' logits are equal within the tolerance; `None` is the end token.
    fn is_tied(&self, logits: &[f32], task: &TaskSignature, one: Option<&u32>, other: Option<&u32>) -> bool {
        let end = task.target.output_tokenizer().and_then(|tokenizer| tokenizer.end);
        let logit =
            |token: Option<&u32>| logits.get(token.copied().or(end)? as usize).map(|it| f64::from(*it));
        let both = logit(one).zip(logit(other));
        both.is_some_and(|(a, b)| (a - b).abs() <= 2.0 * self.card.tolerance * a.abs().max(b.abs()).max(1.0))
    }
}
