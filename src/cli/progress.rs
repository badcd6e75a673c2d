//! Progress of a run: bars on a terminal, lines elsewhere, JSON on request.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output;
use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, Observer};
use crate::domain::name::InputName;
use crate::report::number::guess;
use crate::report::{EpochPrinter, SweepProgress, narration};

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressMode {
    /// A progress bar, with lines above it.
    Bars,
    /// One line per event.
    Lines,
    /// Nothing but errors.
    Quiet,
    /// One JSON object per event.
    Json,
}

/// Shows events as they occur.
pub struct ProgressDisplay {
    mode: ProgressMode,
    bar: ProgressBar,
    training: Mutex<Option<TrainingProgress>>,
    epochs: Mutex<EpochPrinter>,
    sweep: Mutex<SweepProgress>,
}

/// The current training.
struct TrainingProgress {
    epochs: usize,
    from_step: usize,
    start: Instant,
}

impl TrainingProgress {
    /// Estimated seconds until its last epoch; `None` before the first step.
    fn seconds_left(&self, epoch: usize, step: usize, steps: usize) -> Option<f64> {
        let done = ((epoch.saturating_sub(1)) * steps + step).saturating_sub(self.from_step);
        let all = (self.epochs * steps).saturating_sub(self.from_step);
        let per_step = (done > 0).then(|| self.start.elapsed().as_secs_f64() / done as f64)?;
        Some(per_step * all.saturating_sub(done) as f64)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ProgressDisplay {
    /// A display that shows nothing until the first event.
    pub fn new(mode: ProgressMode, sweep: SweepProgress) -> Self {
        let target = match mode {
            ProgressMode::Bars => ProgressDrawTarget::stderr(),
            _ => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(
            ProgressStyle::with_template("  {prefix} {bar:24.cyan/dim} {pos}/{len}  {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("━╸─"),
        );
        let epochs = Mutex::new(EpochPrinter::new(output::columns_of_errors()));
        Self { mode, bar, training: Mutex::new(None), epochs, sweep: Mutex::new(sweep) }
    }

    fn line(&self, text: &str) {
        match self.mode {
            ProgressMode::Bars => self.bar.suspend(|| output::print_error(text)),
            _ => output::print_error(text),
        }
    }

    fn show(&self, event: &Event) {
        let mut sweep = lock(&self.sweep);
        if sweep.is_sweep() {
            let line = sweep.line(event);
            line.iter().for_each(|text| self.line(text));
            return self.show_trials(event, &sweep);
        }
        match event {
            Event::TrainStarted { epochs, from_step, .. } => {
                let training =
                    TrainingProgress { epochs: *epochs, from_step: *from_step, start: Instant::now() };
                *lock(&self.training) = Some(training);
            }
            Event::Stepped { epoch, step, steps, losses, .. } => {
                let training = lock(&self.training);
                let Some(training) = training.as_ref() else { return };
                self.bar.set_length(*steps as u64);
                self.bar.set_position(*step as u64);
                self.bar.set_prefix(format!("epoch {epoch}/{}", training.epochs));
                let left = training.seconds_left(*epoch, *step, *steps);
                let left = left.map_or_else(String::new, |left| format!("about {} left  ", guess(left)));
                self.bar.set_message(format!("{left}{}", narration::losses(losses)));
            }
            Event::Featured { input, rows, of, .. } => self.show_features(input, *rows, *of),
            Event::TrainFinished { .. } | Event::RunFinished { .. } => self.bar.finish_and_clear(),
            Event::RunStarted { .. }
            | Event::StageStarted { .. }
            | Event::StageCached { .. }
            | Event::StageFinished { .. }
            | Event::StageFailed { .. }
            | Event::StageSkipped { .. }
            | Event::Note { .. }
            | Event::Loaded { .. }
            | Event::Divided { .. }
            | Event::Fitted { .. }
            | Event::EpochFinished(_)
            | Event::GradientsCompared { .. }
            | Event::AffinityMeasured { .. }
            | Event::CheckpointSaved { .. }
            | Event::TrialChosen { .. }
            | Event::TrialPruned { .. }
            | Event::Scored { .. }
            | Event::FrontScored { .. }
            | Event::BaselineScored { .. }
            | Event::Gained { .. }
            | Event::Exported { .. }
            | Event::Verified { .. } => {}
        }
        let line = lock(&self.epochs).lines(event).or_else(|| narration::line(event));
        line.iter().for_each(|text| self.line(text));
    }

    /// Shows how many rows have features.
    fn show_features(&self, input: &InputName, rows: usize, of: usize) {
        self.bar.set_length(of as u64);
        self.bar.set_position(rows as u64);
        self.bar.set_prefix("features");
        self.bar.set_message(format!("rows of {input}"));
    }

    /// Updates the bar of a sweep, which counts trials: epochs of parallel trials would move it back and
    /// forth.
    fn show_trials(&self, event: &Event, sweep: &SweepProgress) {
        match event {
            Event::Stepped { .. } | Event::StageStarted { .. } => {}
            Event::Featured { input, rows, of, .. } => self.show_features(input, *rows, *of),
            Event::RunFinished { .. } => self.bar.finish_and_clear(),
            Event::RunStarted { .. }
            | Event::StageCached { .. }
            | Event::StageFinished { .. }
            | Event::StageFailed { .. }
            | Event::StageSkipped { .. }
            | Event::Note { .. }
            | Event::Loaded { .. }
            | Event::Divided { .. }
            | Event::Fitted { .. }
            | Event::TrainStarted { .. }
            | Event::EpochFinished(_)
            | Event::GradientsCompared { .. }
            | Event::AffinityMeasured { .. }
            | Event::CheckpointSaved { .. }
            | Event::TrainFinished { .. }
            | Event::TrialChosen { .. }
            | Event::TrialPruned { .. }
            | Event::Scored { .. }
            | Event::FrontScored { .. }
            | Event::BaselineScored { .. }
            | Event::Gained { .. }
            | Event::Exported { .. }
            | Event::Verified { .. } => {
                let (finished, total) = sweep.counts();
                self.bar.set_length(total as u64);
                self.bar.set_position(finished as u64);
                self.bar.set_prefix("trials");
                self.bar.set_message(sweep.remaining().text().unwrap_or_default());
            }
        }
    }
}

/// Is the event shown in quiet mode?
fn is_problem(event: &Event) -> bool {
    match event {
        Event::StageFailed { .. } => true,
        Event::Note { severity, .. } => *severity == Severity::Warning,
        Event::RunStarted { .. }
        | Event::StageStarted { .. }
        | Event::StageCached { .. }
        | Event::StageFinished { .. }
        | Event::StageSkipped { .. }
        | Event::Loaded { .. }
        | Event::Divided { .. }
        | Event::Fitted { .. }
        | Event::TrainStarted { .. }
        | Event::Stepped { .. }
        | Event::Featured { .. }
        | Event::EpochFinished(_)
        | Event::GradientsCompared { .. }
        | Event::AffinityMeasured { .. }
        | Event::CheckpointSaved { .. }
        | Event::TrainFinished { .. }
        | Event::TrialChosen { .. }
        | Event::TrialPruned { .. }
        | Event::Scored { .. }
        | Event::FrontScored { .. }
        | Event::BaselineScored { .. }
        | Event::Gained { .. }
        | Event::Exported { .. }
        | Event::Verified { .. }
        | Event::RunFinished { .. } => false,
    }
}

impl Observer for ProgressDisplay {
    fn observe(&self, event: &Event) {
        match self.mode {
            ProgressMode::Json => {
                let mut out = std::io::stdout().lock();
                // Write errors must not stop the training.
                let _ = writeln!(out, "{}", serde_json::to_string(event).unwrap_or_default());
            }
            ProgressMode::Quiet if is_problem(event) => {
                narration::line(event).iter().for_each(|text| self.line(text));
            }
            ProgressMode::Quiet => {}
            ProgressMode::Bars | ProgressMode::Lines => self.show(event),
        }
    }

    fn replay(&self, event: &Event) {
        match self.mode {
            ProgressMode::Json => self.observe(event),
            // The scores of a cached trial are shown.
            ProgressMode::Bars | ProgressMode::Lines if matches!(event, Event::Scored { .. }) => {
                self.show(event)
            }
            ProgressMode::Bars | ProgressMode::Lines | ProgressMode::Quiet => {}
        }
    }
}
