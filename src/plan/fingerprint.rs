//! Fingerprints of stages: a hash of the settings that affect the result (`stage_config.rs`), the
//! fingerprints of the stages before it, and the version of the stage's artifact.

mod stage_config;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::domain::fingerprint::Fingerprint;
use crate::domain::name::TableName;
use crate::plan::extension::extensions;
use crate::plan::fingerprint::stage_config::to_json;
use crate::plan::resolved_plan::Plan;
use crate::plan::stage::{Stage, format};

pub use crate::plan::content_cache::{combined, file};

impl Plan {
    /// The fingerprint of the resolved pipeline: equal for equal experiments.
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint(&to_json(&self.pipeline))
    }

    /// The fingerprints of all stages. `content` are the content hashes of the tables.
    pub fn fingerprints(&self, content: &BTreeMap<TableName, Fingerprint>) -> BTreeMap<Stage, Fingerprint> {
        let mut all: BTreeMap<Stage, Fingerprint> = BTreeMap::new();
        for node in self.order() {
            let stage = &self.graph[node];
            let upstream: Vec<&Fingerprint> =
                self.upstream(node).into_iter().filter_map(|node| all.get(&self.graph[node])).collect();
            let config = self.stage_config(stage, content);
            let mut content_json = json!({
                "stage": stage.kind().name(),
                "format": format(&stage.work),
                "words": config,
                "upstream": upstream,
            });
            // The results of registered items may change with the version of their crate.
            let extensions = extensions(&content_json["words"]);
            if !extensions.is_empty() {
                content_json["extensions"] = json!(extensions);
            }
            all.insert(stage.clone(), fingerprint(&content_json));
        }
        all
    }
}

/// Hash of canonical JSON: fields in the order of their structs, no whitespace.
fn fingerprint(value: &Value) -> Fingerprint {
    Fingerprint(blake3::hash(value.to_string().as_bytes()).to_hex().to_string())
}
