//! Is a bundle still the model that was trained? Its sample rows through ONNX Runtime, against what the
//! trained network said of them: every number, and every answer that a person reads.

use crate::domain::array::Array;
use crate::domain::event::{OutputParity, Parity};
use crate::domain::signature::{PREFERENCE, TaskSignature};
use crate::onnx::bundle::HASHED;
use crate::onnx::runtime::{OnnxRuntime, RuntimeSearch};
use crate::onnx::session::OnnxSession;
use crate::onnx::{self, OnnxError};
use crate::run::answer::{AnswerCollector, steps};
use crate::run::answered::answered;
use crate::run::bundle::ModelBundle;
use crate::run::error::RunError;
use crate::run::generation::{OnnxWriter, after, go_on};

/// Batch sizes a model is proved with: a lone row, and several.
pub const PROOF: [usize; 2] = [1, 7];

impl ModelBundle {
    /// The sample rows in the card through ONNX Runtime, against the answers of the training. Refuses a card
    /// by which nothing could be proved. `say` hears of anything fetched, and of what an old card cannot
    /// prove.
    pub fn verify(&self, say: &dyn Fn(&str)) -> Result<Parity, RunError> {
        self.can_prove()?;
        let card = &self.card;
        if card.format < HASHED {
            say(&format!(
                "mtl.json has format {}, which keeps neither hashes of the files nor answers by name: these are not \
                 proved. Export the model again for a card that does",
                card.format
            ));
        }
        let runtime = OnnxRuntime::find(&RuntimeSearch::everywhere(say))?;
        let mut session = self.session(&runtime)?;
        // Behind the session, which says more: whose model it is.
        if card.format >= HASHED {
            self.answers_are_its_own()?;
        }
        let (rows, expected) = (card.sample.inputs(), card.sample.outputs());
        let (tasks, tolerance) = (&card.signature.tasks, card.tolerance);
        let mut parity = onnx::verify::verify(&mut session, &rows, &expected, tasks, &PROOF, tolerance)?;
        let outputs = session.run(&rows)?;
        let mut shares = self.decided(&rows, &expected, &outputs)?;
        shares.extend(self.written(&runtime, &mut session, &rows, &outputs)?);
        for (output, largest) in shares {
            parity.largest = parity.largest.max(largest);
            parity.outputs.push(OutputParity { output, largest });
        }
        Ok(parity)
    }

    /// Refuses a card whose sample leaves something of the model unseen.
    fn can_prove(&self) -> Result<(), RunError> {
        let card = &self.card;
        let refused = |what: String| {
            let text = format!("{} cannot be proved: {what}. Export the model again", self.folder.display());
            Err(OnnxError::Unproved(text).into())
        };
        let rows = card.sample.inputs.first().map_or(0, |column| column.rows());
        if rows == 0 {
            return refused("the sample in its mtl.json has no rows".to_owned());
        }
        let is_fed = |name: &str| card.sample.inputs.iter().any(|column| column.name == name);
        if let Some(input) = card.signature.inputs.iter().find(|input| !is_fed(input.name.as_str())) {
            return refused(format!("the sample in its mtl.json has no input `{}`", input.name));
        }
        if !card.preference.is_empty() && !is_fed(PREFERENCE) {
            return refused("the sample in its mtl.json has no preference".to_owned());
        }
        let is_said = |name: &str| card.sample.outputs.iter().any(|column| column.name == name);
        for task in &card.signature.tasks {
            let texts = card.texts.iter().any(|(name, _)| *name == task.name);
            let proved = match task.target.writes() {
                Some(_) => texts || is_said(&task.logits_output()),
                None => is_said(&task.logits_output()) && is_said(&task.answer_output()),
            };
            if !proved {
                return refused(format!("the sample in its mtl.json has no answers of task `{}`", task.name));
            }
        }
        Ok(())
    }

    /// The answers by name are those of the numbers beside them.
    fn answers_are_its_own(&self) -> Result<(), RunError> {
        let own = answered(&self.card)?;
        let kept = &self.card.answers;
        let differs = own.iter().zip(kept).find(|(own, kept)| own != kept).map(|(own, _)| own.name.clone());
        let lacking = || (own.len() != kept.len()).then(|| "some".to_owned());
        match differs.or_else(lacking) {
            None => Ok(()),
            Some(name) => {
                let what =
                    format!("the answers `{name}` that it keeps are not those of the numbers it keeps");
                Err(RunError::OtherCard { what })
            }
        }
    }

    /// The share of rows for which a task decides otherwise: none may be.
    fn decided(
        &self,
        rows: &[(String, Array)],
        expected: &[(String, Array)],
        got: &[(String, Array)],
    ) -> Result<Vec<(String, f64)>, RunError> {
        let lengths = steps(&self.card.signature, rows);
        let count = rows.first().map_or(1, |(_, array)| array.rows().max(1));
        let mut shares = Vec::new();
        for task in &self.card.signature.tasks {
            let answer = || AnswerCollector::new(task, self.card.transitions(&task.name));
            if !answer().decides() {
                continue;
            }
            let other = |output| RunError::OtherModel { output };
            let (expected, got) = (answer().decide(expected, &lengths), answer().decide(got, &lengths));
            let others =
                expected.map_err(other)?.decided_otherwise(&got.map_err(other)?, self.card.tolerance);
            shares.push((format!("{} (decided)", task.name), others as f64 / count as f64));
        }
        Ok(shares)
    }

    /// The share of rows for which another text is written: none may be.
    fn written(
        &self,
        runtime: &OnnxRuntime,
        session: &mut OnnxSession,
        rows: &[(String, Array)],
        outputs: &[(String, Array)],
    ) -> Result<Vec<(String, f64)>, RunError> {
        let mut shares = Vec::new();
        for (name, expected) in &self.card.texts {
            let Some(task) = self.card.signature.task(name) else { continue };
            let mut writer = OnnxWriter::open(runtime, &self.decoder(name), task)?;
            let written = match &mut writer {
                Some(writer) => Some(writer.write(outputs, 0, 0)?),
                None => go_on(session, &self.card.signature, task, rows, 0, 0)?,
            };
            let written = written.filter(|written| written.len() == expected.len());
            let mut others = if written.is_some() { 0 } else { expected.len() };
            for (row, (own, its)) in expected.iter().zip(written.unwrap_or_default()).enumerate() {
                if *own == its {
                    continue;
                }
                let same = own.iter().zip(&its).take_while(|(a, b)| a == b).count();
                let logits = match &mut writer {
                    Some(writer) => writer.after(outputs, row as u32, &own[..same])?,
                    None => after(session, &self.card.signature, task, rows, (row as u32, &own[..same]))?,
                };
                others += usize::from(!self.is_tied(&logits, task, own.get(same), its.get(same)));
            }
            shares.push((format!("{name} (text)"), others as f64 / expected.len().max(1) as f64));
        }
        Ok(shares)
    }

    /// Could either token have come, as far as the tolerance tells? None is the end.
    fn is_tied(&self, logits: &[f32], task: &TaskSignature, one: Option<&u32>, other: Option<&u32>) -> bool {
        let end = task.target.writes().and_then(|tokenizer| tokenizer.end);
        let logit =
            |token: Option<&u32>| logits.get(token.copied().or(end)? as usize).map(|it| f64::from(*it));
        let both = logit(one).zip(logit(other));
        both.is_some_and(|(a, b)| (a - b).abs() <= 2.0 * self.card.tolerance * a.abs().max(b.abs()).max(1.0))
    }
}
