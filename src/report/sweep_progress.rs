//! Formats the progress of a sweep: one line when a trial starts and one when it ends, instead of one per
//! epoch.

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
    /// The label of each trial, from trial 1 on.
    labels: Vec<String>,
    /// Total number of trials.
    total: usize,
    /// Number of trials that run in parallel.
    jobs: usize,
    running: BTreeMap<u32, RunningTrial>,
    /// Trials that ended, failed or not.
    ended: BTreeSet<u32>,
    failed: BTreeSet<u32>,
    /// Seconds of the ended trials that were trained in this run.
    durations: Vec<f64>,
}

#[derive(Debug, Default)]
struct RunningTrial {
    seconds: f64,
    /// Seconds of the single-task baselines.
    baseline_seconds: f64,
    /// Maximum number of epochs in this run, number of finished ones, and their seconds.
    planned: usize,
    finished: usize,
    training_seconds: f64,
    /// Total number of trained epochs.
    epochs: usize,
    scores: Vec<String>,
    cached: bool,
    evaluated: bool,
    verified: bool,
}

impl SweepProgress {
    /// Trials with these labels; none for a run without a sweep. A search may add trials, up to `total`;
    /// `jobs` run in parallel.
    pub fn new(labels: Vec<String>, total: usize, jobs: usize) -> Self {
        Self { labels, total, jobs, ..Self::default() }
    }

    /// Number of ended trials, and total number of trials.
    pub fn counts(&self) -> (usize, usize) {
        (self.ended.len(), self.total)
    }

    /// The state from which the remaining time is estimated.
    pub fn remaining(&self) -> SweepRemaining {
        let progress = |trial: &RunningTrial| match trial.planned {
            0 => (0.0, 0.0),
            planned => (trial.training_seconds, trial.finished.min(planned) as f64 / planned as f64),
        };
        SweepRemaining {
            ended: self.durations.clone(),
            running: self.running.values().map(progress).collect(),
            waiting: self.total.saturating_sub(self.ended.len() + self.running.len()),
            jobs: self.jobs,
        }
    }

    /// `[3/12] about 4 min left`
    fn progress_text(&self) -> String {
        let left = self.remaining().text().map_or_else(String::new, |left| format!(" {left}"));
        format!("[{}/{}]{left}", self.ended.len(), self.total)
    }

    /// Records the end of a trial and its duration.
    fn end(&mut self, trial: u32) -> RunningTrial {
        let running = self.running.remove(&trial).unwrap_or_default();
        self.ended.insert(trial);
        let seconds = running.seconds + running.baseline_seconds;
        if !running.cached && seconds > 0.0 {
            self.durations.push(seconds);
        }
        running
    }

    /// Whether the run is a sweep.
    pub fn is_sweep(&self) -> bool {
        !self.labels.is_empty()
    }

    /// The line of an event; `None` for events that are not shown.
    pub fn line(&mut self, event: &Event) -> Option<String> {
        self.observe(event).map(|line| narration::wrapped(&line, WIDEST))
    }

