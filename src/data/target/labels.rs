//! The different labels of a column, and on how many training rows each stands.

use polars::prelude::PlHashMap;

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::target::{LabelColumns, label_warnings};
use crate::domain::array::Array;
use crate::domain::label::{UnseenClass, unseen};
use crate::domain::task_remark::{TaskRemark, names};

pub(in crate::data) const NO_TRAINING_ROW: &str = "classes on no training row";

/// What becomes of such classes.
pub(in crate::data) const UNSEEN_ADVICE: &str = "training does not teach them, and their rows \
    are scored as wrong; the scores of `known_classes` leave these rows out";

/// One label, and where it was met.
#[derive(Clone, Debug)]
pub(in crate::data) struct Label {
    pub text: String,
    /// Rows of all splits.
    pub rows: u64,
    /// Training rows.
    pub count: u64,
    /// The first row it stands on; the first training row when it stands on one.
    pub first: usize,
}

/// The labels of a column: those of numbers in numeric order, else in the order of their letters.
pub(in crate::data) struct LabelIndex {
    pub found: Vec<Label>,
    /// Each row's index into `found`; `None` where the label is missing.
    pub rows: Vec<Option<u32>>,
    /// Are they numbers?
    pub numeric: bool,
    /// Are they numbers, or texts that all read as numbers?
    pub are_numbers: bool,
}

impl LabelIndex {
    /// Refuses a column without any label on training rows.
    pub fn from_column(labels: &LabelColumns<'_>, column: &Cells) -> Result<Self, DataError> {
        let mut fitted_labels: Vec<Label> = Vec::new();
        let mut position: PlHashMap<String, u32> = PlHashMap::default();
        let mut rows = Vec::with_capacity(column.len());
        column.for_each_text(|row, text| {
            rows.push(text.map(|text| {
                let known = position.get(text).copied().unwrap_or_else(|| {
                    position.insert(text.to_owned(), fitted_labels.len() as u32);
                    fitted_labels.push(Label { text: text.to_owned(), rows: 0, count: 0, first: row });
                    fitted_labels.len() as u32 - 1
                });
                fitted_labels[known as usize].rows += 1;
                known
            }));
        })?;
        for &row in labels.train {
            if let Some(label) = rows[row as usize] {
                let label = &mut fitted_labels[label as usize];
                if label.count == 0 {
                    label.first = row as usize;
                }
                label.count += 1;
            }
        }
        if fitted_labels.iter().all(|label| label.count == 0) {
            return Err(DataError::NoLabels { column: column.name().to_owned() });
        }
        Ok(Self::sorted(fitted_labels, rows, column.is_numeric()))
    }

    fn sorted(labels: Vec<Label>, mut rows: Vec<Option<u32>>, numeric: bool) -> Self {
        let number = |label: &Label| label.text.trim().parse::<f64>().ok().filter(|number| !number.is_nan());
        let are_numbers = labels.iter().all(|label| number(label).is_some());
        let mut order: Vec<u32> = (0..labels.len() as u32).collect();
        order.sort_by(|&a, &b| {
            let (a, b) = (&labels[a as usize], &labels[b as usize]);
            let by_number = match (numeric, number(a), number(b)) {
                (true, Some(a), Some(b)) => a.total_cmp(&b),
                _ => std::cmp::Ordering::Equal,
            };
            by_number.then_with(|| a.text.cmp(&b.text))
        });
        let mut index = vec![0u32; labels.len()];
        order.iter().enumerate().for_each(|(position, &label)| index[label as usize] = position as u32);
        rows.iter_mut().flatten().for_each(|label| *label = index[*label as usize]);
        let labels = order.iter().map(|&label| labels[label as usize].clone()).collect();
        Self { found: labels, rows, numeric, are_numbers }
    }

    pub fn texts(&self) -> Vec<String> {
        self.found.iter().map(|label| label.text.clone()).collect()
    }

