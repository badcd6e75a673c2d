//! A step of a gradient method with a Gramian that is summed a layer at a time.
//!
//! One forward, interrupted before every shared layer and behind the last. All tasks' ways back are walked
//! side by side, from point to point: when nothing before a point uses a weight, its gradients are whole,
//! their dot products join the Gramian, and they are dropped. So no more is held than one layer's gradients
//! of every task; the price is one more way back, of the weighted sum, once the method has answered. Steps
//! are those of whole gradients but for rounding. (The idea is that of autogram in TorchJD: Jacobian descent
//! needs the Gramian alone.)

use std::collections::HashMap;

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use crate::model::cut::{CutPoint, CutPoints};
use crate::train::balance::shared::{TaskGradient, gradient_products, weighted_sum};
use crate::train::batch::Batch;
use crate::train::comparison::GradientPairStep;
use crate::train::error::TrainResult;
use crate::train::learner::{Learner, StepOutcome};
use crate::train::optimizer::fused_step::Trainable;
use crate::train::schedule::ScheduleStep;
use crate::train::solver::Matrix;
use crate::train::weighting::gradient_method::select_tasks;

/// A way back that stands somewhere: what has come to the points and to the variables so far.
#[derive(Clone, Debug)]
struct BackwardPass {
    points: TaskGradient,
    variables: TaskGradient,
}

/// What the first walk found.
struct ReachedSegments {
    /// The dot products of the tasks' gradients of all that several use.
    plain: Matrix,
    /// Of what the method looks at.
    looked_at: Matrix,
    /// Of a variable that one task uses alone: the tasks' gradients, of which all but one are nothing.
    own: Vec<Option<TaskGradient>>,
}

/// The pieces between a forward's points.
struct GraphSegments<'a> {
    points: &'a [CutPoint],
    variables: Vec<Tensor>,
    /// For every point the variables that its piece is the last to use, on the way back.
    last: Vec<Vec<usize>>,
    /// The variables that no piece uses.
    after: Vec<usize>,
}

impl Learner<'_> {
    /// Learns from a batch by each task's gradient, holding one layer's gradients at a time.
    pub(super) fn learn_by_layer(&mut self, batch: &Batch, clock: ScheduleStep) -> TrainResult<StepOutcome> {
        let step = clock.step as u64;
        let cuts = CutPoints::default();
        let (losses, penalty) = self.losses(batch, &self.mode(clock, 0, 1).cut_by(Some(&cuts)))?;
        let tasks: Vec<usize> = batch.labels.iter().map(|labels| labels.task).collect();
        let mut outcome = self.outcome(std::slice::from_ref(batch), &[&losses], &tasks)?;
        if tasks.is_empty() || outcome.diverged().is_some() {
            return Ok(outcome);
        }
        let of_losses = self.balance.losses.weights(step, &outcome.losses);
        let counting = tasks.iter().zip(&losses).filter(|(task, _)| of_losses[**task] != 0.0);
        let (tasks, losses): (Vec<usize>, Vec<&Tensor>) = counting.map(|(task, loss)| (*task, loss)).unzip();
        let of_losses = select_tasks(&of_losses, &tasks);

        let points = cuts.points();
        let pieces = GraphSegments::from_points(&points, &self.variables);
        let begin = |loss: &Tensor| Ok(pieces.begin(loss.backward()?));
        let rows = losses.into_iter().map(begin).collect::<TrainResult<Vec<_>>>()?;
        let ReachedSegments { plain, looked_at, own } =
            self.backward_segments(&pieces, &tasks, rows.clone())?;
        outcome.pairs = GradientPairStep::all(&tasks, &plain);
        let weights = match self.shared.indices.is_empty() {
            true => vec![1.0; tasks.len()],
            false => {
                let answer = self.solve_weights(&mut outcome, &tasks, &of_losses, step, &looked_at, None);
                self.balance.scaled(answer, &plain.scaled(&of_losses))
            }
        };

        let both: Vec<f64> = of_losses.iter().zip(&weights).map(|(loss, weight)| loss * weight).collect();
        let heads = if self.balance.weights_heads() { &both } else { &of_losses };
        let mut ways = vec![BackwardPass::sum(&rows, &both)?];
        drop(rows);
        if let Some(penalty) = penalty {
            outcome.joint = f64::from(penalty.to_scalar::<f32>()?);
            ways.push(pieces.begin(penalty.backward()?));
        }
        let mut gradients: TaskGradient = vec![None; self.variables.len()];
        pieces.backward_segment(ways, |index, mut gradient| {
            if let Some(own) = &own[index] {
                gradient[0] = sum(own, heads)?;
            }
            gradients[index] = sum(&gradient, &[1.0, 1.0])?;
            Ok(())
        })?;
        for ((task, of_loss), weight) in tasks.iter().zip(&of_losses).zip(&weights) {
            outcome.weights[*task] = of_loss * weight;
        }
        self.finish(outcome, gradients, clock)
    }

    /// Walks the tasks' ways back side by side, and keeps what the method and a single task's own variables
    /// need.
    fn backward_segments(
        &mut self,
        pieces: &GraphSegments,
        tasks: &[usize],
        rows: Vec<BackwardPass>,
    ) -> TrainResult<ReachedSegments> {
        let nothing = || Matrix::from_fn(tasks.len(), |_, _| 0.0);
        let (mut plain, mut of_last) = (nothing(), nothing());
        let last = self.shared.last_shared_matrix.filter(|_| self.balance.uses_last_layer_only());
        let last = last.map(|last| self.shared.indices[last]);
        let mut own = vec![None; self.variables.len()];
        let mut reached = vec![vec![false; self.variables.len()]; tasks.len()];
        pieces.backward_segment(rows, |index, gradients| {
            for (reached, gradient) in reached.iter_mut().zip(&gradients) {
                reached[index] = gradient.is_some();
            }
            if !self.shared.indices.contains(&index) {
                own[index] = Some(gradients);
                return Ok(());
            }
            let gradients: Vec<TaskGradient> = gradients.into_iter().map(|one| vec![one]).collect();
            let here = gradient_products(&gradients, &gradients, &[0])?;
            plain = plain.add(&here);
            if last == Some(index) {
                of_last = here;
            }
            Ok(())
        })?;
        for (task, reached) in tasks.iter().zip(&reached) {
            self.prove(&[*task], reached)?;
        }
        let looked_at = if last.is_some() { of_last } else { plain.clone() };
        Ok(ReachedSegments { plain, looked_at, own })
    }
}

