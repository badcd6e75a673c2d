//! The shelf of optimizers: how a gradient becomes a step.

pub mod adam;
pub mod adamw;
pub mod sgd;

use crate::domain::kinds::kinds;

kinds! {
    /// How a gradient becomes a step.
    pub enum OptimizerSpec: "optimizer" {
        Sgd: "sgd" => sgd::SgdSpec,
        Adam: "adam" => adam::AdamSpec,
        AdamW: "adamw" => adamw::AdamWSpec,
    }
}
