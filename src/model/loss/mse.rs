//! The loss `mse`: see [`MseSpec`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::task::Target;
use crate::domain::task_kind::TaskKind;
use crate::model::error::Result;
use crate::model::loss::Loss;
use crate::model::loss::difference::{Slope, mean_of_differences};

/// Mean squared error, in standardized units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MseSpec {}

impl Settings for MseSpec {
    const EXAMPLE: &'static str = "mse";
}

impl Loss for MseSpec {
    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(kind, TaskKind::Regression | TaskKind::PixelRegression)
    }

    fn forward(&self, logits: &Tensor, truth: &Tensor, mask: &Tensor, _: &Target) -> Result<Tensor> {
        let cell = |d: f32| Slope { value: d * d, slope: 2.0 * d };
        mean_of_differences(logits, truth, mask, cell, |d| Ok(d.sqr()?))
    }
}
