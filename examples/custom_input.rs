//! An input kind of one's own: `cargo run --release --example custom_input -- run pipeline.yaml` is `mtl run`
//! with one more, `inputs: {age: rank}`. Its cells become numbers in this program, so it is this program that
//! predicts.

use std::process::ExitCode;

use mtl::data::config::FeatureConfig;
use mtl::data::feature::InputKind;
use mtl::domain::choice_config::Settings;
use mtl::domain::number::Count;
use mtl::domain::shape::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number as the share of training rows whose number is less, between 0 and 1 whatever the numbers'
/// distribution, and beside it 1 where it is missing, which counts as the middle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RankSpec {
    /// Numbers kept of the training rows at most: the share is told to one part in so many. Default 1000.
    #[serde(default = "thousand")]
    steps: Count,
}

fn thousand() -> Count {
    Count::constant(1000)
}

impl Settings for RankSpec {
    const BARE: Option<&'static str> = Some("steps");
    const EXAMPLE: &'static str = "{rank: {steps: 100}}";
}

fn number(cell: &str) -> Result<f64, String> {
    let number = cell.trim().parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("`{cell}` is no number"))
}

impl InputKind for RankSpec {
    /// Numbers of the training rows, from the least to the greatest.
    type Fitted = Vec<f64>;

    fn shape(&self, _: Option<&Vec<f64>>) -> Shape {
        Shape::vector(2)
    }

    fn fit(&self, cells: &[Option<&str>]) -> Result<Vec<f64>, String> {
        let mut all: Vec<f64> = cells.iter().flatten().map(|cell| number(cell)).collect::<Result<_, _>>()?;
        all.sort_by(f64::total_cmp);
        let kept = all.len().min(self.steps.get());
        if kept == 0 {
            return Err("no training row has a number".to_owned());
        }
        Ok((0..kept).map(|step| all[step * all.len() / kept]).collect())
    }

    fn encode(&self, fitted: &Vec<f64>, cell: Option<&str>) -> Result<Vec<f32>, String> {
        let Some(cell) = cell else { return Ok(vec![0.5, 1.0]) };
        let number = number(cell)?;
        let less = fitted.partition_point(|known| *known < number);
        Ok(vec![less as f32 / fitted.len() as f32, 0.0])
    }
}

fn main() -> ExitCode {
    let origin = concat!(env!("CARGO_CRATE_NAME"), " ", env!("CARGO_PKG_VERSION"));
    mtl::cli::main_with(|| FeatureConfig::register::<RankSpec>("rank", origin)).into()
}
