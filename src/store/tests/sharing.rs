//! Several concurrent writers, like several `mtl` processes: each with its own connection.

use std::sync::Barrier;

use crate::domain::event::{Observer, RunState};
use crate::domain::layout::Layout;
use crate::store::ResultsDatabase;
use crate::store::recorder::Recorder;
use crate::store::run_fixture::{RunFixture, folder};

#[test]
fn several_writers_lose_nothing() {
    let folder = folder();
    let layout = Layout::new(folder.path());
    let writers = 4;
    let together = Barrier::new(writers);
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let (layout, together) = (&layout, &together);
            scope.spawn(move || {
                together.wait(); // all find no database, and all create one
                for turn in 0..3 {
                    let script = RunFixture::new(&format!("census-{writer}{turn}"), 0.001);
                    let store = ResultsDatabase::open(&layout.database()).expect("opens");
                    let recorder = Recorder::new(store, &script.header()).expect("begins");
                    script.events(layout).iter().for_each(|event| recorder.observe(event));
                    recorder.finish().expect("written");
                }
            });
        }
    });
    let store = ResultsDatabase::open(&layout.database()).expect("opens");
    let runs = store.runs().expect("reads");
    assert_eq!(runs.len(), writers * 3);
    assert!(runs.iter().all(|line| line.state == RunState::Finished && line.stages_done == 7));
    for line in &runs {
        assert_eq!(store.epochs(&line.run).expect("reads").len(), 4);
        assert_eq!(store.scores(&line.run).expect("reads").len(), 15);
    }
}

#[test]
fn a_reader_sees_each_epoch_as_it_ends_and_never_half_of_one() {
    let folder = folder();
    let layout = Layout::new(folder.path());
    let script = RunFixture::new("census-1", 0.001);
    let recorder = Recorder::new(ResultsDatabase::open(&layout.database()).expect("opens"), &script.header())
        .expect("begins");
    let reader = ResultsDatabase::open_read_only(&layout.database()).expect("opens");
    assert_eq!(reader.state(&script.run).expect("reads"), Some(RunState::Running));
    for epoch in 1..=4 {
        recorder.observe(&script.epoch(epoch));
        let epochs = reader.epochs(&script.run).expect("reads");
        assert_eq!(epochs.len(), epoch);
        assert!(epochs.iter().all(|epoch| epoch.scores.len() == 5 && epoch.losses.len() == 3));
    }
}

/// Stages of a run work in parallel, so their events arrive from several threads.
#[test]
fn one_recorder_observes_several_threads() {
    let folder = folder();
    let layout = Layout::new(folder.path());
    let script = RunFixture::new("census-1", 0.001);
    let recorder = Recorder::new(ResultsDatabase::open(&layout.database()).expect("opens"), &script.header())
        .expect("begins");
    let events = script.events(&layout);
    std::thread::scope(|scope| {
        for part in events.chunks(events.len() / 3) {
            let recorder = &recorder;
            scope.spawn(move || part.iter().for_each(|event| recorder.observe(event)));
        }
    });
    recorder.finish().expect("written");
    let store = ResultsDatabase::open(&layout.database()).expect("opens");
    assert_eq!(store.epochs(&script.run).expect("reads").len(), 4);
    assert_eq!(store.scores(&script.run).expect("reads").len(), 15);
}
