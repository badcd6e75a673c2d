//! The structure of a network without its weights: shapes and parameter counts. Networks of any size work,
//! since no memory is allocated for weights.

use crate::domain::signature::Signature;
use crate::model::config::NetworkConfig;
use crate::model::error::ModelResult;
use crate::model::network::Network;
use crate::model::part::NetworkPart;
use crate::model::weights::Weights;

/// The parts, weight shapes and size of a network.
#[derive(Clone, Debug)]
pub struct NetworkOutline {
    /// Inputs, layers and output heads, in order.
    pub parts: Vec<NetworkPart>,
    /// Name and shape of every weight, buffers included.
    pub weights: Vec<(String, Vec<usize>)>,
    /// Number of trainable parameters; saturates at `usize::MAX`.
    pub parameters: usize,
}

impl Network {
    /// The same network without values of its weights: it has names and shapes, but cannot be run.
    ///
    /// # Errors
    /// Those of [`Self::build`].
    pub fn shapes_only(config: &NetworkConfig, signature: &Signature) -> ModelResult<Self> {
        Self::with_weights(config, signature, Weights::outline())
    }

    /// The outline of the network that [`Self::build`] would build; the same errors.
    pub fn outline(config: &NetworkConfig, signature: &Signature) -> ModelResult<NetworkOutline> {
        Ok(Self::shapes_only(config, signature)?.as_outline())
    }

    /// The outline of this network.
    pub fn as_outline(&self) -> NetworkOutline {
        let weights = self.weights.iter().map(|weight| (weight.name.clone(), weight.shape.clone()));
        NetworkOutline {
            parts: self.parts(),
            weights: weights.collect(),
            parameters: self.weights.parameters(),
        }
    }
}
