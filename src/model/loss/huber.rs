//! The loss `huber`: see [`HuberConfig`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Positive;
use crate::domain::task::FittedTarget;
use crate::domain::task_kind::TaskKind;
use crate::model::error::ModelResult;
use crate::model::loss::Loss;
use crate::model::loss::difference::{ValueAndDerivative, mean_of_differences};

/// Squared error up to `delta`, absolute error beyond it (Huber 1964): d²/2 for |d| <= delta, else delta
/// (|d| - delta/2), as in PyTorch's `huber_loss`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HuberConfig {
    /// Where the quadratic part ends, in standardized units. Default 1.
    #[serde(default = "default_delta")]
    pub delta: Positive,
}

impl Settings for HuberConfig {
    const BARE: Option<&'static str> = Some("delta");
    const EXAMPLE: &'static str = "{huber: {delta: 1.0}}";
}

fn default_delta() -> Positive {
    Positive::constant(1.0)
}

impl Loss for HuberConfig {
    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(kind, TaskKind::Regression | TaskKind::PixelRegression)
    }

    fn forward(
        &self,
        logits: &Tensor,
        truth: &Tensor,
        mask: &Tensor,
        _: &FittedTarget,
    ) -> ModelResult<Tensor> {
        let delta = self.delta.get() as f32;
        let cell = |d: f32| match d.abs() <= delta {
            true => ValueAndDerivative { value: 0.5 * d * d, derivative: d },
            false => {
                ValueAndDerivative { value: delta * (d.abs() - 0.5 * delta), derivative: delta.copysign(d) }
            }
        };
        // With c = min(|d|, delta) both cases are c (|d| - c/2).
        let composed = |d: &Tensor| {
            let size = d.abs()?;
            let c = size.minimum(f64::from(delta))?;
            Ok((&c * (size - (&c * 0.5)?)?)?)
        };
        mean_of_differences(logits, truth, mask, cell, composed)
    }
}
