//! The prediction columns of a card's sample rows, computed from the trained network's outputs. The card
//! keeps them so that verification can recompute and compare them.

use crate::data::raw::PredictionColumn;
use crate::data::tokenizer::TokenCodec;
use crate::domain::answer::prediction_columns;
use crate::domain::array::{Array, ArrayValues};
use crate::domain::signature::TaskSignature;
use crate::onnx::bundle::ModelCard;
use crate::onnx::sample::SampleColumn;
use crate::run::error::RunError;
use crate::run::prediction::{PredictionCollector, sequence_lengths};

/// The columns, in the order of the tasks.
///
/// # Errors
/// If the card's outputs do not fit its tasks, or a tokenizer cannot be read.
pub fn sample_predictions(card: &ModelCard) -> Result<Vec<SampleColumn>, RunError> {
    let (inputs, outputs) = (card.sample.inputs(), card.sample.outputs());
    let lengths = sequence_lengths(&card.signature, &inputs);
    let tasks = &card.signature.tasks;
    let mut columns = Vec::new();
    for (task, names) in tasks.iter().zip(prediction_columns(tasks).columns) {
        let columns_of_task = match texts(card, task)? {
            Some(texts) => vec![texts],
            None => {
                let mut collector = PredictionCollector::new(task, card.transitions(&task.name));
                collector
                    .add_batch(&outputs, &lengths)
                    .map_err(|output| RunError::OutputMismatch { output })?;
                collector.columns()
            }
        };
        columns.extend(
            names.iter().zip(columns_of_task).map(|(name, column)| SampleColumn::new(name, &array(column))),
        );
    }
    Ok(columns)
}

/// The texts of a task that generates text; an empty column if the card has none, `None` for other tasks.
fn texts(card: &ModelCard, task: &TaskSignature) -> Result<Option<PredictionColumn>, RunError> {
    let Some(tokenizer) = task.target.output_tokenizer() else { return Ok(None) };
    let Some((_, texts)) = card.texts.iter().find(|(name, _)| *name == task.name) else {
        return Ok(Some(PredictionColumn::Text(Vec::new())));
    };
    let codec = TokenCodec::new(tokenizer)?;
    let texts = texts.iter().map(|tokens| codec.decode(tokens).map(Some)).collect::<Result<_, _>>()?;
    Ok(Some(PredictionColumn::Text(texts)))
}

fn array(column: PredictionColumn) -> Array {
    let values = match column {
        PredictionColumn::Float(values) => ArrayValues::F32(values),
        PredictionColumn::Number(values) => {
            ArrayValues::F64(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
        }
        PredictionColumn::Int(values) => ArrayValues::Text(values.into_iter().map(text_or_empty).collect()),
        PredictionColumn::Bool(values) => ArrayValues::Text(values.into_iter().map(text_or_empty).collect()),
        PredictionColumn::Text(values) => ArrayValues::Text(values.into_iter().map(text_or_empty).collect()),
    };
    Array::new(&[values.len()], values)
}

fn text_or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
