//! The results of a training step.

use crate::train::affinity::PairAffinity;
use crate::train::comparison::GradientPairStep;
use crate::train::record::TrainingStep;

/// The results of a step. Vectors hold one value per task, in the signature's order.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOutcome {
    /// Number of rows in the batch.
    pub rows: usize,
    /// Rows with a label, per task.
    pub labelled: Vec<usize>,
    /// `None` for a task without labels in the batch.
    pub losses: Vec<Option<f64>>,
    /// The weights of the tasks.
    pub weights: Vec<f64>,
    /// The minimized loss: the weighted sum, the penalties of the weighting and of the sharing, and
    /// regularization.
    pub joint: f64,
    /// Comparisons of the gradients of the batch's tasks, in steps that compute one gradient per task.
    pub pairs: Vec<GradientPairStep>,
    /// Inter-task affinities, in steps that measure them.
    pub affinities: Vec<PairAffinity>,
    /// Did the gradient method find gradients that cancel or are zero?
    pub irregular: bool,
}

impl StepOutcome {
    /// Before any batch.
    pub(super) fn empty(tasks: usize) -> Self {
        Self {
            rows: 0,
            labelled: vec![0; tasks],
            losses: vec![None; tasks],
            weights: vec![0.0; tasks],
            joint: 0.0,
            pairs: Vec::new(),
            affinities: Vec::new(),
            irregular: false,
        }
    }

    /// The first task whose loss is not finite, and that loss.
    pub fn diverged(&self) -> Option<(usize, f64)> {
        let losses = self.losses.iter().enumerate();
        losses.filter_map(|(task, loss)| Some((task, (*loss)?))).find(|(_, loss)| !loss.is_finite())
    }

    /// The results as they are added to the sums of the epoch.
    pub fn step(&self) -> TrainingStep<'_> {
        let Self { rows, labelled, losses, weights, joint, pairs, affinities, irregular } = self;
        TrainingStep {
            rows: *rows,
            labelled,
            losses,
            weights,
            joint: *joint,
            pairs,
            affinities,
            irregular: *irregular,
        }
    }

    pub(super) fn weighted_sum(&self) -> f64 {
        self.losses.iter().zip(&self.weights).filter_map(|(loss, weight)| Some((*loss)? * weight)).sum()
    }
}
