//! A step of a gradient method whose Gramian is summed layer by layer.
//!
//! The forward pass is cut before every shared layer and after the last. The backward passes of all tasks run
//! side by side, segment by segment. When no earlier segment uses a weight, its gradients are complete: their
//! dot products are added to the Gramian, and they are dropped. So memory holds the gradients of one layer
//! for each task. The price is one more backward pass, of the weighted sum, after the method has run. Steps
//! equal those with full gradients up to rounding. (The idea is that of autogram in TorchJD: Jacobian descent
//! needs only the Gramian.)

use std::collections::HashMap;

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use crate::model::cut::{CutPoint, CutPoints};
use crate::train::balance::shared::{TaskGradient, gradient_products, weighted_sum};
use crate::train::batch::Batch;
use crate::train::comparison::GradientPairStep;
use crate::train::error::TrainResult;
use crate::train::learner::lookahead::scalars;
use crate::train::learner::{Learner, StepOutcome};
use crate::train::optimizer::fused_step::Trainable;
use crate::train::schedule::ScheduleStep;
use crate::train::solver::Matrix;
use crate::train::weighting::gradient_method::select_tasks;

/// The state of a backward pass: the gradients of cuts and variables that have been computed so far.
#[derive(Clone, Debug)]
struct BackwardPass {
    points: TaskGradient,
    variables: TaskGradient,
}

/// The results of the tasks' backward passes.
struct LayerwiseGradients {
    /// The Gramian of the tasks' gradients of all shared variables.
    gramian: Matrix,
    /// The Gramian that the method uses: all shared variables, or the last shared layer.
    seen: Matrix,
    /// By variable: one gradient per task for variables that a single task uses, `None` for shared ones.
    own: Vec<Option<TaskGradient>>,
}

/// The segments of a graph between its cuts.
struct GraphSegments<'a> {
    points: &'a [CutPoint],
    variables: Vec<Tensor>,
    /// By cut: the variables whose gradients are complete once the segment before it has been differentiated.
    complete: Vec<Vec<usize>>,
    /// The variables that are used only after the last cut.
    after: Vec<usize>,
}

impl Learner<'_> {
    /// A step that combines the tasks' gradients and holds one layer's gradients at a time.
    pub(super) fn learn_by_layer(&mut self, batch: &Batch, clock: ScheduleStep) -> TrainResult<StepOutcome> {
        let step = clock.step as u64;
        let cuts = CutPoints::default();
        let (losses, penalty) = self.losses(batch, &self.mode(clock, 0, 1).cut_by(Some(&cuts)))?;
        let tasks: Vec<usize> = batch.labels.iter().map(|labels| labels.task).collect();
        let mut outcome = self.outcome([batch], &[scalars(&losses)?], &tasks);
        if tasks.is_empty() || outcome.diverged().is_some() {
            return Ok(outcome);
        }
        let loss_weights = self.balance.losses.weights(step, &outcome.losses);
        let weighted = tasks.iter().zip(&losses).filter(|(task, _)| loss_weights[**task] != 0.0);
        let (tasks, losses): (Vec<usize>, Vec<&Tensor>) = weighted.map(|(task, loss)| (*task, loss)).unzip();
        let loss_weights = select_tasks(&loss_weights, &tasks);

        let points = cuts.points();
        let segments = GraphSegments::new(&points, &self.variables);
        let start = |loss: &Tensor| Ok(segments.start(loss.backward()?));
        let passes = losses.into_iter().map(start).collect::<TrainResult<Vec<_>>>()?;
        let LayerwiseGradients { gramian, seen, own } =
            self.layerwise_gradients(&segments, &tasks, passes.clone())?;
        outcome.pairs = GradientPairStep::all(&tasks, &gramian);
        let weights = match self.shared.indices.is_empty() {
            true => vec![1.0; tasks.len()],
            false => {
                let weights = self.solve_weights(&mut outcome, &tasks, &loss_weights, step, &seen, None);
                self.balance.scaled(weights, &gramian.scaled(&loss_weights))
            }
        };

        let joint_weights: Vec<f64> =
            loss_weights.iter().zip(&weights).map(|(loss, weight)| loss * weight).collect();
        let heads = if self.balance.weights_heads() { &joint_weights } else { &loss_weights };
        let mut joint = vec![BackwardPass::sum(&passes, &joint_weights)?];
        drop(passes);
        if let Some(penalty) = penalty {
            outcome.joint = f64::from(penalty.to_scalar::<f32>()?);
            joint.push(segments.start(penalty.backward()?));
        }
        let mut gradients: TaskGradient = vec![None; self.variables.len()];
        segments.backward(joint, |index, mut summands| {
            if let Some(own) = &own[index] {
                summands[0] = sum(own, heads)?;
            }
            gradients[index] = sum(&summands, &[1.0, 1.0])?.filter(|_| self.is_trained(index));
            Ok(())
        })?;
        for (task, weight) in tasks.iter().zip(&joint_weights) {
            outcome.weights[*task] = *weight;
        }
        self.apply_gradients(outcome, gradients, clock)
    }

    /// Runs the tasks' backward passes side by side. Keeps the Gramians, and the gradients of variables that
    /// a single task uses.
    fn layerwise_gradients(
        &mut self,
        segments: &GraphSegments,
        tasks: &[usize],
        passes: Vec<BackwardPass>,
    ) -> TrainResult<LayerwiseGradients> {
        let zeros = || Matrix::from_fn(tasks.len(), |_, _| 0.0);
        let (mut gramian, mut gramian_of_last) = (zeros(), zeros());
        let last = self.shared.last_shared_matrix.filter(|_| self.balance.uses_last_layer_only());
        let last = last.map(|last| self.shared.indices[last]);
        let mut own = vec![None; self.variables.len()];
        let mut reached = vec![vec![false; self.variables.len()]; tasks.len()];
        segments.backward(passes, |index, gradients| {
            for (reached, gradient) in reached.iter_mut().zip(&gradients) {
                reached[index] = gradient.is_some();
            }
            if !self.is_trained(index) {
                return Ok(());
            }
            if !self.shared.indices.contains(&index) {
                own[index] = Some(gradients);
                return Ok(());
            }
            let rows: Vec<TaskGradient> = gradients.into_iter().map(|gradient| vec![gradient]).collect();
            let of_variable = gradient_products(&rows, &rows, &[0])?;
            gramian = gramian.add(&of_variable);
            if last == Some(index) {
                gramian_of_last = of_variable;
            }
            Ok(())
        })?;
        for (task, reached) in tasks.iter().zip(&reached) {
            self.check_gradients(&[*task], reached)?;
        }
        let seen = if last.is_some() { gramian_of_last } else { gramian.clone() };
        Ok(LayerwiseGradients { gramian, seen, own })
    }
}

