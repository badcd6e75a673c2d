//! A step of a gradient method: forward once, backward once per task, and a combination of the tasks' gradients.
//!
//! Taken of the shared weights, each backward goes through the task's own layers and the trunk. Taken at the point that all tasks
//! read, the backwards end there, and one more goes from the combination through the trunk. A task's own layers get its own
//! gradient. Methods that need independent batches get the parts of one.

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use crate::model::cut::Point;
use crate::train::balance::shared::{Gradient, combined, products, row, with_values};
use crate::train::batch::Batch;
use crate::train::comparison::Pair;
use crate::train::error::Result;
use crate::train::gradient::collect;
use crate::train::learner::{Learner, Outcome};
use crate::train::schedule::Clock;
use crate::train::solver::Matrix;
use crate::train::weighting::gradient_method::{Rows, Sight, of};

/// One part of the batch on its way back.
struct Part {
    /// Of each task of the step: its gradients of all variables.
    gradients: Vec<Gradient>,
    /// Of each task: its gradient at the point that all read, when taken there.
    at_point: Vec<Gradient>,
    point: Option<Point>,
}

impl Learner<'_> {
    /// Learns from the parts of one batch by each task's gradient.
    pub(super) fn learn_balanced(&mut self, parts: &[Batch], clock: Clock) -> Result<Outcome> {
        let step = clock.step as u64;
        let tasks = common(parts);
        let mut forward = Vec::with_capacity(parts.len());
        // What the sharing adds, as the last part has it.
        let mut penalty = None;
        for (number, part) in parts.iter().enumerate() {
            let mode = self.mode(clock, number, parts.len());
            forward.push(match tasks.is_empty() || !self.balance.is_at_point() {
                true => {
                    let (losses, added) = self.losses(part, &mode)?;
                    penalty = added;
                    (losses, None)
                }
                false => {
                    let cut = self.network.losses_from_point(&part.inputs, &part.labels, &mode)?;
                    (cut.0, Some(cut.1))
                }
            });
        }
        let losses: Vec<&[Tensor]> = forward.iter().map(|(losses, _)| losses.as_slice()).collect();
        let mut outcome = self.outcome(parts, &losses, &tasks)?;
        if tasks.is_empty() || outcome.diverged().is_some() {
            return Ok(outcome);
        }
        let of_losses = self.balance.losses.weights(step, &outcome.losses);
        // A task that counts nothing is left out, so that a method does not take it for one that has nothing to learn.
        let tasks: Vec<usize> = tasks.into_iter().filter(|task| of_losses[*task] != 0.0).collect();
        let of_losses = of(&of_losses, &tasks);
        let mut back = Vec::with_capacity(parts.len());
        for (part, (losses, point)) in parts.iter().zip(forward) {
            back.push(self.back(part, &losses, point, &tasks)?);
        }
        let weights = self.weigh(&mut outcome, &mut back, &tasks, &of_losses, step)?;
        let mut gradients = self.assemble(&back, &of_losses, &weights)?;
        if let Some(penalty) = penalty {
            outcome.joint = f64::from(penalty.to_scalar::<f32>()?);
            let added = collect(penalty.backward()?, &self.variables);
            for (gradient, added) in gradients.iter_mut().zip(added) {
                *gradient = combined(&[gradient.as_ref(), added.as_ref()], &[1.0, 1.0])?;
            }
        }
        self.prove_balanced(&tasks, &back, &gradients)?;
        for ((task, of_loss), weight) in tasks.iter().zip(&of_losses).zip(&weights) {
            outcome.weights[*task] = of_loss * weight;
        }
        self.finish(outcome, gradients, clock)
    }

    /// A backward per task.
    fn back(&self, part: &Batch, losses: &[Tensor], point: Option<Point>, tasks: &[usize]) -> Result<Part> {
        let (mut gradients, mut at_point) = (Vec::new(), Vec::new());
        let labelled = part.labels.iter().zip(losses);
        for (_, loss) in labelled.filter(|(labels, _)| tasks.contains(&labels.task)) {
            let mut store: GradStore = loss.backward()?;
            if let Some(point) = &point {
                at_point.push(vec![store.remove(point.read.as_tensor())]);
            }
            gradients.push(collect(store, &self.variables));
        }
        Ok(Part { gradients, at_point, point })
    }

    /// The method's weights; `parts` come back with what it put in the gradients' place.
    fn weigh(
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
        let mut rows = None;
        if self.balance.needs_rows() {
            let part = &parts[parts.len() - 1];
            let sizes = self.sizes(part);
            let values = learned
                .iter()
                .zip(of_losses)
                .map(|(gradient, weight)| row(gradient, &places, &sizes, *weight));
            let values = values.collect::<candle_core::Result<Vec<_>>>()?;
            let point = match &part.point {
                Some(point) => {
                    let read = with_values(&point.given, <[f32]>::to_vec)?;
                    Some((read, point.given.dims().first().copied().unwrap_or(1)))
                }
                None => None,
            };
            rows = Some(Rows { values, point });
        }
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

    /// What the method answers to the gradients' dot products, before they are scaled by the losses' weights.
    pub(super) fn ask(
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

    /// The step's gradient of every variable.
    fn assemble(&self, parts: &[Part], of_losses: &[f64], weights: &[f64]) -> Result<Gradient> {
        let both: Vec<f64> = of_losses.iter().zip(weights).map(|(loss, weight)| loss * weight).collect();
        let Some(learned) = parts.last() else { return Ok(Vec::new()) };
        let sum = |part: &Part, place: usize, weights: &[f64]| {
            let gradients: Vec<_> = part.gradients.iter().map(|gradient| gradient[place].as_ref()).collect();
            combined(&gradients, weights)
        };
        // The way from the point through the trunk.
        let mut trunk = None;
        if let Some(point) = &learned.point {
            let gradients: Vec<_> = learned.at_point.iter().map(|gradient| gradient[0].as_ref()).collect();
            if let Some(upstream) = combined(&gradients, &both)? {
                trunk = Some(collect((&point.given * upstream)?.sum_all()?.backward()?, &self.variables));
            }
        }
        let heads = if self.balance.weighs_heads() { &both } else { of_losses };
        let even: Vec<f64> = heads.iter().map(|weight| weight / parts.len() as f64).collect();
        let mut gradients = Vec::with_capacity(self.variables.len());
        for place in 0..self.variables.len() {
            let is_shared = learned.point.is_none() && self.shared.places.contains(&place);
            gradients.push(match (trunk.as_mut().and_then(|trunk| trunk[place].take()), is_shared) {
                (Some(gradient), _) => Some(gradient),
                (None, true) => sum(learned, place, &both)?,
                (None, false) => {
                    let of_parts = parts.iter().map(|part| sum(part, place, &even));
                    let of_parts = of_parts.collect::<candle_core::Result<Vec<_>>>()?;
                    let of_parts: Vec<_> = of_parts.iter().map(Option::as_ref).collect();
                    combined(&of_parts, &vec![1.0; of_parts.len()])?
                }
            });
        }
        Ok(gradients)
    }

    /// At a task's first step: did every variable it uses get a gradient from it?
    fn prove_balanced(&mut self, tasks: &[usize], parts: &[Part], whole: &Gradient) -> Result<()> {
        let Some(part) = parts.last() else { return Ok(()) };
        for (task, own) in tasks.iter().zip(&part.gradients) {
            // Before the point, the way back is all tasks' together.
            let reached =
                |place: usize| own[place].is_some() || part.point.is_some() && whole[place].is_some();
            let reached: Vec<bool> = (0..own.len()).map(reached).collect();
            self.prove(&[*task], &reached)?;
        }
        Ok(())
    }
}

/// The tasks with a label in every part, in the signature's order.
fn common(parts: &[Batch]) -> Vec<usize> {
    let Some((first, others)) = parts.split_first() else { return Vec::new() };
    let labelled = |part: &Batch, task: usize| part.labels.iter().any(|labels| labels.task == task);
    let tasks = first.labels.iter().map(|labels| labels.task);
    tasks.filter(|task| others.iter().all(|part| labelled(part, *task))).collect()
}

fn gramian_of(rows: &Rows) -> Matrix {
    let values = &rows.values;
    Matrix::of(values.len(), |i, j| {
        values[i].iter().zip(&values[j]).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    })
}
