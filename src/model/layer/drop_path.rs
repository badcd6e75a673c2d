//! The layer `drop_path`: see [`DropPathConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Rate;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::{BuildLayer, Layer, Module, numbers};
use crate::model::ops::Ops;
use crate::model::weights::Weights;

/// Stochastic depth (Huang et al. 2016): in training, sets all activations of a row to 0 with probability
/// `rate` and scales those of other rows by 1/(1-rate). At the end of a `residual` it drops the whole
/// branch.
///
/// The random rows depend on the trial's seed, the step and the layer's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DropPathConfig {
    /// Probability of a row to be dropped, in [0, 1).
    pub rate: Rate,
}

impl Settings for DropPathConfig {
    const BARE: Option<&'static str> = Some("rate");
    const EXAMPLE: &'static str = "{drop_path: 0.1}";
}

impl BuildLayer for DropPathConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        numbers(input)
    }

    fn build(&self, name: &str, _: Shape, _: &mut Weights) -> ModelResult<Box<dyn Module>> {
        Ok(Box::new(DropPath { name: name.to_owned(), rate: self.rate.get() }))
    }
}

/// A built stochastic depth.
struct DropPath {
    name: String,
    rate: f64,
}

impl Layer for DropPath {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(x.with(ops.drop_path(&self.name, self.rate, &x.x)?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use crate::domain::number::Rate;
    use crate::domain::shape::Shape;
    use crate::model::activations::Activations;
    use crate::model::layer::BuildLayer;
    use crate::model::layer::drop_path::DropPathConfig;
    use crate::model::mode::Mode;
    use crate::model::weights::{Weights, host};

    #[test]
    fn rows_are_dropped_whole_at_the_rate() {
        let config = DropPathConfig { rate: Rate::constant(0.25) };
        let input = Shape::Image { channels: 2, height: 3, width: 1 };
        let layer = config.build("d", input, &mut Weights::new(0, &Device::Cpu)).unwrap();
        let x = Activations::plain(Tensor::ones((10_000, 2, 3, 1), DType::F32, &Device::Cpu).unwrap());
        let y = |mode| host(&layer.forward(&x, &mode).unwrap().x).unwrap();
        let first = y(Mode::train(1, 5));
        assert!(first.chunks_exact(6).all(|row| row.iter().all(|y| *y == row[0])));
        let dropped = first.iter().filter(|y| **y == 0.0).count() / 6;
        // Binomial(10000, 0.25): standard deviation 43.
        assert!((2_280..2_720).contains(&dropped), "{dropped}");
        assert!(first.iter().all(|y| *y == 0.0 || (*y - 4.0 / 3.0).abs() < 1e-6));
        assert_eq!(first, y(Mode::train(1, 5)));
        assert_ne!(first, y(Mode::train(1, 6)));
        assert_eq!(y(Mode::evaluate()), vec![1.0; 60_000]);
    }
}
