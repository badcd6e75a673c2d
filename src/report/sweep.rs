//! The report of a sweep: groups of trials with the same settings, each group's mean over seeds with its 95 %
//! confidence interval, and its difference from equal weights.

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::choice::display_names;
use crate::domain::name::RunId;
use crate::domain::score::{Direction, Split};
use crate::report::group::{GainMean, TaskMean, TrialGroup};
use crate::report::pareto::ParetoReport;
use crate::report::seeds::{
    SeedEstimate, SeedValue, are_comparable, differences, estimates, holm_correction,
};
use crate::report::student::{mean, paired};
use crate::report::trained::{TaskScore, TrainedTrial, is_inside, varied};
use crate::store::trial::SweepObjective;
use crate::store::{ResultsDatabase, StoreError};

mod gains;
mod text;

pub(crate) use crate::report::sweep::text::rows;

const WEIGHTING: &str = "weighting";
const EQUAL: &str = "equal";

/// The trials of one or several runs, grouped by settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepReport {
    /// The paths of the settings that define the groups.
    pub by: Vec<String>,
    /// The split by whose scores groups are ranked and tested.
    pub split: Split,
    /// The other settings that vary within groups; they are averaged within each seed.
    pub averaged: Vec<AveragedSetting>,
    /// Whether all groups share some values of these other settings. If not, they differ in them too.
    pub comparable: bool,
    /// Ordered by the objective on validation rows, best first.
    pub groups: Vec<TrialGroup>,
    /// Which objective values are better.
    pub direction: Direction,
    /// Number of trials without scores.
    pub without: usize,
    /// Number of pruned trials, which no mean includes.
    pub pruned: usize,
    /// Number of trained epochs, and of those planned without pruning.
    pub epochs: (usize, usize),
    /// The Pareto front of a multi-objective sweep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub front: Option<ParetoReport>,
}

/// A setting that varies within groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AveragedSetting {
    /// Address of the setting in the pipeline.
    pub address: String,
    /// The number of its values.
    pub values: usize,
}

/// The trials of a group, each with its values of the other settings.
struct GroupMembers<'a> {
    settings: Vec<String>,
    trials: Vec<(&'a TrainedTrial, Vec<String>)>,
}

impl GroupMembers<'_> {
    fn seed_values(&self, value: impl Fn(&TrainedTrial) -> Option<f64>) -> Vec<SeedValue<'_>> {
        let mut values = Vec::new();
        for (trial, others) in &self.trials {
            let value = value(trial).filter(|value| !value.is_nan());
            values.extend(value.map(|value| SeedValue { seed: trial.seed, others, value }));
        }
        values
    }
}

impl SweepReport {
    /// Reads all trials of runs and groups them by the settings `by`; if empty, by everything that the
    /// sweeps vary. Groups are ranked and tested on `split`; for `None` on the test split, or on the
    /// validation split without test scores.
    pub fn read(
        store: &ResultsDatabase,
        runs: &[RunId],
        by: &[String],
        split: Option<Split>,
    ) -> Result<Self, StoreError> {
        let named: Vec<_> = runs.iter().map(|run| (run.clone(), None)).collect();
        Self::read_trials(store, &named, by, split)
    }

    /// As [`read`](Self::read), with one trial of a run where its number is given. Duplicates count once.
    pub fn read_trials(
        store: &ResultsDatabase,
        named: &[(RunId, Option<u32>)],
        by: &[String],
        split: Option<Split>,
    ) -> Result<Self, StoreError> {
        let mut trained: Vec<TrainedTrial> = Vec::new();
        let mut direction = Direction::Lower;
        let mut objectives = Vec::new();
        for (run, only) in named {
            direction = store.direction(run)?;
            let mut trials = TrainedTrial::read(store, run)?;
            trials.retain(|trial| only.is_none_or(|only| trial.number == only));
            trials.retain(|trial| trained.iter().all(|known| known.name != trial.name));
            trained.extend(trials);
            objectives.push(store.sweep_objectives(run)?);
        }
        // Runs with different objectives have no common front.
        objectives.dedup();
        let shared = if objectives.len() == 1 { objectives.remove(0) } else { Vec::new() };
        Ok(Self::from_trials(&trained, by, direction, split).with_front(&shared, &trained))
    }

    /// Adds the Pareto front of the groups by these objectives.
    pub fn with_front(self, objectives: &[SweepObjective], trained: &[TrainedTrial]) -> Self {
        let front = ParetoReport::from_groups(objectives, &self.groups, trained);
        Self { front, ..self }
    }

