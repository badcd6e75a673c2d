//! Single-task baselines, with which the joint training of a trial is compared.
//!
//! A baseline has the same inputs, trunk, head, training settings and seed, but hard sharing, weight 1, and
//! no predictions of other tasks. What a sharing adds to the trunk (experts, columns) is left out. If the
//! best epoch of the trial is selected by another task's metric, that of the baseline is selected by the
//! task's own loss.

use serde_json::{Value, json};

use crate::domain::name::TaskName;
use crate::evaluate::config::BaselinesConfig;
use crate::model::config::SharingConfig;
use crate::plan::trial::Trial;
use crate::spec::pipeline::PipelineConfig;
use crate::train::config::{BalanceConfig, GradientsConfig, WeightPart};

impl Trial {
    /// The tasks that are also trained alone.
    pub fn baselines(&self) -> Vec<&TaskName> {
        match self.pipeline.evaluate.baselines {
            Some(BaselinesConfig::SingleTask(_)) => self.pipeline.tasks.keys().collect(),
            None => Vec::new(),
        }
    }

    /// Returns the same trial with only this task.
    pub fn single_task(&self, task: &TaskName) -> Self {
        Self { choices: Vec::new(), pipeline: single_task(&self.pipeline, task), ..self.clone() }
    }

    /// The settings that a baseline's training and scores depend on, apart from the data. Trials with equal
    /// settings share the baseline.
    pub(crate) fn baseline_config(&self, task: &TaskName) -> Value {
        let own = self.single_task(task);
        let mut train = serde_json::to_value(&own.pipeline.train).unwrap_or_default();
        // The checkpoint interval does not affect the result.
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

fn single_task(pipeline: &PipelineConfig, task: &TaskName) -> PipelineConfig {
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
    // Keys that name the other tasks.
    let is_other = |key: &str| {
        let is_part = WeightPart::ALL.iter().any(|part| part.name() == key);
        !is_part && key != task.as_str() && pipeline.tasks.keys().any(|other| other.as_str() == key)
    };
    own.train.rates.rates.retain(|key, _| !is_other(key));
    own.train.freeze.retain(|key| !is_other(key));
    let monitor = &mut own.train.monitor;
    if monitor.task.as_ref().is_some_and(|monitored| monitored != task) {
        (monitor.task, monitor.metric) = (None, None);
    }
    own
}
