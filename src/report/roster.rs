//! A sweep, told line by line as it happens: one line when a trial begins and one when it is done, since
//! every epoch of every trial would be more than anybody reads.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::event::Event;
use crate::domain::score::{Score, Split};
use crate::report::narration;
use crate::report::number::{duration, significant};

/// The trials of a running sweep.
#[derive(Debug, Default)]
pub struct Roster {
    /// What each trial varies; the first is trial 1's.
    labels: Vec<String>,
    /// How many trials there will be.
    total: usize,
    /// What is known of each trial at work.
    open: BTreeMap<u32, Open>,
    /// Trials whose last stage is over, well or not.
    over: BTreeSet<u32>,
}

#[derive(Debug, Default)]
struct Open {
    seconds: f64,
    epochs: usize,
    scores: Vec<String>,
    cached: bool,
    evaluated: bool,
    verified: bool,
}

impl Roster {
    /// Of trials by their labels; of none where the run is no sweep. A search may choose more of them, up to a total.
    pub fn new(labels: Vec<String>, total: usize) -> Self {
        Self { labels, total, ..Self::default() }
    }

    /// Are there several trials?
    pub fn is_sweep(&self) -> bool {
        !self.labels.is_empty()
    }

    /// What an event looks like as a line; `None` for those that say nothing new to a person.
    pub fn line(&mut self, event: &Event) -> Option<String> {
        let Some(trial) = trial(event) else { return narration::line(event) };
        let label = self.labels.get((trial as usize).saturating_sub(1)).cloned().unwrap_or_default();
        match event {
            Event::TrainStarted { epochs, from_step, .. } => {
                let from =
                    if *from_step > 0 { format!(", going on from step {from_step}") } else { String::new() };
                Some(format!("  #{trial:<4} begins    {label} ({epochs} epochs{from})"))
            }
            Event::TrialChosen { label, .. } => {
                let place = trial.saturating_sub(1) as usize;
                if self.labels.len() <= place {
                    self.labels.resize(place + 1, String::new());
                }
                self.labels[place] = label.clone();
                None
            }
            Event::TrialPruned { epoch, reason, .. } => {
                self.open.remove(&trial);
                self.over.insert(trial);
                let standing = format!("[{}/{}]", self.over.len(), self.total);
                Some(format!("  #{trial:<4} pruned    {label}, after epoch {epoch}: {reason}  {standing}"))
            }
            Event::TrainFinished { epochs, .. } => {
                self.open.entry(trial).or_default().epochs = *epochs;
                None
            }
            Event::Scored { scores, .. } => {
                self.open.entry(trial).or_default().scores = firsts(scores);
                None
            }
            Event::StageCached { stage, .. } => {
                self.open.entry(trial).or_default().cached |= stage.starts_with("train");
                None
            }
            Event::StageFinished { stage, seconds, .. } => {
                // Tasks trained alone have lines of their own.
                if stage.starts_with("baseline") || stage.starts_with("gain") {
                    return None;
                }
                let open = self.open.entry(trial).or_default();
                open.seconds += seconds;
                open.evaluated |= stage.starts_with("evaluate");
                open.verified |= stage.starts_with("verify");
                // These two go side by side: either may be the last.
                (open.evaluated && open.verified).then(|| self.ended(trial, &label))
            }
            Event::StageFailed { .. } => {
                self.over.insert(trial);
                narration::line(event).map(|line| format!("{line}  ({label})"))
            }
            Event::StageSkipped { .. } | Event::EpochFinished { .. } | Event::Exported { .. } => None,
            Event::Verified { parity, .. } if parity.verified => None,
            _ => narration::line(event),
        }
    }

    fn ended(&mut self, trial: u32, label: &str) -> String {
        let open = self.open.remove(&trial).unwrap_or_default();
        self.over.insert(trial);
        let how = match open.cached {
            true => "found as it was trained before".to_owned(),
            false => format!("{} epochs in {}", open.epochs, duration(open.seconds)),
        };
        let scores =
            if open.scores.is_empty() { String::new() } else { format!(": {}", open.scores.join(", ")) };
        format!("  #{trial:<4} done      {label}, {how}{scores}  [{}/{}]", self.over.len(), self.total)
    }
}

/// The trial an event is of.
fn trial(event: &Event) -> Option<u32> {
    match event {
        Event::StageStarted { trial, .. }
        | Event::StageCached { trial, .. }
        | Event::StageFinished { trial, .. }
        | Event::StageFailed { trial, .. }
        | Event::StageSkipped { trial, .. } => *trial,
        Event::TrainStarted { trial, .. }
        | Event::EpochFinished { trial, .. }
        | Event::TrainFinished { trial, .. }
        | Event::Scored { trial, .. }
        | Event::TrialChosen { trial, .. }
        | Event::TrialPruned { trial, .. }
        | Event::Exported { trial, .. }
        | Event::Verified { trial, .. } => Some(*trial),
        _ => None,
    }
}

/// The first metric of each task on the test split.
fn firsts(scores: &[Score]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let tested = scores.iter().filter(|score| score.split == Split::Test && seen.insert(score.task.clone()));
    tested.map(|score| format!("{} {} {}", score.task, score.metric, significant(score.value))).collect()
}

#[cfg(test)]
mod tests {
    use crate::domain::event::Event;
    use crate::report::roster::Roster;

    #[test]
    fn a_trial_is_told_in_two_lines() {
        let mut roster = Roster::new(vec!["seed 1".to_owned(), "seed 2".to_owned()], 2);
        let finished = |stage: &str| Event::StageFinished {
            stage: stage.to_owned(),
            trial: Some(2),
            cached: false,
            seconds: 1.5,
            bytes: 0,
        };
        let trained =
            Event::TrainFinished { trial: 2, best_epoch: 2, epochs: 3, reason: "done".into(), seconds: 1.0 };
        let quiet = [trained, finished("train#2"), finished("evaluate#2"), finished("export#2")];
        assert!(quiet.iter().all(|event| roster.line(event).is_none()));
        assert_eq!(
            roster.line(&finished("verify#2")).as_deref(),
            Some("  #2    done      seed 2, 3 epochs in 6.00 s  [1/2]")
        );
        assert_eq!(roster.line(&finished("baseline:income#2")), None);
        // The other way round.
        let quiet = ["train#2", "export#2", "verify#2"].map(finished);
        assert!(quiet.iter().all(|event| roster.line(event).is_none()));
        assert!(roster.line(&finished("evaluate#2")).is_some_and(|line| line.contains("done")));
    }
}