    /// Groups trials; see [`read`](Self::read).
    pub fn from_trials(
        trained: &[TrainedTrial],
        by: &[String],
        direction: Direction,
        split: Option<Split>,
    ) -> Self {
        let varied = varied(trained);
        let by = if by.is_empty() { varied.clone() } else { by.to_vec() };
        let others = others(trained, &varied, &by);
        let pruned: Vec<&TrainedTrial> = trained.iter().filter(|trial| trial.pruned.is_some()).collect();
        let scored: Vec<&TrainedTrial> =
            trained.iter().filter(|trial| trial.pruned.is_none() && !trial.scores.is_empty()).collect();
        let settings = |trial: &TrainedTrial, addresses: &[String]| {
            addresses.iter().map(|address| trial.setting(address)).collect::<Vec<_>>()
        };
        let mut members: Vec<GroupMembers<'_>> = Vec::new();
        for &trial in &scored {
            let group_settings = settings(trial, &by);
            let member = (trial, settings(trial, &others));
            match members.iter_mut().find(|known| known.settings == group_settings) {
                Some(known) => known.trials.push(member),
                None => members.push(GroupMembers { settings: group_settings, trials: vec![member] }),
            }
        }
        let split = split.unwrap_or_else(|| match scored.iter().any(|trial| has(trial, Split::Test)) {
            true => Split::Test,
            false => Split::Valid,
        });
        let tasks = tasks(&members, &by, split);
        let objective = over(&members, &|trial| trial.objective);
        let (valid, test) = (over(&members, &|trial| trial.gain.0), over(&members, &|trial| trial.gain.1));
        let group = |(index, own): (usize, &GroupMembers<'_>)| TrialGroup {
            settings: own.settings.clone(),
            called: Vec::new(),
            pruned: pruned.iter().filter(|trial| settings(trial, &by) == own.settings).count(),
            trials: own.trials.iter().map(|(trial, _)| trial.name.clone()).collect(),
            seeds: distinct(own.trials.iter().map(|(trial, _)| trial.seed)),
            objective: objective[index],
            rank: None,
            tasks: tasks.iter().map(|groups| groups[index].clone()).collect(),
            gain: GainMean { valid: valid[index], test: test[index] },
        };
        let mut groups: Vec<TrialGroup> = members.iter().enumerate().map(group).collect();
        rank(&mut groups, split);
        for index in 0..by.len() {
            let values: Vec<String> = groups.iter().map(|group| group.settings[index].clone()).collect();
            groups.iter_mut().zip(display_names(&values)).for_each(|(group, short)| group.called.push(short));
        }
        let key = |group: &TrialGroup| group.objective.map_or(f64::NAN, |objective| objective.mean);
        groups.sort_by(|a, b| match (key(a), key(b)) {
            (a, b) if direction.prefers(a, b) => std::cmp::Ordering::Less,
            (a, b) if direction.prefers(b, a) => std::cmp::Ordering::Greater,
            (a, b) => a.is_nan().cmp(&b.is_nan()),
        });
        let (pruned, without) = (pruned.len(), trained.len() - scored.len() - pruned.len());
        let epochs =
            trained.iter().fold((0, 0), |sum, trial| (sum.0 + trial.epochs.0, sum.1 + trial.epochs.1));
        let averaged = averaged(&members, &others);
        let present: Vec<_> = members.iter().map(|group| group.seed_values(|_| Some(0.0))).collect();
        let comparable = are_comparable(&present);
        Self { by, split, averaged, comparable, groups, direction, without, pruned, epochs, front: None }
    }

    /// The report as JSON.
    pub fn json(&self) -> Value {
        json!(self)
    }

    /// Whether any group has scores on this split.
    pub fn is_scored(&self, split: Split) -> bool {
        self.groups.iter().flat_map(|group| &group.tasks).any(|task| task.on(split).is_some())
    }
}

fn has(trial: &TrainedTrial, split: Split) -> bool {
    trial.scores.iter().any(|score| score.value(split).is_some())
}

fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> usize {
    let mut known: Vec<T> = Vec::new();
    values.for_each(|value| {
        if !known.contains(&value) {
            known.push(value);
        }
    });
    known.len()
}

/// The paths of other settings than `by` and the seed that differ, within a sweep or between the runs'
/// pipelines.
fn others(trained: &[TrainedTrial], varied: &[String], by: &[String]) -> Vec<String> {
    let mut others: Vec<String> = varied.iter().filter(|address| !by.contains(address)).cloned().collect();
    let Some(first) = trained.first() else { return others };
    for trial in trained.iter().filter(|trial| trial.parameters != first.parameters) {
        for (address, _) in trial.parameters.iter().chain(&first.parameters) {
            let is_irrelevant =
                ["seed", "name", "description", "sweep"].iter().any(|own| is_inside(address, own));
            let is_known = varied.iter().chain(by).chain(&others).any(|own| is_inside(address, own));
            if !is_irrelevant && !is_known && trial.setting(address) != first.setting(address) {
                others.push(address.clone());
            }
        }
    }
    others
}

