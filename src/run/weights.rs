//! Where trained weights lie: a trial's own, and those of an earlier run that a training starts from.

use std::path::PathBuf;

use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::domain::trial_address::TrialAddress;
use crate::onnx::bundle::CARD;
use crate::run::error::RunError;
use crate::run::files;
use crate::train::config::StartFromConfig;

/// The trained weights, in the artifact's and the trial's folder.
pub const WEIGHTS: &str = "weights.safetensors";

/// The folder of the earlier run's trial: `RUN#3`, or without a number its only one.
pub fn earlier(layout: &Layout, config: &StartFromConfig) -> Result<PathBuf, RunError> {
    let folder = earlier_folder(layout, config).filter(|folder| folder.join(WEIGHTS).is_file());
    let folder = folder.ok_or_else(|| RunError::NoEarlierRun { run: config.run.clone() })?;
    match files::given_damage(&folder, WEIGHTS) {
        None => Ok(folder),
        Some(reason) => Err(RunError::DamagedRun { path: folder, reason, run: config.run.clone() }),
    }
}

fn earlier_folder(layout: &Layout, config: &StartFromConfig) -> Option<PathBuf> {
    let (run, number) = TrialAddress::parts(&config.run);
    Some(layout.trial(&RunId::new(run)?, number.map_or(Ok(1), str::parse).ok()?))
}

/// What is read of the earlier run: its weights, and how it encoded its inputs.
pub fn earlier_files(layout: &Layout, config: &StartFromConfig) -> Vec<PathBuf> {
    let folder = earlier_folder(layout, config);
    folder.map(|folder| vec![folder.join(WEIGHTS), folder.join(CARD)]).unwrap_or_default()
}
