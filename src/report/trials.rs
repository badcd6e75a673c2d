//! The trials of a run as a sweep looks at them: what was chosen, and what came of it.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::domain::choice::called;
use crate::domain::event::RunState;
use crate::domain::name::RunId;
use crate::domain::score::{Direction, Split};
use crate::domain::stage::StageKind;
use crate::domain::trial_address::TrialAddress;
use crate::report::number;
use crate::report::remaining::Remaining;
use crate::report::score::metric;
use crate::report::style::{Style, Tone};
use crate::report::summary::headline;
use crate::report::sweep::Sweep;
use crate::report::table::{Align, Cell, Table};
use crate::store::record::{RunDetail, TrialRecord};
use crate::store::{Error, Store};

/// One trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
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

impl Trained {
    /// Every trial of a run.
    pub fn read(store: &Store, run: &RunId) -> Result<Vec<Self>, Error> {
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

    /// A setting's value as text; of a choice with settings of its own in the pipeline, its name; of a list of them their names.
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
                let Some((place, rest)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
                    continue;
                };
                if !items.iter().any(|(known, _)| *known == place) {
                    items.push((
                        place,
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
        let told = |address: &str| ["seed", "sweep", "description"].iter().any(|own| inside(address, own));
        let chosen = |address: &str| self.choices.iter().any(|(own, _)| inside(address, own));
        let own = self.parameters.iter().filter(|(address, _)| !told(address) && !chosen(address));
        let mut settings: Vec<(String, String)> = own.chain(&self.choices).cloned().collect();
        settings.sort();
        settings
    }

    /// A setting as a legend names it: a number as people read it, and of a choice with settings of its own its name,
    /// with what tells it from another choice of that name.
    pub(crate) fn named(&self, address: &str, among: &[Self]) -> String {
        let own = self.setting(address);
        if let Some(value) = own.parse::<f64>().ok().filter(|value| value.is_finite()) {
            return number::short(value);
        }
        let all = among.iter().map(|other| other.setting(address)).chain([own]).collect::<Vec<_>>();
        called(&all).pop().unwrap_or_default()
    }

    /// `weighting dwa, seed 2`
    fn label(&self, among: &[Self]) -> String {
        let choices =
            self.choices.iter().map(|(address, _)| format!("{address} {}", self.named(address, among)));
        choices.chain([format!("seed {}", self.seed)]).collect::<Vec<_>>().join(", ")
    }
}

fn pair(parameter: &crate::store::parameter::Parameter) -> (String, String) {
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

/// How far the trials of a run have come.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepStatus {
    detail: RunDetail,
    trained: Vec<Trained>,
    direction: Direction,
    best: Option<u32>,
    sweep: Sweep,
    /// Of each trial, the epochs that are done and their seconds.
    epochs: Vec<(u32, usize, f64)>,
}

/// Where a trial stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Done,
    Running,
    Pruned,
    Failed,
    Waiting,
}

impl Standing {
    const ALL: [Self; 5] = [Self::Done, Self::Running, Self::Pruned, Self::Failed, Self::Waiting];

    fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Running => "running",
            Self::Pruned => "pruned",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
        }
    }
}

impl SweepStatus {
    /// Reads it from the database, also while the run is at work.
    pub fn read(store: &Store, run: &RunId) -> Result<Self, Error> {
        Ok(Self {
            detail: store.run(run)?,
            trained: Trained::read(store, run)?,
            direction: store.direction(run)?,
            best: store.best_trial(run)?,
            sweep: Sweep::read(store, std::slice::from_ref(run), &[], None)?,
            epochs: store.epochs_done(run)?,
        })
    }

    /// Trials there will be: a search may choose more than are known.
    fn total(&self) -> usize {
        let parameters = || self.detail.parameters.iter();
        let searched =
            parameters().find(|own| own.path == "sweep.search.tpe.trials").and_then(|own| own.number);
        let seeds = parameters().filter(|own| own.path.starts_with("sweep.seeds")).count().max(1);
        let searched = searched.map_or(0, |trials| trials as usize * seeds);
        searched.max(self.trained.len())
    }

