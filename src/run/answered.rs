//! The columns that predicting a card's sample rows gives, made of the answers of the trained network: what a person
//! would read, kept so that it can be proved.

use crate::data::raw::AnswerColumn;
use crate::data::tokenizer::Codec;
use crate::domain::answer::answer_names;
use crate::domain::array::{Array, Values};
use crate::domain::signature::TaskSignature;
use crate::onnx::bundle::Card;
use crate::onnx::sample::Column;
use crate::run::answer::{Answer, steps};
use crate::run::error::Error;

/// The columns, in the order of the tasks.
pub fn answered(card: &Card) -> Result<Vec<Column>, Error> {
    let (inputs, outputs) = (card.sample.inputs(), card.sample.outputs());
    let lengths = steps(&card.signature, &inputs);
    let tasks = &card.signature.tasks;
    let mut columns = Vec::new();
    for (task, names) in tasks.iter().zip(answer_names(tasks).columns) {
        let own = match written(card, task)? {
            Some(texts) => vec![texts],
            None => {
                let mut answer = Answer::new(task, card.transitions(&task.name));
                answer.take(&outputs, &lengths).map_err(|output| Error::OtherModel { output })?;
                answer.columns()
            }
        };
        columns.extend(names.iter().zip(own).map(|(name, own)| Column::new(name, &array(own))));
    }
    Ok(columns)
}

/// The texts of a task that writes; none where the card has none of it.
fn written(card: &Card, task: &TaskSignature) -> Result<Option<AnswerColumn>, Error> {
    let Some(tokenizer) = task.target.writes() else { return Ok(None) };
    let Some((_, texts)) = card.texts.iter().find(|(name, _)| *name == task.name) else {
        return Ok(Some(AnswerColumn::Text(Vec::new())));
    };
    let codec = Codec::new(tokenizer)?;
    let texts = texts.iter().map(|tokens| codec.decode(tokens).map(Some)).collect::<Result<_, _>>()?;
    Ok(Some(AnswerColumn::Text(texts)))
}

fn array(column: AnswerColumn) -> Array {
    let values = match column {
        AnswerColumn::Float(values) => Values::F32(values),
        AnswerColumn::Number(values) => {
            Values::F64(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
        }
        AnswerColumn::Int(values) => Values::Text(values.into_iter().map(spelled).collect()),
        AnswerColumn::Bool(values) => Values::Text(values.into_iter().map(spelled).collect()),
        AnswerColumn::Text(values) => Values::Text(values.into_iter().map(spelled).collect()),
    };
    Array::new(&[values.len()], values)
}

fn spelled(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
