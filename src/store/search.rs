//! Writes the decisions of a running sweep: the settings it chose for a trial, and pruned trials.

use rusqlite::params;

use crate::domain::stage::Stage;
use crate::store::event::EventWriter;
use crate::store::parameter::ConfigParameter;
use crate::store::start_run::signed;

impl EventWriter<'_> {
    /// Records a trial that the sweep added after the run's start.
    pub(crate) fn trial_chosen(
        &self,
        trial: u32,
        seed: u64,
        choices: &[(String, String)],
    ) -> rusqlite::Result<()> {
        self.trial(trial)?;
        self.execute(
            "UPDATE trials SET seed = ?3 WHERE run = ?1 AND trial = ?2",
            params![self.run, trial, signed(seed)],
        )?;
        choices.iter().try_for_each(|(path, text)| {
            let ConfigParameter { path, text, number } = ConfigParameter::from_text(path, text);
            self.execute(
                "INSERT OR REPLACE INTO trial_parameters (run, trial, path, text, number)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![self.run, trial, path, text, number],
            )
        })
    }

    /// Records a pruned trial. Its training stage counts as finished, not failed.
    pub(crate) fn trial_pruned(
        &self,
        trial: u32,
        stage: &Stage,
        epoch: usize,
        reason: &str,
    ) -> rusqlite::Result<()> {
        self.trial(trial)?;
        let message = format!("pruned after epoch {epoch}: {reason}");
        self.execute(
            "INSERT INTO prunings (run, trial, epoch, reason) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET epoch = excluded.epoch, reason = excluded.reason",
            params![self.run, trial, epoch as i64, reason],
        )?;
        self.execute(
            "UPDATE trials SET epochs = ?3, stopped = ?4 WHERE run = ?1 AND trial = ?2",
            params![self.run, trial, epoch as i64, message],
        )?;
        self.execute(
            "UPDATE stages SET state = 'finished', reason = ?3 WHERE run = ?1 AND stage = ?2",
            params![self.run, stage.key(), message],
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::event::{Event, Observer};
    use crate::domain::layout::Layout;
    use crate::domain::stage::{Stage, Work};
    use crate::store::ResultsDatabase;
    use crate::store::recorder::Recorder;
    use crate::store::run_fixture::RunFixture;

    #[test]
    fn a_chosen_trial_that_is_pruned() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = RunFixture::new("census-1", 0.001);
        let recorder = Recorder::new(script.record(folder.path()), &script.header()).expect("begins");
        let choices = vec![("train.optimizer.adamw.rate".to_owned(), "0.5".to_owned())];
        let (stage, reason) = (Stage::of_trial(Work::Train, 2), "worse than the others".to_owned());
        recorder.observe(&Event::TrialChosen {
            trial: 2,
            seed: 7,
            label: "rate 0.5, seed 7".into(),
            choices,
        });
        let fingerprint = crate::domain::fingerprint::Fingerprint("ab".repeat(32));
        recorder.observe(&Event::StageStarted { stage: stage.clone(), trial: Some(2), fingerprint });
        let pruned = Event::TrialPruned { trial: 2, stage, epoch: 3, reason };
        // Repeated, as after an interruption.
        recorder.observe(&pruned);
        recorder.observe(&pruned);
        recorder.finish().expect("written");
        drop(recorder);
        let store = ResultsDatabase::open(&Layout::new(folder.path()).database()).expect("opens");
        let detail = store.run(&script.run).expect("reads");
        let (first, second) = (&detail.trials[0], &detail.trials[1]);
        assert_eq!(
            (first.pruned, second.pruned, second.epochs, second.seed),
            (None, Some(3), Some(3), Some(7))
        );
        assert_eq!(second.stopped.as_deref(), Some("pruned after epoch 3: worse than the others"));
        assert_eq!(second.parameters[0].number, Some(0.5));
        let stage = detail.stages.iter().find(|stage| stage.stage == "train#2").expect("there");
        assert_eq!((stage.state.as_str(), stage.reason.is_some()), ("finished", true));
        let objectives = store.sweep_objectives(&script.run).expect("reads");
        assert_eq!((objectives[0].metric.as_str(), objectives[0].reference), ("auroc", Some(0.5)));
    }
}
