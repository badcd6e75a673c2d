//! The members of a network (`tabm`): what they read, and the mean of what they predict.

use candle_core::Tensor;

use crate::domain::shape::Shape;
use crate::domain::signature::Signature;
use crate::model::activations::Activations;
use crate::model::config::NetworkConfig;
use crate::model::error::{ModelError, ModelResult};
use crate::model::layer::vector;
use crate::model::mode::Mode;
use crate::model::network::{Network, TaskActivations};
use crate::model::ops::Tensors;
use crate::model::tabm::{TabmConfig, TabmMembers};
use crate::model::weights::Weights;

/// The members of the network, if it has several.
pub(super) fn build(
    config: &NetworkConfig,
    signature: &Signature,
    input: Shape,
    weights: &mut Weights,
) -> ModelResult<Option<TabmMembers>> {
    let Some(tabm) = &config.tabm else { return Ok(None) };
    let wrong = |reason: String| ModelError::Shape { part: "tabm".to_owned(), reason };
    let width = vector(input).map_err(wrong)?;
    if let Some(task) = signature.tasks.iter().find(|task| !TabmConfig::averages(task.target.kind())) {
        return Err(wrong(format!("cannot average the predictions of {} tasks", task.target.kind())));
    }
    TabmMembers::build(tabm, width, weights).map(Some)
}

impl Network {
    /// The encoded inputs, which the body reads: once for each member.
    pub(super) fn features_of(&self, inputs: &[Activations], mode: &Mode) -> ModelResult<Activations> {
        let x = self.inputs.forward(inputs, mode)?;
        match &self.members {
            Some(members) => Ok(Activations::plain(members.rows(&mut Tensors::new(mode), &x.x)?)),
            None => Ok(x),
        }
    }

    /// A task's logits, of several members those of their mean prediction.
    pub(super) fn mean_logits(
        &self,
        outputs: &mut [TaskActivations],
        task: usize,
        mode: &Mode,
    ) -> ModelResult<Tensor> {
        let logits = self.logits(outputs, task, mode)?;
        match &self.members {
            Some(members) => {
                members.mean_logits(&mut Tensors::new(mode), &self.signature.tasks[task].target, &logits)
            }
            None => Ok(logits),
        }
    }
}
