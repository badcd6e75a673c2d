//! Blocks of inputs that are fed together: adjacent numeric inputs share one tensor, so a step over ten
//! thousand columns handles one tensor instead of ten thousand.

use std::collections::HashMap;
use std::ops::Range;

use candle_core::{Device, Tensor};

use crate::domain::array::{Array, ArrayValues};
use crate::domain::name::InputName;
use crate::domain::signature::{Encoding, InputSignature};
use crate::model::activations::{Activations, GraphActivations};
use crate::model::error::{ModelError, ModelResult};
use crate::model::kernel::lookup::LookupColumn;
use crate::model::ops::nodes::encoding::numbers_to_onnx;
use crate::model::raw::{features_of, feed};
use crate::onnx::graph::{Graph, GraphValue};

/// Inputs that are fed as one tensor: adjacent numeric inputs without an encoder, or one other input.
#[derive(Clone, Debug, PartialEq)]
pub struct InputBlock {
    pub inputs: Range<usize>,
    /// The block's part of the feature vector; `None` if the input is not a vector.
    pub column: Option<LookupColumn>,
}

/// Groups all inputs into blocks, in order. `has_encoder` takes the index of an input.
pub fn blocks(columns: &[Option<LookupColumn>], has_encoder: impl Fn(usize) -> bool) -> Vec<InputBlock> {
    let mut blocks: Vec<InputBlock> = Vec::new();
    let mut extendable = false;
    for (index, column) in columns.iter().enumerate() {
        let plain = matches!(column, Some(LookupColumn::Numbers { .. })) && !has_encoder(index);
        match (blocks.last_mut(), column) {
            (Some(InputBlock { inputs, column: Some(LookupColumn::Numbers { width }) }), Some(more))
                if extendable && plain =>
            {
                inputs.end = index + 1;
                *width += more.width();
            }
            _ => blocks.push(InputBlock { inputs: index..index + 1, column: *column }),
        }
        extendable = plain;
    }
    blocks
}

/// The arrays in the signature's order, which they usually have already.
///
/// # Errors
/// The first input without an array.
pub fn in_order<'a>(
    signatures: &[InputSignature],
    arrays: &'a [(InputName, Array)],
) -> ModelResult<Vec<&'a Array>> {
    let same = |(signature, (name, _)): (&InputSignature, &(InputName, Array))| signature.name == *name;
    if signatures.len() == arrays.len() && signatures.iter().zip(arrays).all(same) {
        return Ok(arrays.iter().map(|(_, array)| array).collect());
    }
    let known: HashMap<&InputName, &Array> = arrays.iter().map(|(name, array)| (name, array)).collect();
    let find = |signature: &InputSignature| {
        let missing = || ModelError::Input { input: signature.name.clone(), reason: "is missing".to_owned() };
        known.get(&signature.name).copied().ok_or_else(missing)
    };
    signatures.iter().map(find).collect()
}

/// Blocks of this many inputs or more are packed into one row-major array before training: gathering rows
/// from ten thousand arrays costs a cache miss per number.
const WIDE: usize = 64;

/// The wide blocks of a table as row-major arrays, one entry per block. Blocks of fewer than 64 inputs are
/// not packed.
#[derive(Clone, Debug, Default)]
pub struct PackedInputs(Vec<Option<Array>>);

