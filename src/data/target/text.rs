//! A text to be written: token numbers with `end` behind them.

use std::collections::BTreeMap;

use polars::prelude::PlHashMap;
use rayon::prelude::*;

use crate::data::cells::Cells;
use crate::data::error::Error;
use crate::data::note::{Note, warning};
use crate::data::target::{FittedTarget, Found, LabelColumns, suspicion};
use crate::data::tokenizer::{self, Codec, Training};
use crate::domain::array::{Array, Values};
use crate::domain::missing_word::looks_missing;
use crate::domain::signature::Encoding;
use crate::domain::task::Target;
use crate::domain::text::TextSpec;
use crate::domain::tokenizer::{Tokenizer, TokenizerSpec};

pub(in crate::data) fn fit(
    spec: &TextSpec,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<FittedTarget, Error> {
    let texts = column.texts()?;
    let of_training = labels.train.iter().map(|&row| texts[row as usize].as_ref());
    let of_training: Vec<&str> = of_training.filter(|text| !text.trim().is_empty()).collect();
    if of_training.is_empty() {
        return Err(Error::NoLabels { column: column.name().to_owned() });
    }
    let tokenizer = match &spec.tokenizer {
        TokenizerSpec::Input(shared) => of_input(labels, &shared.name)?,
        own => tokenizer::fit(own, Training::texts(&of_training), labels.base)?,
    };
    let Some(end) = tokenizer.end else { return Err(Error::NoEnd { column: column.name().to_owned() }) };
    let codec = Codec::new(&tokenizer)?;
    let encode = |text: &std::borrow::Cow<'_, str>| codec.encode(text);
    let numbers: Vec<Vec<u32>> = texts.par_iter().map(encode).collect::<Result<_, Error>>()?;
    let length = spec.length.get();
    let notes = notes(labels, &numbers, length, codec.unknown());
    let (decoder, search, copy) = (spec.decoder.clone(), spec.search.clone(), spec.copy);
    let scheduled_sampling = spec.scheduled_sampling.clone();
    let target = Target::Text { tokenizer, length, decoder, search, copy, scheduled_sampling };
    let truth = truth(&numbers, length, end)?;
    let words = texts.iter().map(|text| text.trim()).filter(|text| looks_missing(text));
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    words.for_each(|word| *counts.entry(word).or_default() += 1);
    let remarks = suspicion::of_words(labels.task, column.name(), texts.len(), &counts);
    let texts = texts.into_iter().map(|text| text.trim().to_owned()).collect::<Vec<_>>();
    let texts = Some(Array::new(&[texts.len()], Values::Text(texts)));
    Ok(FittedTarget { truth, texts, target, notes, labels: Found { unseen: vec![], remarks } })
}

/// The tokenizer of an input of tokens.
fn of_input(labels: &LabelColumns<'_>, name: &str) -> Result<Tokenizer, Error> {
    let tokenizers: PlHashMap<&str, &Tokenizer> = labels
        .inputs
        .iter()
        .filter_map(|input| match input.encoding {
            Encoding::Tokens { tokenizer, .. } => Some((input.name, tokenizer)),
            _ => None,
        })
        .collect();
    let found = tokenizers.get(name).map(|tokenizer| (*tokenizer).clone());
    found.ok_or_else(|| Error::NoSuchTokenizer { input: name.to_owned() })
}

/// At most `length` numbers a row, the last of them `end`; none where there is no text.
fn truth(numbers: &[Vec<u32>], length: usize, end: u32) -> Result<Array, Error> {
    let (mut values, mut offsets) = (Vec::new(), vec![0]);
    for row in numbers {
        if !row.is_empty() {
            values
                .extend(row.iter().take(length.saturating_sub(1)).chain([&end]).map(|number| *number as f32));
        }
        let limit = u32::MAX;
        offsets.push(u32::try_from(values.len()).map_err(|_| Error::TooManySteps { limit })?);
    }
    Ok(Array::ragged(&[], Values::F32(values), offsets))
}

fn notes(labels: &LabelColumns<'_>, numbers: &[Vec<u32>], length: usize, unknown: u32) -> Vec<Note> {
    let task = labels.task;
    let mut notes = Vec::new();
    let long: Vec<usize> = (0..numbers.len()).filter(|row| numbers[*row].len() >= length).collect();
    if let (Some(first), Some(longest)) = (long.first(), numbers.iter().map(Vec::len).max()) {
        notes.push(warning(format!(
            "task `{task}`: {} text(s) of {length} or more tokens, the longest {longest}, first {}; they are cut, since \
             `length` counts the end too",
            long.len(),
            labels.frame.place(*first)
        )));
    }
    let all: usize = numbers.iter().map(Vec::len).sum();
    let strange = numbers.iter().flatten().filter(|number| **number == unknown).count();
    if strange > 0 {
        let share = 100.0 * strange as f64 / all as f64;
        notes.push(warning(format!(
            "task `{task}`: {share:.2} % of the tokens to be written ({strange} of {all}) are unknown; the tokenizer \
             `bpe` knows all"
        )));
    }
    notes
}
