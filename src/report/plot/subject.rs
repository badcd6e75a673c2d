//! What is drawn: the trials of the runs that were named, put together where only their seeds differ.

use crate::domain::name::RunId;
use crate::domain::score::Direction;
use crate::report::preferences::told;
use crate::report::student;
use crate::report::trials::{TaskScore, Trained};
use crate::store::affinity::AffinityRecord;
use crate::store::curve::Observed;
use crate::store::gain::MeanGain;
use crate::store::record::{EpochRecord, GradientRecord, RunDetail, ShareRecord, TaskRecord, TrialRecord};
use crate::store::{Error, Store};

/// Trials in groups, the best group first.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The runs' names, as a title says them.
    pub name: String,
    /// What tells the groups apart: `sharing, weighting`.
    pub by: String,
    /// Every task of every run.
    pub tasks: Vec<TaskRecord>,
    pub groups: Vec<Group>,
}

/// Trials with the same settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub name: String,
    pub trials: Vec<Traced>,
}

/// A trial and all that was observed of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Traced {
    /// `census-3f2a#1`
    pub name: String,
    pub seed: u64,
    pub record: TrialRecord,
    pub objective: Option<f64>,
    /// The first metric of every task.
    pub scores: Vec<TaskScore>,
    /// The same for each preference that its network was told, by name; empty where it reads none.
    pub told: Vec<(String, Vec<TaskScore>)>,
    pub epochs: Vec<EpochRecord>,
    pub gradients: Vec<Observed<GradientRecord>>,
    pub shares: Vec<Observed<ShareRecord>>,
    pub affinities: Vec<Observed<AffinityRecord>>,
    /// Of each task and of all of them, over tasks trained alone.
    pub gains: Vec<MeanGain>,
}

/// A run, and one trial of it or all.
pub type Named = (RunId, Option<u32>);

impl Subject {
    /// Reads runs, or those of their trials that were named.
    pub fn read(store: &Store, named: &[Named]) -> Result<Self, Error> {
        let several = named.iter().any(|(run, _)| *run != named[0].0);
        let mut subject =
            Self { name: title(named), by: String::new(), tasks: Vec::new(), groups: Vec::new() };
        let mut by: Vec<String> = Vec::new();
        let mut direction = Direction::Lower;
        for (run, only) in named {
            direction = store.direction(run)?;
            let detail = store.run(run)?;
            for task in &detail.tasks {
                if !subject.tasks.iter().any(|known| known.task == task.task) {
                    subject.tasks.push(task.clone());
                }
            }
            let trained = Trained::read(store, run)?;
            let varied = varied(&trained);
            by.extend(varied.iter().filter(|address| !by.contains(address)).cloned().collect::<Vec<_>>());
            let own = |number: u32| only.is_none_or(|only| number == only);
            for (traced, trial) in Traced::read(store, detail)?.into_iter().zip(&trained) {
                if own(trial.number) {
                    let settings: Vec<String> =
                        varied.iter().map(|address| trial.named(address, &trained)).collect();
                    subject.join(group_name(run, several, &settings, *only), traced, trial);
                }
            }
        }
        subject.by = by.join(", ");
        let key = |group: &Group| student::mean(&group.objectives()).map_or(f64::NAN, |mean| mean.mean);
        subject.groups.sort_by(|a, b| match (key(a), key(b)) {
            (a, b) if direction.prefers(a, b) => std::cmp::Ordering::Less,
            (a, b) if direction.prefers(b, a) => std::cmp::Ordering::Greater,
            (a, b) => a.is_nan().cmp(&b.is_nan()),
        });
        Ok(subject)
    }

