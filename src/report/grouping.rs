//! `mtl group`: which tasks to train together, by their affinities and by their gradients.

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::grouping::{self, MAX_TASKS};
use crate::domain::name::RunId;
use crate::domain::trial_address::TrialAddress;
use crate::report::affinity::REMARK;
use crate::report::pair_measurements::{GroupingGain, PairMeasurements, TaskMatrix};
use crate::report::style::{Style, TextTone};
use crate::store::affinity::{AffinityReading, AffinityRecord};
use crate::store::{ResultsDatabase, StoreError};

mod text;

/// Proposed groups of tasks, by the measurements of one trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupingReport {
    /// Name of the run.
    pub run: RunId,
    /// Number of the trial.
    pub trial: u32,
    /// Names of the tasks.
    pub tasks: Vec<String>,
    /// Maximum number of groups.
    pub most: usize,
    /// By inter-task affinity; `None` if none was measured.
    pub affinity: Option<Proposal>,
    /// By gradient cosine; `None` if gradients were not compared.
    pub cosine: Option<Proposal>,
}

/// Proposed groups by one measure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proposal {
    /// The measurements the proposal is based on.
    pub pairs: Vec<TaskPair>,
    /// What to train together: the best groups if they are significantly better than one group of all tasks,
    /// else one group of all tasks.
    pub groups: Vec<ProposedGroup>,
    /// The mean score of `groups` over all tasks.
    pub mean: f64,
    /// The groups with the highest score, significant or not.
    pub best: Vec<ProposedGroup>,
    /// The gain of `best` over one group of all tasks; `None` if `best` is that group.
    pub gain: Option<GroupingGain>,
    /// The mean score of one group of all tasks.
    pub together: f64,
    /// Half-width of its 95 % confidence interval.
    pub together_half: Option<f64>,
    /// Number of measured steps, or of epochs if only their means were recorded.
    pub times: usize,
    /// Whether the measure is per step rather than per epoch.
    pub by_step: bool,
}

/// The effect of one task on another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskPair {
    /// The measured affinity.
    #[serde(flatten)]
    pub record: AffinityRecord,
    /// Half-width of the 95 % confidence interval of its value.
    pub half: Option<f64>,
}

/// Tasks to train together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProposedGroup {
    /// Names of the tasks.
    pub tasks: Vec<String>,
    /// The tasks whose predictions this group makes: (task, mean effect of the other tasks in the group on
    /// it, half-width of its 95 % confidence interval).
    pub serves: Vec<(String, f64, Option<f64>)>,
}

impl ProposedGroup {
    /// Tasks that the group does not help: whose score is not positive, even at the upper end of its
    /// interval.
    fn unhelped(&self) -> impl Iterator<Item = &str> {
        let is_unhelped = |(_, score, half): &&(String, f64, Option<f64>)| score + half.unwrap_or(0.0) <= 0.0;
        self.serves.iter().filter(is_unhelped).map(|(task, ..)| task.as_str())
    }
}

impl GroupingReport {
    /// Reads a trial's measurements and searches for the best groups.
    pub fn read(store: &ResultsDatabase, run: &RunId, trial: u32, most: usize) -> Result<Self, StoreError> {
        let tasks: Vec<String> = store.run(run)?.tasks.into_iter().map(|task| task.task).collect();
        // Cosines are symmetric, but recorded once.
        let both = |pair: AffinityRecord| {
            let (task, other) = (pair.other.clone(), pair.task.clone());
            [pair.clone(), AffinityRecord { task, other, ..pair }]
        };
        let cosines: Vec<AffinityRecord> = store.cosines(run, trial)?.into_iter().flat_map(both).collect();
        let both = |reading: AffinityReading| {
            let (task, other) = (reading.other.clone(), reading.task.clone());
            [reading.clone(), AffinityReading { task, other, ..reading }]
        };
        let cosine_readings: Vec<AffinityReading> =
            store.cosine_epochs(run, trial)?.into_iter().flat_map(both).collect();
        let mut readings = store.affinity_steps(run, trial)?;
        let by_step = !readings.is_empty();
        if !by_step {
            readings = store.affinity_epochs(run, trial)?;
        }
        let affinities = store.affinities(run, trial)?;
        Ok(Self {
            run: run.clone(),
            trial,
            most,
            affinity: propose(&tasks, affinities, &readings, by_step, most),
            cosine: propose(&tasks, cosines, &cosine_readings, false, most),
            tasks,
        })
    }

