//! A text to be written: token numbers with `end` behind them.

use std::collections::BTreeMap;

use polars::prelude::PlHashMap;
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
    let of_training = labels.train.iter().map(|&row| texts[row as usize].as_ref());
    let of_training: Vec<&str> = of_training.filter(|text| !text.trim().is_empty()).collect();
    if of_training.is_empty() {
        return Err(DataError::NoLabels { column: column.name().to_owned() });
    }
    let tokenizer = match &config.tokenizer {
        TokenizerConfig::Input(shared) => of_input(labels, &shared.name)?,
        own => tokenizer::fit(own, TokenizerTraining::texts(&of_training), labels.base)?,
    };
    let Some(end) = tokenizer.end else { return Err(DataError::NoEnd { column: column.name().to_owned() }) };
    let codec = TokenCodec::new(&tokenizer)?;
    let encode = |text: &std::borrow::Cow<'_, str>| codec.encode(text);
    let numbers: Vec<Vec<u32>> = texts.par_iter().map(encode).collect::<Result<_, DataError>>()?;
    let length = config.length.get();
    let notes = notes(labels, &numbers, length, codec.unknown());
    let (decoder, search, copy) = (config.decoder.clone(), config.search.clone(), config.copy);
    let scheduled_sampling = config.scheduled_sampling.clone();
    let target = FittedTarget::Text { tokenizer, length, decoder, search, copy, scheduled_sampling };
    let truth = truth(&numbers, length, end)?;
    let words = texts.iter().map(|text| text.trim()).filter(|text| looks_missing(text));
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    words.for_each(|word| *counts.entry(word).or_default() += 1);
    let remarks = label_warnings::of_words(labels.task, column.name(), texts.len(), &counts);
    let texts = texts.into_iter().map(|text| text.trim().to_owned()).collect::<Vec<_>>();
    let texts = Some(Array::new(&[texts.len()], ArrayValues::Text(texts)));
    Ok(TargetFit { truth, texts, target, notes, labels: LabelStatistics { unseen: vec![], remarks } })
}

/// The tokenizer of an input of tokens.
fn of_input(labels: &LabelColumns<'_>, name: &str) -> Result<Tokenizer, DataError> {
    let tokenizers: PlHashMap<&str, &Tokenizer> = labels
        .inputs
        .iter()
        .filter_map(|input| match input.encoding {
            Encoding::Tokens { tokenizer, .. } => Some((input.name, tokenizer)),
            _ => None,
        })
        .collect();
    let fitted_tokenizer = tokenizers.get(name).map(|tokenizer| (*tokenizer).clone());
    fitted_tokenizer.ok_or_else(|| DataError::NoSuchTokenizer { input: name.to_owned() })
}

/// At most `length` numbers a row, the last of them `end`; none where there is no text.
fn truth(numbers: &[Vec<u32>], length: usize, end: u32) -> Result<Array, DataError> {
    let (mut values, mut offsets) = (Vec::new(), vec![0]);
    for row in numbers {
        if !row.is_empty() {
            values
                .extend(row.iter().take(length.saturating_sub(1)).chain([&end]).map(|number| *number as f32));
        }
        let limit = u32::MAX;
        offsets.push(u32::try_from(values.len()).map_err(|_| DataError::TooManySteps { limit })?);
    }
    Ok(Array::ragged(&[], ArrayValues::F32(values), offsets))
}

fn notes(labels: &LabelColumns<'_>, numbers: &[Vec<u32>], length: usize, unknown: u32) -> Vec<DataNote> {
    let task = labels.task;
    let mut notes = Vec::new();
    let long: Vec<usize> = (0..numbers.len()).filter(|row| numbers[*row].len() >= length).collect();
    if let (Some(first), Some(longest)) = (long.first(), numbers.iter().map(Vec::len).max()) {
        notes.push(warning(format!(
            "task `{task}`: {} text(s) of {length} or more tokens, the longest {longest}, first {}; they are cut, since \
             `length` counts the end too",
            long.len(),
            labels.frame.location(*first)
        )));
    }
    let all: usize = numbers.iter().map(Vec::len).sum();
    let unknown_labels = numbers.iter().flatten().filter(|number| **number == unknown).count();
    if unknown_labels > 0 {
        let share = 100.0 * unknown_labels as f64 / all as f64;
        notes.push(warning(format!(
            "task `{task}`: {share:.2} % of the tokens to be written ({unknown_labels} of {all}) are unknown; the tokenizer \
             `bpe` knows all"
        )));
    }
    notes
}
