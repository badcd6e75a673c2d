//! `mtl group`: which tasks to train together, by what their steps do to each other and by their gradients.

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::grouping::{self, MOST_TASKS};
use crate::domain::name::RunId;
use crate::domain::trial_address::TrialAddress;
use crate::report::pair_measurements::{GroupingGain, PairMeasurements, TaskMatrix};
use crate::report::style::{Style, TextTone};
use crate::store::affinity::{AffinityReading, AffinityRecord};
use crate::store::{ResultsDatabase, StoreError};

mod text;

/// What one trial says of its tasks' groups.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupingReport {
    pub run: RunId,
    pub trial: u32,
    pub tasks: Vec<String>,
    /// Groups at most.
    pub most: usize,
    /// By inter-task affinity; `None` where none was measured.
    pub affinity: Option<Proposal>,
    /// By the cosines of the tasks' gradients; `None` where they were not compared.
    pub cosine: Option<Proposal>,
}

/// Groups by one measure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proposal {
    pub pairs: Vec<TaskPair>,
    /// What to train together: the best groups if they are better than all tasks together beyond the noise,
    /// else all tasks.
    pub groups: Vec<ProposedGroup>,
    /// Mean score over all tasks.
    pub mean: f64,
    /// The groups of the highest score, noise or not.
    pub best: Vec<ProposedGroup>,
    /// What they gain over all tasks together; `None` where they are all tasks together.
    pub gain: Option<GroupingGain>,
    /// The mean score of all tasks together.
    pub together: f64,
    /// Half of its 95 % interval.
    pub together_half: Option<f64>,
    /// Steps that were measured, or epochs where no more than their means was kept.
    pub times: usize,
    pub by_step: bool,
}

/// What one task does to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskPair {
    #[serde(flatten)]
    pub record: AffinityRecord,
    /// Half of the 95 % interval of its value.
    pub half: Option<f64>,
}

/// Tasks to train together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProposedGroup {
    pub tasks: Vec<String>,
    /// Whom it answers for, the mean of what the others in it do to them, and half of its 95 % interval.
    pub serves: Vec<(String, f64, Option<f64>)>,
}

impl ProposedGroup {
    /// Tasks whose score is not above 0, beyond the noise where that is known.
    fn unhelped(&self) -> impl Iterator<Item = &str> {
        let unhelped = |(_, score, half): &&(String, f64, Option<f64>)| score + half.unwrap_or(0.0) <= 0.0;
        self.serves.iter().filter(unhelped).map(|(task, ..)| task.as_str())
    }
}

impl GroupingReport {
    /// Reads a trial's measurements and searches.
    pub fn read(store: &ResultsDatabase, run: &RunId, trial: u32, most: usize) -> Result<Self, StoreError> {
        let tasks: Vec<String> = store.run(run)?.tasks.into_iter().map(|task| task.task).collect();
        // A cosine is the same both ways.
        let both = |pair: AffinityRecord| {
            let (task, other) = (pair.other.clone(), pair.task.clone());
            [pair.clone(), AffinityRecord { task, other, ..pair }]
        };
        let cosines: Vec<AffinityRecord> = store.cosines(run, trial)?.into_iter().flat_map(both).collect();
        let both = |reading: AffinityReading| {
            let (task, other) = (reading.other.clone(), reading.task.clone());
            [reading.clone(), AffinityReading { task, other, ..reading }]
        };
        let angles: Vec<AffinityReading> =
            store.cosine_epochs(run, trial)?.into_iter().flat_map(both).collect();
        let mut steps = store.affinity_steps(run, trial)?;
        let by_step = !steps.is_empty();
        if !by_step {
            steps = store.affinity_epochs(run, trial)?;
        }
        let affinities = store.affinities(run, trial)?;
        Ok(Self {
            run: run.clone(),
            trial,
            most,
            affinity: propose(&tasks, affinities, &ReadingSummary { readings: steps, by_step }, most),
            cosine: propose(&tasks, cosines, &ReadingSummary { readings: angles, by_step: false }, most),
            tasks,
        })
    }

    /// What keeps it from saying anything.
    pub fn reason_unavailable(&self) -> Option<String> {
        match self.tasks.len() {
            1 => Some(format!("{} has one task: there is nothing to group", self.run)),
            many if many > MOST_TASKS => {
                Some(format!("{} has {many} tasks; the exact search is for {MOST_TASKS} at most", self.run))
            }
            _ if self.affinity.is_none() => Some(format!(
                "{} measured no affinities; run its pipeline with --set train.affinity.every=10, or name the pipeline here",
                TrialAddress::new(&self.run, self.trial)
            )),
            _ => None,
        }
    }

    /// The groups to train: by affinity.
    pub fn groups(&self) -> &[ProposedGroup] {
        self.affinity.as_ref().map_or(&[], |proposal| &proposal.groups)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!(self)
    }

    /// For people.
    pub fn text(&self, style: &Style) -> String {
        let mut text = format!("{}#{}\n", style.paint(TextTone::Strong, self.run.as_str()), self.trial);
        if let Some(summary) = &self.affinity {
            let remark =
                format!("a step lowers each column's loss by so many %; mean of {}", summary.measured());
            text.push_str(&style.heading("Inter-task affinity", &remark));
            text.push_str(&summary.matrix("a step of", 100.0, style));
            text.push_str(&summary.text("Groups by affinity", self.most, 100.0, style));
        }
        if let Some(summary) = &self.cosine {
            let steps = summary.pairs.iter().map(|pair| pair.record.steps).max().unwrap_or(0);
            text.push_str(&style.heading("Gradient cosine", &format!("mean of {steps} steps")));
            text.push_str(&summary.matrix("gradients of", 1.0, style));
            text.push_str(&summary.text("Groups by gradient cosine", self.most, 1.0, style));
        }
        text
    }
}

/// Readings over time: of steps, or of epochs.
struct ReadingSummary {
    readings: Vec<AffinityReading>,
    by_step: bool,
}

fn propose(
    tasks: &[String],
    pairs: Vec<AffinityRecord>,
    measured: &ReadingSummary,
    most: usize,
) -> Option<Proposal> {
    let index = |name: &String| tasks.iter().position(|task| task == name);
    let mut cells = vec![vec![None; tasks.len()]; tasks.len()];
    for pair in &pairs {
        cells[index(&pair.task)?][index(&pair.other)?] = pair.value;
    }
    let best = grouping::best(&cells, most).filter(|_| !pairs.is_empty())?;
    let all = grouping::best(&cells, 1)?;
    let measurements = PairMeasurements::from_readings(&measured.readings, tasks);
    let gain = measurements.gain(&cells, most).filter(|_| best.groups.len() > 1);
    let together_half = measurements.half(|part| Some(grouping::score_groups(part, &all.groups)));
    let proposed = |groups: &[grouping::TaskGroup]| -> Vec<ProposedGroup> {
        let one = |group: &grouping::TaskGroup| ProposedGroup {
            tasks: group.tasks.iter().map(|task| tasks[*task].clone()).collect(),
            serves: group
                .serves
                .iter()
                .map(|(task, score)| {
                    let alone =
                        grouping::TaskGroup { tasks: group.tasks.clone(), serves: vec![(*task, *score)] };
                    let own = |part: &TaskMatrix| {
                        Some(grouping::score_groups(part, std::slice::from_ref(&alone)) * part.len() as f64)
                    };
                    let half = if group.tasks.len() > 1 { measurements.half(own) } else { None };
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
        by_step: measured.by_step,
        pairs: pairs.into_iter().map(|record| TaskPair { half: half(&record), record }).collect(),
    })
}

#[cfg(test)]
mod tests;
