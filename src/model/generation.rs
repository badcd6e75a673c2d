//! Texts, written by a built network.

use std::ops::Range;

use crate::decode::search::{Order, search};
use crate::domain::task::Target;
use crate::model::error::{Error, Result};
use crate::model::head::Head;
use crate::model::signal::Signal;

/// A text for each row of what a head reads, as tokens without the end; `None` where the head does not write
/// from what it reads alone. `rows` are the rows' numbers, and with `seed` what sampling depends on.
pub fn generate(
    head: &dyn Head,
    x: &Signal,
    target: &Target,
    rows: Range<u64>,
    seed: u64,
) -> Result<Option<Vec<Vec<u32>>>> {
    let (Some(writer), Target::Text { tokenizer, length, search: words, .. }) = (head.writer(), target)
    else {
        return Ok(None);
    };
    let (Some(mut writing), Some(order)) = (writer.writing(x)?, Order::of(tokenizer, *length, rows, seed))
    else {
        return Ok(None);
    };
    search::<dyn crate::decode::search::Stepper<Error = Error>>(writing.as_mut(), words, &order).map(Some)
}
