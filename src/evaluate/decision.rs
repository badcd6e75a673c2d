//! Decided classes beside true ones, and what counting them gives.

use crate::evaluate::metric::Average;
use crate::evaluate::pair::Pairs;

/// Each row's true and decided class.
#[derive(Clone, Debug, PartialEq)]
pub struct Decisions {
    pub classes: usize,
    /// (true, decided)
    pub rows: Vec<(u32, u32)>,
}

impl Decisions {
    pub fn new(classes: usize, rows: impl Iterator<Item = (u32, u32)>) -> Self {
        Self { classes, rows: rows.collect() }
    }

    /// Class numbers as numbers.
    pub fn pairs(&self) -> Pairs {
        Pairs::new(self.rows.iter().map(|(truth, decided)| (*truth as f32, *decided as f32)))
    }

    /// Rows per class: decided right, true, and decided.
    pub fn tally(&self) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); self.classes];
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
pub struct Tally {
    /// Rows of this class that were decided as it.
    pub right: u64,
    /// Rows of this class.
    pub truth: u64,
    /// Rows decided as this class.
    pub decided: u64,
}

impl Tally {
    /// Was the class neither there nor decided? Then it says nothing.
    fn is_absent(&self) -> bool {
        self.truth == 0 && self.decided == 0
    }
}

/// One number from decisions: `of` says a tally's value, `average` how values become one.
///
/// Classes and labels that are neither true nor decided anywhere are left out; when nothing is
/// left, there is no value. Binary tasks give the positive class's value unless an average is
/// asked for.
pub fn averaged(decisions: &[Decisions], average: Average, of: impl Fn(&Tally) -> f64) -> Option<f64> {
    let columns: Vec<Vec<Tally>> = decisions.iter().map(Decisions::tally).collect();
    let counted: Vec<Tally> = match columns.as_slice() {
        [column] if column.len() > 2 || average != Average::Auto => column.clone(),
        // Of a label, and of a binary task, only the presence is of interest.
        _ => columns.iter().map(|column| column[1]).collect(),
    };
    match average {
        Average::Micro => {
            let pot = counted.iter().fold(Tally::default(), |pot, tally| Tally {
                right: pot.right + tally.right,
                truth: pot.truth + tally.truth,
                decided: pot.decided + tally.decided,
            });
            (!pot.is_absent()).then(|| of(&pot))
        }
        Average::Auto | Average::Macro => {
            mean(counted.iter().map(|tally| (!tally.is_absent()).then(|| of(tally))))
        }
    }
}

/// The mean of the defined values; `None` when there is none.
pub fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values.flatten().fold((0.0, 0u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// `part / whole`; 0 when there is nothing to divide by, as scikit-learn has it.
pub fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
