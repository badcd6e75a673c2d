//! The registry of regularizations: penalties added to the joint loss.

pub mod elastic;
pub mod l1;
pub mod l2;

use crate::domain::choice_config::kinds;

kinds! {
/// The penalty added to the joint loss, on weight matrices and embeddings, not on biases and normalizations.
    pub enum RegularizationConfig: "regularization" => dyn Regularization {
        L1: "l1" => l1::L1Config,
        L2: "l2" => l2::L2Config,
        Elastic: "elastic" => elastic::ElasticConfig,
    }
}

/// The factors of a penalty l1 sum |w| + l2 sum w^2, on weight matrices and embeddings.
///
/// Its gradient, l1 sign(w) + 2 l2 w, is added to that of the loss before clipping.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PenaltyStrength {
    /// Factor of the absolute values.
    pub l1: f64,
    /// Factor of the squares.
    pub l2: f64,
}

impl PenaltyStrength {
    /// The penalty for given sums of |w| and w^2.
    pub fn penalty(self, absolute: f64, squares: f64) -> f64 {
        self.l1 * absolute + self.l2 * squares
    }

    /// Whether both factors are 0.
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// A regularization that is a sum of L1 and L2 penalties.
pub trait Regularization {
    /// The factors of this regularization.
    fn strength(&self) -> PenaltyStrength;
}
