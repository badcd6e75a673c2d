//! Every [`Output`] is a [`Head`].

use candle_core::Tensor;

use crate::decode::viterbi::Transitions;
use crate::model::activations::{Activations, GraphActivations};
use crate::model::error::ModelResult;
use crate::model::head::Head;
use crate::model::head::output::Output;
use crate::model::head::text_writer::TextWriter;
use crate::model::labels::Labels;
use crate::model::loss::LossConfig;
use crate::model::mode::Mode;
use crate::model::ops::{Nodes, Tensors};
use crate::onnx::graph::{Graph, GraphValue};

impl<T: Output> Head for T {
    fn read(&self, x: Activations) -> ModelResult<Activations> {
        Output::read(self, &mut Tensors::evaluate(), x)
    }

    fn logits(&self, x: &Activations, mode: &Mode) -> ModelResult<Tensor> {
        Output::logits(self, &mut Tensors::new(mode), x)
    }

    fn loss(
        &self,
        x: &Activations,
        labels: &Labels,
        loss: &LossConfig,
        mode: &Mode,
    ) -> ModelResult<Option<Tensor>> {
        Output::loss(self, x, labels, loss, mode)
    }

    fn has_own_loss(&self) -> bool {
        Output::has_own_loss(self)
    }

    fn transitions(&self) -> ModelResult<Option<Transitions>> {
        Output::transitions(self)
    }

    fn predictions(&self, logits: &Tensor) -> ModelResult<Tensor> {
        self.conditioning(&mut Tensors::evaluate(), logits)
    }

    fn shares(&self, weight: &str) -> bool {
        Output::shares(self, weight)
    }

    fn writer(&self) -> Option<&dyn TextWriter> {
        Output::writer(self)
    }

    fn read_to_onnx(&self, graph: &mut Graph, x: GraphActivations) -> ModelResult<GraphActivations> {
        Output::read(self, &mut Nodes { graph }, x)
    }

    fn logits_to_onnx(&self, graph: &mut Graph, x: &GraphActivations) -> ModelResult<GraphValue> {
        Output::logits(self, &mut Nodes { graph }, x)
    }

    fn predictions_to_onnx(&self, graph: &mut Graph, logits: &GraphValue) -> ModelResult<GraphValue> {
        let mut ops = Nodes { graph };
        match self.unit() {
            Some(unit) => Ok(ops.in_unit(logits, unit)),
            None => self.conditioning(&mut ops, logits),
        }
    }

    fn conditioning_to_onnx(&self, graph: &mut Graph, logits: &GraphValue) -> ModelResult<GraphValue> {
        self.conditioning(&mut Nodes { graph }, logits)
    }
}