impl<'a> GraphSegments<'a> {
    fn from_points(points: &'a [CutPoint], variables: &[Trainable]) -> Self {
        let variables: Vec<Tensor> = variables.iter().map(|one| one.var.as_tensor().clone()).collect();
        let ids = variables.iter().enumerate().map(|(index, variable)| (variable.id(), index));
        let indices: HashMap<_, usize> = ids.collect();
        let mut reached = vec![false; variables.len()];
        let mut last = Vec::with_capacity(points.len());
        // The first piece in the order of the way forward is the last on the way back.
        for point in points {
            let nodes = point.output.sorted_nodes();
            let used = nodes.iter().filter_map(|node| indices.get(&node.id()).copied());
            let mut used: Vec<usize> =
                used.filter(|index| !std::mem::replace(&mut reached[*index], true)).collect();
            used.sort_unstable();
            last.push(used);
        }
        let behind = (0..variables.len()).filter(|index| !reached[*index]).collect();
        Self { points, variables, last, after: behind }
    }

    /// What the way back from a scalar behind all points has come to.
    fn begin(&self, mut store: GradStore) -> BackwardPass {
        let mut row = BackwardPass { points: Vec::new(), variables: Vec::new() };
        row.points.extend(self.points.iter().map(|point| store.remove(point.leaf.as_tensor())));
        row.variables.extend(self.variables.iter().map(|variable| store.remove(variable)));
        row
    }

    /// Walks back side by side. `done` is told every variable once, with the rows' whole gradients of it.
    fn backward_segment(
        &self,
        mut rows: Vec<BackwardPass>,
        mut done: impl FnMut(usize, Vec<Option<Tensor>>) -> TrainResult<()>,
    ) -> TrainResult<()> {
        fn take(rows: &mut [BackwardPass], index: usize) -> Vec<Option<Tensor>> {
            rows.iter_mut().map(|row| row.variables[index].take()).collect()
        }
        for index in &self.after {
            done(*index, take(&mut rows, *index))?;
        }
        for (number, point) in self.points.iter().enumerate().rev() {
            for row in &mut rows {
                if let Some(upstream) = row.points[number].take() {
                    row.add(self.begin(point.backward(upstream)?))?;
                }
            }
            for index in &self.last[number] {
                done(*index, take(&mut rows, *index))?;
            }
        }
        Ok(())
    }
}

impl BackwardPass {
    /// Where the weighted sum of what stands behind all points begins.
    fn sum(rows: &[Self], weights: &[f64]) -> TrainResult<Self> {
        let of = |tensors: fn(&Self) -> &TaskGradient| {
            let count = rows.first().map_or(0, |row| tensors(row).len());
            let at = |index: usize| {
                let all: Vec<_> = rows.iter().map(|row| tensors(row)[index].as_ref()).collect();
                weighted_sum(&all, weights)
            };
            (0..count).map(at).collect::<candle_core::Result<TaskGradient>>()
        };
        Ok(Self { points: of(|row| &row.points)?, variables: of(|row| &row.variables)? })
    }

    /// What came on another way.
    fn add(&mut self, other: Self) -> TrainResult<()> {
        let others = other.points.into_iter().chain(other.variables);
        for (mine, other) in self.points.iter_mut().chain(&mut self.variables).zip(others) {
            *mine = match (mine.take(), other) {
                (Some(mine), Some(other)) => Some((mine + other)?),
                (mine, other) => mine.or(other),
            };
        }
        Ok(())
    }
}

/// The weighted sum of gradients of one variable.
fn sum(gradients: &[Option<Tensor>], weights: &[f64]) -> candle_core::Result<Option<Tensor>> {
    let gradients: Vec<_> = gradients.iter().map(Option::as_ref).collect();
    weighted_sum(&gradients, weights)
}
