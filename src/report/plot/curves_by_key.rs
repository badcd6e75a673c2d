//! Observations of a trial, indexed by epoch and names: hundreds of tasks have tens of thousands of pairs,
//! and figures look up each of them in every epoch.

use std::ops::Deref;

use crate::store::affinity::AffinityRecord;
use crate::store::curve::EpochObservation;
use crate::store::record::{GradientRecord, ScoreRecord, ShareRecord};

/// A record that is identified by up to three names.
pub trait RecordKey {
    /// The names; unused ones are empty.
    fn names(&self) -> [&str; 3];
}

impl RecordKey for GradientRecord {
    fn names(&self) -> [&str; 3] {
        [&self.task, &self.other, ""]
    }
}

impl RecordKey for AffinityRecord {
    fn names(&self) -> [&str; 3] {
        [&self.task, &self.other, ""]
    }
}

impl RecordKey for ShareRecord {
    fn names(&self) -> [&str; 3] {
        [&self.unit, &self.reader, &self.source]
    }
}

impl RecordKey for ScoreRecord {
    fn names(&self) -> [&str; 3] {
        [&self.task, self.split.name(), &self.metric]
    }
}

/// Observations in recording order, with an index.
#[derive(Clone, Debug, PartialEq)]
pub struct Observations<T> {
    records: Vec<EpochObservation<T>>,
    /// Indices of the records, sorted by epoch and names.
    order: Vec<usize>,
}

impl<T: RecordKey> Observations<T> {
    /// The first record with these names in this epoch.
    pub fn at(&self, epoch: usize, names: [&str; 3]) -> Option<&T> {
        let key = |index: &usize| (self.records[*index].epoch, self.records[*index].record.names());
        let from = self.order.partition_point(|index| key(index) < (epoch, names));
        let index = self.order.get(from).filter(|index| key(index) == (epoch, names))?;
        Some(&self.records[*index].record)
    }
}

impl<T: RecordKey> From<Vec<EpochObservation<T>>> for Observations<T> {
    fn from(records: Vec<EpochObservation<T>>) -> Self {
        let mut order: Vec<usize> = (0..records.len()).collect();
        // A stable sort, so that lookups find the first of several equal keys.
        order.sort_by(|one, other| {
            let (one, other) = (&records[*one], &records[*other]);
            (one.epoch, one.record.names()).cmp(&(other.epoch, other.record.names()))
        });
        Self { records, order }
    }
}

impl<T> Default for Observations<T> {
    fn default() -> Self {
        Self { records: Vec::new(), order: Vec::new() }
    }
}

impl<T> Deref for Observations<T> {
    type Target = [EpochObservation<T>];

    fn deref(&self) -> &[EpochObservation<T>] {
        &self.records
    }
}

/// Distinct names in order of first occurrence.
pub fn distinct<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut known = std::collections::HashSet::new();
    names.into_iter().filter(|name| known.insert(name.as_str())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use crate::report::plot::curves_by_key::{Observations, distinct};
    use crate::store::curve::EpochObservation;
    use crate::store::record::GradientRecord;

    #[test]
    fn a_record_is_found_by_epoch_and_names_the_first_of_several() {
        let seen = |epoch, task: &str, other: &str, cosine| {
            let (task, other) = (task.to_owned(), other.to_owned());
            let record =
                GradientRecord { task, other, cosine: Some(cosine), conflicts: None, similarity: None };
            EpochObservation { trial: 1, epoch, record }
        };
        let all =
            [seen(2, "b", "c", 1.0), seen(1, "b", "c", 2.0), seen(1, "a", "c", 3.0), seen(2, "b", "c", 4.0)];
        let all = Observations::from(all.to_vec());
        let at = |epoch, one, other| all.at(epoch, [one, other, ""]).and_then(|record| record.cosine);
        assert_eq!([at(1, "a", "c"), at(1, "b", "c"), at(2, "b", "c")], [Some(3.0), Some(2.0), Some(1.0)]);
        assert_eq!([at(2, "a", "c"), at(3, "b", "c"), at(1, "c", "b")], [None, None, None]);
        assert_eq!(all[0].epoch, 2, "records keep their order");
    }

    #[test]
    fn names_are_distinct() {
        let names = ["b", "a", "b", "c", "a"].map(str::to_owned);
        assert_eq!(distinct(&names), ["b", "a", "c"]);
    }
}
