//! A network laid out without its numbers: what each part gives, and how much it learns. Of any size, since
//! no memory is taken for the weights.

use crate::domain::signature::Signature;
use crate::model::config::NetworkConfig;
use crate::model::error::ModelResult;
use crate::model::network::Network;
use crate::model::part::NetworkPart;
use crate::model::weights::Weights;

/// A network's measures.
#[derive(Clone, Debug)]
pub struct NetworkOutline {
    /// Inputs, layers and ends, in order.
    pub parts: Vec<NetworkPart>,
    /// Every weight's name and shape; buffers too.
    pub weights: Vec<(String, Vec<usize>)>,
    /// Numbers that are trained; the most there can be where nobody could count them.
    pub parameters: usize,
}

impl Network {
    /// The measures of the network that `build` would build, or why it cannot be built.
    pub fn outline(config: &NetworkConfig, signature: &Signature) -> ModelResult<NetworkOutline> {
        let network = Self::with_weights(config, signature, Weights::outline())?;
        let weights = network.weights.iter().map(|weight| (weight.name.clone(), weight.shape.clone()));
        Ok(NetworkOutline {
            parts: network.parts(),
            weights: weights.collect(),
            parameters: network.weights.parameters(),
        })
    }
}
