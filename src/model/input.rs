//! The inputs, concatenated to one feature vector per row, or a single sequence or image.
//!
//! Numbers are used unchanged; category codes are looked up in embedding tables. A table is initialized
//! from N(0, 1/width), so that a row has norm about 1; its first row, for values unseen in training,
//! starts at 0. All tables are stored in one variable, `input.embedding.weight`. An input may have an
//! encoder of its own. A sequence or image beside other inputs must become a vector by its encoder.

mod block;

use std::collections::{HashMap, HashSet};

use candle_core::{Device, Tensor, Var};

use crate::domain::array::Array;
use crate::domain::name::InputName;
use crate::domain::piecewise::PiecewiseFeatures;
use crate::domain::shape::Shape;
use crate::domain::signature::{Encoding, InputSignature};
use crate::model::activations::{Activations, GraphActivations};
use crate::model::error::{ModelError, ModelResult};
pub use crate::model::input::block::PackedInputs;
use crate::model::input::block::{InputBlock, blocks, in_order, numeric_features};
use crate::model::kernel::lookup::{LookupColumn, lookup};
use crate::model::layer::LayerConfig;
use crate::model::layer::stack::Stack;
use crate::model::mode::Mode;
use crate::model::ops::nodes::encoding::{column_to_onnx, raw_dims, sequence_to_onnx};
use crate::model::part::NetworkPart;
use crate::model::preference::{self, PreferenceInput};
use crate::model::raw::feed;
use crate::model::weights::{Init, WeightOwner, Weights, host};
use crate::onnx::graph::{Graph, GraphValue};
use crate::onnx::operator;

/// All inputs of a network.
pub struct Inputs {
    signatures: Vec<InputSignature>,
    /// One per input; `None` if the input is not a vector.
    columns: Vec<Option<LookupColumn>>,
    /// Groups of inputs, each fed as one tensor.
    blocks: Vec<InputBlock>,
    /// All embedding tables, concatenated.
    tables: Option<Var>,
    encoders: Vec<Stack>,
    preference: Option<PreferenceInput>,
    parts: Vec<NetworkPart>,
    output_shape: Shape,
}

