//! The inputs: what stands side by side as one vector per row, or one sequence or image.
//!
//! Numbers stand as they are; a category's code is looked up in a learned table (an embedding). A
//! table begins normal with deviation 1/sqrt(width), so that a row's length is about 1; its first row,
//! for values unseen in training, begins at 0. All tables lie in one variable, `input.embedding.weight`,
//! in the inputs' order. An input may have layers of its own before it meets the others: a sequence or
//! an image stays one when it is alone, and must become a vector when it is not.

mod block;

use std::collections::{HashMap, HashSet};

use candle_core::{Device, Tensor, Var};

use crate::domain::array::Array;
use crate::domain::name::InputName;
use crate::domain::shape::Shape;
use crate::domain::signature::{Encoding, InputSignature};
use crate::model::activations::{Activations, GraphActivations};
use crate::model::error::{ModelError, ModelResult};
pub use crate::model::input::block::PackedInputs;
use crate::model::input::block::{InputBlock, blocks, in_order, numbers};
use crate::model::kernel::lookup::{LookupColumn, lookup};
use crate::model::layer::LayerConfig;
use crate::model::layer::stack::Stack;
use crate::model::mode::Mode;
use crate::model::ops::nodes::encoding::{column_to_onnx, sequence_to_onnx};
use crate::model::part::NetworkPart;
use crate::model::preference::{self, PreferenceInput};
use crate::model::raw::feed;
use crate::model::weights::{Init, WeightOwner, Weights, host};
use crate::onnx::graph::{Dim, Graph, GraphValue};
use crate::onnx::operator;

/// All inputs of a network.
pub struct Inputs {
    signatures: Vec<InputSignature>,
    /// Of the inputs that are vectors; `None` for the others.
    columns: Vec<Option<LookupColumn>>,
    /// The inputs as they are fed: a signal each.
    blocks: Vec<InputBlock>,
    tables: Option<Var>,
    encoders: Vec<Stack>,
    /// Of a network that reads a preference beside them.
    preference: Option<PreferenceInput>,
    parts: Vec<NetworkPart>,
    output: Shape,
}

impl Inputs {
    pub fn build(
        signatures: &[InputSignature],
        encoders: &[(InputName, Vec<LayerConfig>)],
        preference: Option<PreferenceInput>,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let known: HashSet<&InputName> = signatures.iter().map(|signature| &signature.name).collect();
        if let Some((name, _)) = encoders.iter().find(|(name, _)| !known.contains(name)) {
            return Err(ModelError::EncoderWithoutInput(name.clone()));
        }
        let (mut tables, mut count) = (Vec::new(), 0_usize);
        let mut columns = Vec::new();
        let mut parts = Vec::new();
        weights.set_owner(WeightOwner::Inputs);
        for signature in signatures {
            let column = column(&signature.encoding, count);
            if let Some(LookupColumn::Code { rows, width, .. }) = column {
                let name = format!("input.{}.embedding", signature.name);
                let init = Init::Normal(1.0 / (width as f32).sqrt());
                let size = rows.saturating_mul(width);
                let mut table = weights.draw(&name, size, &init);
                table.iter_mut().take(width).for_each(|number| *number = 0.0);
                tables.extend(table);
                count = count.saturating_add(size);
            }
            columns.push(column);
            parts.push(part(signature, column));
        }
        let tables = match count {
            0 => None,
            _ => Some(weights.packed("input.embedding.weight", count, tables)?),
        };
        let own: HashMap<&InputName, &[LayerConfig]> =
            encoders.iter().map(|(name, layers)| (name, layers.as_slice())).collect();
        let stacks = signatures.iter().map(|signature| {
            let layers = own.get(&signature.name).copied().unwrap_or_default();
            weights.set_owner(WeightOwner::Input(signature.name.clone()));
            Stack::build(&format!("input.{}", signature.name), layers, signature.encoding.shape(), weights)
        });
        let encoders = stacks.collect::<ModelResult<Vec<_>>>()?;
        parts.extend(encoders.iter().flat_map(|stack| stack.parts().to_vec()));
        let shapes = signatures.iter().zip(&encoders).map(|(input, encoder)| (&input.name, encoder.output()));
        let mut output = together(shapes).map_err(|(input, reason)| ModelError::Input { input, reason })?;
        if let Some(preference) = &preference {
            let part = format!("input.{}", preference::PREFERENCE);
            output = preference::joined(output, preference.tasks()).map_err(|reason| ModelError::Shape {
                part: part.clone(),
                reason: format!("the inputs {reason}"),
            })?;
            let shape = Shape::vector(preference.tasks());
            parts.push(NetworkPart { name: part, kind: preference::PREFERENCE, shape, parameters: 0 });
        }
        let blocks = blocks(&columns, |index| !encoders[index].is_empty());
        let signatures = signatures.to_vec();
        Ok(Self { signatures, columns, blocks, tables, encoders, preference, parts, output })
    }

