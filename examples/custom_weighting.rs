//! A custom weighting. `cargo run --release --example custom_weighting -- run pipeline.yaml` is `mtl run`
//! with the additional weighting `weighting: inverse_loss`.

use std::process::ExitCode;

use mtl::domain::choice_config::Settings;
use mtl::domain::number::Fraction;
use mtl::train::weighting::{BuildWeighting, Weighting, WeightingConfig, WeightingContext, WeightingMethod};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All tasks contribute equally, whatever the scale of their losses: w_k = 1 / m_k, scaled to mean 1, where
/// m_k is the moving average m_k <- decay m_k + (1 - decay) L_k of task k's loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InverseLossConfig {
    /// Share of the average that is kept in each step. Default 0.9.
    #[serde(default = "default_decay")]
    decay: Fraction,
}

fn default_decay() -> Fraction {
    Fraction::constant(0.9)
}

impl Settings for InverseLossConfig {
    const BARE: Option<&'static str> = Some("decay");
    const EXAMPLE: &'static str = "{inverse_loss: {decay: 0.9}}";
}

impl BuildWeighting for InverseLossConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let averages = vec![0.0; context.tasks.len()];
        WeightingMethod::losses(InverseLoss { decay: self.decay.get(), averages })
    }
}

struct InverseLoss {
    decay: f64,
    /// 0 before the first loss of a task.
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

    /// Saved in checkpoints, so that a resumed run continues with the same numbers.
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
    mtl::cli::main_with(|| WeightingConfig::register::<InverseLossConfig>("inverse_loss", origin)).into()
}
