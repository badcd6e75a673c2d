//! Text generation by a built head.

use std::ops::Range;

use crate::decode::search::{DecodeRequest, Stepper, search};
use crate::domain::task::FittedTarget;
use crate::model::activations::Activations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::head::Head;

/// Generates a text for each row of the head's input `x`, as tokens without the end token; `None` if the head
/// does not generate text from its input alone. Sampling depends on `seed` and the row numbers `rows`.
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
    let (Some(mut decoding), Some(request)) =
        (writer.start_decoding(x)?, DecodeRequest::for_rows(tokenizer, *length, rows, seed))
    else {
        return Ok(None);
    };
    search::<dyn Stepper<Error = ModelError>>(decoding.as_mut(), config, &request).map(Some)
}
