//! One class per token of an input.

use polars::prelude::PlHashMap;

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::feature::FeatureConfig;
use crate::data::list::TextLists;
use crate::data::target::labels::{NO_TRAINING_ROW, UNSEEN_ADVICE};
use crate::data::target::scheme::{self, TagError};
use crate::data::target::{LabelColumns, LabelStatistics, TargetFit, label_warnings};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::label::{UnseenClass, unseen};
use crate::domain::task::{FittedTarget, TaggingConfig};
use crate::domain::task_remark::{TaskRemark, names};
use crate::domain::tokenizer::{TokenizerConfig, TruncationSide};

pub(in crate::data) fn fit(
    config: &TaggingConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<TargetFit, DataError> {
    let (tokens, separator, limits) = tokens(labels)?;
    let tags = TextLists::from_cells(column, separator)?;
    refuse_other_counts(labels, column, &tags, &tokens)?;
    refuse_faults(config, labels, column, &tags)?;
    let fitted_tags = Tags::count(labels, &tags);
    if fitted_tags.classes.is_empty() {
        return Err(DataError::NoLabels { column: column.name().to_owned() });
    }
    if let [only] = fitted_tags.classes.as_slice() {
        return Err(DataError::OneClass { column: column.name().to_owned(), value: only.clone() });
    }
    let truth = truth(&tags, &tokens, limits, &fitted_tags);
    let remarks = fitted_tags.remarks(labels.task);
    let unseen = fitted_tags.others.iter().map(|(tag, _)| fitted_tags.unseen(tag)).collect();
    let (classes, counts) = (fitted_tags.classes, fitted_tags.counts);
    Ok(TargetFit {
        texts: None,
        truth,
        target: FittedTarget::Tagging { classes, counts, scheme: config.scheme, crf: config.crf },
        notes: vec![],
        labels: LabelStatistics { unseen, remarks },
    })
}

/// The tokens the tags belong to, what stands between tags in a text, and how tokens are cut.
fn tokens<'a>(labels: &LabelColumns<'a>) -> Result<(TextLists, &'a str, (usize, TruncationSide)), DataError> {
    let mut tags: Option<(&str, TextLists, &str, (usize, TruncationSide))> = None;
    for input in labels.inputs {
        let cells = labels.frame.cells(input.name)?;
        let (separator, limits) = match input.spec {
            FeatureConfig::Tokens(config) => (config.separator.as_str(), (config.length.get(), config.side)),
            FeatureConfig::Text(config) => {
                let limits = (config.length.get(), config.side);
                match (&cells, &config.tokenizer) {
                    (_, TokenizerConfig::Character(_)) => ("", limits),
                    (Cells::List(_), _) => (" ", limits),
                    _ => continue,
                }
            }
            _ => continue,
        };
        if let Some((first, ..)) = tags {
            return Err(DataError::SeveralTokens { first: first.to_owned(), second: input.name.to_owned() });
        }
        tags = Some((input.name, TextLists::from_cells(&cells, separator)?, separator, limits));
    }
    tags.map(|(_, pieces, separator, limits)| (pieces, separator, limits)).ok_or(DataError::NoTokens)
}

/// Refuses rows where every token should have its tag and has not; a row without any is unlabelled.
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

/// Refuses tags that are none of the scheme, or cannot follow one another.
fn refuse_faults(
    config: &TaggingConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
    tags: &TextLists,
) -> Result<(), DataError> {
    let faulty = |row: usize| Some((row, scheme::fault(config.scheme, tags.row(row))?));
    let mut faults = (0..tags.rows()).filter_map(faulty);
    let Some((row, TagError { tag, position, reason })) = faults.next() else { return Ok(()) };
    Err(DataError::BadTag {
        column: column.name().to_owned(),
        tag,
        position: position + 1,
        place: labels.frame.location(row),
        reason,
        count: 1 + faults.count(),
    })
}

/// The different tags.
struct Tags {
    /// Those of training rows, in the order of their letters.
    classes: Vec<String>,
    /// Training tokens of each class.
    counts: Vec<u64>,
    /// Tokens of each class in all rows.
    tokens: Vec<u64>,
    /// Those of other rows alone, with their tokens.
    others: Vec<(String, u64)>,
}

impl Tags {
    fn count(labels: &LabelColumns<'_>, tags: &TextLists) -> Self {
        let mut fitted_tags: PlHashMap<&str, (u64, u64)> = PlHashMap::default();
        for row in 0..tags.rows() {
            tags.row(row)
                .filter(|tag| !tag.is_empty())
                .for_each(|tag| fitted_tags.entry(tag).or_default().0 += 1);
        }
        for &row in labels.train {
            for tag in tags.row(row as usize).filter(|tag| !tag.is_empty()) {
                fitted_tags.entry(tag).or_default().1 += 1;
            }
        }
        let mut fitted_tags: Vec<(&str, (u64, u64))> = fitted_tags.into_iter().collect();
        fitted_tags.sort_unstable();
        let (known, others): (Vec<_>, Vec<_>) =
            fitted_tags.into_iter().partition(|(_, (_, training))| *training > 0);
        Self {
            classes: known.iter().map(|(tag, _)| (*tag).to_owned()).collect(),
            counts: known.iter().map(|(_, (_, training))| *training).collect(),
            tokens: known.iter().map(|(_, (all, _))| *all).collect(),
            others: others.into_iter().map(|(tag, (all, _))| (tag.to_owned(), all)).collect(),
        }
    }

    fn unseen(&self, tag: &str) -> UnseenClass {
        let before = self.classes.iter().filter(|class| class.as_str() < tag).count();
        UnseenClass { name: tag.to_owned(), before }
    }

    /// Tags on no training token, and those that look like missing ones.
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
                    "{} of {} tags on no training row ({}), but on {tokens} tokens of valid and test",
                    self.others.len(),
                    self.classes.len() + self.others.len(),
                    names(others().map(|(tag, _)| tag))
                ),
                advice: UNSEEN_ADVICE.to_owned(),
            });
        }
        remarks
    }
}

/// Each token's class, cut as the tokens are; NaN where a tag is missing, or one that training never saw.
fn truth(
    tags: &TextLists,
    tokens: &TextLists,
    (length, side): (usize, TruncationSide),
    fitted_tags: &Tags,
) -> Array {
    let known = fitted_tags.classes.iter().enumerate().map(|(index, class)| (class.as_str(), index as f32));
    let others =
        fitted_tags.others.iter().enumerate().map(|(number, (tag, _))| (tag.as_str(), unseen(number)));
    let index: PlHashMap<&str, f32> = known.chain(others).collect();
    let (mut values, mut offsets) = (Vec::new(), vec![0]);
    for row in 0..tags.rows() {
        let kept = side.range(tokens.length(row), length);
        if tags.length(row) == 0 {
            // An empty row has a step too.
            values.extend(std::iter::repeat_n(f32::NAN, kept.len().max(1)));
        } else {
            let tags = tags.row(row).skip(kept.start).take(kept.len());
            values.extend(tags.map(|tag| index.get(tag).copied().unwrap_or(f32::NAN)));
        }
        // As many as the tokens' offsets, which fit.
        offsets.push(values.len() as u32);
    }
    Array::ragged(&[], ArrayValues::F32(values), offsets)
}
