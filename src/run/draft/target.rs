//! Finds the target columns by name and chooses the kind of each task.

use std::path::Path;

use crate::data::profile::column_relevance::TargetMeasure;
use crate::data::profile::{ColumnKind, ColumnProfile, Pattern};
use crate::domain::diagnostic::nearest;
use crate::run::draft::formatting::{comment_text, grouped, identifier, percent, several};
use crate::run::draft::input::{ColumnUse, DraftColumn};
use crate::run::error::RunError;

/// A target column.
#[derive(Debug)]
pub struct DraftTarget {
    pub column: usize,
    /// The task's name.
    pub task: String,
    pub kind: DraftTaskKind,
    pub remarks: Vec<String>,
}

/// The kinds of tasks that a draft can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftTaskKind {
    Binary,
    Multiclass,
    Regression,
}

impl DraftTaskKind {
    /// Its name in YAML.
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Multiclass => "multiclass",
            Self::Regression => "regression",
        }
    }

    /// The score by which columns that leak the target are found.
    pub fn measure(self) -> TargetMeasure {
        match self {
            Self::Binary => TargetMeasure::Auc,
            Self::Multiclass => TargetMeasure::Accuracy,
            Self::Regression => TargetMeasure::R2,
        }
    }
}

/// Texts with more distinct values than this are identifiers, not classes.
const MOST_CLASSES: usize = 1000;

/// The target columns asked for; a text may hold several names, separated by commas.
///
/// # Errors
/// All problems at once: unknown columns and columns that cannot be targets.
pub fn choose(
    columns: &[ColumnProfile],
    data: &Path,
    asked: &[String],
) -> Result<Vec<DraftTarget>, RunError> {
    let known = |name: &str| columns.iter().position(|column| column.name == name);
    let mut names: Vec<&str> = Vec::new();
    for text in asked {
        // A column's own name may hold a comma.
        match known(text.trim()) {
            Some(_) => names.push(text.trim()),
            None => names.extend(text.split(',').map(str::trim).filter(|name| !name.is_empty())),
        }
    }
    let mut chosen: Vec<DraftTarget> = Vec::new();
    let mut problems: Vec<String> = Vec::new();
    for name in names {
        match known(name) {
            Some(column) if chosen.iter().any(|target| target.column == column) => {}
            Some(column) => match task_kind(&columns[column]) {
                Ok((kind, remarks)) => {
                    chosen.push(DraftTarget { column, task: String::new(), kind, remarks })
                }
                Err(why) => problems.push(format!("`{name}` cannot be a target: {why}")),
            },
            None => problems.push(unknown(name, columns, data)),
        }
    }
    if chosen.is_empty() && problems.is_empty() {
        problems.push("--target is empty".to_owned());
    }
    if problems.is_empty() { Ok(chosen) } else { Err(RunError::Draft(problems.join("\nerror: "))) }
}

fn unknown(name: &str, columns: &[ColumnProfile], data: &Path) -> String {
    let near = nearest(name, columns.iter().map(|column| column.name.as_str()));
    let help = near.map_or_else(
        || {
            let first: Vec<&str> = columns.iter().take(20).map(|column| column.name.as_str()).collect();
            let more = columns.len().saturating_sub(20);
            let more = if more > 0 { format!(" and {} more", grouped(more)) } else { String::new() };
            format!("its columns are {}{more}", first.join(", "))
        },
        |near| format!("did you mean `{near}`?"),
    );
    format!("{} has no column `{name}`; {help}", data.display())
}

/// The kind of a column's task with remarks, or why it cannot be a target.
fn task_kind(column: &ColumnProfile) -> Result<(DraftTaskKind, Vec<String>), String> {
    let (present, distinct) = (column.present(), column.distinct);
    let first = column.values.first().map_or("", |(value, _)| value);
    match column.kind {
        _ if present == 0 => return Err("it is empty".to_owned()),
        ColumnKind::Time => return Err(dates()),
        ColumnKind::List => {
            return Err(
                "it contains lists; for tags aligned with tokens see pipelines/tagging.yaml".to_owned()
            );
        }
        ColumnKind::Bytes | ColumnKind::Other => return Err("no task kind supports its type".to_owned()),
        _ if distinct == 1 => return Err(format!("its only value is {}", comment_text(first))),
        _ => {}
    }
    if column.infinite > 0 {
        return Err(format!("infinite values in {}", several(column.infinite, "row")));
    }
    let mut remarks = Vec::new();
    let kind = match column.kind {
        _ if distinct == 2 => DraftTaskKind::Binary,
        ColumnKind::Boolean => DraftTaskKind::Binary,
        ColumnKind::Text => text_kind(column)?,
        _ => number_kind(column),
    };
    remarks.push(match kind {
        DraftTaskKind::Binary => positive_class(column),
        DraftTaskKind::Multiclass => {
            format!("{}, the rarest on {}", several(distinct, "class"), several(column.rarest_count, "row"))
        }
        DraftTaskKind::Regression => range(column),
    });
    if column.missing > 0 {
        remarks.push(format!(
            "{} of {} labels missing: masked",
            grouped(column.missing),
            grouped(column.rows)
        ));
    }
    remarks.extend(warnings(column, kind));
    Ok((kind, remarks))
}

fn dates() -> String {
    "it contains dates or times; convert it to a number in the table's `query`, \
     such as days since a start date"
        .to_owned()
}

