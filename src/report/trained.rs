//! A trial as a sweep looks at it: what was chosen, and what came of it.

use crate::domain::choice::called;
use crate::domain::name::RunId;
use crate::domain::score::{Direction, Split};
use crate::domain::trial_address::TrialAddress;
use crate::report::number;
use crate::store::record::{RunDetail, TrialRecord};
use crate::store::{ResultsDatabase, StoreError};

/// One trial.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedTrial {
    /// `census-3f2a#1`
    pub name: TrialAddress,
    pub number: u32,
    pub seed: u64,
    /// What its sweep chose, by address.
    pub choices: Vec<(String, String)>,
    /// The run's own settings, by address.
    pub parameters: Vec<(String, String)>,
    /// Of its best epoch, on validation rows.
    pub objective: Option<f64>,
    /// The epoch after which its sweep gave it up.
    pub pruned: Option<usize>,
    /// Epochs it was trained for, and those it would have been.
    pub epochs: (usize, usize),
    /// The first metric of every task, in the pipeline's order.
    pub scores: Vec<TaskScore>,
    /// Over single tasks on the valid and the test split, in percent.
    pub gain: (Option<f64>, Option<f64>),
    /// Its run's objectives, where its sweep names several.
    pub objectives: Vec<Option<TaskScore>>,
}

/// A task's first metric.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskScore {
    pub task: String,
    pub metric: String,
    pub direction: Direction,
    pub valid: Option<f64>,
    pub test: Option<f64>,
    /// Over the task trained alone on the test split, in percent.
    pub gain: Option<f64>,
}

impl TaskScore {
    pub fn value(&self, split: Split) -> Option<f64> {
        match split {
            Split::Valid => self.valid,
            Split::Test => self.test,
            Split::Train => None,
        }
    }
}

impl TrainedTrial {
    /// Every trial of a run.
    pub fn read(store: &ResultsDatabase, run: &RunId) -> Result<Vec<Self>, StoreError> {
        let detail = store.run(run)?;
        let objectives = store.objectives(run)?;
        let weighed = store.sweep_objectives(run)?;
        let one = |trial: &TrialRecord| Self {
            name: TrialAddress::new(run, trial.trial),
            number: trial.trial,
            seed: trial.seed.unwrap_or(detail.seed),
            choices: trial.parameters.iter().map(pair).collect(),
            parameters: detail.parameters.iter().map(pair).collect(),
            objective: objectives.iter().find(|own| own.trial == trial.trial).and_then(|own| own.objective),
            gain: (
                detail.gains.mean(trial.trial, None, Split::Valid),
                detail.gains.mean(trial.trial, None, Split::Test),
            ),
            pruned: trial.pruned,
            epochs: (trial.epochs.unwrap_or(0), trial.planned_epochs.unwrap_or(0)),
            scores: detail.tasks.iter().filter_map(|task| first(&detail, trial.trial, &task.task)).collect(),
            objectives: weighed
                .iter()
                .map(|own| scored(&detail, trial.trial, &own.task, &own.metric))
                .collect(),
        };
        Ok(detail.trials.iter().map(one).collect())
    }

    /// A setting's value as text; of a choice with settings of its own in the pipeline, its name; of a list
    /// of them their names.
    pub fn setting(&self, address: &str) -> String {
        let own = self.choices.iter().chain(&self.parameters).find(|(known, _)| known == address);
        let below = || {
            self.parameters.iter().filter_map(|(known, value)| Some((known.strip_prefix(address)?, value)))
        };
        let first = |rest: &str| rest.split(['.', '[']).next().map(str::to_owned);
        let inside = || below().find_map(|(rest, _)| first(rest.strip_prefix('.')?));
        let listed = || {
            let mut items: Vec<(&str, String)> = Vec::new();
            for (rest, value) in below() {
                let Some((index, rest)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
                    continue;
                };
                if !items.iter().any(|(known, _)| *known == index) {
                    items.push((
                        index,
                        rest.strip_prefix('.').and_then(first).unwrap_or_else(|| value.clone()),
                    ));
                }
            }
            let items: Vec<String> = items.into_iter().map(|(_, item)| item).collect();
            (!items.is_empty()).then(|| format!("[{}]", items.join(", ")))
        };
        own.map(|(_, value)| value.clone()).or_else(inside).or_else(listed).unwrap_or_else(|| "–".to_owned())
    }