    /// The reason why no groups can be proposed, if there is one.
    pub fn reason_unavailable(&self) -> Option<String> {
        match self.tasks.len() {
            1 => Some(format!("{} has only one task; grouping needs at least 2", self.run)),
            count if count > MAX_TASKS => {
                Some(format!("{} has {count} tasks; grouping supports at most {MAX_TASKS}", self.run))
            }
            _ if self.affinity.is_none() => Some(format!(
                "{} recorded no affinities; run its pipeline with --set train.affinity.every=10, or pass the \
                 pipeline's file to `mtl group`",
                TrialAddress::new(&self.run, self.trial)
            )),
            _ => None,
        }
    }

    /// The proposed groups, by affinity.
    pub fn groups(&self) -> &[ProposedGroup] {
        self.affinity.as_ref().map_or(&[], |proposal| &proposal.groups)
    }

    /// The report as JSON.
    pub fn json(&self) -> Value {
        json!(self)
    }

    /// The report as text.
    pub fn text(&self, style: &Style) -> String {
        let mut text = format!("{}#{}\n", style.paint(TextTone::Strong, self.run.as_str()), self.trial);
        if let Some(proposal) = &self.affinity {
            let remark = format!("{REMARK}; mean of {}", proposal.measured());
            text.push_str(&style.heading("Inter-task affinity", &remark));
            text.push_str(&proposal.matrix("a step of", 100.0, style));
            text.push_str(&proposal.text("Groups by affinity", self.most, 100.0, style));
        }
        if let Some(proposal) = &self.cosine {
            let steps = proposal.pairs.iter().map(|pair| pair.record.steps).max().unwrap_or(0);
            text.push_str(&style.heading("Gradient cosine", &format!("mean of {steps} steps")));
            text.push_str(&proposal.matrix("gradients of", 1.0, style));
            text.push_str(&proposal.text("Groups by gradient cosine", self.most, 1.0, style));
        }
        text
    }
}

/// Proposes at most `most` groups by the mean effects `pairs`; `readings` are the measurements behind them,
/// of steps or of epochs.
fn propose(
    tasks: &[String],
    pairs: Vec<AffinityRecord>,
    readings: &[AffinityReading],
    by_step: bool,
    most: usize,
) -> Option<Proposal> {
    let index = |name: &String| tasks.iter().position(|task| task == name);
    let mut cells = vec![vec![None; tasks.len()]; tasks.len()];
    for pair in &pairs {
        cells[index(&pair.task)?][index(&pair.other)?] = pair.value;
    }
    let best = grouping::best_grouping(&cells, most).filter(|_| !pairs.is_empty())?;
    let all = grouping::best_grouping(&cells, 1)?;
    let measurements = PairMeasurements::from_readings(readings, tasks);
    let gain = measurements.gain(&cells, most).filter(|_| best.groups.len() > 1);
    let together_half = measurements.half(|part| Some(grouping::score_groups(part, &all.groups)));
    let proposed = |groups: &[grouping::TaskGroup]| -> Vec<ProposedGroup> {
        let one = |group: &grouping::TaskGroup| ProposedGroup {
            tasks: group.tasks.iter().map(|task| tasks[*task].clone()).collect(),
            serves: group
                .serves
                .iter()
                .map(|(task, score)| {
                    let for_task =
                        grouping::TaskGroup { tasks: group.tasks.clone(), serves: vec![(*task, *score)] };
                    // The score is a mean over all tasks, of which only this one counts.
                    let task_score = |part: &TaskMatrix| {
                        let mean = grouping::score_groups(part, std::slice::from_ref(&for_task));
                        Some(mean * part.len() as f64)
                    };
                    let half = if group.tasks.len() > 1 { measurements.half(task_score) } else { None };
                    (tasks[*task].clone(), *score, half)
                })
                .collect(),
        };
        groups.iter().map(one).collect()
    };
    let chosen = if gain.is_some_and(|gain| gain.is_sure()) { &best } else { &all };
    let half = |pair: &AffinityRecord| {
        let (task, other) = (index(&pair.task)?, index(&pair.other)?);
        measurements.half(|part| part[task][other])
    };
    Some(Proposal {
        groups: proposed(&chosen.groups),
        mean: chosen.mean,
        best: proposed(&best.groups),
        gain,
        together: all.mean,
        together_half,
        times: measurements.times,
        by_step,
        pairs: pairs.into_iter().map(|record| TaskPair { half: half(&record), record }).collect(),
    })
}

#[cfg(test)]
mod tests;
