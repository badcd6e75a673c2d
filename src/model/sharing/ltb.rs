//! The sharing `ltb`: see [`LtbConfig`].

use candle_core::{D, Tensor};
use rand_distr::{Distribution, Open01};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Fraction, Positive};
use crate::domain::shape::Shape;
use crate::model::error::ModelResult;
use crate::model::layer::LayerConfig;
use crate::model::mode::Mode;
use crate::model::ops::{Arithmetic, Tensors};
use crate::model::sharing::block::{block_shapes, refuse_tied_embeddings};
use crate::model::sharing::column::{ColumnUnits, ColumnsConfig};
use crate::model::sharing::{Body, BuildSharing, BuiltSharing};
use crate::model::weights::{Init, Parameter, Weights};

/// Learning to branch (Guo, Lee & Ulbricht, ICML 2020): one column of the trunk's layers per task; every
/// block chooses one parent among the columns' previous blocks. Blocks that no task chooses are not used, so
/// the result is a tree.
///
/// After every block, including the last, the input of column i is y_j with j drawn from softmax(theta_i):
/// in training by Gumbel-softmax, d_i = one_hot(argmax(p)), p = softmax((theta_i + g) / tau), g =
/// -log(-log(u)), with the gradient of p (straight-through); tau = temperature / sqrt(epoch + 1), epochs
/// counted from 0. During the first `warmup` share of the epochs the input of each column is the mixture
/// softmax(theta_i). Evaluation is deterministic: j = argmax(theta_i). theta is initialized to 0, and a
/// unit's softmax(theta) is reported after every epoch. The noise depends on the trial's seed, the step and
/// the unit.
///
/// A task that reads `from` a mark reads its own column there. An input's `encoder` comes before the columns
/// and is shared by all tasks.
///
/// ```yaml
/// sharing: {ltb: {temperature: 0.5, warmup: 0.01}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LtbConfig {
    /// tau in the first epoch. Default: a twentieth of the number of epochs.
    #[serde(default)]
    pub temperature: Option<Positive>,
    /// Share of the epochs, rounded up, in which columns read the whole mixture. Default 0.01.
    #[serde(default = "default_warmup")]
    pub warmup: Fraction,
}

impl Settings for LtbConfig {
    const EXAMPLE: &'static str = "{ltb: {temperature: 0.5, warmup: 0.01}}";
}

fn default_warmup() -> Fraction {
    Fraction::constant(0.01)
}

impl BuildSharing for LtbConfig {
    fn check(&self, trunk: &[LayerConfig], input: Shape) -> ModelResult<(), String> {
        refuse_tied_embeddings(trunk)?;
        block_shapes(trunk, input, |shape| shape).map(drop)
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        let units =
            |names: &[String], columns: usize, weights: &mut Weights| -> ModelResult<Box<dyn ColumnUnits>> {
                let unit = |name: &String| {
                    // One-dimensional, because weight decay applies to matrices and would keep choices
                    // undecided.
                    weights.parameter(&format!("{name}.branch"), &[columns * columns], Init::Zeros)
                };
                let units = names.iter().map(unit).collect::<ModelResult<_>>()?;
                Ok(Box::new(Branches { columns, units, config: self.clone() }))
            };
        ColumnsConfig { units: Some(&units), unit_after_last: true, ..ColumnsConfig::PLAIN }
            .build(body, weights)
    }
}

/// The parent choices after each block.
struct Branches {
    columns: usize,
    /// theta of each unit, `[columns x columns]`.
    units: Vec<Parameter>,
    config: LtbConfig,
}

impl Branches {
    fn theta(&self, unit: usize) -> ModelResult<Tensor> {
        Ok(self.units[unit].tensor().reshape((self.columns, self.columns))?)
    }

    /// One-hot rows of the largest entry of each row.
    fn one_hot_argmax(&self, x: &Tensor) -> ModelResult<Tensor> {
        let chosen = x.detach().argmax_keepdim(D::Minus1)?;
        let all = Tensor::arange(0, self.columns as u32, x.device())?.unsqueeze(0)?;
        Ok(all.broadcast_eq(&chosen)?.to_dtype(x.dtype())?)
    }
}

