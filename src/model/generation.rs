//! Texts, written by a built network.

use std::ops::Range;

use crate::decode::search::{DecodeRequest, search};
use crate::domain::task::FittedTarget;
use crate::model::activations::Activations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::head::Head;

/// A text for each row of what a head reads, as tokens without the end; `None` where the head does not write
/// from what it reads alone. `rows` are the rows' numbers, and with `seed` what sampling depends on.
pub fn generate(
    head: &dyn Head,
    x: &Activations,
    target: &FittedTarget,
    rows: Range<u64>,
    seed: u64,
) -> ModelResult<Option<Vec<Vec<u32>>>> {
    let (Some(writer), FittedTarget::Text { tokenizer, length, search: config, .. }) =
        (head.writer(), target)
    else {
        return Ok(None);
    };
    let (Some(mut writing), Some(order)) =
        (writer.writing(x)?, DecodeRequest::for_rows(tokenizer, *length, rows, seed))
    else {
        return Ok(None);
    };
    search::<dyn crate::decode::search::Stepper<Error = ModelError>>(writing.as_mut(), config, &order)
        .map(Some)
}