    /// What is known of the time it will take still; nothing unless it is at work.
    fn remaining(&self) -> Option<Remaining> {
        if self.detail.state != RunState::Running {
            return None;
        }
        let mut remaining = Remaining { waiting: self.total() - self.trained.len(), ..Remaining::default() };
        for trial in &self.trained {
            let number = trial.number;
            let own = || self.detail.stages.iter().filter(move |stage| stage.trial == Some(number));
            let seconds: f64 = own().filter_map(|stage| stage.seconds).sum();
            let found = own().any(|stage| stage.is(StageKind::Train) && stage.cached);
            let done = self.epochs.iter().find(|(number, ..)| *number == trial.number);
            let training = done.map_or(0.0, |(_, _, seconds)| *seconds);
            match self.standing(trial.number) {
                Standing::Done if !found => remaining.ended.push(seconds),
                Standing::Pruned => remaining.ended.push(training.max(seconds)),
                Standing::Running => {
                    let share = done
                        .map_or(0.0, |(_, done, _)| *done as f64 / trial.epochs.1.max(*done).max(1) as f64);
                    remaining.at_work.push((training, share));
                }
                Standing::Waiting => remaining.waiting += 1,
                Standing::Done | Standing::Failed => {}
            }
        }
        remaining.jobs = remaining.at_work.len();
        Some(remaining)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let trials = self.trained.iter().map(|trial| {
            let choices = trial.choices.iter().map(|(address, value)| (address.clone(), json!(value)));
            let choices: serde_json::Map<String, Value> = choices.collect();
            json!({
                "trial": trial.number,
                "seed": trial.seed,
                "choices": choices,
                "state": self.standing(trial.number).name(),
                "objective": trial.objective,
                "pruned": trial.pruned,
            })
        });
        let counts = Standing::ALL.map(|standing| (standing.name().to_owned(), json!(self.count(standing))));
        json!({
            "run": self.detail.run,
            "state": self.detail.state,
            "trials": trials.collect::<Vec<_>>(),
            "counts": counts.into_iter().collect::<serde_json::Map<_, _>>(),
            "best": self.best,
            "planned": self.total(),
            "seconds_left": self.remaining().and_then(|remaining| remaining.seconds()),
            "front": self.sweep.front,
        })
    }

    /// For people.
    pub fn text(&self, style: &Style) -> String {
        let mut text = headline(&self.detail, style);
        let counts = Standing::ALL.map(|standing| format!("{} {}", self.count(standing), standing.name()));
        let more = match self.total() - self.trained.len() {
            0 => String::new(),
            more => format!(", {more} not chosen yet"),
        };
        let left = self.remaining().and_then(|remaining| remaining.told());
        let left = left.map_or_else(String::new, |left| format!("; {left}"));
        text.push_str(&format!("{} trials: {}{more}{left}\n\n", self.total(), counts.join(", ")));
        let objective = metric("objective", self.direction);
        let columns = [
            ("trial", Align::Right),
            ("settings", Align::Left),
            ("state", Align::Left),
            (objective.as_str(), Align::Decimal),
        ];
        let mut table = Table::new(&columns);
        for trial in &self.trained {
            let standing = self.standing(trial.number);
            let tone = match standing {
                Standing::Done => Tone::Good,
                Standing::Failed => Tone::Bad,
                Standing::Running => Tone::Strong,
                Standing::Waiting | Standing::Pruned => Tone::Faint,
            };
            let star = if self.best == Some(trial.number) { "★ " } else { "" };
            let value = trial.objective.map_or_else(String::new, number::significant);
            table.row(vec![
                format!("#{}", trial.number).into(),
                trial.label(&self.trained).into(),
                Cell::new(
                    tone,
                    trial.pruned.map_or(standing.name().to_owned(), |epoch| format!("pruned after {epoch}")),
                ),
                format!("{star}{value}").into(),
            ]);
        }
        text.push_str(&table.text(style));
        if self.best.is_some() {
            text.push_str(&style.paint(Tone::Faint, "★ best so far, by its objective on validation rows\n"));
        }
        text.push_str(&self.sweep.front_text(style));
        text
    }

    fn count(&self, standing: Standing) -> usize {
        self.trained.iter().filter(|trial| self.standing(trial.number) == standing).count()
    }

    fn standing(&self, trial: u32) -> Standing {
        if self.trained.iter().any(|own| own.number == trial && own.pruned.is_some()) {
            return Standing::Pruned;
        }
        let own = || self.detail.stages.iter().filter(move |stage| stage.trial == Some(trial));
        let is = |state: &str| own().any(|stage| stage.state == state);
        if is("failed") {
            return Standing::Failed;
        }
        let last = own().find(|stage| stage.is(StageKind::Verify));
        if last.is_some_and(|stage| stage.state == "finished") && own().all(|stage| stage.state == "finished")
        {
            return Standing::Done;
        }
        let at_work = self.detail.state == RunState::Running && own().next().is_some();
        if is("running") || at_work { Standing::Running } else { Standing::Waiting }
    }
}