    fn observe(&mut self, event: &Event) -> Option<String> {
        // Stages shared by all trials look as in a run with one trial.
        let Some(trial) = event.trial() else { return narration::line(event) };
        let label = self.labels.get((trial as usize).saturating_sub(1)).cloned().unwrap_or_default();
        match event {
            Event::TrainStarted { epochs, from_step, steps_per_epoch, .. } => {
                let running = self.running.entry(trial).or_default();
                running.planned = epochs.saturating_sub(from_step / (*steps_per_epoch).max(1));
                let from =
                    if *from_step > 0 { format!(", resumed at step {from_step}") } else { String::new() };
                Some(format!("  #{trial:<4} started   {label} ({epochs} epochs{from})"))
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
                let running = self.running.entry(trial).or_default();
                running.seconds += running.training_seconds;
                self.end(trial);
                let status = self.progress_text();
                Some(format!("  #{trial:<4} pruned    {label}, after epoch {epoch}: {reason}  {status}"))
            }
            Event::TrainFinished { epochs, .. } => {
                self.running.entry(trial).or_default().epochs = *epochs;
                None
            }
            Event::Scored { scores, .. } => {
                self.running.entry(trial).or_default().scores = first_scores(scores);
                None
            }
            Event::StageCached { stage, .. } => {
                self.running.entry(trial).or_default().cached |= stage.work == Work::Train;
                None
            }
            Event::StageFinished { stage, seconds, .. } => {
                // Baselines have lines of their own. The comparison may come after the trial's end.
                if matches!(stage.work, Work::Baseline(_) | Work::Gain) {
                    if let Some(running) = self.running.get_mut(&trial) {
                        running.baseline_seconds += seconds;
                    }
                    return None;
                }
                // A failed trial has ended, though another of its stages may still finish.
                if self.failed.contains(&trial) {
                    return None;
                }
                let running = self.running.entry(trial).or_default();
                running.seconds += seconds;
                running.evaluated |= stage.work == Work::Evaluate;
                running.verified |= stage.work == Work::Verify;
                // These two stages run in parallel: either may be the last.
                (running.evaluated && running.verified).then(|| self.done_line(trial, &label))
            }
            Event::EpochFinished(FinishedEpoch { seconds, .. }) => {
                let running = self.running.entry(trial).or_default();
                running.finished += 1;
                running.training_seconds += seconds;
                None
            }
            Event::StageFailed { .. } => {
                // Its duration is not representative.
                self.running.remove(&trial);
                self.ended.insert(trial);
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
            | Event::Featured { .. }
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

    fn done_line(&mut self, trial: u32, label: &str) -> String {
        let ended = self.end(trial);
        let training = match ended.cached {
            true => "from the cache".to_owned(),
            false => format!("{} epochs in {}", ended.epochs, duration(ended.seconds)),
        };
        let scores =
            if ended.scores.is_empty() { String::new() } else { format!(": {}", ended.scores.join(", ")) };
        format!("  #{trial:<4} done      {label}, {training}{scores}  {}", self.progress_text())
    }
}

/// The first metric of each task on the test split.
fn first_scores(scores: &[Score]) -> Vec<String> {
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
    fn a_trial_has_two_lines() {
        let mut progress = SweepProgress::new(vec!["seed 1".to_owned(), "seed 2".to_owned()], 2, 1);
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
        assert!(quiet.iter().all(|event| progress.line(event).is_none()));
        assert_eq!(
            progress.line(&finished("verify#2")).as_deref(),
            Some("  #2    done      seed 2, 3 epochs in 6.00 s  [1/2] about 6 s left")
        );
        assert_eq!(progress.line(&finished("baseline:income#2")), None);
        // In the other order.
        let quiet = ["train#2", "export#2", "verify#2"].map(finished);
        assert!(quiet.iter().all(|event| progress.line(event).is_none()));
        assert!(progress.line(&finished("evaluate#2")).is_some_and(|line| line.contains("done")));
    }

    #[test]
    fn the_time_left_is_estimated_from_trained_trials() {
        let mut progress = SweepProgress::new((1..=4).map(|seed| format!("seed {seed}")).collect(), 4, 1);
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
        progress.line(&cached);
        let mut last = None;
        for stage in ["train", "evaluate", "export", "verify"] {
            last = progress.line(&finished(1, stage, 500.0, true));
        }
        assert!(
            last.as_ref().is_some_and(|line| line.ends_with("from the cache  [1/4]")),
            "nothing is known"
        );
        for (trial, seconds) in [(2, 40.0), (3, 60.0)] {
            let _ = ["train", "export", "verify"]
                .map(|stage| progress.line(&finished(trial, stage, seconds, false)));
            last = progress.line(&finished(trial, "evaluate", 20.0, false));
        }
        // The mean of 3 x 40 + 20 and 3 x 60 + 20: 170 s for the remaining trial.
        assert!(last.as_ref().is_some_and(|line| line.ends_with("[3/4] about 3 min left")), "{last:?}");
        assert_eq!(progress.remaining().seconds(), Some(170.0));
        assert_eq!(progress.counts(), (3, 4));
    }
}
