//! Tagging targets: one class per token of an input.

use std::ops::Range;

use polars::prelude::PlHashMap;

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::feature::FeatureConfig;
use crate::data::list::TextLists;
use crate::data::target::labels::{NO_TRAINING_ROW, UNSEEN_ADVICE};
use crate::data::target::scheme::{self, TagError};
use crate::data::target::{FittedInput, LabelColumns, LabelStatistics, TargetFit, label_warnings};
use crate::data::tokenizer::word_counts;
use crate::domain::array::{Array, ArrayValues};
use crate::domain::label::{UnseenClass, encode_unseen};
use crate::domain::signature::{Encoding, TokenPlane};
use crate::domain::task::{FittedTarget, TaggingConfig};
use crate::domain::task_remark::{TaskRemark, list_names};
use crate::domain::tokenizer::{TokenizerConfig, TruncationSide};

pub(in crate::data) fn fit(
    config: &TaggingConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<TargetFit, DataError> {
    let TaggedTokens { tokens, separator, kept } = tokens(labels)?;
    let tags = TextLists::from_cells(column, separator)?;
    refuse_other_counts(labels, column, &tags, &tokens)?;
    refuse_invalid_tags(config, labels, column, &tags)?;
    let counted = TagCounts::new(labels, &tags);
    if counted.classes.is_empty() {
        return Err(DataError::NoLabels { column: column.name().to_owned() });
    }
    if let [only] = counted.classes.as_slice() {
        return Err(DataError::OneClass { column: column.name().to_owned(), value: only.clone() });
    }
    let truth = truth(&tags, &kept, &counted);
    let remarks = counted.remarks(labels.task);
    let unseen = counted.others.iter().map(|(tag, _)| counted.unseen_class(tag)).collect();
    let (classes, counts) = (counted.classes, counted.counts);
    Ok(TargetFit {
        texts: None,
        truth,
        target: FittedTarget::Tagging { classes, counts, scheme: config.scheme, crf: config.crf },
        notes: vec![],
        labels: LabelStatistics { unseen, remarks },
    })
}

/// The tokens that are tagged: those of the only token input.
struct TaggedTokens<'a> {
    tokens: TextLists,
    /// Separates the tags of a text that is not a list.
    separator: &'a str,
    /// The tokens of each row that are left after truncation; a row without tokens has one step.
    kept: Vec<Range<usize>>,
}

fn tokens<'a>(labels: &LabelColumns<'a>) -> Result<TaggedTokens<'a>, DataError> {
    let mut tagged: Option<(&str, TaggedTokens<'a>)> = None;
    for input in labels.inputs {
        let cells = labels.frame.cells(input.name)?;
        let (separator, length, side) = match input.config {
            FeatureConfig::Tokens(config) => (config.separator.as_str(), config.length.get(), config.side),
            FeatureConfig::Text(config) => match (&cells, &config.tokenizer) {
                (_, TokenizerConfig::Character(_)) => ("", config.length.get(), config.side),
                (Cells::List(_), _) => (" ", config.length.get(), config.side),
                _ => continue,
            },
            _ => continue,
        };
        if let Some((first, _)) = tagged {
            return Err(DataError::SeveralTokens { first: first.to_owned(), second: input.name.to_owned() });
        }
        let tokens = TextLists::from_cells(&cells, separator)?;
        let kept = kept(input, &tokens, (length, side));
        tagged = Some((input.name, TaggedTokens { tokens, separator, kept }));
    }
    tagged.map(|(_, tagged)| tagged).ok_or(DataError::NoTokens)
}

/// The tokens of each row that are left after truncation. Of words in pieces, those with a piece left.
fn kept(input: &FittedInput<'_>, tokens: &TextLists, limits: (usize, TruncationSide)) -> Vec<Range<usize>> {
    let (length, side) = limits;
    let rows = 0..tokens.rows();
    match input.encoding {
        Encoding::Tokens { plane: Some(TokenPlane::Words { .. }), .. } => {
            let counts = word_counts(input.encoded);
            rows.zip(counts).map(|(row, words)| side.range(tokens.length(row), words)).collect()
        }
        _ => rows.map(|row| side.range(tokens.length(row), length)).collect(),
    }
}

/// Refuses rows with different numbers of tags and tokens. Rows without tags are unlabelled.
fn refuse_other_counts(
    labels: &LabelColumns<'_>,
    column: &Cells,
    tags: &TextLists,
    tokens: &TextLists,
) -> Result<(), DataError> {
    let differs = |row: &usize| tags.length(*row) > 0 && tags.length(*row) != tokens.length(*row);
    let mut rows = (0..tags.rows()).filter(differs);
    let Some(first) = rows.next() else { return Ok(()) };
    Err(DataError::TagCount {
        column: column.name().to_owned(),
        tags: tags.length(first),
        tokens: tokens.length(first),
        place: labels.frame.location(first),
        count: 1 + rows.count(),
    })
}

