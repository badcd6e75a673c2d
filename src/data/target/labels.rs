//! The different labels of a column, and on how many training rows each stands.

use polars::prelude::PlHashMap;

use crate::data::cells::Cells;
use crate::data::error::Error;
use crate::data::fit::Note;
use crate::data::target::{LabelColumns, warning};
use crate::domain::array::Array;

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
pub(in crate::data) struct Labels {
    pub found: Vec<Label>,
    /// Each row's index into `found`; `None` where the label is missing.
    pub rows: Vec<Option<u32>>,
    /// Are they numbers, or texts that all read as numbers?
    pub are_numbers: bool,
}

impl Labels {
    /// Refuses a column without any label on training rows.
    pub fn of(labels: &LabelColumns<'_>, column: &Cells) -> Result<Self, Error> {
        let mut found: Vec<Label> = Vec::new();
        let mut position: PlHashMap<String, u32> = PlHashMap::default();
        let mut rows = Vec::with_capacity(column.len());
        column.for_each_text(|row, text| {
            rows.push(text.map(|text| {
                let known = position.get(text).copied().unwrap_or_else(|| {
                    position.insert(text.to_owned(), found.len() as u32);
                    found.push(Label { text: text.to_owned(), rows: 0, count: 0, first: row });
                    found.len() as u32 - 1
                });
                found[known as usize].rows += 1;
                known
            }));
        })?;
        for &row in labels.train {
            if let Some(label) = rows[row as usize] {
                let label = &mut found[label as usize];
                if label.count == 0 {
                    label.first = row as usize;
                }
                label.count += 1;
            }
        }
        if found.iter().all(|label| label.count == 0) {
            return Err(Error::NoLabels { column: column.name().to_owned() });
        }
        Ok(Self::sorted(found, rows, column.is_numeric()))
    }

    fn sorted(found: Vec<Label>, mut rows: Vec<Option<u32>>, numeric: bool) -> Self {
        let number = |label: &Label| label.text.trim().parse::<f64>().ok().filter(|number| !number.is_nan());
        let are_numbers = found.iter().all(|label| number(label).is_some());
        let mut order: Vec<u32> = (0..found.len() as u32).collect();
        order.sort_by(|&a, &b| {
            let (a, b) = (&found[a as usize], &found[b as usize]);
            let by_number = match (numeric, number(a), number(b)) {
                (true, Some(a), Some(b)) => a.total_cmp(&b),
                _ => std::cmp::Ordering::Equal,
            };
            by_number.then_with(|| a.text.cmp(&b.text))
        });
        let mut place = vec![0u32; found.len()];
        order.iter().enumerate().for_each(|(position, &label)| place[label as usize] = position as u32);
        rows.iter_mut().flatten().for_each(|label| *label = place[*label as usize]);
        let found = order.iter().map(|&label| found[label as usize].clone()).collect();
        Self { found, rows, are_numbers }
    }

    pub fn texts(&self) -> Vec<String> {
        self.found.iter().map(|label| label.text.clone()).collect()
    }

    /// Refuses a single class, and classes seen on one training row.
    pub fn refuse_lonely(&self, labels: &LabelColumns<'_>, column: &str) -> Result<(), Error> {
        let seen: Vec<&Label> = self.found.iter().filter(|label| label.count > 0).collect();
        if let [only] = seen.as_slice() {
            return Err(Error::OneClass { column: column.to_owned(), value: only.text.clone() });
        }
        let mut once = seen.iter().filter(|label| label.count == 1);
        let count = once.clone().count();
        once.next().map_or(Ok(()), |label| {
            let (value, place) = (label.text.clone(), labels.frame.place_of(label.first, column));
            Err(Error::SeenOnce { column: column.to_owned(), value, place, count })
        })
    }

    /// The truth when `classes` are the classes: a label that is none of them counts as missing.
    pub fn truth(&self, classes: &[String]) -> Array {
        let index: PlHashMap<&str, f32> =
            classes.iter().enumerate().map(|(position, class)| (class.as_str(), position as f32)).collect();
        let code: Vec<f32> = self
            .found
            .iter()
            .map(|label| index.get(label.text.as_str()).copied().unwrap_or(f32::NAN))
            .collect();
        let values: Vec<f32> =
            self.rows.iter().map(|row| row.map_or(f32::NAN, |label| code[label as usize])).collect();
        Array::f32(&[values.len(), 1], values)
    }

    /// Training rows of each class.
    pub fn counts(&self, classes: &[String]) -> Vec<u64> {
        let count =
            |class: &String| self.found.iter().find(|label| label.text == *class).map_or(0, |one| one.count);
        classes.iter().map(count).collect()
    }

    /// A word about labels that stand on rows of valid and test alone.
    pub fn unseen(&self, task: &str) -> Vec<Note> {
        let strange: Vec<&Label> = self.found.iter().filter(|label| label.count == 0).collect();
        let Some(first) = strange.first() else { return vec![] };
        let rows: u64 = strange.iter().map(|label| label.rows).sum();
        vec![warning(format!(
            "task `{task}`: {} label(s), such as `{}`, stand on no training row; their {rows} rows of valid and test \
             count as unlabelled",
            strange.len(),
            first.text
        ))]
    }
}
