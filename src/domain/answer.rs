//! Names of the prediction columns, defined once for everything that writes, checks or mentions them.
//!
//! A task's prediction has the name of the task; everything else about it is prefixed with the task's name
//! and `_`: `income_probability`, `colour_red`, `tags_new_probability`, `delivery_days`. Column names are
//! unique. On a clash, the name that follows from the configuration alone wins, and the column of a class
//! that is known only from the data uses `:` instead: next to a task `colour_red`, the class `red` of
//! `colour` becomes `colour:red`.

use std::collections::HashSet;

use indexmap::IndexSet;

use crate::domain::name::{ColumnName, TaskName};
use crate::domain::signature::TaskSignature;
use crate::domain::task::{FittedTarget, TargetConfig};

/// Maximum length of a column name in bytes; the same limit applies when names are read.
const MAX_BYTES: usize = 256;

/// Names of the prediction columns of all tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PredictionColumns {
    /// Column names per task, in task order.
    pub columns: Vec<Vec<String>>,
    /// Columns that could not have their first name.
    pub renamed: Vec<RenamedColumn>,
}

/// A column that was renamed because its first name was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenamedColumn {
    /// The task that predicts the column.
    pub task: TaskName,
    /// The name that was taken.
    pub requested: String,
    /// The name it has instead.
    pub name: String,
}

impl RenamedColumn {
    /// A warning for the user.
    pub fn message(&self) -> String {
        let Self { task, requested, name } = self;
        format!(
            "task `{task}`: the prediction column `{requested}` is called `{name}`, because `{requested}` \
             is already taken"
        )
    }
}

/// Suffixes of a task's columns; `None` means the column named after the task itself.
fn suffixes(target: &FittedTarget) -> Vec<Option<String>> {
    let named = |name: &String| Some(name.clone());
    match target {
        FittedTarget::Binary { .. } => vec![None, Some(PROBABILITY.to_owned())],
        FittedTarget::Multiclass { classes, .. } | FittedTarget::Ordinal { classes, .. } => {
            std::iter::once(None).chain(classes.iter().map(named)).collect()
        }
        FittedTarget::Multilabel { labels, .. } => {
            labels.iter().flat_map(|label| label_suffixes(label)).collect()
        }
        FittedTarget::Regression { columns, .. } if columns.len() > 1 => columns.iter().map(named).collect(),
        _ => vec![None],
    }
}

const PROBABILITY: &str = "probability";

fn label_suffixes(label: &str) -> [Option<String>; 2] {
    [Some(label.to_owned()), Some(format!("{label}_{PROBABILITY}"))]
}

/// Returns the prediction columns of all tasks, with unique names.
pub fn prediction_columns(tasks: &[TaskSignature]) -> PredictionColumns {
    let suffixes: Vec<Vec<Option<String>>> = tasks.iter().map(|task| suffixes(&task.target)).collect();
    let mut columns: Vec<Vec<String>> = suffixes.iter().map(|own| vec![String::new(); own.len()]).collect();
    let (mut taken, mut renamed) = (HashSet::new(), Vec::new());
    for round in [NamePriority::Task, NamePriority::Config, NamePriority::Data] {
        for (task, (suffixes, columns)) in tasks.iter().zip(suffixes.iter().zip(&mut columns)) {
            for (suffix, column) in suffixes.iter().zip(columns) {
                if NamePriority::of(task, suffix) == round {
                    let (name, first) = unique_name(&task.name, suffix.as_deref(), &taken);
                    if name != first {
                        renamed.push(RenamedColumn {
                            task: task.name.clone(),
                            requested: first,
                            name: name.clone(),
                        });
                    }
                    taken.insert(name.clone());
                    *column = name;
                }
            }
        }
    }
    PredictionColumns { columns, renamed }
}

/// Priority of a column in a name clash, highest first: task names, names from the configuration, names
/// known only from the data.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NamePriority {
    Task,
    Config,
    Data,
}

