//! Each task alone: what the joint training of a trial is measured by.
//!
//! Alone means with the same inputs, trunk, own layers, training and seed, but hard sharing with nobody, a
//! weight of 1, and no other task's answers. What a sharing adds to the trunk (experts, columns) is not
//! there. Where the best epoch of the trial is chosen by another task's metric, that of a task alone is
//! chosen by its own loss.

use serde_json::{Value, json};

use crate::domain::name::TaskName;
use crate::evaluate::config::BaselinesConfig;
use crate::model::config::SharingConfig;
use crate::plan::trial::Trial;
use crate::spec::pipeline::PipelineConfig;
use crate::train::config::{BalanceConfig, GradientsConfig};

impl Trial {
    /// The tasks to be trained alone beside it.
    pub fn baselines(&self) -> Vec<&TaskName> {
        match self.pipeline.evaluate.baselines {
            Some(BaselinesConfig::SingleTask(_)) => self.pipeline.tasks.keys().collect(),
            None => Vec::new(),
        }
    }

    /// The same trial with one task alone.
    pub fn alone(&self, task: &TaskName) -> Self {
        Self { choices: Vec::new(), pipeline: alone(&self.pipeline, task), ..self.clone() }
    }

    /// What the training and the scores of a task alone depend on, but for the data: trials that differ in
    /// nothing else share them.
    pub(crate) fn alone_words(&self, task: &TaskName) -> Value {
        let own = self.alone(task);
        let mut train = serde_json::to_value(&own.pipeline.train).unwrap_or_default();
        // How often to save does not change what is learned.
        if let Some(train) = train.as_object_mut() {
            train.shift_remove("checkpoint");
        }
        json!({
            "network": own.network(),
            "train": train,
            "seed": own.seed,
            "splits": own.pipeline.evaluate.splits,
            "metrics": own.metrics(),
        })
    }
}

fn alone(pipeline: &PipelineConfig, task: &TaskName) -> PipelineConfig {
    let mut own = pipeline.clone();
    own.tasks.retain(|name, _| name == task);
    for config in own.tasks.values_mut() {
        config.after.clear();
        if let Some(table) = &config.data {
            own.data.retain(|name, _| name == table);
        }
    }
    own.sharing = SharingConfig::default();
    own.weighting = BalanceConfig::default();
    own.train.gradients = GradientsConfig::default();
    own.train.affinity = None;
    let monitor = &mut own.train.monitor;
    if monitor.task.as_ref().is_some_and(|watched| watched != task) {
        (monitor.task, monitor.metric) = (None, None);
    }
    own
}
