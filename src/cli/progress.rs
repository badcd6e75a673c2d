//! What people see while a run works: bars on a terminal, plain lines elsewhere, JSON on request.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output;
use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, Observer};
use crate::report::number::guess;
use crate::report::{EpochPrinter, SweepProgress, narration};

/// How a run shows itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressMode {
    /// A bar that moves, lines above it.
    Bars,
    Lines,
    Quiet,
    Json,
}

/// Shows events as they happen.
pub struct ProgressDisplay {
    manner: ProgressMode,
    bar: ProgressBar,
    training: Mutex<Option<TrainingProgress>>,
    epochs: Mutex<EpochPrinter>,
    sweep: Mutex<SweepProgress>,
}

/// The training at work.
struct TrainingProgress {
    epochs: usize,
    from_step: usize,
    began: Instant,
}

impl TrainingProgress {
    /// Seconds until its last epoch, as fast as so far; `None` before anything is known.
    fn left(&self, epoch: usize, step: usize, steps: usize) -> Option<f64> {
        let done = ((epoch.saturating_sub(1)) * steps + step).saturating_sub(self.from_step);
        let all = (self.epochs * steps).saturating_sub(self.from_step);
        let each = (done > 0).then(|| self.began.elapsed().as_secs_f64() / done as f64)?;
        Some(each * all.saturating_sub(done) as f64)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ProgressDisplay {
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
        Self { manner: mode, bar, training: Mutex::new(None), epochs, sweep: Mutex::new(sweep) }
    }

    fn line(&self, text: &str) {
        match self.manner {
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
                    TrainingProgress { epochs: *epochs, from_step: *from_step, began: Instant::now() };
                *lock(&self.training) = Some(training);
            }
            Event::Stepped { epoch, step, steps, losses, .. } => {
                let training = lock(&self.training);
                let Some(training) = training.as_ref() else { return };
                self.bar.set_length(*steps as u64);
                self.bar.set_position(*step as u64);
                self.bar.set_prefix(format!("epoch {epoch}/{}", training.epochs));
                let left = training.left(*epoch, *step, *steps);
                let left = left.map_or_else(String::new, |left| format!("about {} left  ", guess(left)));
                self.bar.set_message(format!("{left}{}", narration::losses(losses)));
            }
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

    /// The bar of a sweep: its trials. The epochs of trials side by side would pull it to and fro.
    fn show_trials(&self, event: &Event, sweep: &SweepProgress) {
        match event {
            Event::Stepped { .. } | Event::StageStarted { .. } => {}
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
                let (over, total) = sweep.standing();
                self.bar.set_length(total as u64);
                self.bar.set_position(over as u64);
                self.bar.set_prefix("trials");
                self.bar.set_message(sweep.remaining().text().unwrap_or_default());
            }
        }
    }
}

/// Must a person know of it who wants to know as little as can be?
fn is_alarming(event: &Event) -> bool {
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
        match self.manner {
            ProgressMode::Json => {
                let mut out = std::io::stdout().lock();
                // Nobody reading is no reason to stop training.
                let _ = writeln!(out, "{}", serde_json::to_string(event).unwrap_or_default());
            }
            ProgressMode::Quiet if is_alarming(event) => {
                narration::line(event).iter().for_each(|text| self.line(text));
            }
            ProgressMode::Quiet => {}
            ProgressMode::Bars | ProgressMode::Lines => self.show(event),
        }
    }

    fn recall(&self, event: &Event) {
        match self.manner {
            ProgressMode::Json => self.observe(event),
            // A trial found as it was is told with its scores.
            ProgressMode::Bars | ProgressMode::Lines if matches!(event, Event::Scored { .. }) => {
                self.show(event)
            }
            ProgressMode::Bars | ProgressMode::Lines | ProgressMode::Quiet => {}
        }
    }
}
