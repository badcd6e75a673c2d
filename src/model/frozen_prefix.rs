//! The layers next to an input that compute the same output for a row in every step of a training: no weight
//! of theirs is trained, and they draw no random numbers. So the output can be computed once for every row.

use serde::Serialize;

use crate::domain::choice_config::Choice;
use crate::domain::name::InputName;
use crate::domain::shape::Shape;
use crate::model::config::{LayerConfig, NetworkConfig, SharingConfig};
use crate::model::error::ModelResult;
use crate::model::layer::pool::PoolKind;
use crate::model::layer::pretrained::CacheConfig;
use crate::model::layer::stack::shape_after;

/// The frozen layers next to an input, with a pretrained layer among them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrozenPrefixConfig {
    /// The input.
    pub input: InputName,
    /// The first layers of its encoder.
    pub encoder: Vec<LayerConfig>,
    /// The first layers of the trunk, if all layers of the encoder are frozen.
    pub trunk: Vec<LayerConfig>,
    /// The type of the numbers of their output.
    pub numbers: CacheConfig,
}

impl FrozenPrefixConfig {
    /// The frozen layers next to each input whose pretrained layer has `freeze`, or the reason why its output
    /// changes during a training, a clause.
    pub fn of_network(network: &NetworkConfig) -> Vec<(InputName, Result<Self, String>)> {
        let prefix = |(input, encoder): &(InputName, Vec<LayerConfig>)| {
            Some((input.clone(), Self::of_input(network, input, encoder)?))
        };
        network.encoders.iter().filter_map(prefix).collect()
    }

    fn of_input(
        network: &NetworkConfig,
        input: &InputName,
        encoder: &[LayerConfig],
    ) -> Option<Result<Self, String>> {
        // The trunk reads all inputs, and the preference vector.
        let reads_only_this = network.encoders.len() == 1 && !network.preference;
        let trunk = if reads_only_this { network.trunk.as_slice() } else { &[] };
        let layers: Vec<&LayerConfig> = encoder.iter().chain(trunk).collect();
        let pretrained = layers.iter().position(|layer| match layer {
            LayerConfig::Pretrained(config) => config.freeze.is_some(),
            _ => false,
        })?;
        let frozen = layers.iter().take_while(|layer| change(layer).is_none()).count();
        let part = |index: usize| match index.checked_sub(encoder.len()) {
            Some(index) => part("trunk", index, &trunk[index]),
            None => part(&format!("input.{input}"), index, &encoder[index]),
        };
        if frozen <= pretrained {
            let reason = change(layers[frozen]).unwrap_or_default();
            return Some(Err(format!("`{}` {reason}", part(frozen))));
        }
        if pretrained >= encoder.len() && !has_one_trunk(&network.sharing) {
            let sharing = network.sharing.name();
            return Some(Err(format!("`sharing: {sharing}` divides the trunk")));
        }
        let in_trunk = if has_one_trunk(&network.sharing) { frozen.saturating_sub(encoder.len()) } else { 0 };
        Some(Ok(Self {
            input: input.clone(),
            encoder: encoder[..frozen.min(encoder.len())].to_vec(),
            trunk: trunk[..in_trunk].to_vec(),
            numbers: match layers[pretrained] {
                LayerConfig::Pretrained(config) => config.cache.unwrap_or_default(),
                _ => CacheConfig::default(),
            },
        }))
    }

    /// Names of the layers, as parts of the network.
    pub fn parts(&self) -> Vec<String> {
        let of_input = format!("input.{}", self.input);
        let encoder = self.encoder.iter().enumerate().map(|(index, layer)| part(&of_input, index, layer));
        let trunk = self.trunk.iter().enumerate().map(|(index, layer)| part("trunk", index, layer));
        encoder.chain(trunk).collect()
    }

    /// Bytes of a number of their output.
    pub fn bytes_per_number(&self) -> usize {
        self.numbers.bytes()
    }

    /// Shape of one row of their output.
    ///
    /// # Errors
    /// Why a layer does not accept its input, a phrase whose subject is the layer.
    pub fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        let layers: Vec<LayerConfig> = self.encoder.iter().chain(&self.trunk).cloned().collect();
        shape_after(&layers, input).map_err(|(_, reason)| reason)
    }
}

/// `trunk.0.pretrained`
fn part(list: &str, index: usize, layer: &LayerConfig) -> String {
    format!("{list}.{index}.{}", layer.name())
}

/// Why the output of a layer for the same input may change during a training, a phrase whose subject is the
/// layer; `None` if it cannot.
fn change(layer: &LayerConfig) -> Option<String> {
    match layer {
        LayerConfig::Pretrained(config) => config.change(),
        LayerConfig::Pool(config) if config.kind == PoolKind::Attention => Some("is trained".to_owned()),
        LayerConfig::Pool(_)
        | LayerConfig::GlobalPool(_)
        | LayerConfig::MaxPool2d(_)
        | LayerConfig::AvgPool2d(_)
        | LayerConfig::Activation(_)
        | LayerConfig::Flatten(_)
        | LayerConfig::ToSequence(_) => None,
        LayerConfig::Dropout(_) | LayerConfig::DropPath(_) => Some("is random".to_owned()),
        // Tasks may read this point of the trunk.
        LayerConfig::Mark(_) => Some("is read by tasks".to_owned()),
        _ => Some("is trained".to_owned()),
    }
}

