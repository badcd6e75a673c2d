//! The losses of a batch, with the way back to the weights whole, or cut at the point that all tasks read.

use candle_core::Tensor;

use crate::model::cut::Point;
use crate::model::error::Result;
use crate::model::labels::Labels;
use crate::model::mode::Mode;
use crate::model::network::{Network, Said};
use crate::model::order::closure;
use crate::model::signal::Signal;
use crate::model::weights::Owner;

impl Network {
    /// The losses of the labels' tasks, in that order, as scalar tensors: the mean over cells with a label.
    pub fn losses(&self, inputs: &[Signal], labels: &[Labels], mode: &Mode) -> Result<Vec<Tensor>> {
        let tasks: Vec<usize> = labels.iter().map(|labels| labels.task).collect();
        self.losses_of(&mut self.walk(inputs, mode, &tasks)?, labels, mode)
    }

    /// The same, and what the sharing adds to the joint loss.
    pub fn losses_and_penalty(
        &self,
        inputs: &[Signal],
        labels: &[Labels],
        mode: &Mode,
    ) -> Result<(Vec<Tensor>, Option<Tensor>)> {
        let tasks: Vec<usize> = labels.iter().map(|labels| labels.task).collect();
        let mut said = self.walk(inputs, mode, &tasks)?;
        let losses = self.losses_of(&mut said, labels, mode)?;
        let penalty = self.body.penalty(&tasks, &mut |task| self.logits(&mut said, task, mode))?;
        Ok((losses, penalty))
    }

    /// The same, cut at the point that all the tasks read; an error when they read several. A sharing whose tasks read
    /// one point adds nothing.
    pub fn losses_from_point(
        &self,
        inputs: &[Signal],
        labels: &[Labels],
        mode: &Mode,
    ) -> Result<(Vec<Tensor>, Point)> {
        let tasks: Vec<usize> = labels.iter().map(|labels| labels.task).collect();
        let needed = closure(&tasks, &self.order, |task| &self.needs[task]);
        let x = self.cut(self.inputs.forward(inputs, mode)?, Owner::is_of_inputs);
        let mut read = self.body.forward(&x, mode, &needed)?;
        let given = match read.first() {
            Some(first) if read.iter().all(|other| other.x.id() == first.x.id()) => first.x.clone(),
            _ => return Err(candle_core::Error::msg("the tasks do not read one point").into()),
        };
        let point = Point::of(given)?;
        read.iter_mut().for_each(|signal| signal.x = point.read.as_tensor().clone());
        let mut said = self.towers(needed, read, mode)?;
        Ok((self.losses_of(&mut said, labels, mode)?, point))
    }

    fn losses_of(&self, said: &mut [Said], labels: &[Labels], mode: &Mode) -> Result<Vec<Tensor>> {
        let mut loss = |labels: &Labels| {
            let tower = &self.tasks[labels.task];
            if let Some(read) = &said[labels.task].read
                && let Some(loss) = tower.head.loss(read, labels, &tower.loss, mode)?
            {
                return Ok(loss);
            }
            let logits = self.logits(said, labels.task, mode)?;
            self.loss(labels.task, &logits, &labels.truth, &labels.mask)
        };
        labels.iter().map(&mut loss).collect()
    }
}
