//! True and predicted classes, and their counts.

use crate::evaluate::pair::NumberPairs;

/// The true and the predicted class of each labelled cell.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassDecisions {
    /// Number of classes.
    pub classes: usize,
    /// (true, predicted)
    pub rows: Vec<(u32, u32)>,
    /// The position of each class in the order of classes, if it is not the class's number.
    positions: Option<Vec<u32>>,
    /// Whether this is a binary task or label, whose positive class is 1.
    pub is_binary: bool,
}

impl ClassDecisions {
    /// Counts pairs of true and predicted class.
    pub fn new(classes: usize, rows: impl Iterator<Item = (u32, u32)>) -> Self {
        Self { classes, rows: rows.collect(), positions: None, is_binary: false }
    }

    /// The decisions of a binary task or label.
    pub fn binary(rows: impl Iterator<Item = (u32, u32)>) -> Self {
        Self { is_binary: true, ..Self::new(2, rows) }
    }

    /// Sets the position of each class in the order of classes.
    pub fn with_positions(self, positions: Vec<u32>) -> Self {
        Self { positions: Some(positions), ..self }
    }

    /// The positions of the true and predicted classes as numbers.
    pub fn pairs(&self) -> NumberPairs {
        let position =
            |class: u32| self.positions.as_ref().map_or(class, |positions| positions[class as usize]) as f32;
        NumberPairs::new(self.rows.iter().map(|(truth, predicted)| (position(*truth), position(*predicted))))
    }

    /// The counts of each class.
    pub fn tally(&self) -> Vec<ClassCounts> {
        let mut tallies = vec![ClassCounts::default(); self.classes];
        for (truth, predicted) in &self.rows {
            tallies[*truth as usize].actual += 1;
            tallies[*predicted as usize].predicted += 1;
            tallies[*truth as usize].correct += u64::from(truth == predicted);
        }
        tallies
    }

    /// The fraction of correct predictions; `None` without rows.
    pub fn accuracy(&self) -> Option<f64> {
        let correct = self.rows.iter().filter(|(truth, predicted)| truth == predicted).count();
        (!self.rows.is_empty()).then(|| ratio(correct as u64, self.rows.len() as u64))
    }
}

/// The counts of one class or kind of span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCounts {
    /// True positives.
    pub correct: u64,
    /// True positives and false negatives.
    pub actual: u64,
    /// True positives and false positives.
    pub predicted: u64,
}

impl ClassCounts {
    /// Whether the class is neither true nor predicted anywhere.
    pub fn is_absent(&self) -> bool {
        self.actual == 0 && self.predicted == 0
    }
}

/// `part / whole`; 0 if `whole` is 0, like scikit-learn with `zero_division=0`.
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
