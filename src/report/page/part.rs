//! Restricts a page to one trial, and shortens the names of settings as in the figures.

use crate::domain::trial_address::TrialAddress;
use crate::report::page::ReportPage;
use crate::report::sweep::SweepReport;
use crate::report::trained::TrainedTrial;
use crate::store::record::RunDetail;

impl ReportPage {
    /// The name of the run or of its selected trial: `census-3f2a`, `census-3f2a#3`.
    pub(crate) fn name(&self) -> String {
        TrialAddress::format(&self.detail.run, self.only)
    }
}

/// Removes what belongs to other trials; keeps what all trials share.
pub fn narrow(detail: &mut RunDetail, only: u32) {
    let is_own = |trial: Option<u32>| trial.is_none_or(|trial| trial == only);
    detail.trials.retain(|trial| trial.trial == only);
    detail.stages.retain(|stage| is_own(stage.trial));
    detail.artifacts.retain(|file| is_own(file.trial));
    detail.scores.retain(|score| score.trial == only);
    detail.notes.retain(|note| is_own(note.trial()));
}

/// Replaces the settings of groups by their short names, as in the legends of the figures. The section of
/// the trials has them in full.
pub fn shorten(sweep: &mut SweepReport, trained: &[TrainedTrial]) {
    for group in &mut sweep.groups {
        let Some(trial) = trained.iter().find(|trial| group.trials.contains(&trial.name)) else { continue };
        group.settings = sweep.by.iter().map(|address| trial.named(address, trained)).collect();
    }
}
