//! The targets: found by the names that were asked for, each with its kind and what is to be said of it.

use std::path::Path;

use crate::data::profile::column_relevance::TargetMeasure;
use crate::data::profile::{ColumnKind, ColumnProfile, Pattern};
use crate::domain::diagnostic::nearest;
use crate::run::draft::input::{ColumnUse, DraftColumn};
use crate::run::draft::words::{comment_text, grouped, identifier, percent, several};
use crate::run::error::RunError;

/// A column that is to be learned.
#[derive(Debug)]
pub struct DraftTarget {
    pub column: usize,
    /// The task's name.
    pub task: String,
    pub kind: DraftTaskKind,
    pub remarks: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftTaskKind {
    Binary,
    Multiclass,
    Regression,
}

impl DraftTaskKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Multiclass => "multiclass",
            Self::Regression => "regression",
        }
    }

    /// What a column is measured by that may give the target away.
    pub fn measure(self) -> TargetMeasure {
        match self {
            Self::Binary => TargetMeasure::Auc,
            Self::Multiclass => TargetMeasure::Accuracy,
            Self::Regression => TargetMeasure::R2,
        }
    }
}

/// Texts of more values than this are no classes but names.
const MOST_CLASSES: usize = 1000;

/// The columns asked for: several in one text stand apart by commas. All that is wrong is said at once.
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
            Some(column) => match described(&columns[column]) {
                Ok((kind, remarks)) => {
                    chosen.push(DraftTarget { column, task: String::new(), kind, remarks })
                }
                Err(why) => problems.push(format!("`{name}` is no target: {why}")),
            },
            None => problems.push(unknown(name, columns, data)),
        }
    }
    if chosen.is_empty() && problems.is_empty() {
        problems.push("--target names no column".to_owned());
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
            format!("it has {}{more}", first.join(", "))
        },
        |near| format!("did you mean `{near}`?"),
    );
    format!("{} has no column `{name}`; {help}", data.display())
}

/// The kind of a column's task, or why it can be none.
fn described(column: &ColumnProfile) -> Result<(DraftTaskKind, Vec<String>), String> {
    let (present, distinct) = (column.present(), column.distinct);
    let first = column.values.first().map_or("", |(value, _)| value);
    match column.kind {
        _ if present == 0 => return Err("it is empty".to_owned()),
        ColumnKind::Time => return Err(date()),
        ColumnKind::List => {
            return Err(
                "it holds lists; pipelines/tagging.yaml shows tags that are aligned with tokens".to_owned()
            );
        }
        ColumnKind::Bytes | ColumnKind::Other => return Err("no task kind learns what it holds".to_owned()),
        _ if distinct == 1 => return Err(format!("it is {} on every row that has it", comment_text(first))),
        _ => {}
    }
    if column.infinite > 0 {
        return Err(format!("{} holds infinity", several(column.infinite, "row")));
    }
    let mut remarks = Vec::new();
    let kind = match column.kind {
        _ if distinct == 2 => DraftTaskKind::Binary,
        ColumnKind::Boolean => DraftTaskKind::Binary,
        ColumnKind::Text => of_text(column)?,
        _ => of_number(column),
    };
    remarks.push(match kind {
        DraftTaskKind::Binary => two(column),
        DraftTaskKind::Multiclass => {
            format!("{}, the rarest on {}", several(distinct, "class"), several(column.rarest, "row"))
        }
        DraftTaskKind::Regression => numbers(column),
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

fn date() -> String {
    "it holds dates or times; make a number of it in the table's `query`, such as days since a beginning"
        .to_owned()
}

fn of_text(column: &ColumnProfile) -> Result<DraftTaskKind, String> {
    let (present, distinct) = (column.present(), column.distinct);
    match column.pattern {
        Some(Pattern::Date) => return Err(date()),
        Some(Pattern::Amount) if distinct > 20 => {
            let example = column.values.first().map_or("", |(value, _)| value);
            return Err(format!(
                "{}, such as {}; write plain numbers",
                Pattern::Amount.display_name(),
                comment_text(example)
            ));
        }
        _ => {}
    }
    if distinct == present {
        let prose = column.prose.is_some_and(|prose| prose.words_per_text >= 4.0);
        return Err(match prose {
            true => "every text is different; the task kind `text` writes texts, see pipelines/text_generation.yaml"
                .to_owned(),
            false => "every value is different: it names rows".to_owned(),
        });
    }
    if distinct > MOST_CLASSES || distinct * 2 > present {
        return Err(format!(
            "{} different texts on {} are too many for classes",
            grouped(distinct),
            several(present, "row")
        ));
    }
    Ok(DraftTaskKind::Multiclass)
}

/// Few whole numbers of many rows each are classes.
fn of_number(column: &ColumnProfile) -> DraftTaskKind {
    let classes = match column.distinct {
        3..=10 => column.rarest >= 5 || column.rarest * 20 >= column.present(),
        11..=20 => column.rarest >= 10 && are_consecutive(column),
        _ => false,
    };
    if column.is_whole && classes { DraftTaskKind::Multiclass } else { DraftTaskKind::Regression }
}

fn are_consecutive(column: &ColumnProfile) -> bool {
    column.range.is_some_and(|[smallest, _, largest]| largest - smallest + 1.0 == column.distinct as f64)
}

/// Which of two values counts as positive, as the task kind `binary` says.
fn two(column: &ColumnProfile) -> String {
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

fn numbers(column: &ColumnProfile) -> String {
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
    let mut result = Vec::new();
    let rare: usize = column.values.iter().filter(|(_, rows)| *rows < 3).count();
    match kind {
        DraftTaskKind::Regression => {
            let [smallest, median, largest] = column.range.unwrap_or_default();
            if median > smallest && largest - median > 50.0 * (median - smallest) {
                result.push("a few very large values: `loss: huber` is less drawn to them".to_owned());
            }
            if column.is_whole && (3..=20).contains(&column.distinct) {
                result.push(format!(
                    "only {} whole numbers: `kind: ordinal` takes them as steps",
                    column.distinct
                ));
            }
        }
        _ if rare > 0 => {
            let of_rare: Vec<String> = column
                .values
                .iter()
                .rev()
                .filter(|(_, rows)| *rows < 3)
                .take(3)
                .map(|(value, _)| comment_text(value))
                .collect();
            let more = if rare > 3 { ", ..." } else { "" };
            let (stand, rows) = if rare == 1 { ("stands", "row") } else { ("stand", "rows") };
            result.push(format!(
                "{} {stand} on fewer than three {rows} ({}{more}): nothing can be learned of such",
                several(rare, "class"),
                of_rare.join(", ")
            ));
        }
        _ if column.rarest * 100 < column.present() => {
            result.push(format!(
                "the rarest class has {} of the rows: see metrics beside accuracy",
                percent(column.rarest, column.present())
            ));
        }
        _ => {}
    }
    if kind == DraftTaskKind::Multiclass && column.is_numeric() {
        let ordinal =
            if are_consecutive(column) { "`kind: ordinal` if they stand in an order, " } else { "" };
        result.push(format!("{ordinal}`kind: regression` if they are amounts"));
    }
    if kind == DraftTaskKind::Multiclass && column.distinct > 50 {
        result.push(format!(
            "{} is many: rare ones may be joined in the table's `query`",
            several(column.distinct, "class")
        ));
    }
    result
}

/// Gives each task a name that no other output and no input has.
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