impl PackedInputs {
    /// Packs the arrays of each block.
    pub fn pack<'a>(
        blocks: impl Iterator<Item = (&'a [InputSignature], &'a [&'a Array])>,
    ) -> ModelResult<Self> {
        let pack = |(signatures, arrays): (&[InputSignature], &[&Array])| match signatures.len() < WIDE {
            // Bins are not kept: a table has their position, one number in place of many.
            _ if signatures.iter().any(|one| one.encoding.stored_width() < one.encoding.shape().width()) => {
                Ok(None)
            }
            true => Ok(None),
            false => concatenate(signatures, arrays, None).map(Some),
        };
        blocks.map(pack).collect::<ModelResult<_>>().map(Self)
    }

    /// Gathers rows of a block; `None` if it is not packed.
    pub fn rows(&self, block: usize, rows: &[u32], device: &Device) -> Option<ModelResult<Activations>> {
        let all = self.0.get(block)?.as_ref()?;
        Some(to_activations(all.gather(rows), device))
    }
}

/// Concatenates numeric arrays to one tensor `[batch, width]`; all rows if `rows` is `None`.
pub fn numeric_features(
    signatures: &[InputSignature],
    arrays: &[&Array],
    rows: Option<&[u32]>,
    device: &Device,
) -> ModelResult<Activations> {
    to_activations(concatenate(signatures, arrays, rows)?, device)
}

fn to_activations(array: Array, device: &Device) -> ModelResult<Activations> {
    let (shape, found) = ((array.rows(), array.width()), array.element_type());
    let ArrayValues::F32(values) = array.values else {
        return Err(candle_core::Error::msg(format!("expected float32 values, found {found:?}")).into());
    };
    Ok(Activations::plain(Tensor::from_vec(values, shape, device)?))
}

/// Concatenates numeric arrays to one array `[rows, width]`.
fn concatenate(signatures: &[InputSignature], arrays: &[&Array], rows: Option<&[u32]>) -> ModelResult<Array> {
    let widths: Vec<usize> = signatures.iter().map(|one| one.encoding.shape().width()).collect();
    let width: usize = widths.iter().sum();
    let count = rows.map_or_else(|| arrays.first().map_or(0, |array| array.rows()), <[u32]>::len);
    let mut x = vec![0.0; count * width];
    let mut start = 0;
    for ((signature, array), columns) in signatures.iter().zip(arrays).zip(widths) {
        let wrong = |reason: String| ModelError::Input { input: signature.name.clone(), reason };
        let stored = signature.encoding.stored_width();
        let values = match array.as_f32().filter(|_| array.width() == stored && array.offsets.is_none()) {
            Some(values) => values,
            // `feed` reports the error as for a single input.
            None => {
                feed(&signature.encoding, array, &Device::Cpu)?.map_err(&wrong)?;
                return Err(wrong(format!("is a sequence of shape {:?}; expected a vector", array.shape)));
            }
        };
        if rows.is_none() && array.rows() != count {
            return Err(wrong(format!("has {} rows; expected {count}, as the first input", array.rows())));
        }
        let mut copy = |to: usize, from: usize| {
            let features = &mut x[to * width + start..][..columns];
            features_of(&signature.encoding, &values[from * stored..][..stored], features);
        };
        match rows {
            Some(rows) => rows.iter().enumerate().for_each(|(to, &from)| copy(to, from as usize)),
            None => (0..count).for_each(|row| copy(row, row)),
        }
        start += columns;
    }
    Ok(Array::f32(&[count, width], x))
}

/// Adds ONNX nodes that encode the raw inputs of a block: adjacent scaled inputs of one element type
/// together, the others one by one.
pub fn to_onnx(graph: &mut Graph, inputs: &[InputSignature], raw: &[GraphValue]) -> GraphActivations {
    let mut parts = Vec::new();
    let same_encoding = |one: &InputSignature, other: &InputSignature| {
        let scaled = |input: &InputSignature| matches!(input.encoding, Encoding::Scale { .. });
        scaled(one) && scaled(other) && one.raw == other.raw
    };
    let mut remaining = raw;
    for group in inputs.chunk_by(same_encoding) {
        let (values, others) = remaining.split_at(group.len());
        remaining = others;
        graph.scope(&match group {
            [one] => format!("input.{}", one.name),
            _ => "input".to_owned(),
        });
        let encodings: Vec<&Encoding> = group.iter().map(|input| &input.encoding).collect();
        parts.push(numbers_to_onnx(graph, values, &encodings));
    }
    graph.scope("input");
    match parts.len() {
        1 => GraphActivations::plain(parts.remove(0)),
        _ => {
            let parts: Vec<&GraphValue> = parts.iter().collect();
            GraphActivations::plain(crate::onnx::operator::concat(graph, &parts, 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::{InputBlock, PackedInputs, blocks, concatenate, in_order, numeric_features};
    use crate::domain::array::{Array, ElementType};
    use crate::domain::name::InputName;
    use crate::domain::signature::{Encoding, InputSignature};
    use crate::model::kernel::lookup::LookupColumn;
    use crate::model::weights::host;

    fn number(name: &str, indicator: bool) -> InputSignature {
        let encoding = Encoding::Scale { center: 0.0, scale: 1.0, fill: 0.0, indicator };
        let name = InputName::new(name).unwrap();
        InputSignature { name, raw: ElementType::Float32, encoding, required: false }
    }

    #[test]
    fn adjacent_numeric_inputs_are_one_block() {
        let one = Some(LookupColumn::Numbers { width: 1 });
        let code = Some(LookupColumn::Code { start: 0, rows: 3, width: 2 });
        let columns = [one, Some(LookupColumn::Numbers { width: 2 }), code, one, one, one, None];
        let block = |inputs, column| InputBlock { inputs, column };
        let expected = [
            block(0..2, Some(LookupColumn::Numbers { width: 3 })),
            block(2..3, code),
            block(3..4, one),
            block(4..5, one),
            block(5..6, one),
            block(6..7, None),
        ];
        assert_eq!(
            blocks(&columns, |index| index == 4),
            expected,
            "an input with an encoder is a block of its own"
        );
        let many = vec![one; 1000];
        assert_eq!(blocks(&many, |_| false).len(), 1);
    }

    #[test]
    fn columns_are_concatenated_in_signature_order() {
        let signatures = [number("a", false), number("b", true)];
        let a = (signatures[0].name.clone(), Array::f32(&[3, 1], vec![1.0, 2.0, 3.0]));
        let b = (signatures[1].name.clone(), Array::f32(&[3, 2], vec![10.0, 0.0, 20.0, 1.0, 30.0, 0.0]));
        for named in [vec![a.clone(), b.clone()], vec![b.clone(), a.clone()]] {
            let arrays = in_order(&signatures, &named).unwrap();
            let some = numeric_features(&signatures, &arrays, Some(&[2, 0]), &Device::Cpu).unwrap();
            assert_eq!(host(&some.x).unwrap(), [3.0, 30.0, 0.0, 1.0, 10.0, 0.0]);
            let all = numeric_features(&signatures, &arrays, None, &Device::Cpu).unwrap();
            assert_eq!(all.x.dims(), [3, 3]);
            let packed = PackedInputs(vec![None, Some(concatenate(&signatures, &arrays, None).unwrap())]);
            let same = packed.rows(1, &[2, 0], &Device::Cpu).unwrap().unwrap();
            assert_eq!(host(&same.x).unwrap(), host(&some.x).unwrap());
            assert!(packed.rows(0, &[2], &Device::Cpu).is_none());
        }
        let missing = in_order(&signatures, std::slice::from_ref(&a)).err().unwrap();
        assert!(missing.to_string().contains("`b` is missing"), "{missing}");
        let codes = Array::codes(vec![1, 2, 3]);
        let wrong = numeric_features(&signatures, &[&a.1, &codes], None, &Device::Cpu).err().unwrap();
        assert!(wrong.to_string().contains("expected [2]"), "{wrong}");
    }
}