    /// Everything that was set for it except the seed, and what only says how it came about.
    pub(crate) fn settings_but_seed(&self) -> Vec<(String, String)> {
        let inside = |address: &str, of: &str| {
            address.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let hidden = |address: &str| ["seed", "sweep", "description"].iter().any(|own| inside(address, own));
        let chosen = |address: &str| self.choices.iter().any(|(own, _)| inside(address, own));
        let own = self.parameters.iter().filter(|(address, _)| !hidden(address) && !chosen(address));
        let mut settings: Vec<(String, String)> = own.chain(&self.choices).cloned().collect();
        settings.sort();
        settings
    }

    /// A setting as a legend names it: a number as people read it, and of a choice with settings of its own
    /// its name, with what tells it from another choice of that name.
    pub(crate) fn named(&self, address: &str, among: &[Self]) -> String {
        let own = self.setting(address);
        if let Some(value) = own.parse::<f64>().ok().filter(|value| value.is_finite()) {
            return number::short(value);
        }
        let all = among.iter().map(|other| other.setting(address)).chain([own]).collect::<Vec<_>>();
        called(&all).pop().unwrap_or_default()
    }

    /// `weighting dwa, seed 2`
    pub(crate) fn label(&self, among: &[Self]) -> String {
        let choices =
            self.choices.iter().map(|(address, _)| format!("{address} {}", self.named(address, among)));
        choices.chain([format!("seed {}", self.seed)]).collect::<Vec<_>>().join(", ")
    }
}

fn pair(parameter: &crate::store::parameter::ConfigParameter) -> (String, String) {
    (parameter.path.clone(), parameter.text.clone().unwrap_or_else(|| "null".to_owned()))
}

fn first(detail: &RunDetail, trial: u32, task: &str) -> Option<TaskScore> {
    let head = detail.scores.iter().find(|score| score.trial == trial && score.task == task)?;
    scored(detail, trial, task, &head.metric)
}

/// A task's metric; `None` before it is scored.
fn scored(detail: &RunDetail, trial: u32, task: &str, metric: &str) -> Option<TaskScore> {
    let own = || {
        let own = detail.scores.iter().filter(move |score| score.trial == trial && score.task == task);
        own.filter(move |score| score.metric == metric)
    };
    let head = own().next()?;
    let value = |split: Split| own().find(|score| score.split == split)?.value;
    Some(TaskScore {
        task: task.to_owned(),
        metric: head.metric.clone(),
        direction: head.direction,
        valid: value(Split::Valid),
        test: value(Split::Test),
        gain: detail.gains.mean(trial, Some(task), Split::Test),
    })
}

#[cfg(test)]
mod tests {
    use crate::domain::name::RunId;
    use crate::domain::trial_address::TrialAddress;
    use crate::report::trained::TrainedTrial;

    #[test]
    fn a_setting_is_read_however_it_was_written() {
        let parameters = [
            ("weighting[0].uncertainty.form", "standard"),
            ("weighting[1].pcgrad", "{}"),
            ("sharing.mmoe.experts", "4"),
            ("trunk[0]", "batch_norm"),
            ("train.epochs", "3"),
            ("train.epochs_more", "9"),
            ("seed", "1"),
        ];
        let trial = TrainedTrial {
            name: TrialAddress::new(&RunId::new("a-1").unwrap(), 1),
            number: 1,
            seed: 1,
            choices: vec![("train.epochs".to_owned(), "5".to_owned())],
            parameters: parameters.map(|(path, value)| (path.to_owned(), value.to_owned())).to_vec(),
            objective: None,
            pruned: None,
            epochs: (0, 0),
            scores: Vec::new(),
            gain: (None, None),
            objectives: Vec::new(),
        };
        let result = ["weighting", "sharing", "trunk", "train.epochs", "none"].map(|own| trial.setting(own));
        assert_eq!(result, ["[uncertainty, pcgrad]", "mmoe", "[batch_norm]", "5", "–"]);
        let all = trial.settings_but_seed();
        assert_eq!(all.len(), 6, "{all:?}");
        assert!(all.contains(&("train.epochs".to_owned(), "5".to_owned())), "{all:?}");
    }
}
