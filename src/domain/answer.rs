//! What the columns of answers are called: one place for all who write them, check them or speak of them.
//!
//! A task's answer is called as the task; what else is said of it bears the task's name and `_`:
//! `income_probability`, `colour_red`, `tags_new_probability`, `delivery_days`. No two columns have one name.
//! Where two would, the one that a task's words alone name keeps it, and the column of a class that only the
//! data has is called with `:` instead: beside a task `colour_red` the class `red` of `colour` is answered in
//! `colour:red`.

use std::collections::HashSet;

use indexmap::IndexSet;

use crate::domain::name::{ColumnName, TaskName};
use crate::domain::signature::TaskSignature;
use crate::domain::task::{FittedTarget, TargetConfig};

/// The most bytes of a column's name, as where it is read.
const LONGEST: usize = 256;

/// The columns of answers, by task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PredictionColumns {
    /// Of each task, in order.
    pub columns: Vec<Vec<String>>,
    pub renamed: Vec<RenamedColumn>,
}

/// A column that another one has taken the name of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenamedColumn {
    pub task: TaskName,
    pub requested: String,
    pub name: String,
}

impl RenamedColumn {
    /// What a person should know of it.
    pub fn message(&self) -> String {
        let Self { task, requested: wanted, name } = self;
        format!(
            "task `{task}`: its column of answers `{wanted}` is called `{name}`, since another column has that name"
        )
    }
}

/// What a task's columns are called behind its name; `None`: by its name alone.
fn parts(target: &FittedTarget) -> Vec<Option<String>> {
    let named = |name: &String| Some(name.clone());
    match target {
        FittedTarget::Binary { .. } => vec![None, Some(PROBABILITY.to_owned())],
        FittedTarget::Multiclass { classes, .. } | FittedTarget::Ordinal { classes, .. } => {
            std::iter::once(None).chain(classes.iter().map(named)).collect()
        }
        FittedTarget::Multilabel { labels, .. } => {
            labels.iter().flat_map(|label| label_parts(label)).collect()
        }
        FittedTarget::Regression { columns, .. } if columns.len() > 1 => columns.iter().map(named).collect(),
        _ => vec![None],
    }
}

const PROBABILITY: &str = "probability";

fn label_parts(label: &str) -> [Option<String>; 2] {
    [Some(label.to_owned()), Some(format!("{label}_{PROBABILITY}"))]
}

