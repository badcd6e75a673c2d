//! What is drawn: the trials of the runs that were named, put together where only their seeds differ.

use std::collections::HashMap;

use crate::domain::name::RunId;
use crate::domain::score::Direction;
use crate::domain::trial_address::TrialAddress;
use crate::report::plot::curves_by_key::Observations;
use crate::report::preferences::preference_scores;
use crate::report::student;
use crate::report::trained::{TaskScore, TrainedTrial};
use crate::store::affinity::AffinityRecord;
use crate::store::curve::EpochObservation;
use crate::store::gain::MeanGain;
use crate::store::record::{
    EpochRecord, GradientRecord, RunDetail, ScoreRecord, ShareRecord, TaskRecord, TrialRecord,
};
use crate::store::{ResultsDatabase, StoreError};

/// Trials in groups, the best group first.
#[derive(Clone, Debug, PartialEq)]
pub struct PlotSubject {
    /// The runs' names, as a title says them.
    pub name: String,
    /// What tells the groups apart: `sharing, weighting`.
    pub by: String,
    /// Every task of every run.
    pub tasks: Vec<TaskRecord>,
    pub groups: Vec<PlotGroup>,
}

/// Trials with the same settings, one for each seed.
#[derive(Clone, Debug, PartialEq)]
pub struct PlotGroup {
    pub name: String,
    pub trials: Vec<TrialCurves>,
}

/// How the mean of a group goes on by epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeanCurve {
    /// As long as every trial has a value.
    pub all: Vec<(f64, student::ConfidenceMean)>,
    /// From the last of these on where some have stopped: the mean of those that go on.
    pub rest: Vec<(f64, student::ConfidenceMean)>,
}

/// A trial and all that was observed of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialCurves {
    /// `census-3f2a#1`
    pub name: TrialAddress,
    pub seed: u64,
    pub record: TrialRecord,
    pub objective: Option<f64>,
    /// The first metric of every task.
    pub scores: Vec<TaskScore>,
    /// The same for each preference that its network was told, by name; empty where it reads none.
    pub preference_scores: Vec<(String, Vec<TaskScore>)>,
    /// Its epochs, whose scores are `measured`.
    pub epochs: Vec<EpochRecord>,
    pub measured: Observations<ScoreRecord>,
    pub gradients: Observations<GradientRecord>,
    pub shares: Observations<ShareRecord>,
    pub affinities: Observations<AffinityRecord>,
    /// Of each task and of all of them, over tasks trained alone.
    pub gains: Vec<MeanGain>,
}

/// A run, and one trial of it or all.
pub type RunTrial = (RunId, Option<u32>);

impl PlotSubject {
    /// Reads runs, or those of their trials that were named.
    pub fn read(store: &ResultsDatabase, named: &[RunTrial]) -> Result<Self, StoreError> {
        let several = named.iter().any(|(run, _)| *run != named[0].0);
        let mut subject =
            Self { name: title(named), by: String::new(), tasks: Vec::new(), groups: Vec::new() };
        let mut by: Vec<String> = Vec::new();
        let mut all: Vec<TrainedTrial> = Vec::new();
        let mut direction = Direction::Lower;
        for (run, only) in named {
            direction = store.direction(run)?;
            let detail = store.run(run)?;
            for task in &detail.tasks {
                if !subject.tasks.iter().any(|known| known.task == task.task) {
                    subject.tasks.push(task.clone());
                }
            }
            let trained = TrainedTrial::read(store, run)?;
            let varied = varied(&trained);
            by.extend(varied.iter().filter(|address| !by.contains(address)).cloned().collect::<Vec<_>>());
            let own = |number: u32| only.is_none_or(|only| number == only);
            for (traced, trial) in TrialCurves::read(store, detail)?.into_iter().zip(&trained) {
                if own(trial.number) {
                    let settings: Vec<String> =
                        varied.iter().map(|address| trial.named(address, &trained)).collect();
                    subject.join(group_name(run, several, &settings, *only), traced, trial);
                    all.push(trial.clone());
                }
            }
        }
        if several {
            subject.unite(&all);
        }
        subject.groups.iter_mut().for_each(PlotGroup::leave_out_pruned);
        subject.by = by.join(", ");
        let key = |group: &PlotGroup| student::mean(&group.objectives()).map_or(f64::NAN, |mean| mean.mean);
        subject.groups.sort_by(|a, b| match (key(a), key(b)) {
            (a, b) if direction.prefers(a, b) => std::cmp::Ordering::Less,
            (a, b) if direction.prefers(b, a) => std::cmp::Ordering::Greater,
            (a, b) => a.is_nan().cmp(&b.is_nan()),
        });
        Ok(subject)
    }

