//! A custom metric. `cargo run --release --example custom_metric -- run pipeline.yaml` is `mtl run` with the
//! additional metric `metrics: [youden]` for binary tasks.

use std::process::ExitCode;

use mtl::domain::choice_config::Settings;
use mtl::domain::score::Direction;
use mtl::domain::task_kind::TaskKind;
use mtl::evaluate::metric::{Metric, MetricConfig};
use mtl::evaluate::predictions::TaskPredictions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Youden's index (Youden 1950): sensitivity + specificity - 1. 1 is perfect, 0 is chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct YoudenConfig {
    /// Probabilities from this value on are positive predictions. Default 0.5.
    #[serde(default = "default_threshold")]
    threshold: f32,
}

fn default_threshold() -> f32 {
    0.5
}

impl Settings for YoudenConfig {
    const BARE: Option<&'static str> = Some("threshold");
    const EXAMPLE: &'static str = "{youden: {threshold: 0.5}}";
}

impl Metric for YoudenConfig {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        kind == TaskKind::Binary
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        // A missing label is NaN, which equals neither class.
        let positive_rate = |label: f32| -> Option<f64> {
            let cells = answers.truth.iter().zip(answers.predictions).filter(|(truth, _)| **truth == label);
            let predictions: Vec<bool> =
                cells.map(|(_, probability)| *probability >= self.threshold).collect();
            let positive = predictions.iter().filter(|prediction| **prediction).count();
            (!predictions.is_empty()).then(|| positive as f64 / predictions.len() as f64)
        };
        Some(positive_rate(1.0)? - positive_rate(0.0)?)
    }
}

fn main() -> ExitCode {
    let origin = concat!(env!("CARGO_CRATE_NAME"), " ", env!("CARGO_PKG_VERSION"));
    mtl::cli::main_with(|| MetricConfig::register::<YoudenConfig>("youden", origin)).into()
}
