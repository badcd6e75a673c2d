//! Test support: a built sharing, its weights, and what its heads read.

use candle_core::{Device, Tensor};
use serde_json::Value;

use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::mode::Mode;
use crate::model::sharing::{Body, BuiltSharing, SharingConfig, TaskReader};
use crate::model::weights::{Weights, host};

/// The sharing of this configuration for vectors of `width` features and tasks that read the end of the
/// trunk.
pub fn build(config: Value, width: usize, trunk: Value, tasks: &[&str]) -> (Box<dyn BuiltSharing>, Weights) {
    let config: SharingConfig = serde_json::from_value(config).expect("a configuration");
    let trunk: Vec<_> = serde_json::from_value(trunk).expect("a trunk");
    let tasks: Vec<_> =
        tasks.iter().map(|name| TaskReader { name: (*name).to_owned(), from: None }).collect();
    let body = Body { input: Shape::vector(width), trunk: &trunk, tasks: &tasks };
    let mut weights = Weights::new(0, &Device::Cpu);
    let sharing = config.view().build(&body, &mut weights).expect("a sharing");
    (sharing, weights)
}

/// Sets the weight of this name.
pub fn set(weights: &Weights, name: &str, values: &[f32]) {
    let var = &weights.iter().find(|weight| weight.name == name).expect(name).var;
    var.set(&Tensor::from_slice(values, var.dims(), &Device::Cpu).expect("a tensor")).expect("in a test");
}

/// A batch of one vector.
pub fn row(values: &[f32]) -> Activations {
    let row = Tensor::from_slice(values, (1, values.len()), &Device::Cpu);
    Activations::plain(row.expect("a tensor"))
}

/// What the heads of `tasks` read.
pub fn read(sharing: &dyn BuiltSharing, x: &Activations, tasks: &[usize]) -> Vec<Vec<f32>> {
    let read = sharing.forward(x, &Mode::evaluate(), tasks).expect("in a test");
    read.iter().map(|features| host(&features.x).expect("in a test")).collect()
}
