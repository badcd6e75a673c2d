//! A custom input kind. `cargo run --release --example custom_input -- run pipeline.yaml` is `mtl run` with
//! the additional kind `inputs: {age: rank}`. The values are encoded by this program, so this program also
//! makes the predictions.

use std::process::ExitCode;

use mtl::data::config::FeatureConfig;
use mtl::data::feature::InputKind;
use mtl::domain::choice_config::Settings;
use mtl::domain::number::Count;
use mtl::domain::shape::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The rank of a number among the training rows: the share of training rows with a smaller number, in [0, 1]
/// whatever the distribution. A second feature is 1 if the number is missing; a missing number has the rank
/// 0.5.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RankConfig {
    /// Maximum number of quantiles that are kept; it is the resolution of the rank. Default 1000.
    #[serde(default = "default_steps")]
    steps: Count,
}

fn default_steps() -> Count {
    Count::constant(1000)
}

impl Settings for RankConfig {
    const BARE: Option<&'static str> = Some("steps");
    const EXAMPLE: &'static str = "{rank: {steps: 100}}";
}

fn parse(cell: &str) -> Result<f64, String> {
    let number = cell.trim().parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("`{cell}` is not a number"))
}

impl InputKind for RankConfig {
    /// Quantiles of the training rows, in ascending order.
    type Fitted = Vec<f64>;

    fn shape(&self, _: Option<&Vec<f64>>) -> Shape {
        Shape::vector(2)
    }

    fn fit(&self, cells: &[Option<&str>]) -> Result<Vec<f64>, String> {
        let mut numbers: Vec<f64> =
            cells.iter().flatten().map(|cell| parse(cell)).collect::<Result<_, _>>()?;
        numbers.sort_by(f64::total_cmp);
        let kept = numbers.len().min(self.steps.get());
        if kept == 0 {
            return Err("no training row has a value".to_owned());
        }
        Ok((0..kept).map(|step| numbers[step * numbers.len() / kept]).collect())
    }

    fn encode(&self, fitted: &Vec<f64>, cell: Option<&str>) -> Result<Vec<f32>, String> {
        let Some(cell) = cell else { return Ok(vec![0.5, 1.0]) };
        let number = parse(cell)?;
        let smaller = fitted.partition_point(|quantile| *quantile < number);
        Ok(vec![smaller as f32 / fitted.len() as f32, 0.0])
    }
}

fn main() -> ExitCode {
    let origin = concat!(env!("CARGO_CRATE_NAME"), " ", env!("CARGO_PKG_VERSION"));
    mtl::cli::main_with(|| FeatureConfig::register::<RankConfig>("rank", origin)).into()
}