impl NamePriority {
    fn of(task: &TaskSignature, suffix: &Option<String>) -> Self {
        match (&task.target, suffix) {
            (_, None) => Self::Task,
            (FittedTarget::Multiclass { .. } | FittedTarget::Ordinal { .. }, _) => Self::Data,
            _ => Self::Config,
        }
    }
}

/// Returns a name that is not taken, and the preferred name.
fn unique_name(task: &TaskName, suffix: Option<&str>, taken: &HashSet<String>) -> (String, String) {
    let joined = |separator: &str| {
        heading(&suffix.map_or_else(|| task.to_string(), |suffix| format!("{task}{separator}{suffix}")))
    };
    let first = joined("_");
    let others = std::iter::once(joined(":")).chain((2..).map(|number| numbered_name(&joined(":"), number)));
    let name = std::iter::once(first.clone()).chain(others).find(|name| !taken.contains(name));
    (name.unwrap_or_default(), first)
}

/// Appends a number to a name that is already taken: `age_2`. The result fits into a column name.
pub fn numbered_name(name: &str, number: usize) -> String {
    let ending = format!("_{number}");
    format!("{}{ending}", truncate(name, MAX_BYTES - ending.len()))
}

/// Turns any text (class names are arbitrary) into a valid column name.
fn heading(text: &str) -> String {
    let visible = |letter: char| if letter.is_control() { ' ' } else { letter };
    truncate(&text.chars().map(visible).collect::<String>(), MAX_BYTES).to_owned()
}

fn truncate(text: &str, bytes: usize) -> &str {
    let ends = text.char_indices().map(|(start, letter)| start + letter.len_utf8());
    &text[..ends.take_while(|end| *end <= bytes).last().unwrap_or(0)]
}