impl Inputs {
    /// Builds the embedding tables and encoders.
    ///
    /// # Errors
    /// If an encoder names an unknown input, a layer does not fit its input, or the encoded inputs cannot
    /// be concatenated.
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
        let layers_of: HashMap<&InputName, &[LayerConfig]> =
            encoders.iter().map(|(name, layers)| (name, layers.as_slice())).collect();
        let stacks = signatures.iter().map(|signature| {
            let layers = layers_of.get(&signature.name).copied().unwrap_or_default();
            weights.set_owner(WeightOwner::Input(signature.name.clone()));
            Stack::build(&format!("input.{}", signature.name), layers, signature.encoding.shape(), weights)
        });
        let encoders = stacks.collect::<ModelResult<Vec<_>>>()?;
        parts.extend(encoders.iter().flat_map(|stack| stack.parts().to_vec()));
        let shapes = signatures.iter().zip(&encoders).map(|(input, encoder)| (&input.name, encoder.output()));
        let mut output_shape =
            concatenated_shape(shapes).map_err(|(input, reason)| ModelError::Input { input, reason })?;
        if let Some(preference) = &preference {
            let part = format!("input.{}", preference::PREFERENCE);
            output_shape =
                preference::shape_with_preference(output_shape, preference.tasks()).map_err(|reason| {
                    ModelError::Shape { part: part.clone(), reason: format!("the inputs {reason}") }
                })?;
            let shape = Shape::vector(preference.tasks());
            parts.push(NetworkPart { name: part, kind: preference::PREFERENCE, shape, parameters: 0 });
        }
        let blocks = blocks(&columns, |index| !encoders[index].is_empty());
        let signatures = signatures.to_vec();
        Ok(Self { signatures, columns, blocks, tables, encoders, preference, parts, output_shape })
    }

    /// Shape of one row of the concatenated inputs.
    pub fn output_shape(&self) -> Shape {
        self.output_shape
    }

    /// Whether every input is a vector.
    pub fn are_vectors(&self) -> bool {
        self.columns.iter().all(Option::is_some)
    }

    /// The inputs with their shapes and numbers of parameters, for `mtl plan`.
    pub fn parts(&self) -> &[NetworkPart] {
        &self.parts
    }

    /// The preference input; `None` if the network has none.
    pub fn preference(&mut self) -> Option<&mut PreferenceInput> {
        self.preference.as_mut()
    }

    /// Replaces the preference in `inputs`, as made by [`Self::input_tensors`], by `vector` for all rows.
    ///
    /// # Errors
    /// If the network has no preference input.
    pub fn with_preference(
        &self,
        inputs: &[Activations],
        vector: &[f64],
        device: &Device,
    ) -> ModelResult<Vec<Activations>> {
        let count = self.blocks.len();
        if self.preference.is_none() || inputs.len() <= count {
            return Err(candle_core::Error::msg("the network has no preference input").into());
        }
        let mut replaced = inputs[..count].to_vec();
        replaced.push(preference::for_all_rows(vector, device)?);
        Ok(replaced)
    }

    /// Embeds, encodes and concatenates the [`Self::input_tensors`], per block: floats `[batch, width]`,
    /// codes `[batch]`, tokens `[batch, time]`, a sequence or an image; then the preference, if there is one.
    pub fn forward(&self, inputs: &[Activations], mode: &Mode) -> ModelResult<Activations> {
        let x = self.encode(inputs, mode)?;
        match (&self.preference, inputs.get(self.blocks.len())) {
            (None, _) => Ok(x),
            (Some(_), Some(preference)) => preference::join(&x, &preference.x),
            (Some(_), None) => Err(candle_core::Error::msg("the network needs a preference").into()),
        }
    }

    fn encode(&self, inputs: &[Activations], mode: &Mode) -> ModelResult<Activations> {
        let vectors = self.vectors(inputs)?;
        let plain = self
            .encoders
            .iter()
            .zip(&self.columns)
            .all(|(layers, column)| layers.is_empty() && column.is_some());
        if let (Some(x), true) = (&vectors, plain) {
            return Ok(Activations::plain(x.clone()));
        }
        let mut encoded = Vec::with_capacity(inputs.len());
        let mut start = 0;
        for (input, block) in inputs.iter().zip(&self.blocks) {
            let features = match (&block.column, &vectors) {
                (Some(column), Some(x)) => {
                    let features = x.narrow(1, start, column.width())?.contiguous()?;
                    start += column.width();
                    Activations::plain(features)
                }
                _ => input.clone(),
            };
            // A block of several inputs has an empty encoder.
            encoded.push(self.encoders[block.inputs.start].forward(&features, mode)?);
        }
        match encoded.len() {
            1 => Ok(encoded.remove(0)),
            _ => {
                let features: Vec<&Tensor> = encoded.iter().map(|one| &one.x).collect();
                Ok(Activations::plain(Tensor::cat(&features, 1)?))
            }
        }
    }

    /// The concatenated vector inputs, categories embedded; `None` if no input is a vector.
    fn vectors(&self, inputs: &[Activations]) -> ModelResult<Option<Tensor>> {
        let columns: Vec<LookupColumn> = self.blocks.iter().filter_map(|block| block.column).collect();
        let pairs = inputs.iter().zip(&self.blocks);
        let tensors: Vec<Tensor> =
            pairs.filter(|(_, block)| block.column.is_some()).map(|(input, _)| input.x.clone()).collect();
        Ok(match &self.tables {
            Some(tables) => Some(lookup(tables, &columns, &tensors)?),
            None if tensors.is_empty() => None,
            None => Some(Tensor::cat(&tensors, 1)?),
        })
    }

    /// Declares the raw inputs of an ONNX graph and adds the nodes that encode, embed and concatenate them.
    pub fn to_onnx(&self, graph: &mut Graph) -> ModelResult<GraphActivations> {
        let raw: Vec<GraphValue> = self
            .signatures
            .iter()
            .map(|input| graph.input(input.name.as_str(), input.raw, &raw_dims(input)))
            .collect();
        let preference =
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
        Ok(match preference {
            Some(preference) => preference::to_onnx(graph, &x, &preference, self.output_shape),
            None => x,
        })
    }

    /// Encodes and embeds one input. `tables` are the concatenated embedding tables of all inputs.
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

    /// Tensors of the encoded `arrays` (by input name), one per block, as [`Self::forward`] takes them; all
    /// rows if `rows` is `None`; `features` stand in for their inputs. The last one is the current
    /// preference, if the network has one.
    ///
    /// # Errors
    /// If an input's array is missing, or its type or shape is not that of its encoding.
    pub fn input_tensors(
        &self,
        arrays: &[(InputName, Array)],
        features: &[(InputName, Activations)],
        rows: Option<&[u32]>,
        device: &Device,
    ) -> ModelResult<Vec<Activations>> {
        self.input_tensors_of(arrays, &PackedInputs::default(), features, rows, device)
    }

    /// Packs a table's arrays for fast repeated gathering of rows.
    pub fn packed(&self, arrays: &[(InputName, Array)]) -> ModelResult<PackedInputs> {
        let arrays = in_order(&self.signatures, arrays)?;
        let blocks = self.blocks.iter().map(|block| block.inputs.clone());
        PackedInputs::pack(blocks.map(|inputs| (&self.signatures[inputs.clone()], &arrays[inputs])))
    }

    /// Like [`Self::input_tensors`], using the arrays packed by [`Self::packed`] where there are any.
    pub fn input_tensors_of(
        &self,
        arrays: &[(InputName, Array)],
        packed: &PackedInputs,
        features: &[(InputName, Activations)],
        rows: Option<&[u32]>,
        device: &Device,
    ) -> ModelResult<Vec<Activations>> {
        let arrays = in_order(&self.signatures, arrays)?;
        let signals = self.blocks.iter().enumerate().map(|(index, block)| {
            if let Some(gathered) = rows.and_then(|rows| packed.rows(index, rows, device)) {
                return gathered;
            }
            let (signatures, arrays) =
                (&self.signatures[block.inputs.clone()], &arrays[block.inputs.clone()]);
            let ([signature], [array]) = (signatures, arrays) else {
                return numeric_features(signatures, arrays, rows, device);
            };
            let wrong = |reason: String| ModelError::Input { input: signature.name.clone(), reason };
            if let Some((_, features)) = features.iter().find(|(name, _)| *name == signature.name) {
                return Ok(features.clone());
            }
            let gathered = rows.map(|rows| array.gather(rows));
            feed(&signature.encoding, gathered.as_ref().unwrap_or(array), device)?.map_err(wrong)
        });
        let preference = self.preference.iter().map(|preference| preference.tensor(device));
        signals.chain(preference).collect()
    }
}

