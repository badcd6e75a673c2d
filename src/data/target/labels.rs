//! The distinct labels of a column, with their number of rows.

use polars::prelude::PlHashMap;

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::target::{LabelColumns, label_warnings};
use crate::domain::array::Array;
use crate::domain::label::{UnseenClass, encode_unseen};
use crate::domain::task_remark::{TaskRemark, list_names};

/// The cause of remarks on classes without training rows.
pub(in crate::data) const NO_TRAINING_ROW: &str = "classes on no training row";

/// The advice for classes without training rows.
pub(in crate::data) const UNSEEN_ADVICE: &str = "the model cannot learn them, and their rows are scored as \
    wrong; `known_classes` scores leave these rows out";

/// A label with its number of rows.
#[derive(Clone, Debug)]
pub(in crate::data) struct Label {
    pub text: String,
    /// Rows of all splits.
    pub rows: u64,
    /// Training rows.
    pub count: u64,
    /// The first training row with this label, or the first row if there is no training row.
    pub first: usize,
}

/// The labels of a column, sorted numerically in numeric columns, else as texts.
pub(in crate::data) struct LabelIndex {
    pub labels: Vec<Label>,
    /// The index of each row into `labels`; `None` where the label is missing.
    pub rows: Vec<Option<u32>>,
    /// Whether the column is numeric.
    pub numeric: bool,
    /// Whether all labels are numbers, even if the column holds texts.
    pub are_numbers: bool,
}

impl LabelIndex {
    /// Collects the labels of a column.
    ///
    /// # Errors
    /// [`DataError::NoLabels`] when no training row has a label.
    pub fn from_column(columns: &LabelColumns<'_>, column: &Cells) -> Result<Self, DataError> {
        let mut labels: Vec<Label> = Vec::new();
        let mut position: PlHashMap<String, u32> = PlHashMap::default();
        let mut rows = Vec::with_capacity(column.len());
        column.for_each_text(|row, text| {
            rows.push(text.map(|text| {
                let index = position.get(text).copied().unwrap_or_else(|| {
                    position.insert(text.to_owned(), labels.len() as u32);
                    labels.push(Label { text: text.to_owned(), rows: 0, count: 0, first: row });
                    labels.len() as u32 - 1
                });
                labels[index as usize].rows += 1;
                index
            }));
        })?;
        for &row in columns.train {
            if let Some(index) = rows[row as usize] {
                let label = &mut labels[index as usize];
                if label.count == 0 {
                    label.first = row as usize;
                }
                label.count += 1;
            }
        }
        if labels.iter().all(|label| label.count == 0) {
            return Err(DataError::NoLabels { column: column.name().to_owned() });
        }
        Ok(Self::sorted(labels, rows, column.is_numeric()))
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
        Self { labels, rows, numeric, are_numbers }
    }

    pub fn texts(&self) -> Vec<String> {
        self.labels.iter().map(|label| label.text.clone()).collect()
    }

    /// Refuses columns with a single class on training rows.
    pub fn refuse_one_class(&self, column: &str) -> Result<(), DataError> {
        let mut seen = self.labels.iter().filter(|label| label.count > 0);
        match (seen.next(), seen.next()) {
            (Some(only), None) => {
                Err(DataError::OneClass { column: column.to_owned(), value: only.text.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The class indices `[rows, 1]`, and the unseen classes: labels that are not among `classes`.
    /// `by_number` says whether the classes are ordered as numbers or as texts.
    pub fn truth(&self, classes: &[String], by_number: bool) -> (Array, Vec<UnseenClass>) {
        let order = |a: &str, b: &str| match (a.trim().parse::<f64>(), b.trim().parse::<f64>()) {
            (Ok(first), Ok(second)) if by_number => first.total_cmp(&second),
            _ => a.cmp(b),
        };
        let known = classes.iter().enumerate().map(|(number, class)| (class.as_str(), number as f32));
        let mut code: PlHashMap<&str, f32> = known.collect();
        let mut unseen_labels: Vec<&str> = self.labels.iter().map(|label| label.text.as_str()).collect();
        unseen_labels.retain(|label| !code.contains_key(label));
        unseen_labels.sort_by(|a, b| order(a, b));
        code.extend(unseen_labels.iter().enumerate().map(|(number, label)| (*label, encode_unseen(number))));
        let before = |label: &str| classes.iter().filter(|class| order(class, label).is_lt()).count();
        let unseen_classes = unseen_labels
            .iter()
            .map(|label| UnseenClass { name: (*label).to_owned(), before: before(label) })
            .collect();
        let code: Vec<f32> = self.labels.iter().map(|label| code[label.text.as_str()]).collect();
        let values: Vec<f32> =
            self.rows.iter().map(|row| row.map_or(f32::NAN, |label| code[label as usize])).collect();
        (Array::f32(&[values.len(), 1], values), unseen_classes)
    }

    /// The number of training rows of each class.
    pub fn counts(&self, classes: &[String]) -> Vec<u64> {
        let count =
            |class: &String| self.labels.iter().find(|label| label.text == *class).map_or(0, |one| one.count);
        classes.iter().map(count).collect()
    }

    /// Remarks on classes with one training row or none, and on suspicious labels.
    pub fn remarks(&self, task: &str, column: &str) -> Vec<TaskRemark> {
        let all: Vec<(&str, u64)> =
            self.labels.iter().map(|label| (label.text.as_str(), label.rows)).collect();
        let mut remarks = label_warnings::of_classes(task, column, &all);
        remarks.extend(self.rare_classes(task));
        remarks.extend(self.unseen_classes(task));
        remarks
    }

    /// A remark on classes with one training row.
    fn rare_classes(&self, task: &str) -> Option<TaskRemark> {
        let rare = self.labels.iter().filter(|label| label.count == 1);
        let rare: Vec<&str> = rare.map(|label| label.text.as_str()).collect();
        (!rare.is_empty()).then(|| TaskRemark {
            cause: "classes on one training row",
            task: task.to_owned(),
            text: format!(
                "{} of {} classes occur on one training row only ({})",
                rare.len(),
                self.labels.len(),
                list_names(rare)
            ),
            advice: "too few rows to learn from; merge or drop such classes in the `query`".to_owned(),
        })
    }

    /// A remark on classes without training rows.
    fn unseen_classes(&self, task: &str) -> Option<TaskRemark> {
        let unseen: Vec<&Label> = self.labels.iter().filter(|label| label.count == 0).collect();
        let rows: u64 = unseen.iter().map(|label| label.rows).sum();
        (!unseen.is_empty()).then(|| TaskRemark {
            cause: NO_TRAINING_ROW,
            task: task.to_owned(),
            text: format!(
                "{} of {} classes occur on no training row ({}), but on {rows} validation and test rows",
                unseen.len(),
                self.labels.len(),
                list_names(unseen.iter().map(|label| label.text.as_str()))
            ),
            advice: UNSEEN_ADVICE.to_owned(),
        })
    }
}
