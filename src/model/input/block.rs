//! Inputs that are fed together: neighbours that are plain numbers stand in one tensor, so that ten thousand
//! columns cost a step one tensor and not ten thousand.

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
use crate::model::raw::feed;
use crate::onnx::graph::{Graph, GraphValue};

/// Inputs side by side that are fed as one signal: neighbours that are numbers without layers of their own,
/// or one input of any other kind.
#[derive(Clone, Debug, PartialEq)]
pub struct InputBlock {
    pub inputs: Range<usize>,
    /// What the signal brings to a row; `None` for what is no vector.
    pub column: Option<LookupColumn>,
}

/// All inputs in blocks, in their order. `alone`: has the input layers of its own?
pub fn blocks(columns: &[Option<LookupColumn>], alone: impl Fn(usize) -> bool) -> Vec<InputBlock> {
    let mut blocks: Vec<InputBlock> = Vec::new();
    let mut open = false;
    for (index, column) in columns.iter().enumerate() {
        let plain = matches!(column, Some(LookupColumn::Numbers { .. })) && !alone(index);
        match (blocks.last_mut(), column) {
            (Some(InputBlock { inputs, column: Some(LookupColumn::Numbers { width }) }), Some(more))
                if open && plain =>
            {
                inputs.end = index + 1;
                *width += more.width();
            }
            _ => blocks.push(InputBlock { inputs: index..index + 1, column: *column }),
        }
        open = plain;
    }
    blocks
}

/// Each input's array, in the signature's order; or the first that is missing. Mostly they stand in that
/// order already.
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

/// Columns from which on a table that is learned from is laid out row by row first: to gather rows from ten
/// thousand arrays is a wait for memory at every number.
const WIDE: usize = 64;

/// The numbers of a table's wide blocks, row by row; see [`WIDE`].
#[derive(Clone, Debug, Default)]
pub struct PackedInputs(Vec<Option<Array>>);

