//! Compares the tasks' gradients: cosine, conflicts and magnitude similarity of every pair, over an epoch.

use serde::{Deserialize, Serialize};

use crate::domain::event::{Event, GradientPair};
use crate::domain::name::TaskName;
use crate::train::exact_number::{ExactNumber, ExactSum};
use crate::train::solver::Matrix;

/// The gradients of two tasks in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientPairStep {
    /// Indices of the tasks.
    pub tasks: (usize, usize),
    /// Cosine of the angle between the gradients.
    pub cosine: f64,
    /// The magnitude similarity 2 |a| |b| / (|a|^2 + |b|^2).
    pub similarity: f64,
}

impl GradientPairStep {
    /// All pairs of `tasks`, whose gradients have these dot products. Pairs with a zero gradient are left
    /// out.
    pub fn all(tasks: &[usize], gramian: &Matrix) -> Vec<Self> {
        let mut pairs = Vec::new();
        for (i, task) in tasks.iter().enumerate() {
            for (j, other) in tasks.iter().enumerate().skip(i + 1) {
                let (a, b) = (gramian[(i, i)].sqrt(), gramian[(j, j)].sqrt());
                if a > 0.0 && b > 0.0 {
                    let (cosine, similarity) = (gramian[(i, j)] / a / b, 2.0 / (a / b + b / a));
                    pairs.push(Self { tasks: (*task, *other), cosine, similarity });
                }
            }
        }
        pairs
    }
}

/// Sums over the current epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GradientComparison {
    pairs: Vec<ComparisonSums>,
    /// Steps whose gradients cancelled or were zero.
    irregular: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ComparisonSums {
    tasks: (usize, usize),
    steps: usize,
    conflicts: usize,
    cosine: ExactSum,
    similarity: ExactSum,
}

impl GradientComparison {
    /// Adds the pairs of one step. `irregular`: the method had no solution of its own.
    pub fn add(&mut self, pairs: &[GradientPairStep], irregular: bool) {
        self.irregular += usize::from(irregular);
        for pair in pairs {
            let known = self.pairs.iter().position(|sums| sums.tasks == pair.tasks);
            let index = known.unwrap_or_else(|| {
                let (tasks, cosine, similarity) = (pair.tasks, ExactSum::ZERO, ExactSum::ZERO);
                self.pairs.push(ComparisonSums { tasks, steps: 0, conflicts: 0, cosine, similarity });
                self.pairs.len() - 1
            });
            let sums = &mut self.pairs[index];
            sums.steps += 1;
            sums.conflicts += usize::from(pair.cosine < 0.0);
            sums.cosine.add(pair.cosine);
            sums.similarity.add(pair.similarity);
        }
    }

    /// The epoch's means; `None` if no gradients were compared.
    pub fn of_epoch(&self, epoch: usize, tasks: &[TaskName]) -> Option<EpochComparison> {
        let mean = |sum: ExactSum, steps: usize| ExactNumber::from(sum.mean(steps as u64).unwrap_or(0.0));
        let pair = |sums: &ComparisonSums| PairwiseSimilarity {
            tasks: (tasks[sums.tasks.0].clone(), tasks[sums.tasks.1].clone()),
            cosine: mean(sums.cosine, sums.steps),
            conflicts: sums.conflicts,
            similarity: mean(sums.similarity, sums.steps),
            steps: sums.steps,
        };
        let pairs: Vec<PairwiseSimilarity> = self.pairs.iter().map(pair).collect();
        let any = !pairs.is_empty() || self.irregular > 0;
        any.then_some(EpochComparison { epoch, irregular: self.irregular, pairs })
    }
}

/// A finished epoch's comparison: [`Event::GradientsCompared`] with exact numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochComparison {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Number of steps without a solution of the method's own.
    pub irregular: usize,
    pairs: Vec<PairwiseSimilarity>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PairwiseSimilarity {
    tasks: (TaskName, TaskName),
    cosine: ExactNumber,
    conflicts: usize,
    similarity: ExactNumber,
    steps: usize,
}

impl EpochComparison {
    /// The event of a trial.
    pub fn event(&self, trial: u32) -> Event {
        let pair = |pair: &PairwiseSimilarity| GradientPair {
            task: pair.tasks.0.clone(),
            other: pair.tasks.1.clone(),
            cosine: pair.cosine.get(),
            conflicts: pair.conflicts as f64 / pair.steps.max(1) as f64,
            similarity: pair.similarity.get(),
            steps: pair.steps,
        };
        let pairs = self.pairs.iter().map(pair).collect();
        Event::GradientsCompared { trial, epoch: self.epoch, irregular: self.irregular, pairs }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::event::Event;
    use crate::domain::name::TaskName;
    use crate::train::comparison::{GradientComparison, GradientPairStep};
    use crate::train::solver::Matrix;

    /// methods.md 5: cosines -.316228 -.365148 -.577350, similarities .903508 .995859 .866025 of matrix B.
    #[test]
    fn golden_values() {
        let rows = [vec![1.0, 0.0, 0.0, 2.0], vec![-1.0, 1.0, 0.0, 0.0], vec![0.0, -2.0, 1.0, -1.0]];
        let pairs = GradientPairStep::all(&[0, 1, 2], &Matrix::gramian(&rows));
        let expected = [(-0.316_228, 0.903_508), (-0.365_148, 0.995_859), (-0.577_350, 0.866_025)];
        for (pair, (cosine, similarity)) in pairs.iter().zip(expected) {
            assert!(
                (pair.cosine - cosine).abs() < 1e-6 && (pair.similarity - similarity).abs() < 1e-6,
                "{pair:?}"
            );
        }
        assert!(GradientPairStep::all(&[0, 1], &Matrix::from_fn(2, |_, _| 0.0)).is_empty());
    }

    #[test]
    fn an_epoch_has_means_and_the_share_of_conflicts() {
        let mut comparison = GradientComparison::default();
        let names = ["a", "b"].map(|name| TaskName::new(name).expect("a name"));
        assert_eq!(comparison.of_epoch(1, &names), None);
        for (cosine, irregular) in [(0.5, false), (-0.25, true), (0.5, false), (-0.75, false)] {
            comparison.add(&[GradientPairStep { tasks: (0, 1), cosine, similarity: 0.5 }], irregular);
        }
        let compared = comparison.of_epoch(3, &names).expect("compared");
        let text = serde_json::to_string(&compared).expect("text");
        assert_eq!(serde_json::from_str::<super::EpochComparison>(&text).expect("read"), compared);
        let Event::GradientsCompared { trial: 2, epoch: 3, irregular: 1, pairs } = compared.event(2) else {
            panic!("an event")
        };
        let pair = &pairs[0];
        assert_eq!((pair.cosine, pair.conflicts, pair.similarity, pair.steps), (0.0, 0.5, 0.5, 4));
    }
}