fn text_kind(column: &ColumnProfile) -> Result<DraftTaskKind, String> {
    let (present, distinct) = (column.present(), column.distinct);
    match column.pattern {
        Some(Pattern::Date) => return Err(dates()),
        Some(Pattern::Amount) if distinct > 20 => {
            let example = column.values.first().map_or("", |(value, _)| value);
            return Err(format!(
                "{}, such as {}; convert them to plain numbers",
                Pattern::Amount.display_name(),
                comment_text(example)
            ));
        }
        _ => {}
    }
    if distinct == present {
        let prose = column.text.is_some_and(|prose| prose.words_per_text >= 4.0);
        return Err(match prose {
            true => "every text is different; to generate texts use the task kind `text`, see \
                     pipelines/text_generation.yaml"
                .to_owned(),
            false => "every value is different: it identifies rows".to_owned(),
        });
    }
    if distinct > MOST_CLASSES || distinct * 2 > present {
        return Err(format!(
            "{} different texts on {} are too many classes",
            grouped(distinct),
            several(present, "row")
        ));
    }
    Ok(DraftTaskKind::Multiclass)
}

/// Multiclass for few integers with many rows each, otherwise regression.
fn number_kind(column: &ColumnProfile) -> DraftTaskKind {
    let classes = match column.distinct {
        3..=10 => column.rarest_count >= 5 || column.rarest_count * 20 >= column.present(),
        11..=20 => column.rarest_count >= 10 && are_consecutive(column),
        _ => false,
    };
    if column.is_whole && classes { DraftTaskKind::Multiclass } else { DraftTaskKind::Regression }
}

fn are_consecutive(column: &ColumnProfile) -> bool {
    column.range.is_some_and(|[smallest, _, largest]| largest - smallest + 1.0 == column.distinct as f64)
}

/// Which of the two values is the positive class, by the rule of the task kind `binary`.
fn positive_class(column: &ColumnProfile) -> String {
    let mut sorted: Vec<&(String, usize)> = column.values.iter().collect();
    let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
    sorted.sort_by(|a, b| match column.is_numeric() {
        true => number(&a.0).total_cmp(&number(&b.0)),
        false => a.0.cmp(&b.0),
    });
    let affirms = |text: &str| ["true", "1", "yes"].iter().any(|word| text.eq_ignore_ascii_case(word));
    let [first, second] = sorted.as_slice() else { return "two classes".to_owned() };
    let positive = if affirms(&first.0) && !affirms(&second.0) { first } else { second };
    let share = percent(positive.1, column.present());
    format!("{} is positive: {share} of {}", comment_text(&positive.0), several(column.present(), "row"))
}

/// The range and median of a regression target.
fn range(column: &ColumnProfile) -> String {
    let [smallest, median, largest] = column.range.unwrap_or_default();
    let short = |number: f64| match number.abs() {
        size if size >= 1e7 || size > 0.0 && size < 1e-3 => format!("{number:.2e}"),
        _ if number.fract() == 0.0 => format!("{number}"),
        size if size >= 100.0 => format!("{number:.1}"),
        _ => format!("{number:.3}"),
    };
    format!("{} to {}, median {}", short(smallest), short(largest), short(median))
}

fn warnings(column: &ColumnProfile, kind: DraftTaskKind) -> Vec<String> {
    let mut warnings = Vec::new();
    let rare: usize = column.values.iter().filter(|(_, rows)| *rows < 3).count();
    match kind {
        DraftTaskKind::Regression => {
            let [smallest, median, largest] = column.range.unwrap_or_default();
            if median > smallest && largest - median > 50.0 * (median - smallest) {
                warnings.push("a few very large values: `loss: huber` is less sensitive to them".to_owned());
            }
            if column.is_whole && (3..=20).contains(&column.distinct) {
                warnings.push(format!("only {} integers: consider `kind: ordinal`", column.distinct));
            }
        }
        _ if rare > 0 => {
            let examples: Vec<String> = column
                .values
                .iter()
                .rev()
                .filter(|(_, rows)| *rows < 3)
                .take(3)
                .map(|(value, _)| comment_text(value))
                .collect();
            let more = if rare > 3 { ", ..." } else { "" };
            warnings.push(format!(
                "{} with fewer than 3 rows ({}{more}): too few to learn from",
                several(rare, "class"),
                examples.join(", ")
            ));
        }
        _ if column.rarest_count * 100 < column.present() => {
            warnings.push(format!(
                "the rarest class has {} of the rows: accuracy alone is misleading",
                percent(column.rarest_count, column.present())
            ));
        }
        _ => {}
    }
    if kind == DraftTaskKind::Multiclass && column.is_numeric() {
        let ordinal =
            if are_consecutive(column) { "`kind: ordinal` if the classes are ordered, " } else { "" };
        warnings.push(format!("{ordinal}`kind: regression` if they are amounts"));
    }
    if kind == DraftTaskKind::Multiclass && column.distinct > 50 {
        warnings.push(format!(
            "{}: consider merging rare ones in the table's `query`",
            several(column.distinct, "class")
        ));
    }
    warnings
}

/// Gives each task a name that differs from all inputs and other tasks.
pub fn name(targets: &mut [DraftTarget], columns: &[ColumnProfile], entries: &[DraftColumn]) {
    let inputs = entries.iter().filter(|entry| matches!(entry.column_use, ColumnUse::Input(_)));
    let mut taken: Vec<String> = inputs.map(|entry| columns[entry.column].name.clone()).collect();
    for target in targets {
        let name = identifier(&columns[target.column].name, "task");
        let mut free = name.clone();
        let mut number = 2;
        while taken.contains(&free) {
            free = format!("{name}_{number}");
            number += 1;
        }
        taken.push(free.clone());
        target.task = free;
    }
}