impl PackedInputs {
    /// Of each block's inputs and arrays.
    pub fn pack<'a>(
        blocks: impl Iterator<Item = (&'a [InputSignature], &'a [&'a Array])>,
    ) -> ModelResult<Self> {
        let one = |(signatures, arrays): (&[InputSignature], &[&Array])| match signatures.len() < WIDE {
            true => Ok(None),
            false => side_by_side(signatures, arrays, None).map(Some),
        };
        blocks.map(one).collect::<ModelResult<_>>().map(Self)
    }

    /// Some rows of a block; `None` where it was not wide.
    pub fn rows(&self, block: usize, rows: &[u32], device: &Device) -> Option<ModelResult<Activations>> {
        let all = self.0.get(block)?.as_ref()?;
        Some(signal(all.gather(rows), device))
    }
}

/// Some rows of several arrays of numbers as one signal `[rows, width]`; all rows without `rows`.
pub fn numbers(
    signatures: &[InputSignature],
    arrays: &[&Array],
    rows: Option<&[u32]>,
    device: &Device,
) -> ModelResult<Activations> {
    signal(side_by_side(signatures, arrays, rows)?, device)
}

fn signal(array: Array, device: &Device) -> ModelResult<Activations> {
    let shape = (array.rows(), array.width());
    let values = match array.values {
        ArrayValues::F32(values) => values,
        other => return Err(candle_core::Error::msg(format!("no block of {} values", other.len())).into()),
    };
    Ok(Activations::plain(Tensor::from_vec(values, shape, device)?))
}

/// Some rows of several arrays of numbers as one array.
fn side_by_side(
    signatures: &[InputSignature],
    arrays: &[&Array],
    rows: Option<&[u32]>,
) -> ModelResult<Array> {
    let widths: Vec<usize> = signatures.iter().map(|one| one.encoding.shape().width()).collect();
    let width: usize = widths.iter().sum();
    let count = rows.map_or_else(|| arrays.first().map_or(0, |array| array.rows()), <[u32]>::len);
    let mut x = vec![0.0; count * width];
    let mut at = 0;
    for ((signature, array), own) in signatures.iter().zip(arrays).zip(widths) {
        let wrong = |reason: String| ModelError::Input { input: signature.name.clone(), reason };
        let values = match array.as_f32().filter(|_| array.width() == own && array.offsets.is_none()) {
            Some(values) => values,
            // What is wrong with one is said as of an input alone.
            None => {
                feed(&signature.encoding, array, &Device::Cpu)?.map_err(&wrong)?;
                return Err(wrong(format!("has rows of different lengths {:?}", array.shape)));
            }
        };
        if rows.is_none() && array.rows() != count {
            return Err(wrong(format!("has {} rows, the inputs before it {count}", array.rows())));
        }
        let mut put = |to: usize, from: usize| {
            x[to * width + at..][..own].copy_from_slice(&values[from * own..][..own]);
        };
        match rows {
            Some(rows) => rows.iter().enumerate().for_each(|(to, &from)| put(to, from as usize)),
            None => (0..count).for_each(|row| put(row, row)),
        }
        at += own;
    }
    Ok(Array::f32(&[count, width], x))
}

/// A block's inputs, raw, as nodes of an ONNX graph that encode them: those next to each other that are
/// centered and scaled and of one element type at once, the others one by one.
pub fn to_onnx(graph: &mut Graph, inputs: &[InputSignature], raw: &[GraphValue]) -> GraphActivations {
    let mut parts = Vec::new();
    let alike = |one: &InputSignature, other: &InputSignature| {
        let scaled = |input: &InputSignature| matches!(input.encoding, Encoding::Scale { .. });
        scaled(one) && scaled(other) && one.raw == other.raw
    };
    let mut rest = raw;
    for group in inputs.chunk_by(alike) {
        let (own, others) = rest.split_at(group.len());
        rest = others;
        graph.scope(&match group {
            [one] => format!("input.{}", one.name),
            _ => "input".to_owned(),
        });
        let encodings: Vec<&Encoding> = group.iter().map(|input| &input.encoding).collect();
        parts.push(numbers_to_onnx(graph, own, &encodings));
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

    use super::{InputBlock, PackedInputs, blocks, in_order, numbers, side_by_side};
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
    fn neighbours_that_are_numbers_are_one_block() {
        let one = Some(LookupColumn::Numbers { width: 1 });
        let code = Some(LookupColumn::Code { start: 0, rows: 3, width: 2 });
        let columns = [one, Some(LookupColumn::Numbers { width: 2 }), code, one, one, one, None];
        let of = |inputs, column| InputBlock { inputs, column };
        let expected = [
            of(0..2, Some(LookupColumn::Numbers { width: 3 })),
            of(2..3, code),
            of(3..4, one),
            of(4..5, one),
            of(5..6, one),
            of(6..7, None),
        ];
        assert_eq!(blocks(&columns, |index| index == 4), expected, "one with layers of its own stays alone");
        let many = vec![one; 1000];
        assert_eq!(blocks(&many, |_| false).len(), 1, "however many they are");
    }

    #[test]
    fn rows_of_many_columns_stand_side_by_side_whatever_order_they_are_given_in() {
        let signatures = [number("a", false), number("b", true)];
        let a = (signatures[0].name.clone(), Array::f32(&[3, 1], vec![1.0, 2.0, 3.0]));
        let b = (signatures[1].name.clone(), Array::f32(&[3, 2], vec![10.0, 0.0, 20.0, 1.0, 30.0, 0.0]));
        for given in [vec![a.clone(), b.clone()], vec![b.clone(), a.clone()]] {
            let arrays = in_order(&signatures, &given).unwrap();
            let some = numbers(&signatures, &arrays, Some(&[2, 0]), &Device::Cpu).unwrap();
            assert_eq!(host(&some.x).unwrap(), [3.0, 30.0, 0.0, 1.0, 10.0, 0.0]);
            let all = numbers(&signatures, &arrays, None, &Device::Cpu).unwrap();
            assert_eq!(all.x.dims(), [3, 3]);
            let packed = PackedInputs(vec![None, Some(side_by_side(&signatures, &arrays, None).unwrap())]);
            let same = packed.rows(1, &[2, 0], &Device::Cpu).unwrap().unwrap();
            assert_eq!(host(&same.x).unwrap(), host(&some.x).unwrap());
            assert!(packed.rows(0, &[2], &Device::Cpu).is_none());
        }
        let missing = in_order(&signatures, std::slice::from_ref(&a)).err().unwrap();
        assert!(missing.to_string().contains("`b` is missing"), "{missing}");
        let codes = Array::codes(vec![1, 2, 3]);
        let wrong = numbers(&signatures, &[&a.1, &codes], None, &Device::Cpu).err().unwrap();
        assert!(wrong.to_string().contains("not [2]"), "{wrong}");
    }
}
