//! Where trained weights lie: a trial's own, and those of an earlier run that a training starts from.

use std::path::PathBuf;

use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::domain::trial_address::TrialAddress;
use crate::onnx::bundle::CARD;
use crate::run::error::Error;
use crate::run::files;
use crate::train::spec::StartFromSpec;

/// The trained weights, in the artifact's and the trial's folder.
pub const WEIGHTS: &str = "weights.safetensors";

/// The folder of the earlier run's trial: `RUN#3`, or without a number its only one.
pub fn earlier(layout: &Layout, words: &StartFromSpec) -> Result<PathBuf, Error> {
    let folder = earlier_folder(layout, words).filter(|folder| folder.join(WEIGHTS).is_file());
    let folder = folder.ok_or_else(|| Error::NoEarlierRun { run: words.run.clone() })?;
    match files::given_damage(&folder, WEIGHTS) {
        None => Ok(folder),
        Some(reason) => Err(Error::DamagedRun { path: folder, reason, run: words.run.clone() }),
    }
}

fn earlier_folder(layout: &Layout, words: &StartFromSpec) -> Option<PathBuf> {
    let (run, number) = TrialAddress::parts(&words.run);
    Some(layout.trial(&RunId::new(run)?, number.map_or(Ok(1), str::parse).ok()?))
}

/// What is read of the earlier run: its weights, and how it encoded its inputs.
pub fn earlier_files(layout: &Layout, words: &StartFromSpec) -> Vec<PathBuf> {
    let folder = earlier_folder(layout, words);
    folder.map(|folder| vec![folder.join(WEIGHTS), folder.join(CARD)]).unwrap_or_default()
}
