//! The next token at every token of a sequence that does not look ahead. The loss is the mean over tokens of
//! -log probability; what the model answers is the next token after the last.

use candle_core::{Tensor, Var};

use crate::model::emission::constant;
use crate::model::error::Result;
use crate::model::head::Head;
use crate::model::head::decoder::Port;
use crate::model::head::multiclass::softmax;
use crate::model::head::writer::{Tally, Writer};
use crate::model::kernel::vocabulary_loss::{Truth, vocabulary_loss, vocabulary_scores};
use crate::model::labels::Labels;
use crate::model::loss::LossSpec;
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::{Init, Weights, host};
use crate::onnx::graph::{Attribute, Graph, Value};
use crate::onnx::operator;

/// Guesses the next token.
pub struct LanguageModel {
    name: String,
    /// `[width, vocabulary]`
    weight: Var,
    /// `[vocabulary]`
    bias: Var,
}

impl LanguageModel {
    pub fn build(name: &str, width: usize, vocabulary: usize, weights: &mut Weights) -> Result<Self> {
        let init = Init::fan_in(width);
        Ok(Self {
            name: name.to_owned(),
            weight: weights.variable(&format!("{name}.weight"), &[width, vocabulary], init)?,
            bias: weights.variable(&format!("{name}.bias"), &[vocabulary], Init::Zeros)?,
        })
    }

    /// `[tokens, width]` of hidden vectors `[rows, time, width]`.
    fn flat(x: &Signal) -> Result<Tensor> {
        let (rows, time, width) = x.x.dims3()?;
        Ok(x.x.reshape((rows * time, width))?)
    }

    /// The hidden vector `[rows, width]` of each row's last step.
    fn last(x: &Signal) -> Result<Tensor> {
        let (rows, time, _) = x.x.dims3()?;
        let end = |row: usize| x.mask.as_ref().map_or(time, |mask| mask.lengths[row] as usize);
        let ends: Vec<u32> = (0..rows).map(|row| (row * time + end(row) - 1) as u32).collect();
        Ok(Self::flat(x)?.index_select(&Tensor::new(ends.as_slice(), x.x.device())?, 0)?)
    }

    fn project(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.matmul(&self.weight)?.broadcast_add(&self.bias)?)
    }

    fn port(&self) -> Port {
        Port::vector("logits", self.begin() as usize)
    }

    fn emit_project(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let weight = constant(graph, &format!("{}.weight", self.name), &self.weight)?;
        let bias = constant(graph, &format!("{}.bias", self.name), &self.bias)?;
        Ok(operator::dense(graph, x, &weight, Some(&bias)))
    }
}

/// The truth's classes, and which count.
fn known(labels: &Labels) -> Result<(Vec<u32>, Vec<f32>)> {
    let classes = host(&labels.truth)?.into_iter().map(|class| class as u32).collect();
    Ok((classes, host(&labels.mask)?))
}

impl Head for LanguageModel {
    fn logits(&self, x: &Signal, _: &Mode) -> Result<Tensor> {
        let (rows, time, _) = x.x.dims3()?;
        Ok(self.project(&Self::flat(x)?)?.reshape((rows, time, ()))?)
    }

    fn loss(&self, x: &Signal, labels: &Labels, loss: &LossSpec, _: &Mode) -> Result<Option<Tensor>> {
        let (classes, shares) = known(labels)?;
        let truth = Truth { classes: &classes, shares: &shares };
        Ok(Some(vocabulary_loss(&Self::flat(x)?, &self.weight, &self.bias, truth, loss.smoothing())?))
    }

    fn has_own_loss(&self) -> bool {
        true
    }

    fn answers(&self, logits: &Tensor) -> Result<Tensor> {
        softmax(logits)
    }

    fn writer(&self) -> Option<&dyn Writer> {
        Some(self)
    }

    fn emit_logits(&self, graph: &mut Graph, x: &Wire) -> Result<Value> {
        self.emit_project(graph, &x.x)
    }

    fn emit_answers(&self, graph: &mut Graph, logits: &Value) -> Result<Value> {
        Ok(operator::softmax(graph, logits, -1))
    }
}

impl Writer for LanguageModel {
    fn tally(&self, x: &Signal, labels: &Labels) -> Result<Tally> {
        let (classes, shares) = known(labels)?;
        let truth = Truth { classes: &classes, shares: &shares };
        let scores = vocabulary_scores(&Self::flat(x)?, &self.weight, &self.bias, truth)?;
        Ok(Tally::of(&scores, &classes, &shares))
    }

    fn begin(&self) -> u32 {
        self.bias.elem_count() as u32
    }

    fn memory(&self, x: &Signal) -> Result<Vec<(Port, Tensor)>> {
        Ok(vec![(self.port(), self.project(&Self::last(x)?)?)])
    }

    fn emit_memory(&self, graph: &mut Graph, x: &Wire) -> Result<Vec<(Port, Value)>> {
        let last = match &x.mask {
            Some(mask) => {
                let one = graph.ints(&[1]);
                let end = operator::sub(graph, &mask.lengths, &one);
                let end = operator::unsqueeze(graph, &end, &[1]);
                graph.node("GatherND", &[&x.x, &end], vec![Attribute::int("batch_dims", 1)])
            }
            None => {
                let last = operator::slice(graph, &x.x, 1, -1, i64::MAX);
                operator::squeeze(graph, &last, &[1])
            }
        };
        Ok(vec![(self.port(), self.emit_project(graph, &last)?)])
    }
}
