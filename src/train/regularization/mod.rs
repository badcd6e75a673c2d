//! The shelf of regularizations: the penalty added to the joint loss, lambda times Omega(theta).

pub mod elastic;
pub mod l1;
pub mod l2;

use crate::domain::choice_config::kinds;

kinds! {
    /// The penalty added to the joint loss: on weight matrices and embeddings, not biases and norms.
    pub enum RegularizationConfig: "regularization" => dyn Regularization {
        L1: "l1" => l1::L1Config,
        L2: "l2" => l2::L2Config,
        Elastic: "elastic" => elastic::ElasticConfig,
    }
}

/// What every penalty comes down to: l1 sum |w| + l2 sum w^2, on weight matrices and embeddings.
///
/// Its gradient, l1 sign(w) + 2 l2 w, is known in closed form and joins the loss's own before clipping.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PenaltyStrength {
    pub l1: f64,
    pub l2: f64,
}

impl PenaltyStrength {
    /// The penalty of weights with these sums.
    pub fn penalty(self, absolute: f64, squares: f64) -> f64 {
        self.l1 * absolute + self.l2 * squares
    }

    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// What every regularization can say.
pub trait Regularization {
    fn strength(&self) -> PenaltyStrength;
}
