//! The loss `mae`: see [`MaeSpec`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::task::Target;
use crate::domain::task_kind::TaskKind;
use crate::model::error::Result;
use crate::model::loss::Loss;
use crate::model::loss::difference::{Slope, mean_of_differences};

/// Mean absolute error, in standardized units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaeSpec {}

impl Settings for MaeSpec {
    const EXAMPLE: &'static str = "mae";
}

impl Loss for MaeSpec {
    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(kind, TaskKind::Regression | TaskKind::PixelRegression)
    }

    fn forward(&self, logits: &Tensor, truth: &Tensor, mask: &Tensor, _: &Target) -> Result<Tensor> {
        let cell = |d: f32| Slope { value: d.abs(), slope: if d == 0.0 { 0.0 } else { d.signum() } };
        mean_of_differences(logits, truth, mask, cell, |d| Ok(d.abs()?))
    }
}
