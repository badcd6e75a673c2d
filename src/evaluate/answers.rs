//! A task's truth and answers side by side, and the three ways metrics look at them.
//!
//! Every view leaves out the cells whose truth is missing, so a metric never sees them.

use crate::domain::task::Target;
use crate::evaluate::contest::Contest;
use crate::evaluate::decision::Decisions;
use crate::evaluate::pair::Pairs;

/// What a task should have said, and what it said. Row-major, as [`Target`] describes both.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    pub target: &'a Target,
    /// `[rows, width]`, NaN where the label is missing.
    pub truth: &'a [f32],
    /// `[rows, answers]`: probabilities, or numbers in the target's unit.
    pub answers: &'a [f32],
    pub rows: usize,
}

impl<'a> Answers<'a> {
    /// Panics when an array does not fill its shape: a bug of the caller.
    pub fn new(target: &'a Target, truth: &'a [f32], answers: &'a [f32], rows: usize) -> Self {
        assert_eq!(truth.len(), rows * target.width(), "truth fills [{rows}, {}]", target.width());
        assert_eq!(answers.len(), rows * target.answers(), "answers fill [{rows}, {}]", target.answers());
        Self { target, truth, answers, rows }
    }

    /// Rows with at least one label.
    pub fn present(&self) -> usize {
        self.truth
            .chunks_exact(self.target.width())
            .filter(|row| row.iter().any(|cell| !cell.is_nan()))
            .count()
    }

    /// Decided against true classes: one list, or one per label. None for regression.
    pub fn decisions(&self) -> Vec<Decisions> {
        match self.target {
            Target::Binary { threshold, .. } => vec![self.yes_or_no(0, *threshold)],
            Target::Multiclass { classes, .. }
            | Target::Ordinal { classes, .. }
            | Target::Tagging { classes, .. }
            | Target::Segmentation { classes, .. } => vec![self.likeliest(classes.len())],
            Target::Multilabel { labels, threshold, .. } => {
                (0..labels.len()).map(|label| self.yes_or_no(label, *threshold)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Yes-or-no questions with the probability of yes: one (binary), one per class against the
    /// rest (multiclass, ordinal), or one per label. None for regression. One at a time, because
    /// many classes of many rows would not fit.
    pub fn contests(&self) -> impl Iterator<Item = Contest> + '_ {
        let questions = match self.target {
            Target::Regression { .. } => 0,
            target => target.answers(),
        };
        (0..questions).map(move |question| match self.target {
            Target::Multiclass { .. } | Target::Ordinal { .. } => {
                Contest::new(self.cells(0, question).map(|(truth, p)| (truth as usize == question, p)))
            }
            _ => Contest::new(self.cells(question, question).map(|(truth, p)| (truth == 1.0, p))),
        })
    }

    /// True and answered numbers: one list per column (regression), or class numbers (ordinal).
    pub fn pairs(&self) -> Vec<Pairs> {
        match self.target {
            Target::Regression { columns, .. } => {
                (0..columns.len()).map(|column| Pairs::new(self.cells(column, column))).collect()
            }
            Target::Ordinal { classes, .. } => vec![self.likeliest(classes.len()).pairs()],
            _ => Vec::new(),
        }
    }

    /// Each present row's true class and the whole row of probabilities.
    pub fn distributions(&self) -> impl Iterator<Item = (usize, &'a [f32])> {
        let width = self.target.answers();
        self.truth
            .iter()
            .zip(self.answers.chunks_exact(width))
            .filter(|(truth, _)| !truth.is_nan())
            .map(|(truth, row)| (*truth as usize, row))
    }

    /// One column of truth beside one column of answers.
    fn cells(&self, truth: usize, answer: usize) -> impl Iterator<Item = (f32, f32)> + '_ {
        let truths = self.truth.iter().skip(truth).step_by(self.target.width());
        let answers = self.answers.iter().skip(answer).step_by(self.target.answers());
        truths.zip(answers).filter(|(truth, _)| !truth.is_nan()).map(|(truth, answer)| (*truth, *answer))
    }

    fn yes_or_no(&self, column: usize, threshold: f64) -> Decisions {
        let decided =
            self.cells(column, column).map(|(truth, p)| (truth as u32, u32::from(f64::from(p) >= threshold)));
        Decisions::new(2, decided)
    }

    fn likeliest(&self, classes: usize) -> Decisions {
        Decisions::new(classes, self.distributions().map(|(truth, row)| (truth as u32, likeliest(row))))
    }
}

/// The class of greatest probability; the first of several equal ones.
pub fn likeliest(row: &[f32]) -> u32 {
    let mut best = 0;
    for (class, p) in row.iter().enumerate() {
        if *p > row[best] {
            best = class;
        }
    }
    best as u32
}
