//! The loss `mae`: see [`MaeLossConfig`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::task::FittedTarget;
use crate::domain::task_kind::TaskKind;
use crate::model::error::ModelResult;
use crate::model::loss::Loss;
use crate::model::loss::difference::{ValueAndDerivative, mean_of_differences};

/// Mean absolute error, in standardized units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaeLossConfig {}

impl Settings for MaeLossConfig {
    const EXAMPLE: &'static str = "mae";
}

impl Loss for MaeLossConfig {
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
        let cell = |d: f32| ValueAndDerivative {
            value: d.abs(),
            derivative: if d == 0.0 { 0.0 } else { d.signum() },
        };
        mean_of_differences(logits, truth, mask, cell, |d| Ok(d.abs()?))
    }
}
