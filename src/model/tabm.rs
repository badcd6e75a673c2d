//! Several cheap members of one network, whose predictions are averaged: TabM in its variant "mini"
//! (Gorishniy, Kotelnikov, Babenko 2024, arXiv 2410.24210).
//!
//! Every row is fed once for each member, each feature multiplied by the member's own factor. Trunk, sharing
//! and the heads' layers are shared; the projection to logits is the member's own. The loss is the mean of
//! the members' losses, a prediction the mean of their probabilities or numbers. Rows are ordered by member:
//! that of row b and member k is k * batch + b.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::number::Members;
use crate::domain::task::FittedTarget;
use crate::domain::task_kind::TaskKind;
use crate::model::activation::Activation;
use crate::model::error::{ModelError, ModelResult};
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, WeightOwner, Weights};

/// One network as an ensemble of several cheap members (TabM-mini; Gorishniy et al. 2024, arXiv 2410.24210):
/// each multiplies the inputs by factors of its own and has its own last layer; all else is shared. Their
/// losses and predictions are averaged. A step costs about as much as one of `members` times the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TabmConfig {
    /// Number of members. Default 16; the paper has 32.
    #[serde(default = "default_members")]
    pub members: Members,
}

fn default_members() -> Members {
    Members::constant(16)
}

impl TabmConfig {
    /// Whether predictions of tasks of this kind can be averaged.
    pub fn averages(kind: TaskKind) -> bool {
        match kind {
            TaskKind::Binary
            | TaskKind::Multiclass
            | TaskKind::Multilabel
            | TaskKind::Ordinal
            | TaskKind::Regression => true,
            TaskKind::Tagging
            | TaskKind::Text
            | TaskKind::LanguageModel
            | TaskKind::Segmentation
            | TaskKind::PixelRegression => false,
        }
    }
}

/// Added to probabilities before their logarithm.
const TINY: f64 = 1e-30;

/// The members of a network.
pub struct TabmMembers {
    count: usize,
    /// Width of the inputs.
    width: usize,
    /// `[members, 1, width]`
    factors: Parameter,
}

impl TabmMembers {
    /// Members of a network whose inputs have `width` features. Factors are 1 or -1 at first.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(config: &TabmConfig, width: usize, weights: &mut Weights) -> ModelResult<Self> {
        let (name, count) = ("input.tabm.factors", config.members.get());
        weights.set_owner(WeightOwner::Inputs);
        let signs = weights.draw(name, count.saturating_mul(width), &Init::Normal(1.0));
        let signs = signs.into_iter().map(|number| if number < 0.0 { -1.0 } else { 1.0 }).collect();
        let factors = weights.parameter(name, &[count, 1, width], Init::Given(signs))?;
        Ok(Self { count, width, factors })
    }

    /// Number of members.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The rows of all members, `[members * batch, width]`, from x `[batch, width]`.
    pub fn rows<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        let factors = ops.weight(&self.factors)?;
        let x = ops.unsqueeze(x, 0)?;
        let x = ops.mul(&x, &factors)?;
        ops.reshape(&x, &[-1, self.width as i64])
    }

    /// The logits `[batch, width]` of the mean prediction, from those of all members.
    ///
    /// # Errors
    /// If predictions of such a target cannot be averaged.
    pub fn mean_logits<O: Ops>(
        &self,
        ops: &mut O,
        target: &FittedTarget,
        logits: &O::Value,
    ) -> ModelResult<O::Value> {
        let logits = ops.reshape(logits, &[self.count as i64, -1, target.logits() as i64])?;
        let log_of_mean = |ops: &mut O, p: &O::Value| {
            let mean = ops.mean(p, 0, false)?;
            let mean = ops.shift(&mean, TINY)?;
            ops.log(&mean)
        };
        match target.kind() {
            TaskKind::Regression => ops.mean(&logits, 0, false),
            TaskKind::Multiclass => {
                let p = ops.softmax(&logits)?;
                log_of_mean(ops, &p)
            }
            // Of ordinal tasks, the probabilities of being above each class.
            TaskKind::Binary | TaskKind::Multilabel | TaskKind::Ordinal => {
                let yes = ops.activation(Activation::Sigmoid, &logits)?;
                let no = ops.neg(&logits)?;
                let no = ops.activation(Activation::Sigmoid, &no)?;
                let (yes, no) = (log_of_mean(ops, &yes)?, log_of_mean(ops, &no)?);
                ops.sub(&yes, &no)
            }
            other => Err(ModelError::Shape {
                part: "tabm".to_owned(),
                reason: format!("cannot average the predictions of {other} tasks"),
            }),
        }
    }
}
