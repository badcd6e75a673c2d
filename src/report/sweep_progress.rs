//! A sweep, told line by line as it happens: one line when a trial begins and one when it is done, since
//! every epoch of every trial would be more than anybody reads.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::event::{Event, FinishedEpoch};
use crate::domain::score::{Score, Split};
use crate::domain::stage::Work;
use crate::report::epochs::WIDEST;
use crate::report::narration;
use crate::report::number::{duration, significant};
use crate::report::time_left::SweepRemaining;

/// The trials of a running sweep.
#[derive(Debug, Default)]
pub struct SweepProgress {
    /// What each trial varies; the first is trial 1's.
    labels: Vec<String>,
    /// How many trials there will be, and how many are side by side.
    total: usize,
    jobs: usize,
    /// What is known of each trial at work.
    open: BTreeMap<u32, RunningTrial>,
    /// Trials whose last stage is over, well or not.
    over: BTreeSet<u32>,
    failed: BTreeSet<u32>,
    /// Seconds of those that were trained here.
    took: Vec<f64>,
}

#[derive(Debug, Default)]
struct RunningTrial {
    seconds: f64,
    /// Of tasks trained alone, which belong to no trial's own time.
    single_row: f64,
    /// Epochs at most, those that are done here, and their seconds.
    planned: usize,
    done: usize,
    training: f64,
    epochs: usize,
    scores: Vec<String>,
    cached: bool,
    evaluated: bool,
    verified: bool,
}

impl SweepProgress {
    /// Of trials by their labels; of none where the run is no sweep. A search may choose more of them, up to
    /// a total. `jobs` are side by side.
    pub fn new(labels: Vec<String>, total: usize, jobs: usize) -> Self {
        Self { labels, total, jobs, ..Self::default() }
    }

    /// Trials that are over, and all there will be.
    pub fn standing(&self) -> (usize, usize) {
        (self.over.len(), self.total)
    }

    /// What is known of the time it will take still.
    pub fn remaining(&self) -> SweepRemaining {
        let share = |open: &RunningTrial| match open.planned {
            0 => (0.0, 0.0),
            planned => (open.training, open.done.min(planned) as f64 / planned as f64),
        };
        SweepRemaining {
            ended: self.took.clone(),
            running: self.open.values().map(share).collect(),
            waiting: self.total.saturating_sub(self.over.len() + self.open.len()),
            jobs: self.jobs,
        }
    }

    /// `[3/12] about 4 min left`
    fn progress_text(&self) -> String {
        let left = self.remaining().text().map_or_else(String::new, |left| format!(" {left}"));
        format!("[{}/{}]{left}", self.over.len(), self.total)
    }

    /// Notes that a trial is over, and how long it took.
    fn close(&mut self, trial: u32) -> RunningTrial {
        let open = self.open.remove(&trial).unwrap_or_default();
        self.over.insert(trial);
        let seconds = open.seconds + open.single_row;
        if !open.cached && seconds > 0.0 {
            self.took.push(seconds);
        }
        open
    }

    /// Are there several trials?
    pub fn is_sweep(&self) -> bool {
        !self.labels.is_empty()
    }

    /// What an event looks like as a line; `None` for those that say nothing new to a person.
    pub fn line(&mut self, event: &Event) -> Option<String> {
        self.observe(event).map(|line| narration::wrapped(&line, WIDEST))
    }

