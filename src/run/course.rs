//! The course of a sweep: what was chosen, how far each trial came, and which were given up; what pruning and search decide by.
//!
//! It listens to the run and keeps a line for everything that counts in the run's `sweep.jsonl`, before anything depends on it. So a run
//! that was killed goes on with the same decisions. Numbers are kept as text that reads back to the same bits.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::event::{Event, Observer};
use crate::domain::score::Direction;
use crate::plan::search::Came;
use crate::run::error::Error;
use crate::run::pruning::{Progress, verdict};
use crate::spec::pruning::PruningSpec;
use crate::train::job::Pruner;

/// What a run knows of its own sweep.
pub struct Course {
    path: PathBuf,
    rule: Option<PruningSpec>,
    direction: Direction,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` where nothing depends on it: then nothing is kept.
    file: Option<File>,
    chosen: Vec<Vec<(String, Value)>>,
    trials: BTreeMap<u32, Progress>,
    pruned: BTreeMap<u32, (usize, String)>,
    /// Why a line could not be written.
    broken: Option<std::io::Error>,
}

/// One line of the file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
enum Line {
    /// The choices of the next trials, by address.
    Chosen {
        choices: Vec<(String, Value)>,
    },
    Reached {
        trial: u32,
        epoch: usize,
        objective: Option<String>,
    },
    Ended {
        trial: u32,
    },
    Pruned {
        trial: u32,
        epoch: usize,
        reason: String,
    },
}

impl State {
    fn take(&mut self, line: Line) {
        match line {
            Line::Chosen { choices } => self.chosen.push(choices),
            Line::Reached { trial, epoch, objective } => {
                let objective = objective.and_then(|text| text.parse().ok());
                self.trials.entry(trial).or_default().epochs.insert(epoch, objective);
            }
            Line::Ended { trial } => self.trials.entry(trial).or_default().ended = true,
            Line::Pruned { trial, epoch, reason } => {
                self.pruned.insert(trial, (epoch, reason));
            }
        }
    }

    fn keep(&mut self, line: Line) {
        if let Some(file) = &mut self.file {
            let mut text = serde_json::to_string(&line).unwrap_or_default();
            text.push('\n');
            if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_data()) {
                self.broken.get_or_insert(error);
            }
        }
        self.take(line);
    }
}

impl Course {
    /// Reads what an earlier execution of the run left. Without `kept` nothing is written: nothing depends on it.
    pub fn open(
        path: &Path,
        kept: bool,
        rule: Option<PruningSpec>,
        direction: Direction,
    ) -> Result<Self, Error> {
        let mut state = State::default();
        if kept {
            let known = match std::fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                Err(error) => return Err(Error::io("read", path)(error)),
            };
            // A line that a kill cut off says nothing yet: it goes.
            let whole = known.rfind('\n').map_or(0, |end| end + 1);
            for line in known[..whole].lines() {
                let damaged = |error: serde_json::Error| Error::Course {
                    path: path.to_owned(),
                    reason: error.to_string(),
                };
                state.take(serde_json::from_str(line).map_err(damaged)?);
            }
            let file =
                OpenOptions::new().create(true).append(true).open(path).map_err(Error::io("open", path))?;
            file.set_len(whole as u64).map_err(Error::io("write", path))?;
            state.file = Some(file);
        }
        Ok(Self { path: path.to_owned(), rule, direction, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error when something that counts could not be written down.
    pub fn check(&self) -> Result<(), Error> {
        self.state().broken.take().map_or(Ok(()), |error| Err(Error::io("write", &self.path)(error)))
    }

    /// What was chosen after the beginning, in order.
    pub fn chosen(&self) -> Vec<Vec<(String, Value)>> {
        self.state().chosen.clone()
    }

    /// Notes a choice, before anything is trained with it.
    pub fn choose(&self, choices: Vec<(String, Value)>) {
        self.state().keep(Line::Chosen { choices });
    }

    /// What came of a trial; `None` before its first objective.
    pub fn came(&self, trial: u32) -> Option<Came> {
        let state = self.state();
        let progress = state.trials.get(&trial)?;
        let objective = progress.best(self.direction, usize::MAX)?;
        Some(Came { objective, given_up: (!progress.ended).then(|| progress.last()) })
    }

    /// When and why a trial was given up.
    pub fn pruned(&self, trial: u32) -> Option<(usize, String)> {
        self.state().pruned.get(&trial).cloned()
    }
}

impl Observer for Course {
    fn observe(&self, event: &Event) {
        match event {
            Event::EpochFinished { trial, epoch, objective, .. } => {
                let (trial, epoch, objective) = (*trial, *epoch, *objective);
                let mut state = self.state();
                let known = state.trials.get(&trial).and_then(|progress| progress.epochs.get(&epoch));
                if known != Some(&objective) {
                    let objective = objective.map(|value| format!("{value:?}"));
                    state.keep(Line::Reached { trial, epoch, objective });
                }
            }
            Event::TrainFinished { trial, .. } => {
                let mut state = self.state();
                if !state.trials.get(trial).is_some_and(|progress| progress.ended) {
                    state.keep(Line::Ended { trial: *trial });
                }
            }
            _ => {}
        }
    }
}

impl Pruner for Course {
    fn prune(&self, trial: u32, epoch: usize) -> Option<String> {
        let rule = self.rule.as_ref()?;
        let mut state = self.state();
        let reason = verdict(rule, self.direction, &state.trials, trial, epoch)?;
        state.keep(Line::Pruned { trial, epoch, reason: reason.clone() });
        Some(reason)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::domain::event::{Event, Observer};
    use crate::domain::score::Direction;
    use crate::plan::search::Came;
    use crate::run::course::Course;
    use crate::train::job::Pruner;

    fn epoch(trial: u32, epoch: usize, objective: f64) -> Event {
        serde_json::from_value(json!({
            "event": "epoch_finished", "trial": trial, "epoch": epoch, "step": epoch, "losses": [], "joint_loss": 1.0,
            "weights": [], "rate": 0.1, "rows_per_second": 1.0, "seconds": 1.0, "scores": [], "objective": objective,
            "best": true
        }))
        .expect("an event")
    }

    #[test]
    fn what_was_decided_is_known_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sweep.jsonl");
        let rule = || crate::spec::shelf::read_words("{asha: {reduction: 2}}");
        let open = || Course::open(&path, true, rule(), Direction::Lower).expect("opens");
        let third = 1.0 / 3.0;
        let first = open();
        first.choose(vec![("train.epochs".to_owned(), json!(3))]);
        first.observe(&epoch(1, 1, third));
        assert_eq!(first.prune(1, 1), None);
        first.observe(&epoch(2, 1, 0.5));
        assert!(first.prune(2, 1).is_some());
        first.check().expect("written");
        drop(first);
        // Killed within a line.
        let whole = std::fs::read_to_string(&path).expect("text");
        std::fs::write(&path, format!("{whole}{{\"line\": \"pru")).expect("written");
        let again = open();
        assert_eq!(again.chosen(), [vec![("train.epochs".to_owned(), json!(3))]]);
        let came = Came { objective: third, given_up: Some(1) };
        assert_eq!((again.came(1), again.pruned(1)), (Some(came), None));
        assert_eq!(again.pruned(2).expect("pruned").0, 1);
        // The same told again is no news.
        again.observe(&epoch(1, 1, third));
        assert_eq!(std::fs::read_to_string(&path).expect("text"), whole);
        std::fs::write(&path, "nonsense\n").expect("written");
        let said = Course::open(&path, true, None, Direction::Lower).err().expect("damaged").to_string();
        assert!(said.contains("sweep.jsonl") && said.contains("damaged"), "{said}");
    }
}
