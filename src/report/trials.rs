//! The progress of the trials of a run.

use serde_json::{Value, json};

use crate::domain::event::RunState;
use crate::domain::name::RunId;
use crate::domain::score::Direction;
use crate::domain::stage::StageKind;
use crate::report::number;
use crate::report::score::metric;
use crate::report::style::{Style, TextTone};
use crate::report::summary::headline;
use crate::report::sweep::SweepReport;
use crate::report::table::{ColumnAlign, TableCell, TextTable};
use crate::report::time_left::SweepRemaining;
use crate::report::trained::TrainedTrial;
use crate::store::record::RunDetail;
use crate::store::{ResultsDatabase, StoreError};

/// The status of the trials of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepStatus {
    detail: RunDetail,
    trained: Vec<TrainedTrial>,
    direction: Direction,
    best: Option<u32>,
    sweep: SweepReport,
    /// (trial, finished epochs, their seconds).
    epochs: Vec<(u32, usize, f64)>,
}

/// The status of one trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TrialStatus {
    Done,
    Running,
    Pruned,
    Failed,
    Waiting,
}

impl TrialStatus {
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
    /// Reads the status from the database, also of a running run.
    pub fn read(store: &ResultsDatabase, run: &RunId) -> Result<Self, StoreError> {
        Ok(Self {
            detail: store.run(run)?,
            trained: TrainedTrial::read(store, run)?,
            direction: store.direction(run)?,
            best: store.best_trial(run)?,
            sweep: SweepReport::read(store, std::slice::from_ref(run), &[], None)?,
            epochs: store.epochs_done(run)?,
        })
    }

    /// The total number of trials, including those that a search has not chosen yet.
    fn total(&self) -> usize {
        let parameters = || self.detail.parameters.iter();
        let planned =
            parameters().find(|own| own.path == "sweep.search.tpe.trials").and_then(|own| own.number);
        let seeds = parameters().filter(|own| own.path.starts_with("sweep.seeds")).count().max(1);
        let planned = planned.map_or(0, |trials| trials as usize * seeds);
        planned.max(self.trained.len())
    }

    /// The state from which the remaining time is estimated; `None` unless the run is running.
    fn remaining(&self) -> Option<SweepRemaining> {
        if self.detail.state != RunState::Running {
            return None;
        }
        let mut remaining =
            SweepRemaining { waiting: self.total() - self.trained.len(), ..SweepRemaining::default() };
        for trial in &self.trained {
            let number = trial.number;
            let own = || self.detail.stages.iter().filter(move |stage| stage.trial == Some(number));
            let seconds: f64 = own().filter_map(|stage| stage.seconds).sum();
            let is_cached = own().any(|stage| stage.is(StageKind::Train) && stage.cached);
            let done = self.epochs.iter().find(|(number, ..)| *number == trial.number);
            let training = done.map_or(0.0, |(_, _, seconds)| *seconds);
            match self.status(trial.number) {
                TrialStatus::Done if !is_cached => remaining.ended.push(seconds),
                TrialStatus::Pruned => remaining.ended.push(training.max(seconds)),
                TrialStatus::Running => {
                    let fraction = done
                        .map_or(0.0, |(_, done, _)| *done as f64 / trial.epochs.1.max(*done).max(1) as f64);
                    remaining.running.push((training, fraction));
                }
                TrialStatus::Waiting => remaining.waiting += 1,
                TrialStatus::Done | TrialStatus::Failed => {}
            }
        }
        remaining.jobs = remaining.running.len();
        Some(remaining)
    }

    /// The status as JSON.
    pub fn json(&self) -> Value {
        let trials = self.trained.iter().map(|trial| {
            let choices = trial.choices.iter().map(|(address, value)| (address.clone(), json!(value)));
            let choices: serde_json::Map<String, Value> = choices.collect();
            json!({
                "trial": trial.number,
                "seed": trial.seed,
                "choices": choices,
                "state": self.status(trial.number).name(),
                "objective": trial.objective,
                "pruned": trial.pruned,
            })
        });
        let counts = TrialStatus::ALL.map(|status| (status.name().to_owned(), json!(self.count(status))));
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

    /// The status as text.
    pub fn text(&self, style: &Style) -> String {
        let mut text = headline(&self.detail, style);
        let counts = TrialStatus::ALL.map(|status| format!("{} {}", self.count(status), status.name()));
        let more = match self.total() - self.trained.len() {
            0 => String::new(),
            more => format!(", {more} not chosen yet"),
        };
        let left = self.remaining().and_then(|remaining| remaining.text());
        let left = left.map_or_else(String::new, |left| format!("; {left}"));
        text.push_str(&format!("{} trials: {}{more}{left}\n\n", self.total(), counts.join(", ")));
        let objective = metric("objective", self.direction);
        let columns = [
            ("trial", ColumnAlign::Right),
            ("settings", ColumnAlign::Left),
            ("state", ColumnAlign::Left),
            (objective.as_str(), ColumnAlign::Decimal),
        ];
        let mut table = TextTable::new(&columns);
        for trial in &self.trained {
            let status = self.status(trial.number);
            let tone = match status {
                TrialStatus::Done => TextTone::Good,
                TrialStatus::Failed => TextTone::Bad,
                TrialStatus::Running => TextTone::Strong,
                TrialStatus::Waiting | TrialStatus::Pruned => TextTone::Faint,
            };
            let star = if self.best == Some(trial.number) { "★ " } else { "" };
            let value = trial.objective.map_or_else(String::new, number::significant);
            table.row(vec![
                format!("#{}", trial.number).into(),
                trial.label(&self.trained).into(),
                TableCell::new(
                    tone,
                    trial.pruned.map_or(status.name().to_owned(), |epoch| format!("pruned after {epoch}")),
                ),
                format!("{star}{value}").into(),
            ]);
        }
        text.push_str(&table.text(style));
        if self.best.is_some() {
            text.push_str(
                &style.paint(TextTone::Faint, "★ best so far, by its objective on validation rows\n"),
            );
        }
        text.push_str(&self.sweep.front_text(style));
        text
    }

    fn count(&self, status: TrialStatus) -> usize {
        self.trained.iter().filter(|trial| self.status(trial.number) == status).count()
    }

    fn status(&self, trial: u32) -> TrialStatus {
        if self.trained.iter().any(|own| own.number == trial && own.pruned.is_some()) {
            return TrialStatus::Pruned;
        }
        let own = || self.detail.stages.iter().filter(move |stage| stage.trial == Some(trial));
        let any_is = |state: &str| own().any(|stage| stage.state == state);
        if any_is("failed") {
            return TrialStatus::Failed;
        }
        if own().any(|stage| stage.is(StageKind::Verify)) && own().all(|stage| stage.state == "finished") {
            return TrialStatus::Done;
        }
        let has_started = self.detail.state == RunState::Running && own().next().is_some();
        if any_is("running") || has_started { TrialStatus::Running } else { TrialStatus::Waiting }
    }
}
