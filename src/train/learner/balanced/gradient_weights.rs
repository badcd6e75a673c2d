//! What a method makes of the tasks' gradients: it sees their dot products, or all of their numbers, and
//! gives weights.

use candle_core::Tensor;

use crate::train::balance::shared::{TaskGradient, flat_row, gradient_products, with_values};
use crate::train::comparison::GradientPairStep;
use crate::train::error::TrainResult;
use crate::train::learner::balanced::BackwardPart;
use crate::train::learner::{Learner, StepOutcome};
use crate::train::solver::Matrix;
use crate::train::weighting::gradient_method::{GradientContext, GradientRows};

impl Learner<'_> {
    /// The method's weights; `parts` come back with what it put in the gradients' place.
    pub(super) fn compute_weights(
        &mut self,
        outcome: &mut StepOutcome,
        parts: &mut [BackwardPart],
        tasks: &[usize],
        of_losses: &[f64],
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
        let learned = all.last().map_or(&[][..], Vec::as_slice);
        let plain = gradient_products(learned, learned, &indices)?;
        outcome.pairs = GradientPairStep::all(tasks, &plain);
        let seen = match last.filter(|_| self.balance.uses_last_layer_only()) {
            Some(last) => gradient_products(learned, learned, &indices[last..=last])?,
            None if all.len() > 1 => gradient_products(&all[0], &all[1], &indices)?,
            None => plain.clone(),
        };
        let mut rows = match parts.last().filter(|_| self.balance.needs_full_gradients()) {
            Some(part) => Some(self.rows(part, learned, &indices, of_losses)?),
            None => None,
        };
        let answer = self.solve_weights(outcome, tasks, of_losses, step, &seen, rows.as_mut());
        let mut own = plain.scaled(of_losses);
        if let (Some(rows), Some(part)) = (&rows, parts.last_mut()) {
            if self.balance.scales_by_norm() {
                own = gramian_of(rows);
            }
            self.replace(part, &indices, rows, of_losses)?;
        }
        Ok(self.balance.scaled(answer, &own))
    }

    /// The tasks' whole gradients, scaled by the losses' weights, and what the point is where they are taken
    /// there.
    fn rows(
        &self,
        part: &BackwardPart,
        learned: &[TaskGradient],
        indices: &[usize],
        of_losses: &[f64],
    ) -> TrainResult<GradientRows> {
        let sizes = self.sizes(part);
        let values = learned.iter().zip(of_losses);
        let values = values.map(|(gradient, weight)| flat_row(gradient, indices, &sizes, *weight));
        let values = values.collect::<candle_core::Result<Vec<_>>>()?;
        let point = match &part.point {
            Some(point) => {
                let read = with_values(&point.output, <[f32]>::to_vec)?;
                Some((read, point.output.dims().first().copied().unwrap_or(1)))
            }
            None => None,
        };
        Ok(GradientRows { values, representation: point })
    }

    /// What the method answers to the gradients' dot products, before they are scaled by the losses' weights.
    pub(in crate::train::learner) fn solve_weights(
        &mut self,
        outcome: &mut StepOutcome,
        tasks: &[usize],
        of_losses: &[f64],
        step: u64,
        seen: &Matrix,
        rows: Option<&mut GradientRows>,
    ) -> Vec<f64> {
        let losses = tasks.iter().map(|task| outcome.losses[*task].unwrap_or(0.0));
        let losses: Vec<f64> = losses.zip(of_losses).map(|(loss, weight)| loss * weight).collect();
        let context = GradientContext { step, tasks, losses: &losses, gramian: &seen.scaled(of_losses) };
        let answer = self.balance.compute_weights(&context, rows);
        outcome.irregular = !answer.regular;
        answer.weights
    }

    /// How many numbers each tensor has: the variables, or the point.
    fn sizes(&self, part: &BackwardPart) -> Vec<usize> {
        match &part.point {
            Some(point) => vec![point.output.elem_count()],
            None => self.variables.iter().map(|variable| variable.var.elem_count()).collect(),
        }
    }

    /// Puts rows, which are scaled by the losses' weights, in the place of the gradients they came from.
    fn replace(
        &self,
        part: &mut BackwardPart,
        indices: &[usize],
        rows: &GradientRows,
        of_losses: &[f64],
    ) -> TrainResult<()> {
        let point = part.point.as_ref().map(|point| point.output.shape().clone());
        let gradients = if point.is_some() { &mut part.at_point } else { &mut part.gradients };
        for ((gradient, values), weight) in gradients.iter_mut().zip(&rows.values).zip(of_losses) {
            let back = if *weight == 0.0 { 0.0 } else { (1.0 / weight) as f32 };
            let mut rest = values.as_slice();
            for index in indices {
                let shape = point.clone().unwrap_or_else(|| self.variables[*index].var.shape().clone());
                let (mine, others) = rest.split_at(shape.elem_count());
                let mine: Vec<f32> = mine.iter().map(|value| value * back).collect();
                gradient[*index] = Some(Tensor::from_vec(mine, &shape, self.network.device())?);
                rest = others;
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
