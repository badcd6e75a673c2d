//! The data of figures: trials of one or several runs, in groups that differ only in their seeds.

use std::collections::HashMap;

use crate::domain::name::RunId;
use crate::domain::score::Direction;
use crate::domain::trial_address::TrialAddress;
use crate::report::number::counted;
use crate::report::plot::curves_by_key::Observations;
use crate::report::preferences::preference_scores;
use crate::report::student;
use crate::report::trained::{TaskScore, TrainedTrial, varied};
use crate::store::affinity::AffinityRecord;
use crate::store::confusion::ConfusionRecord;
use crate::store::curve::EpochObservation;
use crate::store::gain::MeanGain;
use crate::store::record::{
    EpochRecord, GradientRecord, RunDetail, ScoreRecord, ShareRecord, TaskRecord, TrialRecord,
};
use crate::store::{ResultsDatabase, StoreError};

/// Trials in groups, the best group first.
#[derive(Clone, Debug, PartialEq)]
pub struct PlotSubject {
    /// The names of the runs, for titles.
    pub name: String,
    /// The settings that distinguish the groups: `sharing, weighting`.
    pub by: String,
    /// The distinct tasks of all runs.
    pub tasks: Vec<TaskRecord>,
    /// The groups.
    pub groups: Vec<PlotGroup>,
}

/// Trials with the same settings, one for each seed.
#[derive(Clone, Debug, PartialEq)]
pub struct PlotGroup {
    /// Name in the legend; empty for a single group.
    pub name: String,
    /// The trials, one per seed.
    pub trials: Vec<TrialCurves>,
}

/// The mean of a group by epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeanCurve {
    /// (epoch, mean) of the epochs that all trials reached.
    pub all: Vec<(f64, student::ConfidenceMean)>,
    /// The continuation, from the last of these epochs on: the mean of the trials that were trained longer.
    pub rest: Vec<(f64, student::ConfidenceMean)>,
}

/// A trial with all its observations.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialCurves {
    /// `census-3f2a#1`
    pub name: TrialAddress,
    /// Seed of the trial.
    pub seed: u64,
    /// What is recorded about the trial as a whole.
    pub record: TrialRecord,
    /// The objective at its best epoch.
    pub objective: Option<f64>,
    /// The first metric of every task.
    pub scores: Vec<TaskScore>,
    /// The scores for each preference vector, by name; empty for a network that reads none.
    pub preference_scores: Vec<(String, Vec<TaskScore>)>,
    /// The epochs; their scores are in `measured`.
    pub epochs: Vec<EpochRecord>,
    /// Scores on validation rows per epoch.
    pub measured: Observations<ScoreRecord>,
    /// Relations of gradients per epoch.
    pub gradients: Observations<GradientRecord>,
    /// Shares of experts per epoch.
    pub shares: Observations<ShareRecord>,
    /// Affinities per epoch.
    pub affinities: Observations<AffinityRecord>,
    /// The gains of each task and of all tasks over single-task training.
    pub gains: Vec<MeanGain>,
    /// The confusion matrices of the final scores.
    pub confusions: Vec<ConfusionRecord>,
}

/// A run, and one of its trials; `None`: all.
pub type RunTrial = (RunId, Option<u32>);