    fn observe(&mut self, event: &Event) -> Option<String> {
        // What is of all trials is told as in a run of one.
        let Some(trial) = event.trial() else { return narration::line(event) };
        let label = self.labels.get((trial as usize).saturating_sub(1)).cloned().unwrap_or_default();
        match event {
            Event::TrainStarted { epochs, from_step, steps_per_epoch, .. } => {
                let open = self.open.entry(trial).or_default();
                open.planned = epochs.saturating_sub(from_step / (*steps_per_epoch).max(1));
                let from =
                    if *from_step > 0 { format!(", going on from step {from_step}") } else { String::new() };
                Some(format!("  #{trial:<4} begins    {label} ({epochs} epochs{from})"))
            }
            Event::TrialChosen { label, .. } => {
                let index = trial.saturating_sub(1) as usize;
                if self.labels.len() <= index {
                    self.labels.resize(index + 1, String::new());
                }
                self.labels[index] = label.clone();
                None
            }
            Event::TrialPruned { epoch, reason, .. } => {
                let open = self.open.entry(trial).or_default();
                open.seconds += open.training;
                self.close(trial);
                let status = self.progress_text();
                Some(format!("  #{trial:<4} pruned    {label}, after epoch {epoch}: {reason}  {status}"))
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
                self.open.entry(trial).or_default().cached |= stage.work == Work::Train;
                None
            }
            Event::StageFinished { stage, seconds, .. } => {
                // Tasks trained alone have lines of their own.
                if matches!(stage.work, Work::Baseline(_) | Work::Gain) {
                    // The comparison comes when the trial itself is told.
                    if let Some(open) = self.open.get_mut(&trial) {
                        open.single_row += seconds;
                    }
                    return None;
                }
                // One of its stages has failed; what went on beside that is over too.
                if self.failed.contains(&trial) {
                    return None;
                }
                let open = self.open.entry(trial).or_default();
                open.seconds += seconds;
                open.evaluated |= stage.work == Work::Evaluate;
                open.verified |= stage.work == Work::Verify;
                // These two go side by side: either may be the last.
                (open.evaluated && open.verified).then(|| self.ended(trial, &label))
            }
            Event::EpochFinished(FinishedEpoch { seconds, .. }) => {
                let open = self.open.entry(trial).or_default();
                open.done += 1;
                open.training += seconds;
                None
            }
            Event::StageFailed { .. } => {
                // It says nothing of how long others take.
                self.open.remove(&trial);
                self.over.insert(trial);
                self.failed.insert(trial);
                narration::line(event).map(|line| format!("{line}  ({label})"))
            }
            Event::StageSkipped { .. } | Event::Exported { .. } => None,
            Event::Verified { parity, .. } if parity.verified => None,
            Event::RunStarted { .. }
            | Event::StageStarted { .. }
            | Event::Note { .. }
            | Event::Loaded { .. }
            | Event::Divided { .. }
            | Event::Fitted { .. }
            | Event::Stepped { .. }
            | Event::GradientsCompared { .. }
            | Event::AffinityMeasured { .. }
            | Event::CheckpointSaved { .. }
            | Event::FrontScored { .. }
            | Event::BaselineScored { .. }
            | Event::Gained { .. }
            | Event::Verified { .. }
            | Event::RunFinished { .. } => narration::line(event),
        }
    }

    fn ended(&mut self, trial: u32, label: &str) -> String {
        let open = self.close(trial);
        let how = match open.cached {
            true => "found as it was trained before".to_owned(),
            false => format!("{} epochs in {}", open.epochs, duration(open.seconds)),
        };
        let scores =
            if open.scores.is_empty() { String::new() } else { format!(": {}", open.scores.join(", ")) };
        format!("  #{trial:<4} done      {label}, {how}{scores}  {}", self.progress_text())
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
    use crate::domain::fingerprint::Fingerprint;
    use crate::domain::stage::{Stage, Work};
    use crate::report::sweep_progress::SweepProgress;

    #[test]
    fn a_trial_is_told_in_two_lines() {
        let mut roster = SweepProgress::new(vec!["seed 1".to_owned(), "seed 2".to_owned()], 2, 1);
        let finished = |stage: &str| Event::StageFinished {
            stage: stage.parse().expect("a stage"),
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
            Some("  #2    done      seed 2, 3 epochs in 6.00 s  [1/2] about 6 s left")
        );
        assert_eq!(roster.line(&finished("baseline:income#2")), None);
        // The other way round.
        let quiet = ["train#2", "export#2", "verify#2"].map(finished);
        assert!(quiet.iter().all(|event| roster.line(event).is_none()));
        assert!(roster.line(&finished("evaluate#2")).is_some_and(|line| line.contains("done")));
    }

    #[test]
    fn the_time_left_comes_of_trials_that_were_trained() {
        let mut roster = SweepProgress::new((1..=4).map(|seed| format!("seed {seed}")).collect(), 4, 1);
        let finished = |trial: u32, stage: &str, seconds: f64, cached: bool| Event::StageFinished {
            stage: format!("{stage}#{trial}").parse().expect("a stage"),
            trial: Some(trial),
            cached,
            seconds,
            bytes: 0,
        };
        let cached = Event::StageCached {
            stage: Stage::of_trial(Work::Train, 1),
            trial: Some(1),
            fingerprint: Fingerprint("x".into()),
        };
        roster.line(&cached);
        let mut last = None;
        for stage in ["train", "evaluate", "export", "verify"] {
            last = roster.line(&finished(1, stage, 500.0, true));
        }
        assert!(
            last.as_ref().is_some_and(|line| line.ends_with("found as it was trained before  [1/4]")),
            "nothing is known"
        );
        for (trial, seconds) in [(2, 40.0), (3, 60.0)] {
            let _ = ["train", "export", "verify"]
                .map(|stage| roster.line(&finished(trial, stage, seconds, false)));
            last = roster.line(&finished(trial, "evaluate", 20.0, false));
        }
        // 3 x 40 + 20 and 3 x 60 + 20: 170 s for the one that is left.
        assert!(last.as_ref().is_some_and(|line| line.ends_with("[3/4] about 3 min left")), "{last:?}");
        assert_eq!(roster.remaining().seconds(), Some(170.0));
        assert_eq!(roster.standing(), (3, 4));
    }
}
