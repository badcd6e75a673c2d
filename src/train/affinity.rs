//! Inter-task affinity: what a step of one task does to another's loss, over an epoch (TAG; Fifty et al.,
//! NeurIPS 2021).
//!
//! Z_(i->j) = 1 - L_j(theta - r grad L_i, psi_j) / L_j(theta, psi_j), on the same batch, with theta what
//! several tasks share and psi each task's own. The step is a plain one of the current rate r, whatever the
//! optimizer. Above 0, i helps j.
//!
//! `train: {affinity: {every: 10}}`

use serde::{Deserialize, Serialize};

use crate::domain::event::{Affinity, Event};
use crate::domain::name::TaskName;
use crate::train::exact_number::{ExactNumber, ExactSum};

/// What was seen of two tasks in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairAffinity {
    /// Steps taken before it.
    pub step: usize,
    /// Whose step, and whose loss.
    pub tasks: (usize, usize),
    pub value: f64,
}

/// The running epoch's sums.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffinityAccumulator(Vec<AffinitySums>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct AffinitySums {
    tasks: (usize, usize),
    value: ExactSum,
    steps: usize,
    /// Each measurement, after so many steps.
    #[serde(default)]
    each: Vec<(usize, ExactNumber)>,
}

impl AffinityAccumulator {
    pub fn add(&mut self, looks: &[PairAffinity]) {
        for look in looks {
            let known = self.0.iter().position(|sums| sums.tasks == look.tasks);
            let index = known.unwrap_or_else(|| {
                self.0.push(AffinitySums {
                    tasks: look.tasks,
                    value: ExactSum::NOTHING,
                    steps: 0,
                    each: Vec::new(),
                });
                self.0.len() - 1
            });
            self.0[index].value.add(look.value);
            self.0[index].steps += 1;
            self.0[index].each.push((look.step, ExactNumber::from(look.value)));
        }
    }

    /// The epoch's means; `None` when nothing was measured.
    pub fn of_epoch(&self, epoch: usize, tasks: &[TaskName]) -> Option<EpochAffinities> {
        let pair = |sums: &AffinitySums| {
            let mean = sums.value.over(sums.steps as u64).unwrap_or(0.0);
            (tasks[sums.tasks.0].clone(), tasks[sums.tasks.1].clone(), ExactNumber::from(mean), sums.steps)
        };
        let pairs: Vec<_> = self.0.iter().map(pair).collect();
        let each = self.0.iter().map(|sums| sums.each.clone()).collect();
        (!pairs.is_empty()).then_some(EpochAffinities { epoch, pairs, each })
    }
}

/// A finished epoch's affinities: `Event::AffinityMeasured`, kept exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochAffinities {
    pub epoch: usize,
    pairs: Vec<(TaskName, TaskName, ExactNumber, usize)>,
    /// Of each pair every measurement.
    #[serde(default)]
    each: Vec<Vec<(usize, ExactNumber)>>,
}

impl EpochAffinities {
    pub fn event(&self, trial: u32) -> Event {
        let each = |index: usize| self.each.get(index).map_or(&[][..], Vec::as_slice);
        let pair =
            |(index, (task, other, value, steps)): (usize, &(TaskName, TaskName, ExactNumber, usize))| {
                Affinity {
                    task: task.clone(),
                    other: other.clone(),
                    value: value.get(),
                    steps: *steps,
                    each: each(index).iter().map(|(step, value)| (*step, value.get())).collect(),
                }
            };
        let pairs = self.pairs.iter().enumerate().map(pair).collect();
        Event::AffinityMeasured { trial, epoch: self.epoch, pairs }
    }
}