/// Returns the columns that follow from a task's configuration alone, before any data is read. Duplicate
/// columns or classes count once; they are reported elsewhere.
pub fn planned_columns(task: &TaskName, kind: &TargetConfig, columns: &[ColumnName]) -> Vec<String> {
    let columns: IndexSet<&str> = columns.iter().map(ColumnName::as_str).collect();
    let suffixes: Vec<Option<String>> = match kind {
        TargetConfig::Binary(_) => vec![None, Some(PROBABILITY.to_owned())],
        TargetConfig::Ordinal(config) => {
            let classes: IndexSet<String> = config.order.iter().flatten().cloned().collect();
            std::iter::once(None).chain(classes.into_iter().map(Some)).collect()
        }
        TargetConfig::Multilabel(_) => columns.iter().flat_map(|column| label_suffixes(column)).collect(),
        TargetConfig::Regression(_) if columns.len() > 1 => {
            columns.iter().map(|column| Some((*column).to_owned())).collect()
        }
        _ => vec![None],
    };
    let name =
        |suffix: Option<String>| suffix.map_or_else(|| task.to_string(), |suffix| format!("{task}_{suffix}"));
    suffixes.into_iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::domain::answer::{planned_columns, prediction_columns};
    use crate::domain::name::{ColumnName, TableName, TaskName};
    use crate::domain::signature::TaskSignature;
    use crate::domain::task::{BinaryConfig, FittedTarget, MultilabelConfig, TargetConfig};

    fn task(name: &str, target: FittedTarget) -> TaskSignature {
        let table = TableName::new("t").expect("a name");
        TaskSignature { name: TaskName::new(name).expect("a name"), table, target }
    }

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    fn classes(all: &[&str]) -> FittedTarget {
        FittedTarget::Multiclass { classes: texts(all), counts: vec![1; all.len()] }
    }

    fn numbers(columns: &[&str]) -> FittedTarget {
        let center = serde_json::json!(vec![0.0; columns.len()]);
        let target = serde_json::json!({
            "kind": "regression", "columns": columns, "center": center, "scale": vec![1.0; columns.len()]
        });
        serde_json::from_value(target).expect("a target")
    }

    fn binary() -> FittedTarget {
        FittedTarget::Binary { classes: ["no".to_owned(), "yes".to_owned()], counts: [1, 1], threshold: 0.5 }
    }

    #[test]
    fn columns_start_with_the_task_name() {
        let labels = FittedTarget::Multilabel {
            labels: texts(&["a", "b"]),
            positives: vec![1, 1],
            present: vec![1, 1],
            threshold: 0.5,
        };
        let tasks = [
            task("income", binary()),
            task("colour", classes(&["red", "blue"])),
            task("tags", labels),
            task("delivery", numbers(&["days", "cost"])),
            task("weeks", numbers(&["w"])),
        ];
        let names = prediction_columns(&tasks);
        assert_eq!(names.renamed, []);
        assert_eq!(names.columns[0], ["income", "income_probability"]);
        assert_eq!(names.columns[1], ["colour", "colour_red", "colour_blue"]);
        assert_eq!(names.columns[2], ["tags_a", "tags_a_probability", "tags_b", "tags_b_probability"]);
        assert_eq!(names.columns[3], ["delivery_days", "delivery_cost"]);
        assert_eq!(names.columns[4], ["weeks"]);
    }

    #[test]
    fn a_class_gives_way_to_a_task() {
        let tasks = [
            task("colour", classes(&["red", "blue", "dark_red", "red_probability"])),
            task("colour_red", binary()),
            task("colour_dark", classes(&["red"])),
        ];
        let names = prediction_columns(&tasks);
        assert_eq!(
            names.columns[0],
            ["colour", "colour:red", "colour_blue", "colour_dark_red", "colour:red_probability"]
        );
        assert_eq!(names.columns[1], ["colour_red", "colour_red_probability"]);
        assert_eq!(
            names.columns[2],
            ["colour_dark", "colour_dark:red"],
            "the first of two equal class columns keeps it"
        );
        assert_eq!(names.renamed.len(), 3);
        assert_eq!(
            names.renamed[0].message(),
            "task `colour`: the prediction column `colour_red` is called `colour:red`, because `colour_red` \
             is already taken"
        );
    }

    #[test]
    fn whatever_a_class_is_called_its_column_can_be_read() {
        let long = "x".repeat(300);
        let both = ["a\nb", "a b", "a\tb", &long, &format!("{long}y"), "\u{e9}".repeat(200).as_str(), " "]
            .map(str::to_owned);
        let both: Vec<&str> = both.iter().map(String::as_str).collect();
        let names = prediction_columns(&[task("c", classes(&both))]).columns.concat();
        let different: HashSet<&String> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{names:?}");
        for name in &names {
            assert!(ColumnName::new(name.clone()).is_some(), "{name:?}");
        }
        assert_eq!(names[1..4], ["c_a b", "c:a b", "c:a b_2"]);
    }

    #[test]
    fn clashing_tasks_of_an_old_model_get_unique_columns() {
        let tasks = [task("label", binary()), task("label_probability", numbers(&["y"]))];
        let names = prediction_columns(&tasks);
        assert_eq!(names.columns, [vec!["label", "label:probability"], vec!["label_probability"]]);
    }

    #[test]
    fn configured_columns_are_known_before_the_data() {
        let name = TaskName::new("tags").expect("a name");
        let columns = ["x", "x_probability"].map(|name| ColumnName::new(name).expect("a name"));
        let kind = TargetConfig::Multilabel(MultilabelConfig {
            threshold: crate::domain::number::Fraction::constant(0.5),
        });
        assert_eq!(
            planned_columns(&name, &kind, &columns),
            ["tags_x", "tags_x_probability", "tags_x_probability", "tags_x_probability_probability"]
        );
        let kind = TargetConfig::Binary(BinaryConfig {
            positive: None,
            threshold: crate::domain::number::Fraction::constant(0.5),
        });
        assert_eq!(planned_columns(&name, &kind, &columns[..1]), ["tags", "tags_probability"]);
    }
}
