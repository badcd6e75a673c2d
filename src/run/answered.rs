//! The columns that predicting a card's sample rows gives, made of the answers of the trained network: what a
//! person would read, kept so that it can be proved.

use crate::data::raw::AnswerColumn;
use crate::data::tokenizer::TokenCodec;
use crate::domain::answer::answer_names;
use crate::domain::array::{Array, ArrayValues};
use crate::domain::signature::TaskSignature;
use crate::onnx::bundle::ModelCard;
use crate::onnx::sample::SampleColumn;
use crate::run::answer::{AnswerCollector, steps};
use crate::run::error::RunError;

/// The columns, in the order of the tasks.
pub fn answered(card: &ModelCard) -> Result<Vec<SampleColumn>, RunError> {
    let (inputs, outputs) = (card.sample.inputs(), card.sample.outputs());
    let lengths = steps(&card.signature, &inputs);
    let tasks = &card.signature.tasks;
    let mut columns = Vec::new();
    for (task, names) in tasks.iter().zip(answer_names(tasks).columns) {
        let own = match written(card, task)? {
            Some(texts) => vec![texts],
            None => {
                let mut answer = AnswerCollector::new(task, card.transitions(&task.name));
                answer.take(&outputs, &lengths).map_err(|output| RunError::OtherModel { output })?;
                answer.columns()
            }
        };
        columns.extend(names.iter().zip(own).map(|(name, own)| SampleColumn::new(name, &array(own))));
    }
    Ok(columns)
}

/// The texts of a task that writes; none where the card has none of it.
fn written(card: &ModelCard, task: &TaskSignature) -> Result<Option<AnswerColumn>, RunError> {
    let Some(tokenizer) = task.target.writes() else { return Ok(None) };
    let Some((_, texts)) = card.texts.iter().find(|(name, _)| *name == task.name) else {
        return Ok(Some(AnswerColumn::Text(Vec::new())));
    };
    let codec = TokenCodec::new(tokenizer)?;
    let texts = texts.iter().map(|tokens| codec.decode(tokens).map(Some)).collect::<Result<_, _>>()?;
    Ok(Some(AnswerColumn::Text(texts)))
}

fn array(column: AnswerColumn) -> Array {
    let values = match column {
        AnswerColumn::Float(values) => ArrayValues::F32(values),
        AnswerColumn::Number(values) => {
            ArrayValues::F64(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
        }
        AnswerColumn::Int(values) => ArrayValues::Text(values.into_iter().map(spelled).collect()),
        AnswerColumn::Bool(values) => ArrayValues::Text(values.into_iter().map(spelled).collect()),
        AnswerColumn::Text(values) => ArrayValues::Text(values.into_iter().map(spelled).collect()),
    };
    Array::new(&[values.len()], values)
}

fn spelled(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
