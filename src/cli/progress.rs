//! What people see while a run works: bars on a terminal, plain lines elsewhere, JSON on request.

use std::io::Write;
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output;
use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, Observer};
use crate::report::{Roster, narration};

/// How a run shows itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// A bar that moves, lines above it.
    Bars,
    Lines,
    Quiet,
    Json,
}

/// Shows events as they happen.
pub struct Progress {
    manner: Manner,
    bar: ProgressBar,
    /// How many epochs there will be at most.
    epochs: Mutex<usize>,
    roster: Mutex<Roster>,
}

impl Progress {
    /// `trials`: what each trial of a sweep varies, as far as is known; `total`: how many there will be.
    pub fn new(manner: Manner, trials: Vec<String>, total: usize) -> Self {
        let target = match manner {
            Manner::Bars => ProgressDrawTarget::stderr(),
            _ => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(
            ProgressStyle::with_template("  {prefix} {bar:24.cyan/dim} {pos}/{len}  {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("━╸─"),
        );
        Self { manner, bar, epochs: Mutex::new(0), roster: Mutex::new(Roster::new(trials, total)) }
    }

    fn line(&self, text: &str) {
        match self.manner {
            Manner::Bars => self.bar.suspend(|| output::tell(text)),
            _ => output::tell(text),
        }
    }

    fn show(&self, event: &Event) {
        let mut roster = self.roster.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match event {
            // Trials side by side would pull one bar to and fro.
            Event::Stepped { .. } if roster.is_sweep() => {}
            Event::TrainStarted { epochs, .. } => {
                *self.epochs.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = *epochs;
            }
            Event::Stepped { epoch, step, steps, losses, .. } => {
                let epochs = *self.epochs.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                self.bar.set_length(*steps as u64);
                self.bar.set_position(*step as u64);
                self.bar.set_prefix(format!("epoch {epoch}/{epochs}"));
                self.bar.set_message(narration::losses(losses));
            }
            Event::TrainFinished { .. } | Event::RunFinished { .. } => self.bar.finish_and_clear(),
            _ => {}
        }
        let line = if roster.is_sweep() { roster.line(event) } else { narration::line(event) };
        if let Some(text) = line {
            self.line(&text);
        }
    }
}

impl Observer for Progress {
    fn observe(&self, event: &Event) {
        match self.manner {
            Manner::Json => {
                let mut out = std::io::stdout().lock();
                // Nobody reading is no reason to stop training.
                let _ = writeln!(out, "{}", serde_json::to_string(event).unwrap_or_default());
            }
            Manner::Quiet => match event {
                Event::Note { severity: Severity::Warning, .. } | Event::StageFailed { .. } => {
                    if let Some(text) = narration::line(event) {
                        self.line(&text);
                    }
                }
                _ => {}
            },
            Manner::Bars | Manner::Lines => self.show(event),
        }
    }

    fn recall(&self, event: &Event) {
        match self.manner {
            Manner::Json => self.observe(event),
            // A trial found as it was is told with its scores.
            Manner::Bars | Manner::Lines if matches!(event, Event::Scored { .. }) => self.show(event),
            _ => {}
        }
    }
}
