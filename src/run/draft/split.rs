//! Chooses the split: by a column that defines it, otherwise at random, stratified by the rarest class.

use crate::data::profile::{ColumnKind, ColumnProfile, DataProfile, Pattern};
use crate::run::draft::formatting::{parts, quoted};
use crate::run::draft::identity::is_group;
use crate::run::draft::target::{DraftTarget, DraftTaskKind};

/// How the rows are divided.
#[derive(Clone, Debug, PartialEq)]
pub enum DraftSplit {
    Random,
    /// Stratified by this column.
    Stratified(usize),
    Column(SplitByColumn),
}

/// A column that defines the split, with the value and row count of each part.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitByColumn {
    pub column: usize,
    pub train: (String, usize),
    pub valid: Option<(String, usize)>,
    pub test: (String, usize),
}

/// Names of columns that define a split.
const NAMES: &str = "part split set fold subset partition dataset usage phase stage role mode sample";
const TRAIN: [&str; 7] = ["train", "training", "trainset", "learning", "learn", "trn", "tr"];
const VALID: [&str; 9] =
    ["valid", "validation", "validate", "val", "dev", "development", "eval", "evaluation", "tune"];
const TEST: [&str; 8] = ["test", "testing", "testset", "holdout", "heldout", "private", "tst", "te"];
/// Values that mean a split whatever the column is called.
const PLAIN: [&str; 5] = ["train", "training", "test", "testing", "validation"];

/// Chooses from the columns and the targets' classes.
pub fn find(profile: &DataProfile, targets: &[DraftTarget]) -> DraftSplit {
    let columns = profile.columns.iter().enumerate();
    let mut others = columns.filter(|(column, _)| targets.iter().all(|target| target.column != *column));
    if let Some(split) = others.find_map(|(column, profile)| by_column(column, profile)) {
        return DraftSplit::Column(split);
    }
    let classes = targets.iter().filter(|target| target.kind != DraftTaskKind::Regression);
    let rarest = classes.min_by_key(|target| profile.columns[target.column].rarest_count);
    match rarest.map(|target| (target.column, &profile.columns[target.column])) {
        // A class of fewer rows than splits cannot be in each.
        Some((column, profile))
            if profile.rarest_count >= 3 && (profile.missing == 0 || profile.missing >= 3) =>
        {
            DraftSplit::Stratified(column)
        }
        _ => DraftSplit::Random,
    }
}

/// The split that a column defines, if its values are names of splits.
fn by_column(column: usize, profile: &ColumnProfile) -> Option<SplitByColumn> {
    let few = (2..=3).contains(&profile.distinct) && profile.missing == 0;
    let words = parts(&profile.name);
    if !few {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace([' ', '-', '_'], "");
    let value_in = |known: &[&str]| {
        profile.values.iter().find(|(text, _)| known.contains(&plain(text).as_str())).cloned()
    };
    // `is_train`, `is_test`: true or false, 1 or 0.
    if let Some(subject) = flag(&words) {
        let (yes, no) = (value_in(&["true", "1", "yes", "1.0"]), value_in(&["false", "0", "no", "0.0"]));
        let (train, test) = if subject == "train" { (yes?, no?) } else { (no?, yes?) };
        return (profile.distinct == 2).then_some(SplitByColumn { column, train, valid: None, test });
    }
    let named = words.iter().any(|word| NAMES.split(' ').any(|name| name == word));
    let unambiguous =
        profile.values.iter().filter(|(text, _)| PLAIN.contains(&plain(text).as_str())).count() > 1;
    let (train, valid, test) = (value_in(&TRAIN)?, value_in(&VALID), value_in(&TEST));
    let all = 1 + usize::from(valid.is_some()) + usize::from(test.is_some());
    if all != profile.distinct || !(named || unambiguous) {
        return None;
    }
    match (valid, test) {
        (valid, Some(test)) => Some(SplitByColumn { column, train, valid, test }),
        (Some(valid), None) => Some(SplitByColumn { column, train, valid: None, test: valid }),
        (None, None) => None,
    }
}

/// Whether it defines a split that no setting supports: more than three parts, or fold numbers.
pub fn is_other(profile: &ColumnProfile) -> bool {
    let words = parts(&profile.name);
    let fold =
        matches!(words.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), [.., "fold"] | ["split"]);
    let train = profile.values.iter().any(|(text, _)| TRAIN[..3].contains(&text.to_lowercase().as_str()));
    let named = words.iter().any(|word| NAMES.split(' ').any(|name| name == word));
    profile.distinct <= 20 && (fold && profile.is_whole || named && train)
}

/// The split that a column name such as `is_train` asks about.
fn flag(words: &[String]) -> Option<&'static str> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["is" | "in", "train" | "training"] | ["train" | "training"] => Some("train"),
        ["is" | "in", "test" | "holdout"] | ["test" | "holdout"] => Some("test"),
        _ => None,
    }
}

/// Alternative splits that the columns suggest: by group, by time.
pub fn suggestions(profile: &DataProfile, targets: &[DraftTarget], split: &DraftSplit) -> Vec<String> {
    if matches!(split, DraftSplit::Column(_)) {
        return vec![];
    }
    let mut suggestions = Vec::new();
    for (column, profile) in profile.columns.iter().enumerate() {
        if targets.iter().any(|target| target.column == column) {
            continue;
        }
        let name = quoted(&profile.name);
        let is_time = profile.kind == ColumnKind::Time || profile.pattern == Some(Pattern::Date);
        if is_time && profile.missing == 0 && suggestions.len() < 3 {
            suggestions.push(format!(
                "for predictions of later rows: split: {{time: {{by: {name}, valid: 0.1, test: 0.1}}}}"
            ));
        }
        if is_group(profile) && profile.missing == 0 && suggestions.len() < 3 {
            suggestions.push(format!(
                "for predictions of unseen values of {name}: \
                 split: {{group: {{by: {name}, valid: 0.1, test: 0.1}}}}"
            ));
        }
    }
    suggestions
}
