//! The losses of a batch, with the whole graph or with a graph cut at the shared representation.

use candle_core::Tensor;

use crate::model::activations::Activations;
use crate::model::cut::CutPoint;
use crate::model::error::ModelResult;
use crate::model::labels::Labels;
use crate::model::mode::Mode;
use crate::model::network::{Network, TaskActivations};
use crate::model::order::closure;
use crate::model::weights::WeightOwner;

impl Network {
    /// Losses of the labels' tasks, in that order, as scalar tensors: means over labelled cells.
    pub fn losses(&self, inputs: &[Activations], labels: &[Labels], mode: &Mode) -> ModelResult<Vec<Tensor>> {
        let tasks: Vec<usize> = labels.iter().map(|labels| labels.task).collect();
        self.losses_of(&mut self.task_activations(inputs, mode, &tasks)?, labels, mode)
    }

    /// Like [`Self::losses`], with the penalty that the sharing adds to the joint loss.
    pub fn losses_and_penalty(
        &self,
        inputs: &[Activations],
        labels: &[Labels],
        mode: &Mode,
    ) -> ModelResult<(Vec<Tensor>, Option<Tensor>)> {
        let tasks: Vec<usize> = labels.iter().map(|labels| labels.task).collect();
        let mut outputs = self.task_activations(inputs, mode, &tasks)?;
        let losses = self.losses_of(&mut outputs, labels, mode)?;
        let penalty = self.body.penalty(&tasks, &mut |task| self.logits(&mut outputs, task, mode))?;
        Ok((losses, penalty))
    }

    /// Like [`Self::losses`], with the graph cut at the representation that all tasks read. A sharing with
    /// one representation has no penalty.
    ///
    /// # Errors
    /// If the tasks read different representations.
    pub fn losses_from_point(
        &self,
        inputs: &[Activations],
        labels: &[Labels],
        mode: &Mode,
    ) -> ModelResult<(Vec<Tensor>, CutPoint)> {
        let tasks: Vec<usize> = labels.iter().map(|labels| labels.task).collect();
        let needed = closure(&tasks, &self.order, |task| &self.dependencies[task]);
        let mode = &self.passing_over(mode);
        let x = self.detach(self.features_of(inputs, mode)?, WeightOwner::is_of_inputs);
        let mut shared = self.body.forward(&x, mode, &needed)?;
        let representation = match shared.first() {
            Some(first) if shared.iter().all(|other| other.x.id() == first.x.id()) => first.x.clone(),
            _ => return Err(candle_core::Error::msg("the tasks read different representations").into()),
        };
        let point = CutPoint::new(representation)?;
        shared.iter_mut().for_each(|features| features.x = point.leaf.as_tensor().clone());
        let mut outputs = self.task_heads(needed, shared, mode)?;
        Ok((self.losses_of(&mut outputs, labels, mode)?, point))
    }

    fn losses_of(
        &self,
        outputs: &mut [TaskActivations],
        labels: &[Labels],
        mode: &Mode,
    ) -> ModelResult<Vec<Tensor>> {
        let mut loss = |labels: &Labels| {
            let repeated =
                self.members.as_ref().map(|members| labels.repeated(members.count())).transpose()?;
            let labels = repeated.as_ref().unwrap_or(labels);
            let head = &self.tasks[labels.task];
            if let Some(features) = &outputs[labels.task].features
                && let Some(loss) = head.head.loss(features, labels, &head.loss, mode)?
            {
                return Ok(loss);
            }
            let logits = self.logits(outputs, labels.task, mode)?;
            self.loss(labels.task, &logits, &labels.values, &labels.mask)
        };
        labels.iter().map(&mut loss).collect()
    }
}
