//! Language model targets: the next token at every token of an input.

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::target::{LabelColumns, LabelStatistics, TargetFit};
use crate::data::tokenizer::TokenCodec;
use crate::domain::array::{Array, ArrayValues};
use crate::domain::signature::Encoding;
use crate::domain::task::{FittedTarget, LanguageModelConfig};
use crate::domain::tokenizer::TruncationSide;

/// Fits on a target column that is a token input. The token after the last one is `end`. It is missing after
/// truncated and empty texts, and after an end token that the tokenizer adds.
pub(in crate::data) fn fit(
    config: &LanguageModelConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<TargetFit, DataError> {
    let input = labels.inputs.iter().find(|input| input.name == column.name());
    let Some((Encoding::Tokens { tokenizer, length: limit, side, plane }, encoded)) =
        input.map(|input| (input.encoding, input.encoded))
    else {
        return Err(DataError::NotTokens { column: column.name().to_owned() });
    };
    if plane.is_some() {
        return Err(DataError::NotOneText { column: column.name().to_owned() });
    }
    let Some(end) = tokenizer.end else { return Err(DataError::NoEnd { column: column.name().to_owned() }) };
    let ArrayValues::U32(ids) = &encoded.values else {
        return Err(DataError::NotTokens { column: column.name().to_owned() });
    };
    let of_empty_text = TokenCodec::new(tokenizer)?.encode("")?;
    let mut values = Vec::with_capacity(ids.len());
    for row in 0..encoded.rows() {
        let row = &ids[encoded.row(row)];
        values.extend(row[1..].iter().map(|id| *id as f32));
        let is_empty = matches!(row, [only] if Some(*only) == tokenizer.unknown) || row == of_empty_text;
        let is_ended = tokenizer.trailing > 0 && row.last() == Some(&end);
        let is_truncated = *side == TruncationSide::Head && row.len() == *limit;
        values.push(if is_empty || is_truncated || is_ended { f32::NAN } else { end as f32 });
    }
    let truth = Array {
        shape: encoded.shape.clone(),
        values: ArrayValues::F32(values),
        offsets: encoded.offsets.clone(),
    };
    let (length, search, pretrained) = (config.length.get(), config.search.clone(), config.pretrained);
    let target = FittedTarget::LanguageModel { tokenizer: tokenizer.clone(), length, search, pretrained };
    Ok(TargetFit { truth, texts: None, target, notes: vec![], labels: LabelStatistics::default() })
}
