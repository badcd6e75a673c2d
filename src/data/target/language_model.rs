//! The next token, at every token of an input.

use crate::data::cells::Cells;
use crate::data::error::Error;
use crate::data::target::{FittedTarget, Found, LabelColumns};
use crate::domain::array::{Array, Values};
use crate::domain::signature::Encoding;
use crate::domain::task::{LanguageModelSpec, Target};
use crate::domain::tokenizer::Side;

/// The target column is an input of tokens. After the last token comes `end`; after the last one before a
/// cut nobody knows what, and nothing comes after an empty text.
pub(in crate::data) fn fit(
    spec: &LanguageModelSpec,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<FittedTarget, Error> {
    let input = labels.inputs.iter().find(|input| input.name == column.name());
    let Some((Encoding::Tokens { tokenizer, length, side }, encoded)) =
        input.map(|input| (input.encoding, input.encoded))
    else {
        return Err(Error::NotTokens { column: column.name().to_owned() });
    };
    let Some(end) = tokenizer.end else { return Err(Error::NoEnd { column: column.name().to_owned() }) };
    let Values::U32(numbers) = &encoded.values else {
        return Err(Error::NotTokens { column: column.name().to_owned() });
    };
    let mut values = Vec::with_capacity(numbers.len());
    for row in 0..encoded.rows() {
        let row = &numbers[encoded.row(row)];
        values.extend(row[1..].iter().map(|number| *number as f32));
        let empty = matches!(row, [only] if Some(*only) == tokenizer.unknown);
        let cut = *side == Side::Head && row.len() == *length;
        values.push(if empty || cut { f32::NAN } else { end as f32 });
    }
    let truth =
        Array { shape: encoded.shape.clone(), values: Values::F32(values), offsets: encoded.offsets.clone() };
    let (limit, search) = (spec.length.get(), spec.search.clone());
    let target = Target::LanguageModel { tokenizer: tokenizer.clone(), length: limit, search };
    Ok(FittedTarget { truth, texts: None, target, notes: vec![], labels: Found::default() })
}