/// Whether the layers of the trunk are applied once, before anything that the sharing adds.
fn has_one_trunk(sharing: &SharingConfig) -> bool {
    match sharing {
        SharingConfig::Hard(_)
        | SharingConfig::Relation(_)
        | SharingConfig::Omoe(_)
        | SharingConfig::Mmoe(_)
        | SharingConfig::Cgc(_)
        | SharingConfig::Ple(_)
        | SharingConfig::DselectK(_)
        | SharingConfig::Adatt(_)
        | SharingConfig::Aitm(_)
        | SharingConfig::Esmm(_) => true,
        // Columns of layers for each task, modules between the blocks, or another crate's sharing.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use crate::model::config::{LayerConfig, NetworkConfig};
    use crate::model::frozen_prefix::FrozenPrefixConfig;
    use crate::model::layer::pretrained::model_cell::ModelFolders;

    fn network(encoders: Value, trunk: Value, sharing: Value) -> NetworkConfig {
        let tasks = json!([{"name": "y", "from": null, "after": [], "head": [], "loss": null}]);
        let config = json!({"encoders": encoders, "trunk": trunk, "sharing": sharing, "tasks": tasks});
        let network: NetworkConfig = serde_json::from_value(config).expect("a network");
        let folders =
            ModelFolders::in_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained"));
        let layers = network.encoders.iter().flat_map(|(_, layers)| layers).chain(&network.trunk);
        for layer in layers {
            if let LayerConfig::Pretrained(config) = layer {
                config.read(&folders).expect("a model");
            }
        }
        network
    }

    fn columns_per_task() -> Value {
        json!({"cross_stitch": {"own": 0.9}})
    }

    /// The parts of the prefix of each input, or the reason.
    fn prefixes(network: &NetworkConfig) -> Vec<Result<Vec<String>, String>> {
        let all = FrozenPrefixConfig::of_network(network).into_iter();
        all.map(|(_, prefix)| prefix.map(|prefix| prefix.parts())).collect()
    }

    fn of_trunk(trunk: Value) -> Vec<Result<Vec<String>, String>> {
        prefixes(&network(json!([["text", []]]), trunk, json!("hard")))
    }

    #[test]
    fn it_ends_before_the_first_layer_that_changes() {
        let frozen = json!({"pretrained": {"path": "bert", "freeze": "all"}});
        let parts = |names: &[&str]| vec![Ok(names.iter().map(|name| (*name).to_owned()).collect())];
        let both = ["trunk.0.pretrained", "trunk.1.pool"];
        assert_eq!(of_trunk(json!([frozen, {"pool": "mean"}])), parts(&both));
        assert_eq!(of_trunk(json!([frozen, {"pool": "mean"}, {"dropout": 0.1}, {"dense": 3}])), parts(&both));
        assert_eq!(of_trunk(json!([frozen, {"pool": "attention"}])), parts(&both[..1]));
        assert_eq!(of_trunk(json!([frozen, {"mark": "m"}, {"pool": "mean"}])), parts(&both[..1]));
        // Both of its two blocks.
        let two = json!({"pretrained": {"path": "bert", "freeze": 2}});
        assert_eq!(of_trunk(json!([two])), parts(&both[..1]));
        // An encoder goes on in the trunk if there is no other input.
        let encoder = json!([["text", [frozen]]]);
        let trunk = json!([{"pool": "mean"}, {"dense": 3}]);
        let whole = prefixes(&network(encoder.clone(), trunk.clone(), json!("hard")));
        assert_eq!(whole, parts(&["input.text.0.pretrained", "trunk.0.pool"]));
        let columns = prefixes(&network(encoder, trunk, columns_per_task()));
        assert_eq!(columns, parts(&["input.text.0.pretrained"]));
        let two = json!([["text", [frozen, {"pool": "mean"}]], ["age", []]]);
        let one_of_two = prefixes(&network(two, json!([{"activation": "relu"}]), json!("hard")));
        assert_eq!(one_of_two, parts(&["input.text.0.pretrained", "input.text.1.pool"]));
    }

    #[test]
    fn a_reason_names_the_layer() {
        let refused = |trunk: Value| of_trunk(trunk).pop().and_then(Result::err).unwrap_or_default();
        let first = json!({"pretrained": {"path": "bert", "freeze": 1}});
        assert_eq!(
            refused(json!([first, {"pool": "mean"}])),
            "`trunk.0.pretrained` freezes 1 of 2 blocks; `freeze: all` would freeze all"
        );
        let adapted = json!({"pretrained": {"path": "bert", "freeze": "all", "lora": {"rank": 2}}});
        assert!(refused(json!([adapted])).contains("`trunk.0.pretrained` has `lora`"));
        let frozen = json!({"pretrained": {"path": "resnet18", "freeze": "all"}});
        assert!(refused(json!([{"dropout": 0.1}, frozen])).contains("`trunk.0.dropout` is random"));
        let columns = network(json!([["text", []]]), json!([frozen, "flatten"]), columns_per_task());
        let reason = prefixes(&columns).pop().and_then(Result::err).unwrap_or_default();
        assert_eq!(reason, "`sharing: cross_stitch` divides the trunk");
        // A model that is trained is not mentioned.
        assert!(of_trunk(json!([{"pretrained": {"path": "bert"}}, {"pool": "mean"}])).is_empty());
    }
}
