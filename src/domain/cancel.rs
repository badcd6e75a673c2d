//! A request to stop, made by a signal and honoured at the next step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared between the signal handler and the work. Cloning shares the request.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
