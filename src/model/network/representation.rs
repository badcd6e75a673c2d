//! The losses of a batch, with the way back to the weights whole, or cut at the point that all tasks read.

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
    /// The losses of the labels' tasks, in that order, as scalar tensors: the mean over cells with a label.
    pub fn losses(&self, inputs: &[Activations], labels: &[Labels], mode: &Mode) -> ModelResult<Vec<Tensor>> {
        let tasks: Vec<usize> = labels.iter().map(|labels| labels.task).collect();
        self.losses_of(&mut self.compute(inputs, mode, &tasks)?, labels, mode)
    }

    /// The same, and what the sharing adds to the joint loss.
    pub fn losses_and_penalty(
        &self,
        inputs: &[Activations],
        labels: &[Labels],
        mode: &Mode,
    ) -> ModelResult<(Vec<Tensor>, Option<Tensor>)> {
        let tasks: Vec<usize> = labels.iter().map(|labels| labels.task).collect();
        let mut outputs = self.compute(inputs, mode, &tasks)?;
        let losses = self.losses_of(&mut outputs, labels, mode)?;
        let penalty = self.body.penalty(&tasks, &mut |task| self.logits(&mut outputs, task, mode))?;
        Ok((losses, penalty))
    }

    /// The same, cut at the point that all the tasks read; an error when they read several. A sharing whose
    /// tasks read one point adds nothing.
    pub fn losses_from_point(
        &self,
        inputs: &[Activations],
        labels: &[Labels],
        mode: &Mode,
    ) -> ModelResult<(Vec<Tensor>, CutPoint)> {
        let tasks: Vec<usize> = labels.iter().map(|labels| labels.task).collect();
        let needed = closure(&tasks, &self.order, |task| &self.needs[task]);
        let x = self.detach(self.inputs.forward(inputs, mode)?, WeightOwner::is_of_inputs);
        let mut read = self.body.forward(&x, mode, &needed)?;
        let given = match read.first() {
            Some(first) if read.iter().all(|other| other.x.id() == first.x.id()) => first.x.clone(),
            _ => return Err(candle_core::Error::msg("the tasks do not read one point").into()),
        };
        let point = CutPoint::new(given)?;
        read.iter_mut().for_each(|signal| signal.x = point.read.as_tensor().clone());
        let mut outputs = self.task_heads(needed, read, mode)?;
        Ok((self.losses_of(&mut outputs, labels, mode)?, point))
    }

    fn losses_of(
        &self,
        outputs: &mut [TaskActivations],
        labels: &[Labels],
        mode: &Mode,
    ) -> ModelResult<Vec<Tensor>> {
        let mut loss = |labels: &Labels| {
            let head = &self.tasks[labels.task];
            if let Some(read) = &outputs[labels.task].read
                && let Some(loss) = head.head.loss(read, labels, &head.loss, mode)?
            {
                return Ok(loss);
            }
            let logits = self.logits(outputs, labels.task, mode)?;
            self.loss(labels.task, &logits, &labels.truth, &labels.mask)
        };
        labels.iter().map(&mut loss).collect()
    }
}
