//! The sharing `mtl_lora`: see [`MtlLoraConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, Positive};
use crate::domain::shape::Shape;
use crate::model::error::ModelResult;
use crate::model::layer::LayerConfig;
use crate::model::sharing::task_passes::{TaskPasses, check_trunk};
use crate::model::sharing::{Body, BuildSharing, BuiltSharing};
use crate::model::weights::{TaskUpdates, Weights};

/// MTL-LoRA (Yang et al. 2024, arXiv 2410.09437): the `lora` of the trunk's `pretrained` layer, whose
/// matrices the tasks share and see in their own way. A projection of task t is
///
/// x W + b + alpha / rank x A Lambda_t sum_i softmax(w_t / temperature)_i B_i
///
/// A `[in, rank]` and the B_i `[rank, out]` are shared; Lambda_t `[rank, rank]`, at first the identity, and
/// w_t, one number per B_i, are the task's. The B_i are 0 at first, so that every task begins with the
/// pretrained model. Everything else in the trunk is shared. `lora: {dora: true}` is not defined for it.
///
/// K tasks cost K passes from the first adapted block on, as of `task_lora`.
///
/// ```yaml
/// trunk: [{pretrained: {path: models/all-MiniLM-L6-v2, lora: {rank: 8}}}, {pool: mean}]
/// sharing: {mtl_lora: {ups: 3, temperature: 0.5}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MtlLoraConfig {
    /// Number of matrices B. Default 3.
    #[serde(default = "default_ups")]
    pub ups: Count,
    /// The sharpness of the mixture: lower is sharper. Default 0.5.
    #[serde(default = "default_temperature")]
    pub temperature: Positive,
    /// Whether Lambda_t is a diagonal. Default false.
    #[serde(default)]
    pub diagonal: bool,
}

impl Settings for MtlLoraConfig {
    const BARE: Option<&'static str> = Some("ups");
    const EXAMPLE: &'static str = "{mtl_lora: {ups: 3, temperature: 0.5}}";
}

fn default_ups() -> Count {
    Count::constant(3)
}

fn default_temperature() -> Positive {
    Positive::constant(0.5)
}

impl BuildSharing for MtlLoraConfig {
    fn check(&self, trunk: &[LayerConfig], _: Shape) -> ModelResult<(), String> {
        let has_magnitudes = |layer: &LayerConfig| match layer {
            LayerConfig::Pretrained(config) => config.lora.as_ref().is_some_and(|lora| lora.dora),
            _ => false,
        };
        check_trunk(trunk)?;
        match trunk.iter().any(has_magnitudes) {
            true => Err("is not defined with `dora: true`: remove it, or use `task_lora`".to_owned()),
            false => Ok(()),
        }
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        let updates = |task: String| TaskUpdates::Mixed {
            task,
            ups: self.ups.get(),
            temperature: self.temperature.get(),
            diagonal: self.diagonal,
        };
        Ok(Box::new(TaskPasses::build(body, updates, weights)?))
    }
}
