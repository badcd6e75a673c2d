//! How far the trials of a run have come.

use serde_json::{Value, json};

use crate::domain::event::RunState;
use crate::domain::name::RunId;
use crate::domain::score::Direction;
use crate::domain::stage::StageKind;
use crate::report::number;
use crate::report::remaining::Remaining;
use crate::report::score::metric;
use crate::report::style::{Style, Tone};
use crate::report::summary::headline;
use crate::report::sweep::Sweep;
use crate::report::table::{Align, Cell, Table};
use crate::report::trained::Trained;
use crate::store::record::RunDetail;
use crate::store::{Error, Store};

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
