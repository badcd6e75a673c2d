//! Cross entropy of a projection to many classes, without keeping all logits in memory.

use candle_core::{D, Tensor};

use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::kernel::vocabulary_loss::{VocabularyTargets, vocabulary_loss};
use crate::model::labels::Labels;
use crate::model::loss::LossConfig;
use crate::model::ops::dense::Dense;
use crate::model::weights::host;

/// Number of classes from which the fused kernel is used.
const MANY: usize = 64;

/// The mean cross entropy over labelled cells; `None` if `loss` is another loss, or there are few classes.
pub fn cross_entropy(
    projection: &Dense,
    x: &Activations,
    labels: &Labels,
    loss: &LossConfig,
) -> ModelResult<Option<Tensor>> {
    let (Some((weight, bias)), Some(smoothing)) = (projection.linear(), loss.unweighted_label_smoothing())
    else {
        return Ok(None);
    };
    let width = x.x.dim(D::Minus1)?;
    if bias.elem_count() < MANY || x.x.elem_count() / width != labels.values.elem_count() {
        return Ok(None);
    }
    let classes: Vec<u32> = host(&labels.values)?.into_iter().map(|class| class as u32).collect();
    let shares = host(&labels.mask)?;
    let truth = VocabularyTargets { classes: &classes, weights: &shares };
    Ok(Some(vocabulary_loss(&x.x.reshape(((), width))?, weight, bias, truth, smoothing)?))
}