    /// What all inputs together give for one row.
    pub fn output(&self) -> Shape {
        self.output
    }

    /// Is every input a vector?
    pub fn are_vectors(&self) -> bool {
        self.columns.iter().all(Option::is_some)
    }

    pub fn parts(&self) -> &[NetworkPart] {
        &self.parts
    }

    /// Of a network that reads a preference.
    pub fn preference(&mut self) -> Option<&mut PreferenceInput> {
        self.preference.as_mut()
    }

    /// The same signals with this preference for all rows; an error where the network reads none.
    pub fn with_preference(
        &self,
        inputs: &[Activations],
        vector: &[f64],
        device: &Device,
    ) -> ModelResult<Vec<Activations>> {
        let own = self.blocks.len();
        if self.preference.is_none() || inputs.len() <= own {
            return Err(candle_core::Error::msg("the network reads no preference").into());
        }
        let mut message = inputs[..own].to_vec();
        message.push(preference::one(vector, device)?);
        Ok(message)
    }

    /// What all inputs together give, from the signals that [`Self::signals`] makes, in the signature's
    /// order: floats `[rows, width]` of one input or of several, codes `[rows]`, tokens `[rows, time]`, or a
    /// sequence or an image. Behind them may stand the preference.
    pub fn forward(&self, inputs: &[Activations], mode: &Mode) -> ModelResult<Activations> {
        let x = self.gather(inputs, mode)?;
        match (&self.preference, inputs.get(self.blocks.len())) {
            (None, _) => Ok(x),
            (Some(_), Some(message)) => preference::join(&x, &message.x),
            (Some(_), None) => Err(candle_core::Error::msg("the network is told no preference").into()),
        }
    }

    fn gather(&self, inputs: &[Activations], mode: &Mode) -> ModelResult<Activations> {
        let vectors = self.vectors(inputs)?;
        let plain =
            self.encoders.iter().zip(&self.columns).all(|(own, column)| own.is_empty() && column.is_some());
        if let (Some(x), true) = (&vectors, plain) {
            return Ok(Activations::plain(x.clone()));
        }
        let mut blocks = Vec::with_capacity(inputs.len());
        let mut at = 0;
        for (input, fed) in inputs.iter().zip(&self.blocks) {
            let block = match (&fed.column, &vectors) {
                (Some(column), Some(x)) => {
                    let block = x.narrow(1, at, column.width())?.contiguous()?;
                    at += column.width();
                    Activations::plain(block)
                }
                _ => input.clone(),
            };
            // Of several inputs none has layers of its own.
            blocks.push(self.encoders[fed.inputs.start].forward(&block, mode)?);
        }
        match blocks.len() {
            1 => Ok(blocks.remove(0)),
            _ => {
                let blocks: Vec<&Tensor> = blocks.iter().map(|block| &block.x).collect();
                Ok(Activations::plain(Tensor::cat(&blocks, 1)?))
            }
        }
    }

    /// The vectors side by side, categories looked up; `None` when no input is one.
    fn vectors(&self, inputs: &[Activations]) -> ModelResult<Option<Tensor>> {
        let columns: Vec<LookupColumn> = self.blocks.iter().filter_map(|block| block.column).collect();
        let both = inputs.iter().zip(&self.blocks);
        let tensors: Vec<Tensor> =
            both.filter(|(_, block)| block.column.is_some()).map(|(input, _)| input.x.clone()).collect();
        Ok(match &self.tables {
            Some(tables) => Some(lookup(tables, &columns, &tensors)?),
            None if tensors.is_empty() => None,
            None => Some(Tensor::cat(&tensors, 1)?),
        })
    }

