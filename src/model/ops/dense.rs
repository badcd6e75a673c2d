//! The fully connected layer that layers, gates and heads are built from.

use candle_core::{Tensor, Var};

use crate::model::activation::Activation;
use crate::model::error::ModelResult;
use crate::model::ops::low_rank::LowRank;
use crate::model::ops::{Ops, Tensors};
use crate::model::weights::{Init, Parameter, Weights};

/// A fully connected layer: activation(x W + b). Of a network with members (`tabm`) each member may have its
/// own W and b, for its own part of the rows.
#[derive(Clone, Debug)]
pub struct Dense {
    /// `[in, out]`
    weight: Parameter,
    /// `[out]`
    bias: Option<Parameter>,
    activation: Activation,
    low_rank: Option<Box<LowRank>>,
    members: Option<DenseMembers>,
}

/// Shapes of a layer that each member has for itself.
#[derive(Clone, Copy, Debug)]
struct DenseMembers {
    count: usize,
    width: usize,
    units: usize,
}

impl Dense {
    /// Creates the weights `{name}.weight` and, with `bias`, `{name}.bias`.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(
        name: &str,
        width: usize,
        units: usize,
        activation: Activation,
        bias: bool,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let target = name.rsplit('.').next().unwrap_or(name);
        Self::packed(name, width, &[(target, units)], activation, bias, weights)
    }

    /// Several projections side by side, by name and number of columns, such as queries, keys and values.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn packed(
        name: &str,
        width: usize,
        projections: &[(&str, usize)],
        activation: Activation,
        bias: bool,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let (init, units) = (Init::fan_in(width), projections.iter().map(|(_, columns)| columns).sum());
        let members = weights.members().map(|count| DenseMembers { count, width, units });
        let shapes = match members {
            Some(DenseMembers { count, .. }) => [vec![count, width, units], vec![count, 1, units]],
            None => [vec![width, units], vec![units]],
        };
        let weight = weights.parameter(&format!("{name}.weight"), &shapes[0], init.clone())?;
        let bias = match bias {
            true => Some(weights.parameter(&format!("{name}.bias"), &shapes[1], init)?),
            false => None,
        };
        let low_rank = match members {
            Some(_) => None,
            None => LowRank::build(name, width, projections, weights)?.map(Box::new),
        };
        Ok(Self { weight, bias, activation, low_rank, members })
    }

    /// A linear projection with a bias and no activation.
    pub fn projection(name: &str, width: usize, units: usize, weights: &mut Weights) -> ModelResult<Self> {
        Self::build(name, width, units, Activation::Identity, true, weights)
    }

    /// W `[in, out]` and b `[out]`; `None` with an activation, without a bias, with a low-rank update or with
    /// members.
    pub fn linear(&self) -> Option<(&Var, &Var)> {
        let is_plain =
            self.activation == Activation::Identity && self.low_rank.is_none() && self.members.is_none();
        let bias = self.bias.as_ref().filter(|_| is_plain)?;
        Some((self.weight.var(), bias.var()))
    }

    /// Maps `[..., in]` to `[..., out]`.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        let (weight, bias) = (&self.weight, self.bias.as_ref());
        if let Some(members) = self.members {
            return self.of_members(ops, x, members);
        }
        match &self.low_rank {
            Some(low_rank) => low_rank.linear(ops, x, weight, bias, self.activation),
            None => ops.linear(x, weight, bias, self.activation),
        }
    }

    /// Each member's layer for its part of x `[members * batch, in]`.
    fn of_members<O: Ops>(&self, ops: &mut O, x: &O::Value, members: DenseMembers) -> ModelResult<O::Value> {
        let x = ops.reshape(x, &[members.count as i64, -1, members.width as i64])?;
        let weight = ops.weight(&self.weight)?;
        let mut y = ops.matmul(&x, &weight)?;
        if let Some(bias) = &self.bias {
            let bias = ops.weight(bias)?;
            y = ops.add(&y, &bias)?;
        }
        let y = ops.activation(self.activation, &y)?;
        ops.reshape(&y, &[-1, members.units as i64])
    }

    /// The same for a tensor, in evaluation mode.
    pub fn apply(&self, x: &Tensor) -> ModelResult<Tensor> {
        self.on(&mut Tensors::evaluate(), x)
    }
}
