//! A metric of one's own: `cargo run --release --example custom_metric -- run pipeline.yaml` is `mtl run`
//! with one more, `metrics: [youden]` of a binary task.

use std::process::ExitCode;

use mtl::domain::choice_config::Settings;
use mtl::domain::score::Direction;
use mtl::domain::task_kind::TaskKind;
use mtl::evaluate::answers::TaskAnswers;
use mtl::evaluate::metric::{Metric, MetricConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Youden's index (Youden 1950): the share of positives that are found plus the share of negatives that are
/// left alone, minus 1. 1 is perfect, 0 is chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct YoudenSpec {
    /// Positive from this probability on. Default 0.5.
    #[serde(default = "half")]
    threshold: f32,
}

fn half() -> f32 {
    0.5
}

impl Settings for YoudenSpec {
    const BARE: Option<&'static str> = Some("threshold");
    const EXAMPLE: &'static str = "{youden: {threshold: 0.5}}";
}

impl Metric for YoudenSpec {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        kind == TaskKind::Binary
    }

    fn score(&self, answers: &TaskAnswers) -> Option<f64> {
        // A missing label is NaN, and equal to neither.
        let share_said = |label: f32| -> Option<f64> {
            let cells = answers.truth.iter().zip(answers.answers).filter(|(truth, _)| **truth == label);
            let said: Vec<bool> = cells.map(|(_, probability)| *probability >= self.threshold).collect();
            let positive = said.iter().filter(|said| **said).count();
            (!said.is_empty()).then(|| positive as f64 / said.len() as f64)
        };
        Some(share_said(1.0)? - share_said(0.0)?)
    }
}

fn main() -> ExitCode {
    let origin = concat!(env!("CARGO_CRATE_NAME"), " ", env!("CARGO_PKG_VERSION"));
    mtl::cli::main_with(|| MetricConfig::register::<YoudenSpec>("youden", origin)).into()
}
