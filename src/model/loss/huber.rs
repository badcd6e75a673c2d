//! The loss `huber`: see [`HuberSpec`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Positive;
use crate::domain::task::Target;
use crate::domain::task_kind::TaskKind;
use crate::model::error::Result;
use crate::model::loss::Loss;
use crate::model::loss::difference::{Slope, mean_of_differences};

/// Squared within `delta`, absolute beyond (Huber 1964): d²/2 for |d| <= delta, else
/// delta (|d| - delta/2), as PyTorch's `huber_loss`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HuberSpec {
    /// Where the square ends, in standardized units. Default 1.
    #[serde(default = "one")]
    pub delta: Positive,
}

impl Settings for HuberSpec {
    const BARE: Option<&'static str> = Some("delta");
    const EXAMPLE: &'static str = "{huber: {delta: 1.0}}";
}

fn one() -> Positive {
    Positive::constant(1.0)
}

impl Loss for HuberSpec {
    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(kind, TaskKind::Regression | TaskKind::PixelRegression)
    }

    fn forward(&self, logits: &Tensor, truth: &Tensor, mask: &Tensor, _: &Target) -> Result<Tensor> {
        let delta = self.delta.get() as f32;
        let cell = |d: f32| match d.abs() <= delta {
            true => Slope { value: 0.5 * d * d, slope: d },
            false => Slope { value: delta * (d.abs() - 0.5 * delta), slope: delta.copysign(d) },
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
