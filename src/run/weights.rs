//! Trained weights: a trial's own, and those of an earlier run that training starts from.

use std::path::PathBuf;

use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::domain::trial_address::TrialAddress;
use crate::onnx::bundle::CARD;
use crate::run::error::RunError;
use crate::run::files;
use crate::train::config::StartFromConfig;

/// The file of trained weights in an artifact's and a trial's folder.
pub const WEIGHTS: &str = "weights.safetensors";

/// The trial's folder of the earlier run: `RUN#3`, or `RUN` if it has a single trial.
///
/// # Errors
/// If there is no such run, or its weights are corrupt.
pub fn earlier(layout: &Layout, config: &StartFromConfig) -> Result<PathBuf, RunError> {
    let folder = earlier_folder(layout, config).filter(|folder| folder.join(WEIGHTS).is_file());
    let folder = folder.ok_or_else(|| RunError::NoEarlierRun { run: config.run.clone() })?;
    match files::trial_file_damage(&folder, WEIGHTS) {
        None => Ok(folder),
        Some(reason) => Err(RunError::DamagedRun { path: folder, reason, run: config.run.clone() }),
    }
}

/// A run to merge, as one to start from.
pub fn of_run(name: &str) -> StartFromConfig {
    StartFromConfig { run: name.to_owned(), freeze: Vec::new() }
}

fn earlier_folder(layout: &Layout, config: &StartFromConfig) -> Option<PathBuf> {
    let (run, number) = TrialAddress::parts(&config.run);
    Some(layout.trial(&RunId::new(run)?, number.map_or(Ok(1), str::parse).ok()?))
}

/// The files of the earlier run that training depends on: weights, and the card with the input encodings.
pub fn earlier_files(layout: &Layout, config: &StartFromConfig) -> Vec<PathBuf> {
    let folder = earlier_folder(layout, config);
    folder.map(|folder| vec![folder.join(WEIGHTS), folder.join(CARD)]).unwrap_or_default()
}
