//! What is known of a sweep, and the lines of `sweep.jsonl` that it is read from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::domain::fingerprint::Fingerprint;
use crate::plan::content_cache;
use crate::plan::search::ChoicesByAddress;
use crate::run::pruning::TrialProgress;

#[derive(Default)]
pub(super) struct SweepState {
    /// `None` where nothing depends on it: then nothing is kept.
    pub file: Option<File>,
    pub chosen: Vec<ChoicesByAddress>,
    /// Fingerprints of trainings.
    pub started: BTreeMap<u32, Fingerprint>,
    pub trials: BTreeMap<u32, TrialProgress>,
    pub pruned: BTreeMap<u32, (usize, String)>,
    /// Whose training this execution is done with, however it ended.
    pub over: BTreeSet<u32>,
    /// Why a line could not be written.
    pub broken: Option<std::io::Error>,
}

/// One line of the file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub(super) enum Line {
    /// The choices of the next trials, by address, as older runs have them: a line for each.
    Chosen {
        choices: ChoicesByAddress,
    },
    /// Those of a whole round. In one line: a kill leaves all of them or none, and the next are chosen by the
    /// same results.
    Round {
        choices: Vec<ChoicesByAddress>,
    },
    /// With other data under the same run, what was known of a trial is nothing any more.
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

/// A line as it stands in the file: with a hash of itself behind, so that none that was changed is believed.
fn sealed(line: &Line) -> String {
    let text = serde_json::to_string(line).unwrap_or_default();
    let hash = content_cache::bytes(text.as_bytes());
    format!("{},\"hash\":\"{}\"}}\n", &text[..text.len() - 1], hash.short())
}

/// Reads the lines of a file up to the first that cannot be believed, and gives the length of that part.
/// Older runs have no hashes.
pub(super) fn read(text: &str) -> (Vec<Line>, usize) {
    let (mut lines, mut whole) = (Vec::new(), 0);
    let has_hashes = text.contains(HASH);
    for own in text.split_inclusive('\n') {
        let line = own.strip_suffix('\n').and_then(|line| serde_json::from_str::<Line>(line).ok());
        let Some(line) = line.filter(|line| !has_hashes || sealed(line) == own) else { break };
        lines.push(line);
        whole += own.len();
    }
    (lines, whole)
}

const HASH: &str = ",\"hash\":\"";

impl SweepState {
    pub fn take(&mut self, line: Line) {
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

    pub fn push(&mut self, line: Line) {
        if let Some(file) = &mut self.file {
            let text = sealed(&line);
            // What a trial reached it reaches again, if the machine itself goes down. A decision has to be on
            // the disk.
            let decides = !matches!(line, Line::Begun { .. } | Line::Reached { .. } | Line::Ended { .. });
            let written = file.write_all(text.as_bytes());
            if let Err(error) = written.and_then(|()| if decides { file.sync_data() } else { Ok(()) }) {
                self.broken.get_or_insert(error);
                // A line behind half a line could not be read again; what is missing is found out again.
                self.file = None;
            }
        }
        self.take(line);
    }

    /// Is all known that the trials before this one had by an epoch?
    pub fn is_settled(&self, trial: u32, epoch: usize) -> bool {
        (1..trial).all(|other| {
            self.over.contains(&other)
                || self.pruned.contains_key(&other)
                || self.trials.get(&other).is_some_and(|progress| progress.is_settled(epoch))
        })
    }
}
