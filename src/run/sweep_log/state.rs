//! The state of a sweep, and the lines of `sweep.jsonl` that it is restored from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::domain::fingerprint::Fingerprint;
use crate::plan::content_cache;
use crate::plan::search::ChoicesByAddress;
use crate::run::pruning::TrialProgress;

/// The state of a sweep.
#[derive(Default)]
pub(super) struct SweepState {
    /// `None` if nothing depends on the log, so that it is not written.
    pub file: Option<File>,
    pub chosen: Vec<ChoicesByAddress>,
    /// The fingerprint of each trial's training.
    pub started: BTreeMap<u32, Fingerprint>,
    pub trials: BTreeMap<u32, TrialProgress>,
    pub pruned: BTreeMap<u32, (usize, String)>,
    /// Trials whose training is over in this execution, however it ended.
    pub closed: BTreeSet<u32>,
    /// The first error of writing a line.
    pub write_error: Option<std::io::Error>,
}

/// One line of the file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub(super) enum Line {
    /// The combination of the next trials, by address; written by earlier versions.
    Chosen {
        choices: ChoicesByAddress,
    },
    /// The combinations of a whole round, in one line so that a kill leaves all or none of them.
    Round {
        choices: Vec<ChoicesByAddress>,
    },
    /// A training starts. Another fingerprint than before discards what was known of the trial.
    Begun {
        trial: u32,
        fingerprint: Fingerprint,
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
    Failed {
        trial: u32,
    },
}

/// The line with its hash appended, so that changes are detected.
fn sealed(line: &Line) -> String {
    let text = serde_json::to_string(line).unwrap_or_default();
    let hash = content_cache::bytes(text.as_bytes());
    format!("{},\"hash\":\"{}\"}}\n", &text[..text.len() - 1], hash.short())
}

/// Parses lines up to the first that is invalid, and returns the length of the valid part. Logs of earlier
/// versions have no hashes.
pub(super) fn read(text: &str) -> (Vec<Line>, usize) {
    let (mut lines, mut valid_bytes) = (Vec::new(), 0);
    let has_hashes = text.contains(HASH);
    for text in text.split_inclusive('\n') {
        let line = text.strip_suffix('\n').and_then(|line| serde_json::from_str::<Line>(line).ok());
        let Some(line) = line.filter(|line| !has_hashes || sealed(line) == text) else { break };
        lines.push(line);
        valid_bytes += text.len();
    }
    (lines, valid_bytes)
}

const HASH: &str = ",\"hash\":\"";

impl SweepState {
    /// Applies a line to the state.
    pub fn apply(&mut self, line: Line) {
        match line {
            Line::Chosen { choices } => self.chosen.push(choices),
            Line::Round { choices } => self.chosen.extend(choices),
            Line::Begun { trial, fingerprint } => {
                let known = self.started.insert(trial, fingerprint.clone());
                if known.is_some_and(|known| known != fingerprint) {
                    self.trials.remove(&trial);
                    self.pruned.remove(&trial);
                }
            }
            Line::Reached { trial, epoch, objective } => {
                let objective = objective.and_then(|text| text.parse().ok());
                self.trials.entry(trial).or_default().epochs.insert(epoch, objective);
            }
            Line::Ended { trial } => self.trials.entry(trial).or_default().ended = true,
            Line::Pruned { trial, epoch, reason } => {
                self.pruned.insert(trial, (epoch, reason));
            }
            Line::Failed { trial } => {
                let progress = self.trials.entry(trial).or_default();
                progress.failed = progress.failed.or(Some(progress.last()));
            }
        }
    }

    /// Writes a line and applies it.
    pub fn push(&mut self, line: Line) {
        if let Some(file) = &mut self.file {
            let text = sealed(&line);
            // Progress is reproduced after a power failure, but a decision must be on disk.
            let decides = !matches!(line, Line::Begun { .. } | Line::Reached { .. } | Line::Ended { .. });
            let written = file.write_all(text.as_bytes());
            if let Err(error) = written.and_then(|()| if decides { file.sync_data() } else { Ok(()) }) {
                self.write_error.get_or_insert(error);
                // A line after a partial line could not be parsed; missing lines are determined again.
                self.file = None;
            }
        }
        self.apply(line);
    }

    /// Whether the results of all earlier trials at an epoch are known.
    pub fn is_settled(&self, trial: u32, epoch: usize) -> bool {
        (1..trial).all(|other| {
            self.closed.contains(&other)
                || self.pruned.contains_key(&other)
                || self.trials.get(&other).is_some_and(|progress| progress.is_settled(epoch))
        })
    }
}