impl ColumnUnits for Branches {
    fn matrix(&self, unit: usize, mode: &Mode) -> ModelResult<Tensor> {
        let theta = self.theta(unit)?;
        let Some((random, (epoch, epochs))) = mode.random(self.name(unit)).zip(mode.epoch()) else {
            return self.one_hot_argmax(&theta);
        };
        if (epoch as f64) < (self.config.warmup.get() * epochs as f64).ceil() {
            return Tensors::evaluate().softmax(&theta);
        }
        let gumbel = |u: f32| -(-u.ln()).ln();
        let noise = Distribution::<f32>::sample_iter(Open01, random).map(gumbel);
        let noise = Tensor::from_iter(noise.take(self.columns * self.columns), theta.device())?;
        let initial = self.config.temperature.map_or(epochs as f64 / 20.0, Positive::get);
        let temperature = initial / ((epoch + 1) as f64).sqrt();
        let noisy = ((theta + noise.reshape((self.columns, self.columns))?)? / temperature)?;
        let p = Tensors::evaluate().softmax(&noisy)?;
        Ok(((self.one_hot_argmax(&p)? - p.detach())? + p)?)
    }

    fn reported_matrix(&self, unit: usize) -> ModelResult<Tensor> {
        Tensors::evaluate().softmax(&self.theta(unit)?)
    }

    fn name(&self, unit: usize) -> &str {
        self.units[unit].name()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use serde_json::json;

    use crate::model::mode::Mode;
    use crate::model::sharing::column::ColumnUnits;
    use crate::model::sharing::ltb::{Branches, LtbConfig};
    use crate::model::weights::{Init, Weights, host};

    fn branches() -> (Branches, Weights) {
        let mut weights = Weights::new(0, &Device::Cpu);
        let theta = vec![0.2, 0.1, 0.0, 0.0, 0.5, 0.4, 1.0, 0.0, 0.0];
        let theta = weights.parameter("sharing.0.branch", &[9], Init::Given(theta)).unwrap();
        let config: LtbConfig = serde_json::from_value(json!({"warmup": 0.1})).unwrap();
        (Branches { columns: 3, units: vec![theta], config }, weights)
    }

    #[test]
    fn evaluation_is_deterministic() {
        let (branches, _) = branches();
        let matrix = host(&branches.matrix(0, &Mode::evaluate()).unwrap()).unwrap();
        assert_eq!(matrix, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    }

    /// torch.softmax(torch.tensor([.2, .1, 0.]), 0) -> .3672, .3322, .3006
    #[test]
    fn warmup_reads_the_whole_mixture() {
        let (branches, _) = branches();
        let matrix = |epoch| branches.matrix(0, &Mode::train(1, 1).in_epoch(epoch, 20)).unwrap();
        for epoch in [0, 1] {
            let row = host(&matrix(epoch).get(0).unwrap()).unwrap();
            assert!(row.iter().zip([0.3672, 0.3322, 0.3006]).all(|(a, b)| (a - b).abs() < 1e-4), "{row:?}");
        }
        assert!(host(&matrix(2)).unwrap().iter().all(|d| d.abs() < 1e-6 || (d - 1.0).abs() < 1e-6));
    }

    #[test]
    fn training_draws_parents_with_their_probabilities() {
        let (branches, _) = branches();
        let mode = |step| Mode::train(1, step).in_epoch(5, 20);
        let matrix = |step| host(&branches.matrix(0, &mode(step)).unwrap()).unwrap();
        let mut counts = [0.0_f32; 9];
        for step in 0..4000 {
            counts.iter_mut().zip(matrix(step)).for_each(|(count, chosen)| *count += chosen / 4000.0);
        }
        let shares = host(&branches.reported_matrix(0).unwrap()).unwrap();
        // Standard deviation of a share p in 4000 draws: sqrt(p (1 - p) / 4000) < 0.008.
        assert!(counts.iter().zip(&shares).all(|(a, b)| (a - b).abs() < 0.03), "{counts:?} {shares:?}");
        assert_eq!(matrix(7), matrix(7));
        let matrix_with_gradient = branches.matrix(0, &mode(3)).unwrap();
        let factors = Tensor::new(&[[1.0_f32, 2.0, 4.0]], &Device::Cpu).unwrap();
        let sum = matrix_with_gradient.broadcast_mul(&factors).unwrap().sum_all().unwrap();
        let gradient = host(sum.backward().unwrap().get(branches.units[0].var()).unwrap()).unwrap();
        assert!(gradient.iter().any(|value| value.abs() > 1e-6), "{gradient:?}");
    }
}
