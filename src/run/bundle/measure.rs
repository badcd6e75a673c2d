//! Runs an exported model on rows of a training table, to score it.

use crate::data::raw::{PredictionColumn, RawTable};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::signature::TaskSignature;
use crate::domain::task::LabelLevel;
use crate::model::prediction::Prediction;
use crate::onnx::runtime::{OnnxRuntime, RuntimeSearch};
use crate::onnx::session::OnnxSession;
use crate::run::bundle::ModelBundle;
use crate::run::error::RunError;
use crate::run::prediction::sequence_lengths;
use crate::run::preference;
use crate::run::text_generator::TextGenerator;

/// Rows in a batch: activations of 8 bits share one scale in each, so the batch is one that users may send.
const BATCH: usize = 64;

/// An open model and its inputs besides the rows.
pub struct MeasuredModel<'a> {
    bundle: &'a ModelBundle,
    runtime: OnnxRuntime,
    session: OnnxSession,
    preference: Option<(String, Array)>,
}

/// The named inputs and outputs of a batch.
type BatchValues = Vec<(String, Array)>;

impl ModelBundle {
    /// Opens the model to run it on rows of a training table. `notify` receives notes for the user.
    pub fn measured(&self, notify: &dyn Fn(&str)) -> Result<MeasuredModel<'_>, RunError> {
        let preference = preference::feed_preference(&self.card, &[])?;
        let runtime = OnnxRuntime::find(&RuntimeSearch::everywhere(notify))?;
        let session = self.session(&runtime)?;
        Ok(MeasuredModel { bundle: self, runtime, session, preference })
    }
}

impl MeasuredModel<'_> {
    /// The predictions of these tasks (by index) for rows of a table.
    ///
    /// # Errors
    /// If ONNX Runtime fails, or an output is missing or has an unexpected shape.
    pub fn predictions(
        &mut self,
        table: &RawTable,
        rows: &[u32],
        tasks: &[usize],
    ) -> Result<Vec<(usize, Prediction)>, RunError> {
        let signature = &self.bundle.card.signature;
        let mut gathered: Vec<(GatheredOutput, GatheredOutput)> =
            tasks.iter().map(|_| (GatheredOutput::default(), GatheredOutput::default())).collect();
        for batch in rows.chunks(BATCH) {
            let (inputs, outputs) = run_batch(&mut self.session, table, batch, self.preference.as_ref())?;
            let lengths = sequence_lengths(signature, &inputs);
            for ((logits, answers), task) in gathered.iter_mut().zip(tasks) {
                let task = &signature.tasks[*task];
                logits.add(
                    &outputs,
                    task.logits_output(),
                    task.target.logits(),
                    (task, batch.len(), &lengths),
                )?;
                let width = task.target.prediction_width();
                answers.add(&outputs, task.prediction_output(), width, (task, batch.len(), &lengths))?;
            }
        }
        let prediction = |((logits, answers), index): ((GatheredOutput, GatheredOutput), &usize)| {
            let target = &signature.tasks[*index].target;
            let level = target.label_level();
            let logits = logits.array(level, target.logits(), rows.len());
            let answers = answers.array(level, target.prediction_width(), rows.len());
            (*index, Prediction { logits, answers })
        };
        Ok(gathered.into_iter().zip(tasks).map(prediction).collect())
    }

    /// The texts that a task generates for rows of a table; `None` if the model cannot generate them, as a
    /// language model with other inputs than tokens.
    pub fn texts(
        &mut self,
        table: &RawTable,
        rows: &[u32],
        task: &TaskSignature,
    ) -> Result<Option<Vec<String>>, RunError> {
        let decoder = self.bundle.decoder(&task.name);
        let Some(mut generator) = TextGenerator::open(&self.runtime, &decoder, task)? else {
            return Ok(None);
        };
        for (index, batch) in rows.chunks(BATCH).enumerate() {
            let (inputs, outputs) = run_batch(&mut self.session, table, batch, self.preference.as_ref())?;
            let (card, first) = (&self.bundle.card, (index * BATCH) as u64);
            generator.add_batch(&mut self.session, card, (&inputs, &outputs), first)?;
        }
        let PredictionColumn::Text(texts) = generator.column() else { return Ok(None) };
        let texts: Option<Vec<String>> = texts.into_iter().collect();
        Ok(texts.filter(|texts| texts.len() == rows.len()))
    }
}

fn run_batch(
    session: &mut OnnxSession,
    table: &RawTable,
    rows: &[u32],
    preference: Option<&(String, Array)>,
) -> Result<(BatchValues, BatchValues), RunError> {
    let inputs = table.pick(rows).into_iter().map(|(name, array)| (name.to_string(), array));
    let inputs: BatchValues = inputs.chain(preference.cloned()).collect();
    let outputs = session.run(&inputs)?;
    Ok((inputs, outputs))
}

/// One output of all batches; of sequences only the real steps.
#[derive(Default)]
struct GatheredOutput {
    floats: Vec<f32>,
    /// Where the output is of 64 bits.
    doubles: Vec<f64>,
    offsets: Vec<u32>,
}

impl GatheredOutput {
    /// Appends the output of a batch: of a task, this many rows, and their numbers of steps.
    fn add(
        &mut self,
        outputs: &[(String, Array)],
        name: String,
        width: usize,
        (task, rows, lengths): (&TaskSignature, usize, &[usize]),
    ) -> Result<(), RunError> {
        let Some((_, array)) = outputs.iter().find(|(output, _)| *output == name) else {
            return Err(RunError::OutputMismatch { output: name });
        };
        let per_row = match (task.target.label_level(), array.shape.as_slice()) {
            (LabelLevel::Row, [count, last]) if (*count, *last) == (rows, width) => width,
            (LabelLevel::Pixel { height, width: columns }, [count, h, w, last])
                if [*count, *h, *w, *last] == [rows, height, columns, width] =>
            {
                height * columns * width
            }
            (LabelLevel::Step, [count, time, last])
                if (*count, *last) == (rows, width) && lengths.iter().all(|length| length <= time) =>
            {
                time * width
            }
            _ => return Err(RunError::OutputMismatch { output: name }),
        };
        let is_step = task.target.label_level() == LabelLevel::Step;
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        for row in 0..rows {
            let count = if is_step { lengths.get(row).map_or(0, |length| length * width) } else { per_row };
            let range = row * per_row..row * per_row + count;
            match &array.values {
                ArrayValues::F32(values) => self.floats.extend_from_slice(&values[range]),
                ArrayValues::F64(values) => self.doubles.extend_from_slice(&values[range]),
                _ => return Err(RunError::OutputMismatch { output: name }),
            }
            let last = self.offsets.last().copied().unwrap_or(0);
            self.offsets.push(last + (count / width.max(1)) as u32);
        }
        Ok(())
    }

    /// All rows, in the shape of the label's level.
    fn array(self, level: LabelLevel, width: usize, rows: usize) -> Array {
        let values = match self.doubles.is_empty() {
            true => ArrayValues::F32(self.floats),
            false => ArrayValues::F64(self.doubles),
        };
        match level {
            LabelLevel::Row => Array::new(&[rows, width], values),
            LabelLevel::Pixel { height, width: columns } => {
                Array::new(&[rows, height, columns, width], values)
            }
            LabelLevel::Step => Array::ragged(&[width], values, self.offsets),
        }
    }
}
