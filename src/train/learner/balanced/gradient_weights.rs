//! Computes the weights of a gradient method from the dot products of the tasks' gradients, or from the full
//! gradients.

use candle_core::Tensor;

use crate::train::balance::shared::{TaskGradient, flat_row, gradient_products, with_values};
use crate::train::comparison::GradientPairStep;
use crate::train::error::TrainResult;
use crate::train::learner::balanced::BackwardPart;
use crate::train::learner::{Learner, StepOutcome};
use crate::train::solver::Matrix;
use crate::train::weighting::gradient_method::{GradientContext, GradientRows};

impl Learner<'_> {
    /// The weights of the method. A method that needs full gradients may replace those in the last of
    /// `parts`.
    pub(super) fn compute_weights(
        &mut self,
        outcome: &mut StepOutcome,
        parts: &mut [BackwardPart],
        tasks: &[usize],
        loss_weights: &[f64],
        step: u64,
    ) -> TrainResult<Vec<f64>> {
        let (indices, last) = match self.balance.is_at_representation() {
            true => (vec![0], None),
            false => (self.shared.indices.clone(), self.shared.last_shared_matrix),
        };
        if indices.is_empty() || tasks.is_empty() {
            return Ok(vec![1.0; tasks.len()]);
        }
        let rows_of = |part: &BackwardPart| match part.point {
            Some(_) => part.at_point.clone(),
            None => part.gradients.clone(),
        };
        let all: Vec<Vec<TaskGradient>> = parts.iter().map(rows_of).collect();
        let last_rows = all.last().map_or(&[][..], Vec::as_slice);
        let gramian = gradient_products(last_rows, last_rows, &indices)?;
        outcome.pairs = GradientPairStep::all(tasks, &gramian);
        let seen = match last.filter(|_| self.balance.uses_last_layer_only()) {
            Some(last) => gradient_products(last_rows, last_rows, &indices[last..=last])?,
            None if all.len() > 1 => gradient_products(&all[0], &all[1], &indices)?,
            None => gramian.clone(),
        };
        let mut rows = match parts.last().filter(|_| self.balance.needs_full_gradients()) {
            Some(part) => Some(self.rows(part, last_rows, &indices, loss_weights)?),
            None => None,
        };
        let weights = self.solve_weights(outcome, tasks, loss_weights, step, &seen, rows.as_mut());
        let mut gramian = gramian.scaled(loss_weights);
        if let (Some(rows), Some(part)) = (&rows, parts.last_mut()) {
            if self.balance.scales_by_norm() {
                gramian = gramian_of(rows);
            }
            self.replace(part, &indices, rows, loss_weights)?;
        }
        Ok(self.balance.scaled(weights, &gramian))
    }

    /// The tasks' full gradients scaled by the weights of the losses, and the values of the shared
    /// representation if the gradients are taken with respect to it.
    fn rows(
        &self,
        part: &BackwardPart,
        gradients: &[TaskGradient],
        indices: &[usize],
        loss_weights: &[f64],
    ) -> TrainResult<GradientRows> {
        let sizes = self.sizes(part);
        let values = gradients.iter().zip(loss_weights);
        let values = values.map(|(gradient, weight)| flat_row(gradient, indices, &sizes, *weight));
        let values = values.collect::<candle_core::Result<Vec<_>>>()?;
        let point = match &part.point {
            Some((point, _)) => {
                let values = with_values(&point.output, <[f32]>::to_vec)?;
                Some((values, point.output.dims().first().copied().unwrap_or(1)))
            }
            None => None,
        };
        Ok(GradientRows { values, representation: point })
    }

    /// Runs the method on the dot products `seen` of the unscaled gradients, and records whether they are
    /// regular.
    pub(in crate::train::learner) fn solve_weights(
        &mut self,
        outcome: &mut StepOutcome,
        tasks: &[usize],
        loss_weights: &[f64],
        step: u64,
        seen: &Matrix,
        rows: Option<&mut GradientRows>,
    ) -> Vec<f64> {
        let losses = tasks.iter().map(|task| outcome.losses[*task].unwrap_or(0.0));
        let losses: Vec<f64> = losses.zip(loss_weights).map(|(loss, weight)| loss * weight).collect();
        let context = GradientContext { step, tasks, losses: &losses, gramian: &seen.scaled(loss_weights) };
        let solution = self.balance.compute_weights(&context, rows);
        outcome.irregular = !solution.regular;
        solution.weights
    }

    /// The element counts of the variables, or of the shared representation.
    fn sizes(&self, part: &BackwardPart) -> Vec<usize> {
        match &part.point {
            Some((point, _)) => vec![point.output.elem_count()],
            None => self.variables.iter().map(|variable| variable.var.elem_count()).collect(),
        }
    }

    /// Replaces the gradients of a part by `rows`, undoing the scaling by the weights of the losses.
    fn replace(
        &self,
        part: &mut BackwardPart,
        indices: &[usize],
        rows: &GradientRows,
        loss_weights: &[f64],
    ) -> TrainResult<()> {
        let point = part.point.as_ref().map(|(point, _)| point.output.shape().clone());
        let gradients = if point.is_some() { &mut part.at_point } else { &mut part.gradients };
        for ((gradient, values), weight) in gradients.iter_mut().zip(&rows.values).zip(loss_weights) {
            let scale = if *weight == 0.0 { 0.0 } else { (1.0 / weight) as f32 };
            let mut remaining = values.as_slice();
            for index in indices {
                let shape = point.clone().unwrap_or_else(|| self.variables[*index].var.shape().clone());
                let (values, others) = remaining.split_at(shape.elem_count());
                let values: Vec<f32> = values.iter().map(|value| value * scale).collect();
                gradient[*index] = Some(Tensor::from_vec(values, &shape, self.network.device())?);
                remaining = others;
            }
        }
        Ok(())
    }
}

fn gramian_of(rows: &GradientRows) -> Matrix {
    let values = &rows.values;
    Matrix::from_fn(values.len(), |i, j| {
        values[i].iter().zip(&values[j]).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    })
}
