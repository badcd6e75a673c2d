//! The loss `mse`: see [`MseLossConfig`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::task::FittedTarget;
use crate::domain::task_kind::TaskKind;
use crate::model::error::ModelResult;
use crate::model::loss::Loss;
use crate::model::loss::difference::{ValueAndDerivative, mean_of_differences};

/// Mean squared error, in standardized units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MseLossConfig {}

impl Settings for MseLossConfig {
    const EXAMPLE: &'static str = "mse";
}

impl Loss for MseLossConfig {
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
        let cell = |d: f32| ValueAndDerivative { value: d * d, derivative: 2.0 * d };
        mean_of_differences(logits, truth, mask, cell, |d| Ok(d.sqr()?))
    }
}
