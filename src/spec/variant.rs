//! A pipeline with some settings changed, as by `--set`.

use serde_json::Value;

use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::tree::node::{Node, Scalar};
use crate::model::layer::pretrained::model_cell::ModelFolders;
use crate::spec::parse::read_node;
use crate::spec::pipeline::PipelineConfig;
use crate::spec::setting_address::{SettingOverride, parse_path};
use crate::spec::write::write;
use crate::spec::yaml;

/// A pipeline as a tree, from which variants are created.
pub struct PipelineVariants {
    root: Node,
    models: ModelFolders,
}

/// One changed setting.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingChange {
    /// The path as written: `train.optimizer.adamw.rate`.
    pub address: String,
    /// The new value.
    pub value: Value,
}

impl PipelineVariants {
    /// Prepares a pipeline, without its sweep.
    pub fn from_pipeline(pipeline: &PipelineConfig) -> Self {
        let mut plain = pipeline.clone();
        plain.sweep = None;
        // A written pipeline can be parsed: a test checks this for every pipeline in the repository.
        let root = yaml::parse(&write(&plain)).map(|(root, _)| root);
        Self { root: root.unwrap_or(Node::Null), models: pipeline.models.clone() }
    }

    /// Returns the pipeline with these settings changed.
    ///
    /// # Errors
    ///
    /// The problems of the changed pipeline, with paths into it.
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
        Ok(PipelineConfig { models: self.models.clone(), ..read_node(root)? })
    }
}

/// Parses a setting path; `None` if it is invalid.
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