    fn join(&mut self, name: String, mut traced: TrialCurves, trial: &TrainedTrial) {
        traced.objective = trial.objective;
        traced.scores = trial.scores.clone();
        traced.seed = trial.seed;
        match self.groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.trials.push(traced),
            None => self.groups.push(PlotGroup { name, trials: vec![traced] }),
        }
    }

    /// Puts groups of several runs together whose trials differ by their seed alone. What was trained once
    /// counts once.
    fn unite(&mut self, trained: &[TrainedTrial]) {
        let settings = |group: &PlotGroup| {
            let first = group.trials.first()?;
            trained.iter().find(|trial| trial.name == first.name).map(TrainedTrial::settings_but_seed)
        };
        let mut united: Vec<(Option<Vec<(String, String)>>, Vec<PlotGroup>)> = Vec::new();
        for group in std::mem::take(&mut self.groups) {
            let own = settings(&group);
            match united.iter_mut().find(|(known, _)| *known == own && own.is_some()) {
                Some((_, groups)) => groups.push(group),
                None => united.push((own, vec![group])),
            }
        }
        for (_, groups) in united {
            let names: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
            let mut trials: Vec<TrialCurves> = Vec::new();
            for trial in groups.into_iter().flat_map(|group| group.trials) {
                if !trials.iter().any(|known| known.seed == trial.seed) {
                    trials.push(trial);
                }
            }
            let name = match names.as_slice() {
                [first, _, _, ..] => format!("{first} and {} others", names.len() - 1),
                names => names.join(" and "),
            };
            self.groups.push(PlotGroup { name, trials });
        }
    }

    /// The only trial, where there is but one.
    pub fn alone(&self) -> Option<&TrialCurves> {
        match self.groups.as_slice() {
            [group] if group.trials.len() == 1 => group.trials.first(),
            _ => None,
        }
    }

    /// How groups are to be read, in a sentence, where their intervals are drawn as bands or are not.
    pub fn remark(&self, bands: bool) -> String {
        let seeds = || self.groups.iter().map(|group| group.trials.len());
        let (fewest, most) = (seeds().min().unwrap_or(0), seeds().max().unwrap_or(0));
        let mut text = Vec::new();
        if self.groups.len() > 1 && !self.by.is_empty() {
            text.push(format!("by {}", self.by));
        }
        if most > 1 {
            let seeds = if fewest < most { format!("{fewest} to {most}") } else { most.to_string() };
            let band = if bands { ", band: its 95 % interval (Student t)" } else { "" };
            text.push(format!("mean over {seeds} seeds{band}"));
        }
        if bands && self.groups.iter().any(PlotGroup::is_uneven) {
            text.push("dotted: the mean of the seeds that go on where others have stopped".to_owned());
        }
        text.join(" · ")
    }
}

