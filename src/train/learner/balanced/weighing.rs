//! What a method makes of the tasks' gradients: it sees their dot products, or all of their numbers, and gives weights.

use candle_core::Tensor;

use crate::train::balance::shared::{Gradient, products, row, with_values};
use crate::train::comparison::Pair;
use crate::train::error::Result;
use crate::train::learner::balanced::Part;
use crate::train::learner::{Learner, Outcome};
use crate::train::solver::Matrix;
use crate::train::weighting::gradient_method::{Rows, Sight};

impl Learner<'_> {
    /// The method's weights; `parts` come back with what it put in the gradients' place.
    pub(super) fn weigh(
        &mut self,
        outcome: &mut Outcome,
        parts: &mut [Part],
        tasks: &[usize],
        of_losses: &[f64],
        step: u64,
    ) -> Result<Vec<f64>> {
        let (places, last) = match self.balance.is_at_point() {
            true => (vec![0], None),
            false => (self.shared.places.clone(), self.shared.last),
        };
        if places.is_empty() || tasks.is_empty() {
            return Ok(vec![1.0; tasks.len()]);
        }
        let rows_of = |part: &Part| match part.point {
            Some(_) => part.at_point.clone(),
            None => part.gradients.clone(),
        };
        let all: Vec<Vec<Gradient>> = parts.iter().map(rows_of).collect();
        let learned = all.last().map_or(&[][..], Vec::as_slice);
        let plain = products(learned, learned, &places)?;
        outcome.pairs = Pair::all(tasks, &plain);
        let seen = match last.filter(|_| self.balance.looks_at_last_layer()) {
            Some(last) => products(learned, learned, &places[last..=last])?,
            None if all.len() > 1 => products(&all[0], &all[1], &places)?,
            None => plain.clone(),
        };
        let mut rows = match parts.last().filter(|_| self.balance.needs_rows()) {
            Some(part) => Some(self.rows(part, learned, &places, of_losses)?),
            None => None,
        };
        let answer = self.ask(outcome, tasks, of_losses, step, &seen, rows.as_mut());
        let mut own = plain.scaled(of_losses);
        if let (Some(rows), Some(part)) = (&rows, parts.last_mut()) {
            if self.balance.scales_length() {
                own = gramian_of(rows);
            }
            self.replace(part, &places, rows, of_losses)?;
        }
        Ok(self.balance.scaled(answer, &own))
    }

    /// The tasks' whole gradients, scaled by the losses' weights, and what the point is where they are taken there.
    fn rows(&self, part: &Part, learned: &[Gradient], places: &[usize], of_losses: &[f64]) -> Result<Rows> {
        let sizes = self.sizes(part);
        let values = learned.iter().zip(of_losses);
        let values = values.map(|(gradient, weight)| row(gradient, places, &sizes, *weight));
        let values = values.collect::<candle_core::Result<Vec<_>>>()?;
        let point = match &part.point {
            Some(point) => {
                let read = with_values(&point.given, <[f32]>::to_vec)?;
                Some((read, point.given.dims().first().copied().unwrap_or(1)))
            }
            None => None,
        };
        Ok(Rows { values, point })
    }

    /// What the method answers to the gradients' dot products, before they are scaled by the losses' weights.
    pub(in crate::train::learner) fn ask(
        &mut self,
        outcome: &mut Outcome,
        tasks: &[usize],
        of_losses: &[f64],
        step: u64,
        seen: &Matrix,
        rows: Option<&mut Rows>,
    ) -> Vec<f64> {
        let losses = tasks.iter().map(|task| outcome.losses[*task].unwrap_or(0.0));
        let losses: Vec<f64> = losses.zip(of_losses).map(|(loss, weight)| loss * weight).collect();
        let sight = Sight { step, tasks, losses: &losses, gramian: &seen.scaled(of_losses) };
        let answer = self.balance.weigh(&sight, rows);
        outcome.irregular = !answer.regular;
        answer.weights
    }

    /// How many numbers each tensor has: the variables, or the point.
    fn sizes(&self, part: &Part) -> Vec<usize> {
        match &part.point {
            Some(point) => vec![point.given.elem_count()],
            None => self.variables.iter().map(|variable| variable.var.elem_count()).collect(),
        }
    }

    /// Puts rows, which are scaled by the losses' weights, in the place of the gradients they came from.
    fn replace(&self, part: &mut Part, places: &[usize], rows: &Rows, of_losses: &[f64]) -> Result<()> {
        let point = part.point.as_ref().map(|point| point.given.shape().clone());
        let gradients = if point.is_some() { &mut part.at_point } else { &mut part.gradients };
        for ((gradient, values), weight) in gradients.iter_mut().zip(&rows.values).zip(of_losses) {
            let back = if *weight == 0.0 { 0.0 } else { (1.0 / weight) as f32 };
            let mut rest = values.as_slice();
            for place in places {
                let shape = point.clone().unwrap_or_else(|| self.variables[*place].var.shape().clone());
                let (mine, others) = rest.split_at(shape.elem_count());
                let mine: Vec<f32> = mine.iter().map(|value| value * back).collect();
                gradient[*place] = Some(Tensor::from_vec(mine, &shape, self.network.device())?);
                rest = others;
            }
        }
        Ok(())
    }
}

fn gramian_of(rows: &Rows) -> Matrix {
    let values = &rows.values;
    Matrix::of(values.len(), |i, j| {
        values[i].iter().zip(&values[j]).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    })
}