    fn join(&mut self, name: String, mut traced: Traced, trial: &Trained) {
        traced.objective = trial.objective;
        traced.scores = trial.scores.clone();
        traced.name = trial.name.clone();
        traced.seed = trial.seed;
        match self.groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.trials.push(traced),
            None => self.groups.push(Group { name, trials: vec![traced] }),
        }
    }

    /// The only trial, where there is but one.
    pub fn alone(&self) -> Option<&Traced> {
        match self.groups.as_slice() {
            [group] if group.trials.len() == 1 => group.trials.first(),
            _ => None,
        }
    }

    /// How groups are to be read, in a sentence, where their intervals are drawn as bands or are not.
    pub fn remark(&self, bands: bool) -> String {
        let largest = self.groups.iter().map(|group| group.trials.len()).max().unwrap_or(0);
        let mut said = Vec::new();
        if self.groups.len() > 1 && !self.by.is_empty() {
            said.push(format!("by {}", self.by));
        }
        if largest > 1 {
            let band = if bands { ", band: its 95 % interval (Student t)" } else { "" };
            said.push(format!("mean over {largest} seeds{band}"));
        }
        said.join(" · ")
    }
}

/// What a figure says below its title: its parts, and how many of its groups it shows where it does not show all.
pub fn said(mut parts: Vec<String>, shown: usize, of: usize) -> String {
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

impl Group {
    fn objectives(&self) -> Vec<f64> {
        self.trials.iter().filter_map(|trial| trial.objective).collect()
    }

    /// A number of every epoch that all trials of the group reached: its mean, and the ends of its interval.
    pub fn curve(&self, value: impl Fn(&Traced, usize) -> Option<f64>) -> Vec<(f64, student::Mean)> {
        let begun: Vec<&Traced> = self.trials.iter().filter(|trial| trial.last() > 0).collect();
        let last = begun.iter().map(|trial| trial.last()).min().unwrap_or(0);
        let at = |epoch: usize| {
            let values: Vec<f64> = begun.iter().filter_map(|trial| value(trial, epoch)).collect();
            let whole = values.len() == begun.len();
            student::mean(&values).filter(|_| whole).map(|mean| (epoch as f64, mean))
        };
        (1..=last).filter_map(at).collect()
    }
}

impl Traced {
    fn read(store: &Store, detail: RunDetail) -> Result<Vec<Self>, Error> {
        let epochs = store.epochs(&detail.run)?;
        let gradients = store.gradient_curve(&detail.run)?;
        let shares = store.share_curve(&detail.run)?;
        let affinities = store.affinity_curve(&detail.run)?;
        let one = |record: TrialRecord| {
            let number = record.trial;
            Ok(Self {
                name: String::new(),
                seed: detail.seed,
                record,
                objective: None,
                scores: Vec::new(),
                told: told(&store.front(&detail.run, number)?),
                epochs: epochs.iter().filter(|epoch| epoch.trial == number).cloned().collect(),
                gradients: gradients.iter().filter(|seen| seen.trial == number).cloned().collect(),
                shares: shares.iter().filter(|seen| seen.trial == number).cloned().collect(),
                affinities: affinities.iter().filter(|seen| seen.trial == number).cloned().collect(),
                gains: detail.gains.means.iter().filter(|gain| gain.trial == number).cloned().collect(),
            })
        };
        detail.trials.clone().into_iter().map(one).collect()
    }

    /// The last epoch that was finished; 0 before the first.
    pub fn last(&self) -> usize {
        self.epochs.last().map_or(0, |epoch| epoch.epoch)
    }

    pub fn epoch(&self, number: usize) -> Option<&EpochRecord> {
        self.epochs.iter().find(|epoch| epoch.epoch == number)
    }

    /// The epoch whose weights were kept, else the last one.
    pub fn kept(&self) -> usize {
        self.record.best_epoch.unwrap_or_else(|| self.last())
    }
}

fn varied(trained: &[Trained]) -> Vec<String> {
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
    let trial = only.map(|number| format!("#{number}")).unwrap_or_default();
    let run = if several || settings.is_empty() { format!("{run}{trial}") } else { trial };
    let parts = std::iter::once(run).chain(settings.iter().cloned()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(", ")
}

fn title(named: &[Named]) -> String {
    let one = |(run, trial): &Named| match trial {
        Some(trial) => format!("{run}#{trial}"),
        None => run.to_string(),
    };
    let shown: Vec<String> = named.iter().take(3).map(one).collect();
    match named.len() - shown.len() {
        0 => shown.join(", "),
        others => format!("{} and {others} more", shown.join(", ")),
    }
}