    /// Refuses a single class on training rows.
    pub fn refuse_one_class(&self, column: &str) -> Result<(), DataError> {
        let mut seen = self.found.iter().filter(|label| label.count > 0);
        match (seen.next(), seen.next()) {
            (Some(only), None) => {
                Err(DataError::OneClass { column: column.to_owned(), value: only.text.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The truth when `classes` are the classes, in the order of their numbers or of their letters: a label
    /// that is none of them is one that training never saw.
    pub fn truth(&self, classes: &[String], by_number: bool) -> (Array, Vec<UnseenClass>) {
        let order = |a: &str, b: &str| match (a.trim().parse::<f64>(), b.trim().parse::<f64>()) {
            (Ok(first), Ok(second)) if by_number => first.total_cmp(&second),
            _ => a.cmp(b),
        };
        let known = classes.iter().enumerate().map(|(number, class)| (class.as_str(), number as f32));
        let mut code: PlHashMap<&str, f32> = known.collect();
        let mut others: Vec<&str> = self.found.iter().map(|label| label.text.as_str()).collect();
        others.retain(|label| !code.contains_key(label));
        others.sort_by(|a, b| order(a, b));
        code.extend(others.iter().enumerate().map(|(number, label)| (*label, unseen(number))));
        let before = |label: &str| classes.iter().filter(|class| order(class, label).is_lt()).count();
        let others = others
            .iter()
            .map(|label| UnseenClass { name: (*label).to_owned(), before: before(label) })
            .collect();
        let code: Vec<f32> = self.found.iter().map(|label| code[label.text.as_str()]).collect();
        let values: Vec<f32> =
            self.rows.iter().map(|row| row.map_or(f32::NAN, |label| code[label as usize])).collect();
        (Array::f32(&[values.len(), 1], values), others)
    }

    /// Training rows of each class.
    pub fn counts(&self, classes: &[String]) -> Vec<u64> {
        let count =
            |class: &String| self.found.iter().find(|label| label.text == *class).map_or(0, |one| one.count);
        classes.iter().map(count).collect()
    }

    /// What a person should know of them: classes on one training row or on none, and labels that look like
    /// something else.
    pub fn remarks(&self, task: &str, column: &str) -> Vec<TaskRemark> {
        let all: Vec<(&str, u64)> =
            self.found.iter().map(|label| (label.text.as_str(), label.rows)).collect();
        let mut remarks = label_warnings::of_classes(task, column, &all);
        remarks.extend(rare(task, self.found.iter().filter(|label| label.count == 1), self.found.len()));
        remarks.extend(unseen_classes_remark(
            task,
            self.found.iter().filter(|label| label.count == 0),
            self.found.len(),
        ));
        remarks
    }
}

/// A word about classes on one training row.
fn rare<'a>(task: &str, labels: impl Iterator<Item = &'a Label>, of: usize) -> Option<TaskRemark> {
    let few: Vec<&str> = labels.map(|label| label.text.as_str()).collect();
    (!few.is_empty()).then(|| TaskRemark {
        cause: "classes on one training row",
        task: task.to_owned(),
        text: format!("{} of {of} classes on one training row only ({})", few.len(), names(few)),
        advice: "too few to be learned; merge or drop such classes in the `query` if they matter".to_owned(),
    })
}

/// A word about classes on rows of valid and test alone.
fn unseen_classes_remark<'a>(
    task: &str,
    labels: impl Iterator<Item = &'a Label>,
    of: usize,
) -> Option<TaskRemark> {
    let all: Vec<&Label> = labels.collect();
    let rows: u64 = all.iter().map(|label| label.rows).sum();
    (!all.is_empty()).then(|| TaskRemark {
        cause: NO_TRAINING_ROW,
        task: task.to_owned(),
        text: format!(
            "{} of {of} classes on no training row ({}), but on {rows} rows of valid and test",
            all.len(),
            names(all.iter().map(|label| label.text.as_str()))
        ),
        advice: UNSEEN_ADVICE.to_owned(),
    })
}
