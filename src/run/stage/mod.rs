//! The work behind each kind of stage.

pub(super) mod baseline;
pub(super) mod evaluate;
pub(super) mod export;
pub(super) mod fit;
pub(super) mod gain;
pub(super) mod load;
pub(super) mod split;
pub(super) mod train;
pub(super) mod trained;
pub(super) mod verify;

use crate::data::DataNote;
use crate::data::note::merged;
use crate::domain::event::{Event, Observer};
use crate::plan::{Stage, Work};

/// What a stage's work may leave behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageOutput {
    /// Same words, same result: never again.
    Yes,
    /// True only for now, such as "there is no ONNX Runtime here": try again next time.
    No,
}

/// Does the stage give something that only lives in memory?
pub fn is_transient(stage: &Stage) -> bool {
    matches!(stage.work, Work::Load(_) | Work::Split(_))
}

/// Tells a person what a stage noticed, each kind of thing once.
fn report_notes(stage: &Stage, notes: &[DataNote], event_log: &dyn Observer) {
    for note in merged(notes) {
        let (stage, severity, text) = (stage.clone().into(), note.severity, note.text);
        event_log.observe(&Event::Note { stage, severity, text });
    }
}
