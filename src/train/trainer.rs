//! Epochs and steps.

use crate::domain::cancel::Cancel;
use crate::domain::event::Observer;
use crate::train::error::{Error, Result};
use crate::train::job::{Job, Trained};

/// Trains one trial's network and writes the best epoch's weights.
pub fn train(job: &Job, observer: &dyn Observer, cancel: &Cancel) -> Result<Trained> {
    let _ = (job, observer, cancel);
    Err(Error::NoRows)
}
