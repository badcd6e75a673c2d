//! The shelf of regularizations: the penalty added to the joint loss, lambda times Omega(theta).

pub mod elastic;
pub mod l1;
pub mod l2;

use crate::domain::kinds::kinds;

kinds! {
    /// The penalty added to the joint loss: on weight matrices and embeddings, not biases and norms.
    pub enum RegularizationSpec: "regularization" {
        L1: "l1" => l1::L1Spec,
        L2: "l2" => l2::L2Spec,
        Elastic: "elastic" => elastic::ElasticSpec,
    }
}
