//! What of a run stands on the page: all of it or one trial, its choices called as in the pictures.

use crate::domain::trial_address::TrialAddress;
use crate::report::page::ReportPage;
use crate::report::sweep::SweepReport;
use crate::report::trained::TrainedTrial;
use crate::store::record::RunDetail;

impl ReportPage {
    /// As a user names it: `census-3f2a`, of one trial `census-3f2a#3`.
    pub(crate) fn name(&self) -> String {
        TrialAddress::format(&self.detail.run, self.only)
    }
}

/// Leaves what is of other trials out; what is of all of them stays.
pub fn narrow(detail: &mut RunDetail, only: u32) {
    let own = |trial: Option<u32>| trial.is_none_or(|trial| trial == only);
    detail.trials.retain(|trial| trial.trial == only);
    detail.stages.retain(|stage| own(stage.trial));
    detail.artifacts.retain(|file| own(file.trial));
    detail.scores.retain(|score| score.trial == only);
    detail.notes.retain(|note| own(note.trial()));
}

/// Choices by their names, as the legends of the pictures have them; what they are in full stands with the
/// trials.
pub fn shorten(sweep: &mut SweepReport, trained: &[TrainedTrial]) {
    for group in &mut sweep.groups {
        let Some(one) = trained.iter().find(|trial| group.trials.contains(&trial.name)) else { continue };
        group.settings = sweep.by.iter().map(|address| one.named(address, trained)).collect();
    }
}