impl PlotSubject {
    /// Reads runs, or single trials of them.
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
            let mut varied = varied(&trained);
            // Settings that are the same in all trials do not distinguish groups.
            varied.retain(|address| {
                trained.iter().any(|trial| trial.setting(address) != trained[0].setting(address))
            });
            by.extend(varied.iter().filter(|address| !by.contains(address)).cloned().collect::<Vec<_>>());
            for (curves, trial) in TrialCurves::read(store, detail)?.into_iter().zip(&trained) {
                if only.is_none_or(|only| trial.number == only) {
                    let settings: Vec<String> =
                        varied.iter().map(|address| trial.named(address, &trained)).collect();
                    subject.add(group_name(run, several, &settings, *only), curves, trial);
                    all.push(trial.clone());
                }
            }
        }
        if several {
            subject.merge_seeds(&all);
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

    /// Adds a trial to the group with this name.
    fn add(&mut self, name: String, mut curves: TrialCurves, trial: &TrainedTrial) {
        curves.objective = trial.objective;
        curves.scores = trial.scores.clone();
        curves.seed = trial.seed;
        match self.groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.trials.push(curves),
            None => self.groups.push(PlotGroup { name, trials: vec![curves] }),
        }
    }

    /// Merges groups of several runs whose trials differ only in their seeds. Trials with the same seed
    /// count once.
    fn merge_seeds(&mut self, trained: &[TrainedTrial]) {
        let settings = |group: &PlotGroup| {
            let first = group.trials.first()?;
            trained.iter().find(|trial| trial.name == first.name).map(TrainedTrial::settings_but_seed)
        };
        let mut merged: Vec<(Option<Vec<(String, String)>>, Vec<PlotGroup>)> = Vec::new();
        for group in std::mem::take(&mut self.groups) {
            let own = settings(&group);
            match merged.iter_mut().find(|(known, _)| *known == own && own.is_some()) {
                Some((_, groups)) => groups.push(group),
                None => merged.push((own, vec![group])),
            }
        }
        for (_, groups) in merged {
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

    /// The only trial, if there is exactly one.
    pub fn alone(&self) -> Option<&TrialCurves> {
        match self.groups.as_slice() {
            [group] if group.trials.len() == 1 => group.trials.first(),
            _ => None,
        }
    }

    /// How to read the groups; `bands` tells whether their intervals are drawn as bands.
    pub fn remark(&self, bands: bool) -> String {
        let seeds = || self.groups.iter().map(|group| group.trials.len());
        let (fewest, most) = (seeds().min().unwrap_or(0), seeds().max().unwrap_or(0));
        let mut text = Vec::new();
        if self.groups.len() > 1 && !self.by.is_empty() {
            text.push(format!("by {}", self.by));
        }
        if most > 1 {
            let seeds = if fewest < most { format!("{fewest} to {most}") } else { most.to_string() };
            let band = if bands { ", band: 95 % confidence interval (Student t)" } else { "" };
            text.push(format!("mean over {seeds} seeds{band}"));
        }
        if bands && self.groups.iter().any(PlotGroup::is_uneven) {
            text.push("dotted: mean of the seeds that were trained longer than others".to_owned());
        }
        text.join(" · ")
    }
}

/// The remark of a figure: its parts, and the number of shown groups if these are not all.
pub fn subtitle(mut parts: Vec<String>, shown: usize, all: usize) -> String {
    if all > shown {
        parts.push(format!("the best {shown} of {}", counted(all, "group")));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

impl PlotGroup {
    fn objectives(&self) -> Vec<f64> {
        self.trials.iter().filter_map(|trial| trial.objective).collect()
    }

    /// The mean of a value over the trials in every epoch in which all trials that reached it have the value.
    pub fn curve(&self, value: impl Fn(&TrialCurves, usize) -> Option<f64>) -> MeanCurve {
        let started: Vec<&TrialCurves> = self.trials.iter().filter(|trial| trial.last() > 0).collect();
        let last = started.iter().map(|trial| trial.last()).max().unwrap_or(0);
        let mut curve = MeanCurve::default();
        for epoch in 1..=last {
            let reached: Vec<&&TrialCurves> = started.iter().filter(|trial| trial.last() >= epoch).collect();
            let values: Vec<f64> = reached.iter().filter_map(|trial| value(trial, epoch)).collect();
            let Some(mean) = student::mean(&values).filter(|_| values.len() == reached.len()) else {
                continue;
            };
            if reached.len() == started.len() {
                curve.all.push((epoch as f64, mean));
            } else {
                // The continuation starts at the last common epoch.
                curve.rest.extend(curve.all.last().copied().filter(|_| curve.rest.is_empty()));
                curve.rest.push((epoch as f64, mean));
            }
        }
        curve
    }

    /// Whether some trials stopped before others.
    fn is_uneven(&self) -> bool {
        let lasts = || self.trials.iter().map(TrialCurves::last).filter(|last| *last > 0);
        lasts().min() != lasts().max()
    }

    /// Removes pruned trials; if all are pruned, marks the group's name instead.
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
        let mut confusions = by_trial(store.confusions(&detail.run)?, |cell| cell.trial);
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
                confusions: confusions.remove(&number).unwrap_or_default(),
                gains: detail.gains.means.iter().filter(|gain| gain.trial == number).cloned().collect(),
            })
        };
        detail.trials.clone().into_iter().map(&mut one).collect()
    }

    /// The last finished epoch; 0 before the first.
    pub fn last(&self) -> usize {
        self.epochs.last().map_or(0, |epoch| epoch.epoch)
    }

    /// The record of an epoch, from 1.
    pub fn epoch(&self, number: usize) -> Option<&EpochRecord> {
        // Epochs are in ascending order.
        self.epochs.binary_search_by_key(&number, |epoch| epoch.epoch).ok().map(|index| &self.epochs[index])
    }

    /// The best epoch, or the last one if there is no best.
    pub fn best_epoch(&self) -> usize {
        self.record.best_epoch.unwrap_or_else(|| self.last())
    }
}

fn by_trial<T>(all: Vec<T>, trial: impl Fn(&T) -> u32) -> HashMap<u32, Vec<T>> {
    let mut parts: HashMap<u32, Vec<T>> = HashMap::new();
    all.into_iter().for_each(|one| parts.entry(trial(&one)).or_default().push(one));
    parts
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
