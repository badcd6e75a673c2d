//! Inter-task affinity: the effect of a gradient step for one task on another task's loss, averaged over an
//! epoch (TAG; Fifty et al., NeurIPS 2021, arXiv:2109.04617).
//!
//! Z_(i->j) = 1 - L_j(theta - r grad L_i, psi_j) / L_j(theta, psi_j), on the same batch, where theta are the
//! shared parameters and psi those of each task. The step is plain gradient descent with the current rate r,
//! whatever the optimizer. Positive values mean that i helps j.
//!
//! `train: {affinity: {every: 10}}`

use serde::{Deserialize, Serialize};

use crate::domain::event::{Affinity, Event};
use crate::domain::name::TaskName;
use crate::train::exact_number::{ExactNumber, ExactSum};

/// The affinity of two tasks in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairAffinity {
    /// The number of steps before it.
    pub step: usize,
    /// The task of the gradient step, and the task whose loss is measured.
    pub tasks: (usize, usize),
    /// The relative decrease of the other task's loss.
    pub value: f64,
}

/// Sums over the current epoch, per pair of tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffinityAccumulator(Vec<AffinitySums>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct AffinitySums {
    tasks: (usize, usize),
    value: ExactSum,
    steps: usize,
    /// Every measurement, with the number of steps before it.
    #[serde(default)]
    each: Vec<(usize, ExactNumber)>,
}

impl AffinityAccumulator {
    /// Adds the measurements of one step.
    pub fn add(&mut self, affinities: &[PairAffinity]) {
        for affinity in affinities {
            let known = self.0.iter().position(|sums| sums.tasks == affinity.tasks);
            let index = known.unwrap_or_else(|| {
                self.0.push(AffinitySums {
                    tasks: affinity.tasks,
                    value: ExactSum::ZERO,
                    steps: 0,
                    each: Vec::new(),
                });
                self.0.len() - 1
            });
            self.0[index].value.add(affinity.value);
            self.0[index].steps += 1;
            self.0[index].each.push((affinity.step, ExactNumber::from(affinity.value)));
        }
    }

    /// The epoch's means; `None` if nothing was measured.
    pub fn of_epoch(&self, epoch: usize, tasks: &[TaskName]) -> Option<EpochAffinities> {
        let pair = |sums: &AffinitySums| {
            let mean = sums.value.mean(sums.steps as u64).unwrap_or(0.0);
            (tasks[sums.tasks.0].clone(), tasks[sums.tasks.1].clone(), ExactNumber::from(mean), sums.steps)
        };
        let pairs: Vec<_> = self.0.iter().map(pair).collect();
        let each = self.0.iter().map(|sums| sums.each.clone()).collect();
        (!pairs.is_empty()).then_some(EpochAffinities { epoch, pairs, each })
    }
}

/// A finished epoch's affinities: [`Event::AffinityMeasured`] with exact numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochAffinities {
    /// The epoch, from 1.
    pub epoch: usize,
    pairs: Vec<(TaskName, TaskName, ExactNumber, usize)>,
    /// Every measurement of each pair.
    #[serde(default)]
    each: Vec<Vec<(usize, ExactNumber)>>,
}

impl EpochAffinities {
    /// The event of a trial.
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