    /// The inputs as a consumer feeds them, raw, encoded and embedded by nodes of an ONNX graph.
    pub fn to_onnx(&self, graph: &mut Graph) -> ModelResult<GraphActivations> {
        let raw: Vec<GraphValue> = self
            .signatures
            .iter()
            .map(|input| graph.input(input.name.as_str(), input.raw, &dims(input)))
            .collect();
        let message =
            self.preference.as_ref().map(|preference| preference::declare(graph, preference.tasks()));
        let tables = self.tables.as_ref().map(|tables| host(tables)).transpose()?;
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            let (inputs, raw) = (&self.signatures[block.inputs.clone()], &raw[block.inputs.clone()]);
            let encoded = match (inputs, raw) {
                ([input], [raw]) => {
                    self.input_to_onnx(graph, block.inputs.start, input, raw, tables.as_deref())
                }
                _ => block::to_onnx(graph, inputs, raw),
            };
            blocks.push(self.encoders[block.inputs.start].to_onnx(graph, &encoded)?);
        }
        graph.scope("input");
        let x = match blocks.len() {
            1 => blocks.remove(0),
            _ => {
                let blocks: Vec<&GraphValue> = blocks.iter().map(|block| &block.x).collect();
                GraphActivations::plain(operator::concat(graph, &blocks, 1))
            }
        };
        Ok(message.map_or_else(|| x.clone(), |message| preference::to_onnx(graph, &x, &message, self.output)))
    }

    /// One input, encoded and embedded; `tables` holds the tables of all.
    fn input_to_onnx(
        &self,
        graph: &mut Graph,
        index: usize,
        input: &InputSignature,
        raw: &GraphValue,
        tables: Option<&[f32]>,
    ) -> GraphActivations {
        graph.scope(&format!("input.{}", input.name));
        match (self.columns[index], tables, &input.encoding) {
            (Some(LookupColumn::Code { start, rows, width }), Some(tables), Encoding::Code { keys, .. }) => {
                let codes = operator::codes(graph, raw, keys, 1, 0);
                let codes = operator::reshape(graph, &codes, &[-1]);
                let name = format!("input.{}.embedding", input.name);
                let table = graph.weight(&name, &[rows, width], &tables[start..start + rows * width]);
                GraphActivations::plain(operator::gather(graph, &table, &codes, 0))
            }
            (Some(_), _, encoding) => GraphActivations::plain(column_to_onnx(graph, raw, encoding)),
            (None, _, encoding) => sequence_to_onnx(graph, raw, encoding),
        }
    }

    /// The signals of encoded arrays, given by name, one for each block of inputs; each array must be what
    /// its encoding gives. The preference, where the network reads one, is what it was told last.
    pub fn signals(
        &self,
        arrays: &[(InputName, Array)],
        rows: Option<&[u32]>,
        device: &Device,
    ) -> ModelResult<Vec<Activations>> {
        self.signals_of(arrays, &PackedInputs::default(), rows, device)
    }

    /// A table's arrays, made ready for gathering rows of it again and again.
    pub fn packed(&self, arrays: &[(InputName, Array)]) -> ModelResult<PackedInputs> {
        let arrays = in_order(&self.signatures, arrays)?;
        let blocks = self.blocks.iter().map(|block| block.inputs.clone());
        PackedInputs::pack(blocks.map(|inputs| (&self.signatures[inputs.clone()], &arrays[inputs])))
    }

    /// The same signals, from what was made ready of these arrays.
    pub fn signals_of(
        &self,
        arrays: &[(InputName, Array)],
        packed: &PackedInputs,
        rows: Option<&[u32]>,
        device: &Device,
    ) -> ModelResult<Vec<Activations>> {
        let arrays = in_order(&self.signatures, arrays)?;
        let signals = self.blocks.iter().enumerate().map(|(index, block)| {
            if let Some(ready) = rows.and_then(|rows| packed.rows(index, rows, device)) {
                return ready;
            }
            let (own, arrays) = (&self.signatures[block.inputs.clone()], &arrays[block.inputs.clone()]);
            let ([signature], [array]) = (own, arrays) else { return numbers(own, arrays, rows, device) };
            let wrong = |reason: String| ModelError::Input { input: signature.name.clone(), reason };
            let gathered = rows.map(|rows| array.gather(rows));
            feed(&signature.encoding, gathered.as_ref().unwrap_or(array), device)?.map_err(wrong)
        });
        let message = self.preference.iter().map(|preference| preference.signal(device));
        signals.chain(message).collect()
    }
}

