//! The trial of an event, and the serialized form, which must not change.

use serde_json::json;

use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, FinishedEpoch};
use crate::domain::event_source::EventSource;
use crate::domain::name::TaskName;
use crate::domain::score::TaskValue;
use crate::domain::stage::{Stage, Work};

fn note(stage: EventSource) -> Event {
    Event::Note { stage, severity: Severity::Warning, text: "a word".to_owned() }
}

#[test]
fn events_of_all_versions_are_read_and_written() {
    let task = TaskName::new("income").expect("a name");
    let epoch = FinishedEpoch {
        trial: 2,
        epoch: 1,
        step: 4,
        losses: vec![TaskValue { task, value: 0.5 }],
        joint_loss: 0.5,
        weights: Vec::new(),
        rate: 0.25,
        rows_per_second: 8.0,
        seconds: 2.0,
        scores: Vec::new(),
        objective: None,
        best: true,
        relations: Vec::new(),
        shares: Vec::new(),
    };
    let (stage, trial) = (Stage::of_trial(Work::Train, 2), Some(2));
    let skipped =
        Event::StageSkipped { stage: Stage::of_trial(Work::Verify, 2), trial, because: stage.clone() };
    let known = [
        (
            Event::EpochFinished(epoch),
            concat!(
                r#"{"event":"epoch_finished","trial":2,"epoch":1,"step":4,"#,
                r#""losses":[{"task":"income","value":0.5}],"joint_loss":0.5,"weights":[],"rate":0.25,"#,
                r#""rows_per_second":8.0,"seconds":2.0,"scores":[],"objective":null,"best":true}"#
            ),
        ),
        (note(stage.into()), r#"{"event":"note","stage":"train#2","severity":"warning","text":"a word"}"#),
        (
            note(EventSource::Sweep),
            r#"{"event":"note","stage":"sweep","severity":"warning","text":"a word"}"#,
        ),
        (skipped, r#"{"event":"stage_skipped","stage":"verify#2","trial":2,"because":"train#2"}"#),
    ];
    for (event, text) in known {
        assert_eq!(serde_json::to_string(&event).expect("text"), text);
        assert_eq!(serde_json::from_str::<Event>(text).expect("an event"), event);
    }
    let unknown = json!({"event": "note", "stage": "trained", "severity": "warning", "text": ""});
    assert!(serde_json::from_value::<Event>(unknown).is_err());
}

#[test]
fn an_event_can_be_attributed_to_another_trial() {
    let saved = Event::CheckpointSaved { trial: 1, epoch: 2, step: 3 };
    let by = Stage::of_trial(Work::Evaluate, 7);
    assert_eq!(saved.attributed_to(&by).trial(), Some(7));
    assert_eq!(saved.attributed_to(&Stage::shared(Work::Fit)), saved);
    let noted = note(Stage::of_trial(Work::Evaluate, 1).into()).attributed_to(&by);
    assert_eq!((noted.trial(), noted), (Some(7), note(by.into())));
    assert_eq!(note(EventSource::Search).trial(), None);
}
