//! Registry of losses: the distance between a task's logits and its labels.

pub mod binary_cross_entropy;
pub mod class_weights;
pub mod cross_entropy;
pub mod dice;
pub mod difference;
#[cfg(test)]
pub mod example;
pub mod focal;
pub mod huber;
pub mod mae;
pub mod mse;
pub mod ordinal;

use candle_core::Tensor;

use crate::domain::choice_config::kinds;
use crate::domain::task::FittedTarget;
use crate::domain::task_kind::TaskKind;
use crate::model::error::ModelResult;
pub use crate::model::loss::class_weights::ClassWeights;

kinds! {
    /// The distance between a task's logits and its labels.
    pub open enum LossConfig: "loss" => dyn Loss {
        BinaryCrossEntropy: "binary_cross_entropy" => binary_cross_entropy::BinaryCrossEntropyConfig,
        CrossEntropy: "cross_entropy" => cross_entropy::CrossEntropyConfig,
        Focal: "focal" => focal::FocalConfig,
        Mse: "mse" => mse::MseLossConfig,
        Mae: "mae" => mae::MaeLossConfig,
        Huber: "huber" => huber::HuberConfig,
        Dice: "dice" => dice::DiceLossConfig,
        Ordinal: "ordinal" => ordinal::OrdinalLossConfig,
    }
}

/// A loss. Its settings are the loss: it has no state.
pub trait Loss: Send + Sync {
    /// Is it available for tasks of this kind?
    fn accepts(&self, kind: TaskKind) -> bool;

    /// Checks the settings against the fitted target.
    ///
    /// # Errors
    ///
    /// Says what does not fit, such as the number of class weights.
    fn check(&self, _target: &FittedTarget) -> ModelResult<(), String> {
        Ok(())
    }

    /// The mean over present cells as a scalar; 0 if none is present.
    ///
    /// `truth` and `mask` have the target's width, `[rows, width]`: a missing label is 0 in both, a present
    /// one has mask 1. Regression values are standardized.
    fn forward(
        &self,
        logits: &Tensor,
        truth: &Tensor,
        mask: &Tensor,
        target: &FittedTarget,
    ) -> ModelResult<Tensor>;
}

impl LossConfig {
    /// The default loss of a task kind.
    pub fn for_kind(kind: TaskKind) -> Self {
        match kind {
            TaskKind::Binary | TaskKind::Multilabel => {
                Self::BinaryCrossEntropy(binary_cross_entropy::BinaryCrossEntropyConfig::default())
            }
            TaskKind::Multiclass
            | TaskKind::Tagging
            | TaskKind::Segmentation
            | TaskKind::Text
            | TaskKind::LanguageModel => Self::CrossEntropy(cross_entropy::CrossEntropyConfig::default()),
            TaskKind::Ordinal => Self::Ordinal(ordinal::OrdinalLossConfig {}),
            TaskKind::Regression | TaskKind::PixelRegression => Self::Mse(mse::MseLossConfig {}),
        }
    }

    /// The label smoothing of a cross entropy without class weights; `None` for other losses.
    pub fn unweighted_label_smoothing(&self) -> Option<f32> {
        match self {
            Self::CrossEntropy(config) if config.class_weights == ClassWeights::None => {
                Some(self.label_smoothing())
            }
            _ => None,
        }
    }

    /// The label smoothing of a cross entropy; 0 for other losses.
    pub fn label_smoothing(&self) -> f32 {
        match self {
            Self::CrossEntropy(config) => config.label_smoothing.get() as f32,
            _ => 0.0,
        }
    }
}
