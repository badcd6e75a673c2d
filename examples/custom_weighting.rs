//! A weighting of one's own: `cargo run --release --example custom_weighting -- run pipeline.yaml` is `mtl
//! run` with one more, `weighting: inverse_loss`.

use std::process::ExitCode;

use mtl::domain::choice_config::Settings;
use mtl::domain::number::Fraction;
use mtl::train::weighting::{BuildWeighting, Weighting, WeightingConfig, WeightingContext, WeightingMethod};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Every task counts alike, however large its loss is: w_k = 1 / m_k, scaled so that the weights' mean is 1,
/// m_k being the moving average m_k <- decay m_k + (1 - decay) L_k of task k's loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InverseLossSpec {
    /// How much of the average stays at each step. Default 0.9.
    #[serde(default = "most")]
    decay: Fraction,
}

fn most() -> Fraction {
    Fraction::constant(0.9)
}

impl Settings for InverseLossSpec {
    const BARE: Option<&'static str> = Some("decay");
    const EXAMPLE: &'static str = "{inverse_loss: {decay: 0.9}}";
}

impl BuildWeighting for InverseLossSpec {
    fn build(&self, setting: &WeightingContext) -> WeightingMethod {
        let averages = vec![0.0; setting.tasks.len()];
        WeightingMethod::losses(InverseLoss { decay: self.decay.get(), averages })
    }
}

struct InverseLoss {
    decay: f64,
    /// 0 until a task had a loss.
    averages: Vec<f64>,
}

impl Weighting for InverseLoss {
    fn weights(&mut self, _: u64, losses: &[Option<f64>]) -> Vec<f64> {
        for (average, loss) in self.averages.iter_mut().zip(losses) {
            *average = match (*average, *loss) {
                (0.0, Some(loss)) => loss,
                (old, Some(loss)) => self.decay * old + (1.0 - self.decay) * loss,
                (old, None) => old,
            };
        }
        let inverse: Vec<f64> = self.averages.iter().map(|average| 1.0 / average.max(1e-8)).collect();
        let mean = inverse.iter().sum::<f64>() / inverse.len() as f64;
        inverse.iter().map(|weight| weight / mean).collect()
    }

    /// What a checkpoint keeps, so that a resumed run goes on with the same numbers.
    fn state(&self) -> Vec<f64> {
        self.averages.clone()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        let fits = state.len() == self.averages.len();
        if fits {
            self.averages = state.to_vec();
        }
        fits
    }
}

fn main() -> ExitCode {
    let origin = concat!(env!("CARGO_CRATE_NAME"), " ", env!("CARGO_PKG_VERSION"));
    mtl::cli::main_with(|| WeightingConfig::register::<InverseLossSpec>("inverse_loss", origin)).into()
}