/// Shape of the concatenated inputs.
///
/// # Errors
/// The input that is not a vector beside others, and the reason, a phrase whose subject is the input.
pub fn concatenated_shape<'a>(
    shapes: impl Iterator<Item = (&'a InputName, Shape)> + Clone,
) -> ModelResult<Shape, (InputName, String)> {
    let mut all = shapes.clone();
    if let (Some((_, only)), None) = (all.next(), all.next()) {
        return Ok(only);
    }
    let mut width = 0;
    for (name, shape) in shapes {
        match shape {
            Shape::Vector { width: more } => width = more.saturating_add(width),
            other => {
                let layers = match other {
                    Shape::Image { .. } => "a `flatten` or a `global_pool`",
                    Shape::Tokens { .. } => "an `embedding` and a `pool`",
                    _ => "a `pool`",
                };
                let reason = format!(
                    "has shape {other} and cannot be concatenated with the other inputs; \
                     end its encoder with {layers}"
                );
                return Err((name.clone(), reason));
            }
        }
    }
    Ok(Shape::vector(width))
}

fn column(encoding: &Encoding, start: usize) -> Option<LookupColumn> {
    match encoding {
        Encoding::Code { keys, width } => {
            Some(LookupColumn::Code { start, rows: keys.len() + 1, width: *width })
        }
        Encoding::Scale { .. } | Encoding::Piecewise { .. } | Encoding::OneHot { .. } => {
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
        (Encoding::Piecewise { features: PiecewiseFeatures::Bins, .. }, _) => ("piecewise", 0),
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
