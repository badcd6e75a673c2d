//! The inputs: encoded values side by side as one vector per row.
//!
//! Numbers stand as they are; a category's code is looked up in a learned table (an embedding). A
//! table begins normal with deviation 1/sqrt(width), so that a row's length is about 1; its first row,
//! for values unseen in training, begins at 0. All tables lie in one variable, `input.embedding.weight`,
//! in the inputs' order. An input may have layers of its own before it meets the others.

use candle_core::{Tensor, Var};

use crate::domain::array::{Array, ElementType, Values};
use crate::domain::name::InputName;
use crate::domain::shape::Shape;
use crate::domain::signature::{Encoding, InputSignature};
use crate::model::error::{Error, Result};
use crate::model::kernel::lookup::{Column, lookup};
use crate::model::layer::LayerSpec;
use crate::model::mode::Mode;
use crate::model::part::Part;
use crate::model::stack::Stack;
use crate::model::weights::{Init, Weights, host};
use crate::onnx::graph::{Dim, Graph, Value};
use crate::onnx::operator;

/// All inputs of a network.
pub struct Inputs {
    signatures: Vec<InputSignature>,
    columns: Vec<Column>,
    tables: Option<Var>,
    /// Per input; `None` when none of them has layers of its own.
    encoders: Option<Vec<Stack>>,
    parts: Vec<Part>,
    width: usize,
}

impl Inputs {
    pub fn build(
        signatures: &[InputSignature],
        encoders: &[(InputName, Vec<LayerSpec>)],
        weights: &mut Weights,
    ) -> Result<Self> {
        if let Some((name, _)) = encoders.iter().find(|(name, _)| signatures.iter().all(|s| s.name != *name))
        {
            return Err(Error::EncoderWithoutInput(name.clone()));
        }
        let mut tables = Vec::new();
        let mut columns = Vec::new();
        let mut parts = Vec::new();
        for signature in signatures {
            let column = column(&signature.encoding, tables.len());
            if let Column::Code { rows, width, .. } = column {
                let name = format!("input.{}.embedding", signature.name);
                let init = Init::Normal(1.0 / (width as f32).sqrt());
                let mut table = weights.draw(&name, rows * width, &init);
                table[..width].fill(0.0);
                tables.extend(table);
            }
            columns.push(column);
            parts.push(part(signature, column));
        }
        let tables = match tables.is_empty() {
            true => None,
            false => Some(weights.packed("input.embedding.weight", tables)?),
        };
        let stacks = signatures.iter().map(|signature| {
            let own = encoders.iter().find(|(name, _)| *name == signature.name);
            let layers = own.map_or(&[][..], |(_, layers)| layers);
            Stack::build(&format!("input.{}", signature.name), layers, signature.encoding.shape(), weights)
        });
        let stacks = stacks.collect::<Result<Vec<_>>>()?;
        parts.extend(stacks.iter().flat_map(|stack| stack.parts().to_vec()));
        let width = stacks.iter().map(|stack| stack.output().width()).sum();
        let encoders = stacks.iter().any(|stack| !stack.is_empty()).then_some(stacks);
        Ok(Self { signatures: signatures.to_vec(), columns, tables, encoders, parts, width })
    }

    /// What all inputs together give for one row.
    pub fn output(&self) -> Shape {
        Shape::vector(self.width)
    }

    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// `[rows, width]` from one tensor per input, in the signature's order: floats `[rows, width]` or
    /// codes `[rows]`.
    pub fn forward(&self, inputs: &[Tensor], mode: &Mode) -> Result<Tensor> {
        let x = match &self.tables {
            Some(tables) => lookup(tables, &self.columns, inputs)?,
            None => Tensor::cat(inputs, 1)?,
        };
        let Some(encoders) = &self.encoders else { return Ok(x) };
        let mut blocks = Vec::with_capacity(encoders.len());
        let mut at = 0;
        for (column, encoder) in self.columns.iter().zip(encoders) {
            blocks.push(encoder.forward(&x.narrow(1, at, column.width())?.contiguous()?, mode)?);
            at += column.width();
        }
        Ok(Tensor::cat(&blocks, 1)?)
    }