/// What a figure says below its title: its parts, and how many of its groups it shows where it does not show
/// all.
pub fn subtitle(mut parts: Vec<String>, shown: usize, of: usize) -> String {
    if of > shown {
        parts.push(format!("the best {shown} of {}", groups(of)));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

/// `1 group`, `3 groups`
pub fn groups(count: usize) -> String {
    if count == 1 { "1 group".to_owned() } else { format!("{count} groups") }
}

impl PlotGroup {
    fn objectives(&self) -> Vec<f64> {
        self.trials.iter().filter_map(|trial| trial.objective).collect()
    }

    /// A number of every epoch: its mean over the trials, and the ends of its interval.
    pub fn curve(&self, value: impl Fn(&TrialCurves, usize) -> Option<f64>) -> MeanCurve {
        let begun: Vec<&TrialCurves> = self.trials.iter().filter(|trial| trial.last() > 0).collect();
        let last = begun.iter().map(|trial| trial.last()).max().unwrap_or(0);
        let mut curve = MeanCurve::default();
        for epoch in 1..=last {
            let going: Vec<&&TrialCurves> = begun.iter().filter(|trial| trial.last() >= epoch).collect();
            let values: Vec<f64> = going.iter().filter_map(|trial| value(trial, epoch)).collect();
            let Some(mean) = student::mean(&values).filter(|_| values.len() == going.len()) else { continue };
            if going.len() == begun.len() {
                curve.all.push((epoch as f64, mean));
            } else {
                // The line goes on from where it was.
                curve.rest.extend(curve.all.last().copied().filter(|_| curve.rest.is_empty()));
                curve.rest.push((epoch as f64, mean));
            }
        }
        curve
    }

    /// Have some trials stopped before others?
    fn is_uneven(&self) -> bool {
        let lasts = || self.trials.iter().map(TrialCurves::last).filter(|last| *last > 0);
        lasts().min() != lasts().max()
    }

    /// Trials that a sweep gave up are in no mean; where there are no others, the name says so.
    fn leave_out_pruned(&mut self) {
        if self.trials.iter().all(|trial| trial.record.pruned.is_some()) {
            self.name.push_str(" (pruned)");
        } else {
            self.trials.retain(|trial| trial.record.pruned.is_none());
        }
    }
}

impl TrialCurves {
    fn read(store: &ResultsDatabase, detail: RunDetail) -> Result<Vec<Self>, StoreError> {
        let mut epochs = by_trial(store.epochs(&detail.run)?, |epoch| epoch.trial);
        let mut gradients = by_trial(store.gradient_curve(&detail.run)?, |seen| seen.trial);
        let mut shares = by_trial(store.share_curve(&detail.run)?, |seen| seen.trial);
        let mut affinities = by_trial(store.affinity_curve(&detail.run)?, |seen| seen.trial);
        let mut one = |record: TrialRecord| {
            let number = record.trial;
            let mut epochs = epochs.remove(&number).unwrap_or_default();
            let measured: Vec<EpochObservation<ScoreRecord>> = epochs
                .iter_mut()
                .flat_map(|own| {
                    let (trial, epoch) = (own.trial, own.epoch);
                    std::mem::take(&mut own.scores).into_iter().map(move |record| EpochObservation {
                        trial,
                        epoch,
                        record,
                    })
                })
                .collect();
            Ok(Self {
                name: TrialAddress::new(&detail.run, number),
                seed: detail.seed,
                record,
                objective: None,
                scores: Vec::new(),
                preference_scores: preference_scores(&store.front(&detail.run, number)?),
                epochs,
                measured: measured.into(),
                gradients: gradients.remove(&number).unwrap_or_default().into(),
                shares: shares.remove(&number).unwrap_or_default().into(),
                affinities: affinities.remove(&number).unwrap_or_default().into(),
                gains: detail.gains.means.iter().filter(|gain| gain.trial == number).cloned().collect(),
            })
        };
        detail.trials.clone().into_iter().map(&mut one).collect()
    }

    /// The last epoch that was finished; 0 before the first.
    pub fn last(&self) -> usize {
        self.epochs.last().map_or(0, |epoch| epoch.epoch)
    }

    pub fn epoch(&self, number: usize) -> Option<&EpochRecord> {
        // They are in order.
        self.epochs.binary_search_by_key(&number, |epoch| epoch.epoch).ok().map(|index| &self.epochs[index])
    }

    /// The epoch whose weights were kept, else the last one.
    pub fn best_epoch(&self) -> usize {
        self.record.best_epoch.unwrap_or_else(|| self.last())
    }
}

fn by_trial<T>(all: Vec<T>, trial: impl Fn(&T) -> u32) -> HashMap<u32, Vec<T>> {
    let mut parts: HashMap<u32, Vec<T>> = HashMap::new();
    all.into_iter().for_each(|one| parts.entry(trial(&one)).or_default().push(one));
    parts
}

fn varied(trained: &[TrainedTrial]) -> Vec<String> {
    let mut varied: Vec<String> = Vec::new();
    for (address, _) in trained.iter().flat_map(|trial| &trial.choices) {
        if !varied.contains(address) {
            varied.push(address.clone());
        }
    }
    // Setting by setting in the order of the pipeline; one that is the same everywhere tells nothing apart.
    varied
        .retain(|address| trained.iter().any(|trial| trial.setting(address) != trained[0].setting(address)));
    varied
}

fn group_name(run: &RunId, several: bool, settings: &[String], only: Option<u32>) -> String {
    let run = match only {
        _ if several || settings.is_empty() => TrialAddress::format(run, only),
        Some(number) => format!("#{number}"),
        None => String::new(),
    };
    let parts = std::iter::once(run).chain(settings.iter().cloned()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(", ")
}

fn title(named: &[RunTrial]) -> String {
    let one = |(run, trial): &RunTrial| TrialAddress::format(run, *trial);
    let shown: Vec<String> = named.iter().take(3).map(one).collect();
    match named.len() - shown.len() {
        0 => shown.join(", "),
        others => format!("{} and {others} more", shown.join(", ")),
    }
}
