//! Decided classes beside true ones, and what counting them gives.

use crate::evaluate::pair::NumberPairs;

/// Each row's true and decided class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassDecisions {
    pub classes: usize,
    /// (true, decided)
    pub rows: Vec<(u32, u32)>,
    /// Each class's place in their order, where its number does not say it.
    places: Option<Vec<u32>>,
    /// A yes-or-no question, of which the yes alone is of interest.
    pub presence: bool,
}

impl ClassDecisions {
    pub fn new(classes: usize, rows: impl Iterator<Item = (u32, u32)>) -> Self {
        Self { classes, rows: rows.collect(), places: None, presence: false }
    }

    /// Of a yes-or-no question.
    pub fn of_presence(rows: impl Iterator<Item = (u32, u32)>) -> Self {
        Self { presence: true, ..Self::new(2, rows) }
    }

    /// Each class's place in their order.
    pub fn with_places(self, indices: Vec<u32>) -> Self {
        Self { places: Some(indices), ..self }
    }

    /// The classes' places in their order as numbers.
    pub fn pairs(&self) -> NumberPairs {
        let index = |class: u32| self.places.as_ref().map_or(class, |indices| indices[class as usize]) as f32;
        NumberPairs::new(self.rows.iter().map(|(truth, decided)| (index(*truth), index(*decided))))
    }

    /// Rows per class: decided right, true, and decided.
    pub fn tally(&self) -> Vec<ClassCounts> {
        let mut tallies = vec![ClassCounts::default(); self.classes];
        for (truth, decided) in &self.rows {
            tallies[*truth as usize].truth += 1;
            tallies[*decided as usize].decided += 1;
            tallies[*truth as usize].right += u64::from(truth == decided);
        }
        tallies
    }

    /// Share of rows decided right.
    pub fn accuracy(&self) -> Option<f64> {
        let right = self.rows.iter().filter(|(truth, decided)| truth == decided).count();
        (!self.rows.is_empty()).then(|| share(right as u64, self.rows.len() as u64))
    }
}

/// What happened to one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCounts {
    /// Rows of this class that were decided as it.
    pub right: u64,
    /// Rows of this class.
    pub truth: u64,
    /// Rows decided as this class.
    pub decided: u64,
}

impl ClassCounts {
    /// Was the class neither there nor decided? Then it says nothing.
    pub fn is_absent(&self) -> bool {
        self.truth == 0 && self.decided == 0
    }
}

/// `part / whole`; 0 when there is nothing to divide by, as scikit-learn has it.
pub fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