    /// The inputs as a consumer feeds them, raw, encoded and embedded by nodes of an ONNX graph.
    pub fn emit(&self, graph: &mut Graph) -> Result<Value> {
        let raw: Vec<Value> = self
            .signatures
            .iter()
            .map(|input| graph.input(input.name.as_str(), input.raw, &[Dim::Batch, Dim::Fixed(1)]))
            .collect();
        let tables = self.tables.as_ref().map(|tables| host(tables)).transpose()?;
        let mut blocks = Vec::with_capacity(raw.len());
        for (index, (input, raw)) in self.signatures.iter().zip(&raw).enumerate() {
            graph.scope(&format!("input.{}", input.name));
            let encoded = match (self.columns[index], &tables) {
                (Column::Code { start, rows, width }, Some(tables)) => {
                    let Encoding::Code { keys, .. } = &input.encoding else { continue };
                    let codes = operator::codes(graph, raw, keys, 1, 0);
                    let codes = operator::reshape(graph, &codes, &[-1]);
                    let name = format!("input.{}.embedding", input.name);
                    let table = graph.weight(&name, &[rows, width], &tables[start..start + rows * width]);
                    operator::gather(graph, &table, &codes, 0)
                }
                _ => emit_numbers(graph, raw, &input.encoding),
            };
            blocks.push(match &self.encoders {
                Some(encoders) => encoders[index].emit(graph, &encoded)?,
                None => encoded,
            });
        }
        graph.scope("input");
        Ok(operator::concat(graph, &blocks.iter().collect::<Vec<_>>(), 1))
    }

    /// The tensors of encoded arrays, given by name; each must be what its encoding gives.
    pub fn tensors(
        &self,
        arrays: &[(InputName, Array)],
        rows: Option<&[u32]>,
        device: &candle_core::Device,
    ) -> Result<Vec<Tensor>> {
        let tensors = self.signatures.iter().zip(&self.columns).map(|(signature, column)| {
            let wrong = |reason: String| Error::Input { input: signature.name.clone(), reason };
            let (_, array) = arrays
                .iter()
                .find(|(name, _)| *name == signature.name)
                .ok_or_else(|| wrong("is missing".into()))?;
            let gathered;
            let array = match rows {
                Some(rows) => {
                    gathered = array.gather(rows);
                    &gathered
                }
                None => array,
            };
            match (column, &array.values) {
                (Column::Numbers { width }, Values::F32(values)) if array.width() == *width => {
                    Ok(Tensor::from_slice(values, (array.rows(), *width), device)?)
                }
                (Column::Code { rows, .. }, Values::U32(codes)) if array.width() == 1 => {
                    match codes.iter().find(|code| **code as usize >= *rows) {
                        Some(code) => Err(wrong(format!("has code {code}, its table {rows} rows"))),
                        None => Ok(Tensor::from_slice(codes, array.rows(), device)?),
                    }
                }
                _ => Err(wrong(format!(
                    "is {:?} {:?}, which {column:?} does not take",
                    array.element_type(),
                    array.shape
                ))),
            }
        });
        tensors.collect()
    }
}

/// raw: [batch, 1]
fn emit_numbers(graph: &mut Graph, raw: &Value, encoding: &Encoding) -> Value {
    match encoding {
        Encoding::Scale { center, scale, fill, indicator } => {
            let raw = operator::cast(graph, raw, ElementType::Float32);
            let missing = operator::is_nan(graph, &raw);
            let fill = graph.scalar(*fill);
            let filled = operator::where_(graph, &missing, &fill, &raw);
            let (center, scale) = (graph.scalar(*center), graph.scalar(*scale));
            let centered = operator::sub(graph, &filled, &center);
            let scaled = operator::div(graph, &centered, &scale);
            if !indicator {
                return scaled;
            }
            let missing = operator::cast(graph, &missing, ElementType::Float32);
            operator::concat(graph, &[&scaled, &missing], 1)
        }
        Encoding::OneHot { keys } | Encoding::Code { keys, .. } => {
            // [batch, 1] == [1, keys]: a value not among the keys has code 0, equal to none.
            let codes = operator::codes(graph, raw, keys, 1, 0);
            let known: Vec<i64> = (1..=keys.len() as i64).collect();
            let known = graph.weight_ints("keys", &[1, keys.len()], &known);
            let equal = operator::equal(graph, &codes, &known);
            operator::cast(graph, &equal, ElementType::Float32)
        }
    }
}

fn column(encoding: &Encoding, start: usize) -> Column {
    match encoding {
        Encoding::Code { keys, width } => Column::Code { start, rows: keys.len() + 1, width: *width },
        other => Column::Numbers { width: other.shape().width() },
    }
}

fn part(signature: &InputSignature, column: Column) -> Part {
    let (kind, parameters) = match (&signature.encoding, column) {
        (Encoding::Code { .. }, Column::Code { rows, width, .. }) => ("embedding", rows * width),
        (Encoding::OneHot { .. }, _) => ("one_hot", 0),
        _ => ("number", 0),
    };
    Part { name: format!("input.{}", signature.name), kind, shape: signature.encoding.shape(), parameters }
}
