//! One class per token of an input.

use polars::prelude::PlHashMap;

use crate::data::cells::Cells;
use crate::data::error::Error;
use crate::data::feature::FeatureSpec;
use crate::data::list::Pieces;
use crate::data::target::labels::{NO_TRAINING_ROW, UNSEEN_ADVICE};
use crate::data::target::scheme::{self, Fault};
use crate::data::target::{FittedTarget, Found, LabelColumns, suspicion};
use crate::domain::array::{Array, Values};
use crate::domain::label::{Unseen, unseen};
use crate::domain::remark::{Remark, names};
use crate::domain::task::{TaggingSpec, Target};
use crate::domain::tokenizer::{Side, TokenizerSpec};

pub(in crate::data) fn fit(
    spec: &TaggingSpec,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<FittedTarget, Error> {
    let (tokens, separator, limits) = tokens(labels)?;
    let tags = Pieces::of(column, separator)?;
    refuse_other_counts(labels, column, &tags, &tokens)?;
    refuse_faults(spec, labels, column, &tags)?;
    let found = Tags::of(labels, &tags);
    if found.classes.is_empty() {
        return Err(Error::NoLabels { column: column.name().to_owned() });
    }
    if let [only] = found.classes.as_slice() {
        return Err(Error::OneClass { column: column.name().to_owned(), value: only.clone() });
    }
    let truth = truth(&tags, &tokens, limits, &found);
    let remarks = found.remarks(labels.task);
    let unseen = found.others.iter().map(|(tag, _)| found.unseen(tag)).collect();
    let (classes, counts) = (found.classes, found.counts);
    Ok(FittedTarget {
        texts: None,
        truth,
        target: Target::Tagging { classes, counts, scheme: spec.scheme, crf: spec.crf },
        notes: vec![],
        labels: Found { unseen, remarks },
    })
}

/// The tokens the tags belong to, what stands between tags in a text, and how tokens are cut.
fn tokens<'a>(labels: &LabelColumns<'a>) -> Result<(Pieces, &'a str, (usize, Side)), Error> {
    let mut found: Option<(&str, Pieces, &str, (usize, Side))> = None;
    for input in labels.inputs {
        let cells = labels.frame.cells(input.name)?;
        let (separator, limits) = match input.spec {
            FeatureSpec::Tokens(spec) => (spec.separator.as_str(), (spec.length.get(), spec.side)),
            FeatureSpec::Text(spec) => {
                let limits = (spec.length.get(), spec.side);
                match (&cells, &spec.tokenizer) {
                    (_, TokenizerSpec::Character(_)) => ("", limits),
                    (Cells::List(_), _) => (" ", limits),
                    _ => continue,
                }
            }
            _ => continue,
        };
        if let Some((first, ..)) = found {
            return Err(Error::SeveralTokens { first: first.to_owned(), second: input.name.to_owned() });
        }
        found = Some((input.name, Pieces::of(&cells, separator)?, separator, limits));
    }
    found.map(|(_, pieces, separator, limits)| (pieces, separator, limits)).ok_or(Error::NoTokens)
}

/// Refuses rows where every token should have its tag and has not; a row without any is unlabelled.
fn refuse_other_counts(
    labels: &LabelColumns<'_>,
    column: &Cells,
    tags: &Pieces,
    tokens: &Pieces,
) -> Result<(), Error> {
    let differs = |row: &usize| tags.length(*row) > 0 && tags.length(*row) != tokens.length(*row);
    let mut rows = (0..tags.rows()).filter(differs);
    let Some(first) = rows.next() else { return Ok(()) };
    Err(Error::TagCount {
        column: column.name().to_owned(),
        tags: tags.length(first),
        tokens: tokens.length(first),
        place: labels.frame.place(first),
        count: 1 + rows.count(),
    })
}

/// Refuses tags that are none of the scheme, or cannot follow one another.
fn refuse_faults(
    spec: &TaggingSpec,
    labels: &LabelColumns<'_>,
    column: &Cells,
    tags: &Pieces,
) -> Result<(), Error> {
    let faulty = |row: usize| Some((row, scheme::fault(spec.scheme, tags.row(row))?));
    let mut faults = (0..tags.rows()).filter_map(faulty);
    let Some((row, Fault { tag, position, reason })) = faults.next() else { return Ok(()) };
    Err(Error::BadTag {
        column: column.name().to_owned(),
        tag,
        position: position + 1,
        place: labels.frame.place(row),
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
    fn of(labels: &LabelColumns<'_>, tags: &Pieces) -> Self {
        let mut found: PlHashMap<&str, (u64, u64)> = PlHashMap::default();
        for row in 0..tags.rows() {
            tags.row(row).filter(|tag| !tag.is_empty()).for_each(|tag| found.entry(tag).or_default().0 += 1);
        }
        for &row in labels.train {
            for tag in tags.row(row as usize).filter(|tag| !tag.is_empty()) {
                found.entry(tag).or_default().1 += 1;
            }
        }
        let mut found: Vec<(&str, (u64, u64))> = found.into_iter().collect();
        found.sort_unstable();
        let (known, others): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(_, (_, training))| *training > 0);
        Self {
            classes: known.iter().map(|(tag, _)| (*tag).to_owned()).collect(),
            counts: known.iter().map(|(_, (_, training))| *training).collect(),
            tokens: known.iter().map(|(_, (all, _))| *all).collect(),
            others: others.into_iter().map(|(tag, (all, _))| (tag.to_owned(), all)).collect(),
        }
    }

    fn unseen(&self, tag: &str) -> Unseen {
        let before = self.classes.iter().filter(|class| class.as_str() < tag).count();
        Unseen { name: tag.to_owned(), before }
    }

    /// Tags on no training token, and those that look like missing ones.
    fn remarks(&self, task: &str) -> Vec<Remark> {
        let known = self.classes.iter().map(String::as_str).zip(self.tokens.iter().copied());
        let others = || self.others.iter().map(|(tag, tokens)| (tag.as_str(), *tokens));
        let all: Vec<(&str, u64)> = known.chain(others()).collect();
        let mut remarks: Vec<Remark> = suspicion::of_tags(task, &all).into_iter().collect();
        if !self.others.is_empty() {
            let tokens: u64 = others().map(|(_, tokens)| tokens).sum();
            remarks.push(Remark {
                cause: NO_TRAINING_ROW,
                task: task.to_owned(),
                said: format!(
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
fn truth(tags: &Pieces, tokens: &Pieces, (length, side): (usize, Side), found: &Tags) -> Array {
    let known = found.classes.iter().enumerate().map(|(index, class)| (class.as_str(), index as f32));
    let others = found.others.iter().enumerate().map(|(number, (tag, _))| (tag.as_str(), unseen(number)));
    let index: PlHashMap<&str, f32> = known.chain(others).collect();
    let (mut values, mut offsets) = (Vec::new(), vec![0]);
    for row in 0..tags.rows() {
        let kept = side.kept(tokens.length(row), length);
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
    Array::ragged(&[], Values::F32(values), offsets)
}
