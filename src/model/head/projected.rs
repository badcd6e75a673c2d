//! The cross entropy of a projection to many classes, without all logits in memory at once.

use candle_core::{D, Tensor};

use crate::model::error::Result;
use crate::model::kernel::vocabulary_loss::{Truth, vocabulary_loss};
use crate::model::labels::Labels;
use crate::model::loss::LossSpec;
use crate::model::ops::dense::Dense;
use crate::model::signal::Signal;
use crate::model::weights::host;

/// Classes from which it is worth it.
const MANY: usize = 64;

/// The mean over the labels' cells; `None` where the loss is another, or classes are few.
pub fn cross_entropy(
    projection: &Dense,
    x: &Signal,
    labels: &Labels,
    loss: &LossSpec,
) -> Result<Option<Tensor>> {
    let (Some((weight, bias)), Some(smoothing)) = (projection.linear(), loss.plain_smoothing()) else {
        return Ok(None);
    };
    let width = x.x.dim(D::Minus1)?;
    if bias.elem_count() < MANY || x.x.elem_count() / width != labels.truth.elem_count() {
        return Ok(None);
    }
    let classes: Vec<u32> = host(&labels.truth)?.into_iter().map(|class| class as u32).collect();
    let shares = host(&labels.mask)?;
    let truth = Truth { classes: &classes, shares: &shares };
    Ok(Some(vocabulary_loss(&x.x.reshape(((), width))?, weight, bias, truth, smoothing)?))
}
