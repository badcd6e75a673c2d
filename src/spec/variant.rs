//! A pipeline with some settings changed at their addresses, as `--set` would change its file.

use serde_json::Value;

use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::tree::node::{Node, Scalar};
use crate::spec::parse::read_node;
use crate::spec::pipeline::PipelineConfig;
use crate::spec::setting_address::{SettingOverride, parse_path};
use crate::spec::write::write;
use crate::spec::yaml;

/// A pipeline as a tree, ready to be changed many times over.
pub struct PipelineVariants {
    root: Node,
}

/// One changed setting.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingChange {
    /// As written: `train.optimizer.adamw.rate`.
    pub address: String,
    pub value: Value,
}

impl PipelineVariants {
    /// Of a pipeline, without its sweep.
    pub fn from_pipeline(pipeline: &PipelineConfig) -> Self {
        let mut plain = pipeline.clone();
        plain.sweep = None;
        // What was written by us reads again: a test holds this for every pipeline there is.
        let root = yaml::parse(&write(&plain)).map(|(root, _)| root);
        Self { root: root.unwrap_or(Node::Null) }
    }

    /// The pipeline with these settings changed, or what is wrong with it: diagnostics have the paths of
    /// the changed pipeline.
    pub fn with(&self, changes: &[SettingChange]) -> Result<PipelineConfig, Vec<Diagnostic>> {
        let mut root = self.root.clone();
        for SettingChange { address, value } in changes {
            let change = SettingOverride::at(address, node(value)).map_err(|reason| {
                vec![Diagnostic::error(
                    "sweep-address",
                    Path::from_key(address),
                    format!("`{address}`: {reason}"),
                )]
            })?;
            change.apply(&mut root).map_err(|diagnostic| vec![diagnostic])?;
        }
        read_node(root)
    }
}

/// The steps of an address; `None` when it is none.
pub fn address(text: &str) -> Option<Path> {
    parse_path(text).ok()
}

fn node(value: &Value) -> Node {
    let scalar = |value: Scalar, text: String| Node::Scalar { value, text };
    match value {
        Value::Null => Node::Null,
        Value::Bool(flag) => scalar(Scalar::Bool(*flag), flag.to_string()),
        Value::Number(number) => {
            let value = match (number.as_u64(), number.as_i64()) {
                (Some(whole), _) => Scalar::Unsigned(whole),
                (_, Some(whole)) => Scalar::Signed(whole),
                _ => Scalar::Float(number.as_f64().unwrap_or(f64::NAN)),
            };
            scalar(value, number.to_string())
        }
        Value::String(text) => Node::Text(text.clone()),
        Value::Array(items) => Node::List(items.iter().map(node).enumerate().collect()),
        Value::Object(map) => Node::Map(map.iter().map(|(key, value)| (key.clone(), node(value))).collect()),
    }
}