/// The columns of the tasks' answers, no two of one name.
pub fn answer_names(tasks: &[TaskSignature]) -> PredictionColumns {
    let wanted: Vec<Vec<Option<String>>> = tasks.iter().map(|task| parts(&task.target)).collect();
    let mut columns: Vec<Vec<String>> = wanted.iter().map(|parts| vec![String::new(); parts.len()]).collect();
    let (mut taken, mut renamed) = (HashSet::new(), Vec::new());
    // The tasks' own names first, then what their words name, then what only the data has.
    for round in [NamePriority::Task, NamePriority::Words, NamePriority::Data] {
        for (task, (parts, columns)) in tasks.iter().zip(wanted.iter().zip(&mut columns)) {
            for (part, column) in parts.iter().zip(columns) {
                if NamePriority::from_target(task, part) == round {
                    let (name, first) = free(&task.name, part.as_deref(), &taken);
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

/// How firmly a column holds its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NamePriority {
    Task,
    Words,
    Data,
}

impl NamePriority {
    fn from_target(task: &TaskSignature, part: &Option<String>) -> Self {
        match (&task.target, part) {
            (_, None) => Self::Task,
            (FittedTarget::Multiclass { .. } | FittedTarget::Ordinal { .. }, _) => Self::Data,
            _ => Self::Words,
        }
    }
}

/// A name that nobody has taken, and the one that was wanted.
fn free(task: &TaskName, part: Option<&str>, taken: &HashSet<String>) -> (String, String) {
    let joined =
        |join: &str| heading(&part.map_or_else(|| task.to_string(), |part| format!("{task}{join}{part}")));
    let first = joined("_");
    let others = std::iter::once(joined(":")).chain((2..).map(|number| numbered_name(&joined(":"), number)));
    let name = std::iter::once(first.clone()).chain(others).find(|name| !taken.contains(name));
    (name.unwrap_or_default(), first)
}

/// A name told from others of that name: `age_2`.
pub fn numbered_name(name: &str, number: usize) -> String {
    let ending = format!("_{number}");
    format!("{}{ending}", truncate(name, LONGEST - ending.len()))
}

/// A text as a column may be called, so that what is written can be read: classes may be any text.
fn heading(text: &str) -> String {
    let visible = |letter: char| if letter.is_control() { ' ' } else { letter };
    truncate(&text.chars().map(visible).collect::<String>(), LONGEST).to_owned()
}

fn truncate(text: &str, bytes: usize) -> &str {
    let ends = text.char_indices().map(|(start, letter)| start + letter.len_utf8());
    &text[..ends.take_while(|end| *end <= bytes).last().unwrap_or(0)]
}

/// The columns that a task's words alone name, before any data: classes are known where they are written. A
/// column or class that is named twice counts once: that is another mistake.
pub fn planned(task: &TaskName, kind: &TargetConfig, columns: &[ColumnName]) -> Vec<String> {
    let columns: IndexSet<&str> = columns.iter().map(ColumnName::as_str).collect();
    let parts: Vec<Option<String>> = match kind {
        TargetConfig::Binary(_) => vec![None, Some(PROBABILITY.to_owned())],
        TargetConfig::Ordinal(config) => {
            let classes: IndexSet<String> = config.order.iter().flatten().cloned().collect();
            std::iter::once(None).chain(classes.into_iter().map(Some)).collect()
        }
        TargetConfig::Multilabel(_) => columns.iter().flat_map(|column| label_parts(column)).collect(),
        TargetConfig::Regression(_) if columns.len() > 1 => {
            columns.iter().map(|column| Some((*column).to_owned())).collect()
        }
        _ => vec![None],
    };
    let name = |part: Option<String>| part.map_or_else(|| task.to_string(), |part| format!("{task}_{part}"));
    parts.into_iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::domain::answer::{answer_names, planned};
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
    fn columns_bear_the_tasks_name() {
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
        let names = answer_names(&tasks);
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
        let names = answer_names(&tasks);
        assert_eq!(
            names.columns[0],
            ["colour", "colour:red", "colour_blue", "colour_dark_red", "colour:red_probability"]
        );
        assert_eq!(names.columns[1], ["colour_red", "colour_red_probability"]);
        assert_eq!(names.columns[2], ["colour_dark", "colour_dark:red"], "of two classes the first keeps it");
        assert_eq!(names.renamed.len(), 3);
        assert_eq!(
            names.renamed[0].message(),
            "task `colour`: its column of answers `colour_red` is called `colour:red`, since another column has that name"
        );
    }

    #[test]
    fn whatever_a_class_is_called_its_column_can_be_read() {
        let long = "x".repeat(300);
        let both = ["a\nb", "a b", "a\tb", &long, &format!("{long}y"), "\u{e9}".repeat(200).as_str(), " "]
            .map(str::to_owned);
        let both: Vec<&str> = both.iter().map(String::as_str).collect();
        let names = answer_names(&[task("c", classes(&both))]).columns.concat();
        let different: HashSet<&String> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{names:?}");
        for name in &names {
            assert!(ColumnName::new(name.clone()).is_some(), "{name:?}");
        }
        assert_eq!(names[1..4], ["c_a b", "c:a b", "c:a b_2"]);
    }

    #[test]
    fn an_old_model_with_two_tasks_of_one_column_is_told_apart_too() {
        let tasks = [task("label", binary()), task("label_probability", numbers(&["y"]))];
        let names = answer_names(&tasks);
        assert_eq!(names.columns, [vec!["label", "label:probability"], vec!["label_probability"]]);
    }

    #[test]
    fn what_words_alone_name_is_known_before_the_data() {
        let name = TaskName::new("tags").expect("a name");
        let columns = ["x", "x_probability"].map(|name| ColumnName::new(name).expect("a name"));
        let kind = TargetConfig::Multilabel(MultilabelConfig {
            threshold: crate::domain::number::Fraction::constant(0.5),
        });
        assert_eq!(
            planned(&name, &kind, &columns),
            ["tags_x", "tags_x_probability", "tags_x_probability", "tags_x_probability_probability"]
        );
        let kind = TargetConfig::Binary(BinaryConfig {
            positive: None,
            threshold: crate::domain::number::Fraction::constant(0.5),
        });
        assert_eq!(planned(&name, &kind, &columns[..1]), ["tags", "tags_probability"]);
    }
}
