//! The sharing `task_lora`: see [`TaskLoraConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::shape::Shape;
use crate::model::error::ModelResult;
use crate::model::layer::LayerConfig;
use crate::model::sharing::task_passes::{TaskPasses, check_trunk};
use crate::model::sharing::{Body, BuildSharing, BuiltSharing};
use crate::model::weights::{TaskUpdates, Weights};

/// A LoRA of its own for every task (Hu et al. 2021, arXiv 2106.09685) over one pretrained trunk: the `lora`
/// of the trunk's `pretrained` layer, with matrices A and B for each task. Everything else in the trunk is
/// shared.
///
/// K tasks cost K passes from the first adapted block on; blocks before it, with `freeze`, are computed once
/// for all tasks (but of models that cannot be divided, such as ALBERT). The exported model has the weights
/// of these passes K times.
///
/// ```yaml
/// trunk: [{pretrained: {path: models/all-MiniLM-L6-v2, freeze: 3, lora: {rank: 8}}}, {pool: mean}]
/// sharing: task_lora
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskLoraConfig {}

impl Settings for TaskLoraConfig {
    const EXAMPLE: &'static str = "task_lora";
}

impl BuildSharing for TaskLoraConfig {
    fn check(&self, trunk: &[LayerConfig], _: Shape) -> ModelResult<(), String> {
        check_trunk(trunk)
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        Ok(Box::new(TaskPasses::build(body, |task| TaskUpdates::Own { task }, weights)?))
    }
}