/// Refuses tags that the scheme does not allow.
fn refuse_invalid_tags(
    config: &TaggingConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
    tags: &TextLists,
) -> Result<(), DataError> {
    let error = |row: usize| Some((row, scheme::first_error(config.scheme, tags.row(row))?));
    let mut errors = (0..tags.rows()).filter_map(error);
    let Some((row, TagError { tag, position, reason })) = errors.next() else { return Ok(()) };
    Err(DataError::BadTag {
        column: column.name().to_owned(),
        tag,
        position: position + 1,
        place: labels.frame.location(row),
        reason,
        count: 1 + errors.count(),
    })
}

/// The distinct tags with their number of tokens.
struct TagCounts {
    /// Tags on training rows, sorted.
    classes: Vec<String>,
    /// Training tokens of each class.
    counts: Vec<u64>,
    /// Tokens of each class in all rows.
    tokens: Vec<u64>,
    /// Tags that occur only on other rows, with their number of tokens.
    others: Vec<(String, u64)>,
}

impl TagCounts {
    fn new(labels: &LabelColumns<'_>, tags: &TextLists) -> Self {
        // All tokens and training tokens of each tag.
        let mut counts: PlHashMap<&str, (u64, u64)> = PlHashMap::default();
        for row in 0..tags.rows() {
            for tag in tags.row(row).filter(|tag| !tag.is_empty()) {
                counts.entry(tag).or_default().0 += 1;
            }
        }
        for &row in labels.train {
            for tag in tags.row(row as usize).filter(|tag| !tag.is_empty()) {
                counts.entry(tag).or_default().1 += 1;
            }
        }
        let mut counts: Vec<(&str, (u64, u64))> = counts.into_iter().collect();
        counts.sort_unstable();
        let (known, others): (Vec<_>, Vec<_>) =
            counts.into_iter().partition(|(_, (_, training))| *training > 0);
        Self {
            classes: known.iter().map(|(tag, _)| (*tag).to_owned()).collect(),
            counts: known.iter().map(|(_, (_, training))| *training).collect(),
            tokens: known.iter().map(|(_, (all, _))| *all).collect(),
            others: others.into_iter().map(|(tag, (all, _))| (tag.to_owned(), all)).collect(),
        }
    }

    fn unseen_class(&self, tag: &str) -> UnseenClass {
        let before = self.classes.iter().filter(|class| class.as_str() < tag).count();
        UnseenClass { name: tag.to_owned(), before }
    }

    /// Remarks on tags without training tokens, and on tags that look like missing values.
    fn remarks(&self, task: &str) -> Vec<TaskRemark> {
        let known = self.classes.iter().map(String::as_str).zip(self.tokens.iter().copied());
        let others = || self.others.iter().map(|(tag, tokens)| (tag.as_str(), *tokens));
        let all: Vec<(&str, u64)> = known.chain(others()).collect();
        let mut remarks: Vec<TaskRemark> = label_warnings::of_tags(task, &all).into_iter().collect();
        if !self.others.is_empty() {
            let tokens: u64 = others().map(|(_, tokens)| tokens).sum();
            remarks.push(TaskRemark {
                cause: NO_TRAINING_ROW,
                task: task.to_owned(),
                text: format!(
                    "{} of {} tags occur on no training row ({}), but on {tokens} validation and test tokens",
                    self.others.len(),
                    self.classes.len() + self.others.len(),
                    list_names(others().map(|(tag, _)| tag))
                ),
                advice: UNSEEN_ADVICE.to_owned(),
            });
        }
        remarks
    }
}

/// The class of each token, truncated like the tokens; NaN where a tag is missing or unseen in training.
fn truth(tags: &TextLists, kept: &[Range<usize>], counted: &TagCounts) -> Array {
    let known = counted.classes.iter().enumerate().map(|(index, class)| (class.as_str(), index as f32));
    let others =
        counted.others.iter().enumerate().map(|(number, (tag, _))| (tag.as_str(), encode_unseen(number)));
    let codes: PlHashMap<&str, f32> = known.chain(others).collect();
    let (mut values, mut offsets) = (Vec::new(), vec![0]);
    for (row, kept) in kept.iter().enumerate() {
        if tags.length(row) == 0 {
            // An empty row has one step, too.
            values.extend(std::iter::repeat_n(f32::NAN, kept.len().max(1)));
        } else {
            let tags = tags.row(row).skip(kept.start).take(kept.len());
            values.extend(tags.map(|tag| codes.get(tag).copied().unwrap_or(f32::NAN)));
        }
        // Fits, since the tokens have the same offsets.
        offsets.push(values.len() as u32);
    }
    Array::ragged(&[], ArrayValues::F32(values), offsets)
}
