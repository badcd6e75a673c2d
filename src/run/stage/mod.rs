//! The work of each kind of stage.

pub(super) mod baseline;
pub(super) mod evaluate;
pub(super) mod export;
mod exported;
pub(super) mod features;
pub(super) mod fit;
pub(super) mod gain;
pub(super) mod load;
pub(super) mod merge;
pub(super) mod split;
pub(super) mod train;
pub(super) mod trained;
pub(super) mod verify;

use crate::data::DataNote;
use crate::data::note::merged;
use crate::domain::event::{Event, Observer};
use crate::plan::{Stage, Work};

/// Whether a stage's artifact is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageOutput {
    /// The result depends only on the settings: it is cached.
    Keep,
    /// The result holds only for now, for example without ONNX Runtime: the stage runs again next time.
    Discard,
}

/// Whether the stage's artifact exists only in memory.
pub fn is_transient(stage: &Stage) -> bool {
    matches!(stage.work, Work::Load(_) | Work::Split(_))
}

/// Emits a stage's notes, merged by kind.
fn report_notes(stage: &Stage, notes: &[DataNote], event_log: &dyn Observer) {
    for note in merged(notes) {
        let (stage, severity, text) = (stage.clone().into(), note.severity, note.text);
        event_log.observe(&Event::Note { stage, severity, text });
    }
}
