//! Text targets: token ids followed by `end`.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::note::{DataNote, warning};
use crate::data::target::{LabelColumns, LabelStatistics, TargetFit, label_warnings};
use crate::data::tokenizer::{self, TokenCodec, TokenizerTraining};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::missing_word::looks_missing;
use crate::domain::signature::Encoding;
use crate::domain::task::FittedTarget;
use crate::domain::text::TextConfig;
use crate::domain::tokenizer::{Tokenizer, TokenizerConfig};

pub(in crate::data) fn fit(
    config: &TextConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<TargetFit, DataError> {
    let texts = column.texts()?;
    let training = labels.train.iter().map(|&row| texts[row as usize].as_ref());
    let training: Vec<&str> = training.filter(|text| !text.trim().is_empty()).collect();
    if training.is_empty() {
        return Err(DataError::NoLabels { column: column.name().to_owned() });
    }
    let tokenizer = match &config.tokenizer {
        TokenizerConfig::Input(shared) => tokenizer_of_input(labels, &shared.name)?,
        config => tokenizer::fit(config, TokenizerTraining::texts(&training), labels.base)?,
    };
    let Some(end) = tokenizer.end else { return Err(DataError::NoEnd { column: column.name().to_owned() }) };
    let codec = TokenCodec::new(&tokenizer)?;
    // The end token is ours: a pretrained tokenizer's special tokens would stand twice.
    let encode = |text: &std::borrow::Cow<'_, str>| match tokenizer.leading + tokenizer.trailing {
        0 => codec.encode(text),
        _ => codec.encode_plain(text),
    };
    let ids: Vec<Vec<u32>> = texts.par_iter().map(encode).collect::<Result<_, DataError>>()?;
    let length = config.length.get();
    let notes = notes(labels, &ids, length, codec.unknown());
    let (decoder, search, copy) = (config.decoder.clone(), config.search.clone(), config.copy);
    let scheduled_sampling = config.scheduled_sampling.clone();
    let target = FittedTarget::Text { tokenizer, length, decoder, search, copy, scheduled_sampling };
    let truth = truth(&ids, length, end)?;
    let missing_words = texts.iter().map(|text| text.trim()).filter(|text| looks_missing(text));
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    missing_words.for_each(|word| *counts.entry(word).or_default() += 1);
    let remarks = label_warnings::of_words(labels.task, column.name(), texts.len(), &counts);
    let remarks = remarks.into_iter().collect();
    let texts = texts.into_iter().map(|text| text.trim().to_owned()).collect::<Vec<_>>();
    let texts = Some(Array::new(&[texts.len()], ArrayValues::Text(texts)));
    Ok(TargetFit { truth, texts, target, notes, labels: LabelStatistics { unseen: vec![], remarks } })
}

/// The tokenizer of a token input.
fn tokenizer_of_input(labels: &LabelColumns<'_>, name: &str) -> Result<Tokenizer, DataError> {
    let tokenizer = labels.inputs.iter().find_map(|input| match input.encoding {
        Encoding::Tokens { tokenizer, .. } if input.name == name => Some(tokenizer.clone()),
        _ => None,
    });
    tokenizer.ok_or_else(|| DataError::NoSuchTokenizer { input: name.to_owned() })
}

/// At most `length` ids per row, the last of them `end`; none for empty texts.
fn truth(ids: &[Vec<u32>], length: usize, end: u32) -> Result<Array, DataError> {
    let (mut values, mut offsets) = (Vec::new(), vec![0]);
    for row in ids {
        if !row.is_empty() {
            let kept = row.iter().take(length.saturating_sub(1)).chain([&end]);
            values.extend(kept.map(|id| *id as f32));
        }
        let limit = u32::MAX;
        offsets.push(u32::try_from(values.len()).map_err(|_| DataError::TooManySteps { limit })?);
    }
    Ok(Array::ragged(&[], ArrayValues::F32(values), offsets))
}

fn notes(labels: &LabelColumns<'_>, ids: &[Vec<u32>], length: usize, unknown: u32) -> Vec<DataNote> {
    let task = labels.task;
    let mut notes = Vec::new();
    let long: Vec<usize> = (0..ids.len()).filter(|row| ids[*row].len() >= length).collect();
    if let (Some(first), Some(longest)) = (long.first(), ids.iter().map(Vec::len).max()) {
        notes.push(warning(format!(
            "task `{task}`: {} text(s) of {length} or more tokens (up to {longest}), first in {}; they are \
             truncated, since `length` includes the end token",
            long.len(),
            labels.frame.location(*first)
        )));
    }
    let all: usize = ids.iter().map(Vec::len).sum();
    let count = ids.iter().flatten().filter(|id| **id == unknown).count();
    if count > 0 {
        let share = 100.0 * count as f64 / all as f64;
        notes.push(warning(format!(
            "task `{task}`: {share:.2} % of the target tokens ({count} of {all}) are unknown; the \
             tokenizer `bpe` has no unknown tokens"
        )));
    }
    notes
}
