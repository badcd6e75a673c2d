//! Trials with their chosen settings and scores, as the sweep reports use them.

use crate::domain::choice::display_names;
use crate::domain::name::RunId;
use crate::domain::score::{Direction, Split};
use crate::domain::trial_address::TrialAddress;
use crate::report::number;
use crate::store::record::{RunDetail, TrialRecord};
use crate::store::{ResultsDatabase, StoreError};

/// A trial with its settings and scores.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedTrial {
    /// `census-3f2a#1`
    pub name: TrialAddress,
    /// Number of the trial.
    pub number: u32,
    /// Seed of the trial.
    pub seed: u64,
    /// (path, value) of the settings that the sweep chose.
    pub choices: Vec<(String, String)>,
    /// (path, value) of the run's own settings.
    pub parameters: Vec<(String, String)>,
    /// The best epoch's objective on validation rows.
    pub objective: Option<f64>,
    /// The epoch after which the sweep pruned it.
    pub pruned: Option<usize>,
    /// Number of trained and of planned epochs.
    pub epochs: (usize, usize),
    /// The first metric of every task, in the pipeline's order.
    pub scores: Vec<TaskScore>,
    /// The gain over single-task training on the validation and the test split, in percent.
    pub gain: (Option<f64>, Option<f64>),
    /// The scores of the objectives of a multi-objective sweep.
    pub objectives: Vec<Option<TaskScore>>,
}

/// The scores of a task by one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskScore {
    /// Name of the task.
    pub task: String,
    /// Name of the metric.
    pub metric: String,
    /// Whether higher or lower is better.
    pub direction: Direction,
    /// On validation rows; `None` if it was not scored.
    pub valid: Option<f64>,
    /// On test rows; `None` if it was not scored.
    pub test: Option<f64>,
    /// The task's gain over training it alone on the test split, in percent.
    pub gain: Option<f64>,
}

impl TaskScore {
    /// The value on a split; `None` for training rows.
    pub fn value(&self, split: Split) -> Option<f64> {
        match split {
            Split::Valid => self.valid,
            Split::Test => self.test,
            Split::Train => None,
        }
    }
}

impl TrainedTrial {
    /// Reads all trials of a run.
    pub fn read(store: &ResultsDatabase, run: &RunId) -> Result<Vec<Self>, StoreError> {
        let detail = store.run(run)?;
        let objectives = store.objectives(run)?;
        let sweep_objectives = store.sweep_objectives(run)?;
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
            scores: detail
                .tasks
                .iter()
                .filter_map(|task| first_score(&detail, trial.trial, &task.task))
                .collect(),
            objectives: sweep_objectives
                .iter()
                .map(|objective| task_score(&detail, trial.trial, &objective.task, &objective.metric))
                .collect(),
        };
        Ok(detail.trials.iter().map(one).collect())
    }

    /// A setting's value as text: for a choice with settings of its own its name, for a list of such choices
    /// their names.
    pub fn setting(&self, address: &str) -> String {
        let leaf = self.choices.iter().chain(&self.parameters).find(|(known, _)| known == address);
        let below = || {
            self.parameters.iter().filter_map(|(known, value)| Some((known.strip_prefix(address)?, value)))
        };
        let first_key = |path: &str| path.split(['.', '[']).next().map(str::to_owned);
        let choice_name = || below().find_map(|(path, _)| first_key(path.strip_prefix('.')?));
        let list_of_names = || {
            let mut items: Vec<(&str, String)> = Vec::new();
            for (path, value) in below() {
                let Some((index, path)) = path.strip_prefix('[').and_then(|path| path.split_once(']')) else {
                    continue;
                };
                if !items.iter().any(|(known, _)| *known == index) {
                    let name = path.strip_prefix('.').and_then(first_key);
                    items.push((index, name.unwrap_or_else(|| value.clone())));
                }
            }
            let items: Vec<String> = items.into_iter().map(|(_, item)| item).collect();
            (!items.is_empty()).then(|| format!("[{}]", items.join(", ")))
        };
        let value = leaf.map(|(_, value)| value.clone()).or_else(choice_name).or_else(list_of_names);
        value.unwrap_or_else(|| "–".to_owned())
    }

    /// All settings of the trial except the seed, the sweep and the description.
    pub(crate) fn settings_but_seed(&self) -> Vec<(String, String)> {
        let is_irrelevant =
            |address: &str| ["seed", "sweep", "description"].iter().any(|own| is_inside(address, own));
        let is_replaced = |address: &str| self.choices.iter().any(|(own, _)| is_inside(address, own));
        let own =
            self.parameters.iter().filter(|(address, _)| !is_irrelevant(address) && !is_replaced(address));
        let mut settings: Vec<(String, String)> = own.chain(&self.choices).cloned().collect();
        settings.sort();
        settings
    }

    /// A setting's value as in a legend: a short number, or the name of a choice with the settings that
    /// distinguish it from other choices of that name.
    pub(crate) fn named(&self, address: &str, among: &[Self]) -> String {
        let value = self.setting(address);
        if let Some(number) = value.parse::<f64>().ok().filter(|number| number.is_finite()) {
            return number::short(number);
        }
        let all = among.iter().map(|other| other.setting(address)).chain([value]).collect::<Vec<_>>();
        display_names(&all).pop().unwrap_or_default()
    }

    /// `weighting dwa, seed 2`
    pub(crate) fn label(&self, among: &[Self]) -> String {
        let choices =
            self.choices.iter().map(|(address, _)| format!("{address} {}", self.named(address, among)));
        choices.chain([format!("seed {}", self.seed)]).collect::<Vec<_>>().join(", ")
    }
}

/// Whether a setting's path is `ancestor` or below it.
pub(crate) fn is_inside(address: &str, ancestor: &str) -> bool {
    address.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The paths of the settings that sweeps chose, in the order of their spaces.
pub(crate) fn varied(trained: &[TrainedTrial]) -> Vec<String> {
    let mut varied: Vec<String> = Vec::new();
    for (address, _) in trained.iter().flat_map(|trial| &trial.choices) {
        if !varied.contains(address) {
            varied.push(address.clone());
        }
    }
    varied
}

fn pair(parameter: &crate::store::parameter::ConfigParameter) -> (String, String) {
    (parameter.path.clone(), parameter.text.clone().unwrap_or_else(|| "null".to_owned()))
}

/// The scores of a task by its first metric; `None` before it is scored.
fn first_score(detail: &RunDetail, trial: u32, task: &str) -> Option<TaskScore> {
    let first = detail.scores.iter().find(|score| score.trial == trial && score.task == task)?;
    task_score(detail, trial, task, &first.metric)
}

/// The scores of a task by a metric; `None` before it is scored.
fn task_score(detail: &RunDetail, trial: u32, task: &str, metric: &str) -> Option<TaskScore> {
    let scores = || {
        let scores = detail.scores.iter().filter(move |score| score.trial == trial && score.task == task);
        scores.filter(move |score| score.metric == metric)
    };
    let first = scores().next()?;
    let value = |split: Split| scores().find(|score| score.split == split)?.value;
    Some(TaskScore {
        task: task.to_owned(),
        metric: first.metric.clone(),
        direction: first.direction,
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