/// What inputs of these shapes give together, or the one that does not fit the others.
pub fn together<'a>(
    shapes: impl Iterator<Item = (&'a InputName, Shape)> + Clone,
) -> ModelResult<Shape, (InputName, String)> {
    let mut all = shapes.clone();
    if let (Some((_, only)), None) = (all.next(), all.next()) {
        return Ok(only);
    }
    let mut width = 0;
    for (name, shape) in shapes {
        match shape {
            Shape::Vector { width: own } => width = own.saturating_add(width),
            other => {
                let way = match other {
                    Shape::Image { .. } => "a `flatten` or a `global_pool`",
                    Shape::Tokens { .. } => "an `embedding` and a `pool`",
                    _ => "a `pool`",
                };
                let reason = format!("gives {other} beside other inputs; add {way} to its encoder");
                return Err((name.clone(), reason));
            }
        }
    }
    Ok(Shape::vector(width))
}

/// The dimensions of an input as it is fed.
fn dims(input: &InputSignature) -> Vec<Dim> {
    let time = || Dim::Free(format!("{}_time", input.name));
    match &input.encoding {
        Encoding::Tokens { .. } => vec![Dim::Batch, time()],
        Encoding::Series { center, .. } => vec![Dim::Batch, time(), Dim::Fixed(center.len())],
        Encoding::Image { channels, height, width, .. } => {
            vec![Dim::Batch, Dim::Fixed(*channels), Dim::Fixed(*height), Dim::Fixed(*width)]
        }
        Encoding::Registered { shape, .. } => match *shape {
            Shape::Sequence { width } => vec![Dim::Batch, time(), Dim::Fixed(width)],
            Shape::Image { channels, height, width } => {
                vec![Dim::Batch, Dim::Fixed(channels), Dim::Fixed(height), Dim::Fixed(width)]
            }
            Shape::Vector { .. } | Shape::Tokens { .. } => vec![Dim::Batch, Dim::Fixed(shape.width())],
        },
        _ => vec![Dim::Batch, Dim::Fixed(1)],
    }
}

fn column(encoding: &Encoding, start: usize) -> Option<LookupColumn> {
    match encoding {
        Encoding::Code { keys, width } => {
            Some(LookupColumn::Code { start, rows: keys.len() + 1, width: *width })
        }
        Encoding::Scale { .. } | Encoding::OneHot { .. } => {
            Some(LookupColumn::Numbers { width: encoding.shape().width() })
        }
        Encoding::Registered { shape: Shape::Vector { width }, .. } => {
            Some(LookupColumn::Numbers { width: *width })
        }
        _ => None,
    }
}

fn part(signature: &InputSignature, column: Option<LookupColumn>) -> NetworkPart {
    let (kind, parameters) = match (&signature.encoding, column) {
        (Encoding::Code { .. }, Some(LookupColumn::Code { rows, width, .. })) => {
            ("embedding", rows.saturating_mul(width))
        }
        (Encoding::OneHot { .. }, _) => ("one_hot", 0),
        (Encoding::Tokens { .. }, _) => ("tokens", 0),
        (Encoding::Series { .. }, _) => ("series", 0),
        (Encoding::Image { .. }, _) => ("image", 0),
        (Encoding::Registered { .. }, _) => ("registered", 0),
        _ => ("number", 0),
    };
    NetworkPart {
        name: format!("input.{}", signature.name),
        kind,
        shape: signature.encoding.shape(),
        parameters,
    }
}
