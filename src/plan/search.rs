//! Trials that a search chooses from the results of earlier trials. The plan starts with some; the run adds
//! the others, one combination at a time, each with one trial per seed. A batch of combinations is chosen
//! from the results of all trials before the batch.

use serde_json::Value;

use crate::domain::diagnostic::Diagnostic;
use crate::domain::score::Direction;
use crate::plan::combined_check::variant;
use crate::plan::graph;
use crate::plan::resolved_plan::Plan;
use crate::plan::sweep::{MAX_REPEATS, SettingChoice, random, seeds};
use crate::plan::tpe::{EvaluatedChoice, promising};
use crate::plan::trial::Trial;
use crate::spec::pipeline::PipelineConfig;
use crate::spec::sweep::{SweepConfig, SweepSearchConfig, TpeConfig};
use crate::spec::variant::{PipelineVariants, SettingChange};

/// The result of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialOutcome {
    /// Its best objective.
    pub objective: f64,
    /// The last epoch, if the trial was stopped early.
    pub pruned_at: Option<usize>,
}

/// Setting paths and chosen values.
pub type ChoicesByAddress = Vec<(String, Value)>;

impl Plan {
    /// Whether higher or lower objectives are better.
    pub fn direction(&self) -> Direction {
        let monitor = &self.pipeline.train.monitor;
        match (&monitor.task, &monitor.metric) {
            (Some(_), Some(metric)) => metric.view().direction(),
            _ => Direction::Lower,
        }
    }

    /// Number of trials per combination.
    pub fn seeds(&self) -> usize {
        self.pipeline.sweep.as_ref().map_or(1, |sweep| seeds(sweep, &self.pipeline).len())
    }

    /// Number of combinations that are still to be chosen.
    pub fn remaining_combinations(&self) -> usize {
        let total = self.search().map_or(0, |(_, config)| config.trials.get());
        total.saturating_sub(self.trials.len() / self.seeds())
    }

    fn search(&self) -> Option<(&SweepConfig, &TpeConfig)> {
        let sweep = self.pipeline.sweep.as_ref()?;
        match &sweep.search {
            SweepSearchConfig::Tpe(config) => Some((sweep, config)),
            _ => None,
        }
    }

    /// Number of combinations that a search chooses at a time; `None` without a search.
    pub fn batch(&self) -> Option<usize> {
        self.search().map(|(_, config)| config.batch.get())
    }

    /// Returns the next combinations to train; fewer than a batch if the space is exhausted.
    pub fn propose(&self, outcome: impl Fn(u32) -> Option<TrialOutcome>) -> Vec<ChoicesByAddress> {
        let Some((sweep, config)) = self.search() else { return Vec::new() };
        let seed = config.seed.unwrap_or(self.pipeline.seed).get();
        let sign = if self.direction() == Direction::Lower { 1.0 } else { -1.0 };
        let mut known: Vec<Vec<Value>> = Vec::new();
        let mut tried = Vec::new();
        for trials in self.trials.chunks(self.seeds()) {
            let values: Vec<Value> = trials[0].choices.iter().map(|choice| choice.value.clone()).collect();
            let outcomes: Vec<TrialOutcome> =
                trials.iter().filter_map(|trial| outcome(trial.number)).collect();
            let latest = outcomes.iter().map(|outcome| outcome.pruned_at.unwrap_or(usize::MAX)).max();
            if let Some(latest) = latest {
                // Of several seeds, only those that were trained longest count.
                let longest =
                    outcomes.iter().filter(|outcome| outcome.pruned_at.unwrap_or(usize::MAX) == latest);
                let losses: Vec<f64> = longest.map(|outcome| sign * outcome.objective).collect();
                let loss = losses.iter().sum::<f64>() / losses.len() as f64;
                let pruned_at = (latest < usize::MAX).then_some(latest);
                tried.push(EvaluatedChoice { values: values.clone(), pruned_at, loss });
            }
            known.push(values);
        }
        let variants = PipelineVariants::from_pipeline(&plain(&self.pipeline));
        let mut chosen = Vec::new();
        for _ in 0..config.batch.get().min(self.remaining_combinations()) {
            let proposals = promising(sweep, config, seed, known.len() as u64, &tried);
            // If the estimators propose nothing new, draw at random.
            let drawn = || random(sweep, seed, known.len() + MAX_REPEATS as usize).into_iter();
            let new = |picks: &Vec<SettingChoice>| {
                !known.contains(&values(picks)) && variant(&variants, picks, &[]).is_ok()
            };
            let Some(picks) = proposals.into_iter().find(new).or_else(|| drawn().find(new)) else { break };
            known.push(values(&picks));
            chosen.push(picks.into_iter().map(|pick| (pick.change.address, pick.change.value)).collect());
        }
        chosen
    }

    /// Adds the trials of a combination, one per seed, and returns their numbers.
    ///
    /// # Errors
    ///
    /// The problems of the pipeline with these choices.
    pub fn add(&mut self, choices: &ChoicesByAddress) -> Result<Vec<u32>, Vec<Diagnostic>> {
        let Some(sweep) = self.pipeline.sweep.clone() else { return Ok(Vec::new()) };
        let changes: Vec<SettingChange> = choices
            .iter()
            .map(|(address, value)| SettingChange { address: address.clone(), value: value.clone() })
            .collect();
        let plain = plain(&self.pipeline);
        let picks: Vec<SettingChoice> = changes.iter().cloned().map(SettingChoice::from_change).collect();
        let (pipeline, _) = variant(&PipelineVariants::from_pipeline(&plain), &picks, &[])?;
        let mut numbers = Vec::new();
        for seed in seeds(&sweep, &plain) {
            let number = self.trials.len() as u32 + 1;
            let (choices, pipeline) = (changes.clone(), pipeline.clone());
            self.trials.push(Trial { number, seed, choices, pipeline });
            numbers.push(number);
        }
        self.graph = graph::build(self.pipeline.data.keys(), &self.trials);
        Ok(numbers)
    }
}

fn plain(pipeline: &PipelineConfig) -> PipelineConfig {
    PipelineConfig { sweep: None, ..pipeline.clone() }
}

fn values(picks: &[SettingChoice]) -> Vec<Value> {
    picks.iter().map(|pick| pick.change.value.clone()).collect()
}
