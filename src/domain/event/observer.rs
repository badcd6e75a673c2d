//! Observers of a run.

use crate::domain::event::Event;

/// Observes a run. Called from several threads, one event at a time per thread.
pub trait Observer: Send + Sync {
    /// Receives one event.
    fn observe(&self, event: &Event);

    /// An event of an earlier run, replayed because its stage is cached: it belongs in the records of this
    /// run, but is not live progress.
    fn replay(&self, event: &Event) {
        self.observe(event);
    }
}

impl Observer for Vec<&dyn Observer> {
    fn observe(&self, event: &Event) {
        self.iter().for_each(|observer| observer.observe(event));
    }

    fn replay(&self, event: &Event) {
        self.iter().for_each(|observer| observer.replay(event));
    }
}