/// The other settings that vary within a group.
fn averaged(members: &[GroupMembers<'_>], others: &[String]) -> Vec<AveragedSetting> {
    let one = |(index, address): (usize, &String)| {
        let values =
            |group: &GroupMembers<'_>| distinct(group.trials.iter().map(|(_, others)| &others[index]));
        let values = members.iter().map(values).max().unwrap_or(0);
        (values > 1).then(|| AveragedSetting { address: address.clone(), values })
    };
    others.iter().enumerate().filter_map(one).collect()
}

/// `[task][group]`: the mean of each task's first metric, and its difference from the group with equal
/// weights.
fn tasks(members: &[GroupMembers<'_>], by: &[String], split: Split) -> Vec<Vec<TaskMean>> {
    let mut firsts: Vec<&TaskScore> = Vec::new();
    for score in members.iter().flat_map(|group| &group.trials).flat_map(|(trial, _)| &trial.scores) {
        if !firsts.iter().any(|known| known.task == score.task) {
            firsts.push(score);
        }
    }
    firsts.into_iter().map(|first| task(first, members, by, split)).collect()
}

fn task(first: &TaskScore, members: &[GroupMembers<'_>], by: &[String], split: Split) -> Vec<TaskMean> {
    let score_of = |trial: &TrainedTrial| {
        let same = |score: &&TaskScore| score.task == first.task && score.metric == first.metric;
        trial.scores.iter().find(same).cloned()
    };
    let value = |split: Split| move |trial: &TrainedTrial| score_of(trial)?.value(split);
    let (valid, test) = (over(members, &value(Split::Valid)), over(members, &value(Split::Test)));
    let gain = over(members, &|trial| score_of(trial)?.gain);
    let reference = |group: &GroupMembers<'_>| {
        let index = by.iter().position(|address| address == WEIGHTING)?;
        let mut equal = group.settings.clone();
        equal[index] = EQUAL.to_owned();
        members.iter().find(|known| known.settings == equal && known.settings != group.settings)
    };
    let difference = |group: &GroupMembers<'_>| {
        let other = reference(group)?;
        Some(differences(&group.seed_values(value(split)), &other.seed_values(value(split))))
    };
    let differences: Vec<Vec<f64>> =
        members.iter().map(|group| difference(group).unwrap_or_default()).collect();
    let p: Vec<Option<f64>> = differences.iter().map(|differences| paired(differences)).collect();
    let corrected = holm_correction(&p);
    let one = |group: usize| TaskMean {
        task: first.task.clone(),
        metric: first.metric.clone(),
        direction: first.direction,
        valid: valid[group],
        test: test[group],
        difference: mean(&differences[group]),
        p: p[group],
        p_holm: corrected[group],
        gain: gain[group],
    };
    (0..members.len()).map(one).collect()
}

/// The mean of a value over each group.
fn over(
    members: &[GroupMembers<'_>],
    value: &dyn Fn(&TrainedTrial) -> Option<f64>,
) -> Vec<Option<SeedEstimate>> {
    estimates(&members.iter().map(|group| group.seed_values(value)).collect::<Vec<_>>())
}

/// Sets each group's mean rank over the tasks; equal values share their mean rank.
fn rank(groups: &mut [TrialGroup], split: Split) {
    let value = |group: &TrialGroup, task: usize| {
        let task = group.tasks.get(task)?;
        Some((task.on(split)?.mean, task.direction))
    };
    let tasks = groups.first().map_or(0, |group| group.tasks.len());
    let ranks: Vec<Option<f64>> = groups
        .iter()
        .map(|group| {
            let rank = |task: usize| {
                let (own, direction) = value(group, task)?;
                let others = groups.iter().filter_map(|other| value(other, task)).map(|(other, _)| other);
                let (better, same) = others.fold((0.0, 0.0), |(better, same), other| {
                    (better + f64::from(direction.prefers(other, own)), same + f64::from(other == own))
                });
                Some(better + (same + 1.0) / 2.0)
            };
            let ranks: Option<Vec<f64>> = (0..tasks).map(rank).collect();
            ranks
                .filter(|ranks| !ranks.is_empty())
                .map(|ranks| ranks.iter().sum::<f64>() / ranks.len() as f64)
        })
        .collect();
    groups.iter_mut().zip(ranks).for_each(|(group, rank)| group.rank = rank);
}

#[cfg(test)]
mod tests;