impl<'a> GraphSegments<'a> {
    fn new(points: &'a [CutPoint], variables: &[Trainable]) -> Self {
        let variables: Vec<Tensor> =
            variables.iter().map(|variable| variable.var.as_tensor().clone()).collect();
        let ids = variables.iter().enumerate().map(|(index, variable)| (variable.id(), index));
        let indices: HashMap<_, usize> = ids.collect();
        let mut used = vec![false; variables.len()];
        let mut complete = Vec::with_capacity(points.len());
        // The first segment of the forward pass that uses a variable is the last one of the backward pass.
        for point in points {
            let nodes = point.output.sorted_nodes();
            let in_segment = nodes.iter().filter_map(|node| indices.get(&node.id()).copied());
            let mut first_used: Vec<usize> =
                in_segment.filter(|index| !std::mem::replace(&mut used[*index], true)).collect();
            first_used.sort_unstable();
            complete.push(first_used);
        }
        let after = (0..variables.len()).filter(|index| !used[*index]).collect();
        Self { points, variables, complete, after }
    }

    /// A backward pass that starts with the gradients of one segment.
    fn start(&self, mut store: GradStore) -> BackwardPass {
        BackwardPass {
            points: self.points.iter().map(|point| store.remove(point.leaf.as_tensor())).collect(),
            variables: self.variables.iter().map(|variable| store.remove(variable)).collect(),
        }
    }

    /// Runs the passes side by side. Calls `on_complete` once per variable, with the complete gradient of
    /// every pass.
    fn backward(
        &self,
        mut passes: Vec<BackwardPass>,
        mut on_complete: impl FnMut(usize, Vec<Option<Tensor>>) -> TrainResult<()>,
    ) -> TrainResult<()> {
        fn take(passes: &mut [BackwardPass], variable: usize) -> Vec<Option<Tensor>> {
            passes.iter_mut().map(|pass| pass.variables[variable].take()).collect()
        }
        for variable in &self.after {
            on_complete(*variable, take(&mut passes, *variable))?;
        }
        for (number, point) in self.points.iter().enumerate().rev() {
            for pass in &mut passes {
                if let Some(upstream) = pass.points[number].take() {
                    pass.add(self.start(point.backward(upstream)?))?;
                }
            }
            for variable in &self.complete[number] {
                on_complete(*variable, take(&mut passes, *variable))?;
            }
        }
        Ok(())
    }
}

impl BackwardPass {
    /// The backward pass of the weighted sum of the scalars that `passes` start from.
    fn sum(passes: &[Self], weights: &[f64]) -> TrainResult<Self> {
        let combine = |tensors: fn(&Self) -> &TaskGradient| {
            let count = passes.first().map_or(0, |pass| tensors(pass).len());
            let at = |index: usize| {
                let gradients: Vec<_> = passes.iter().map(|pass| tensors(pass)[index].as_ref()).collect();
                weighted_sum(&gradients, weights)
            };
            (0..count).map(at).collect::<candle_core::Result<TaskGradient>>()
        };
        Ok(Self { points: combine(|pass| &pass.points)?, variables: combine(|pass| &pass.variables)? })
    }

    /// Adds the gradients of another segment.
    fn add(&mut self, other: Self) -> TrainResult<()> {
        let others = other.points.into_iter().chain(other.variables);
        for (sum, other) in self.points.iter_mut().chain(&mut self.variables).zip(others) {
            *sum = match (sum.take(), other) {
                (Some(sum), Some(other)) => Some((sum + other)?),
                (sum, other) => sum.or(other),
            };
        }
        Ok(())
    }
}

/// The weighted sum of the gradients of one variable.
fn sum(gradients: &[Option<Tensor>], weights: &[f64]) -> candle_core::Result<Option<Tensor>> {
    let gradients: Vec<_> = gradients.iter().map(Option::as_ref).collect();
    weighted_sum(&gradients, weights)
}
