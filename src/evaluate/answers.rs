//! A task's truth and answers side by side, and the ways metrics look at them.
//!
//! Where a task has steps or pixels, each of them is a cell; else each row is one. Every view leaves out the
//! cells whose truth is missing, so a metric never sees them. A class that training never saw is a class of
//! its own, which no answer gives: such cells count as wrong, unless only known classes are looked at.

use std::borrow::Cow;

use crate::domain::label::{UnseenClass, unseen_number};
use crate::domain::task::{FittedTarget, LabelLevel};
use crate::evaluate::decision::ClassDecisions;
use crate::evaluate::pair::NumberPairs;
use crate::evaluate::ranking::RankedPredictions;

/// What a task should have said, and what it said. Row-major, as [`FittedTarget`] describes both.
#[derive(Clone, Copy, Debug)]
pub struct TaskAnswers<'a> {
    pub target: &'a FittedTarget,
    /// `[cells, width]`, NaN where the label is missing, or of a class that training never saw.
    pub truth: &'a [f32],
    /// The classes that training never saw; where they are not told, their cells count as missing.
    pub unseen: &'a [UnseenClass],
    /// Look at cells of known classes alone: those that stand on training rows.
    pub known_only: bool,
    /// `[cells, answers]`: probabilities, or numbers in the target's unit. Empty for a task that writes
    /// tokens of a vocabulary.
    pub answers: &'a [f32],
    /// Both in 64 bits, of a task of numbers that 32 bits may not tell apart.
    pub numbers: Option<NumericAnswers<'a>>,
    pub cells: usize,
    /// The cells where each row begins, and where the last ends, of a task of steps.
    pub offsets: Option<&'a [u32]>,
    /// The class of each cell, where it is not just the likeliest: a CRF's path.
    pub decided: Option<&'a [u32]>,
    /// What was written.
    pub texts: Option<TextAnswers<'a>>,
    /// The mean of -log of the probability of the true tokens.
    pub nll: Option<f64>,
    /// The share of true tokens that were the likeliest, the tokens before them being the true ones.
    pub guessed: Option<f64>,
}

/// True and answered numbers.
#[derive(Clone, Copy, Debug)]
pub struct NumericAnswers<'a> {
    pub truth: &'a [f64],
    pub answers: &'a [f64],
}

/// The text written for each row, and the true one where there is one.
#[derive(Clone, Copy, Debug)]
pub struct TextAnswers<'a> {
    pub answers: &'a [String],
    pub truth: &'a [Option<String>],
}

impl<'a> TaskAnswers<'a> {
    /// Panics when an array does not fill its shape: a bug of the caller.
    pub fn new(target: &'a FittedTarget, truth: &'a [f32], answers: &'a [f32], cells: usize) -> Self {
        assert_eq!(truth.len(), cells * target.width(), "truth fills [{cells}, {}]", target.width());
        if target.writes().is_none() {
            assert_eq!(
                answers.len(),
                cells * target.answers(),
                "answers fill [{cells}, {}]",
                target.answers()
            );
        }
        Self {
            target,
            truth,
            unseen: &[],
            known_only: false,
            answers,
            numbers: None,
            cells,
            offsets: None,
            decided: None,
            texts: None,
            nll: None,
            guessed: None,
        }
    }

    /// The same truth and answers in 64 bits.
    pub fn with_numbers(self, truth: &'a [f64], answers: &'a [f64]) -> Self {
        assert_eq!((truth.len(), answers.len()), (self.truth.len(), self.answers.len()), "the same numbers");
        Self { numbers: Some(NumericAnswers { truth, answers }), ..self }
    }

    /// The cells where each row begins, and where the last ends.
    pub fn with_offsets(self, offsets: &'a [u32]) -> Self {
        let end = offsets.last().map(|end| *end as usize);
        assert_eq!(end, Some(self.cells), "the rows' cells are all {} cells", self.cells);
        Self { offsets: Some(offsets), ..self }
    }

    /// The class decided for each cell.
    pub fn with_decided(self, decided: &'a [u32]) -> Self {
        assert_eq!(decided.len(), self.cells, "a decision for each of {} cells", self.cells);
        Self { decided: Some(decided), ..self }
    }

    /// The text written for each row, and the true one.
    pub fn with_texts(self, answer: &'a [String], truth: &'a [Option<String>]) -> Self {
        assert_eq!(answer.len(), truth.len(), "as many texts said as true");
        Self { texts: Some(TextAnswers { answers: answer, truth }), ..self }
    }

    /// The mean of -log of the probability of the true tokens.
    pub fn with_nll(self, nll: f64) -> Self {
        Self { nll: Some(nll), ..self }
    }

    /// The share of true tokens that were the likeliest.
    pub fn with_guessed(self, guessed: f64) -> Self {
        Self { guessed: Some(guessed), ..self }
    }

    /// The classes that stand on no training row, which some of the cells have.
    pub fn with_unseen(self, unseen: &'a [UnseenClass]) -> Self {
        Self { unseen, ..self }
    }

    /// The same, of known classes alone; `None` where all labels are of such.
    pub fn of_known_classes(&self) -> Option<Self> {
        let known = Self { known_only: true, ..*self };
        let unknown = |cell: &f32| self.truth_of(*cell).is_some() && known.truth_of(*cell).is_none();
        self.truth.iter().any(unknown).then_some(known)
    }

    /// A cell's truth; `None` where it is missing. Unseen classes come after the known ones.
    pub fn truth_of(&self, cell: f32) -> Option<f32> {
        if cell.is_nan() {
            let number = unseen_number(cell).filter(|number| *number < self.unseen.len())?;
            return (!self.known_only).then(|| (self.target.answers() + number) as f32);
        }
        let untaught = || self.counts().get(cell as usize) == Some(&0);
        (!(self.known_only && untaught())).then_some(cell)
    }

    /// What training saw of each class, where there are several.
    fn counts(&self) -> &'a [u64] {
        match self.target {
            FittedTarget::Multiclass { counts, .. }
            | FittedTarget::Ordinal { counts, .. }
            | FittedTarget::Tagging { counts, .. }
            | FittedTarget::Segmentation { counts, .. } => counts,
            _ => &[],
        }
    }

    /// Rows with at least one label.
    pub fn present(&self) -> usize {
        if let (true, Some(texts)) = (self.truth.is_empty(), self.texts) {
            return texts.truth.iter().flatten().count();
        }
        let labelled = |cells: &&[f32]| cells.iter().any(|cell| self.truth_of(*cell).is_some());
        let cells = match (self.target.label_level(), self.offsets) {
            (LabelLevel::Step, Some(offsets)) => {
                let rows = offsets.windows(2).map(|row| &self.truth[row[0] as usize..row[1] as usize]);
                return rows.filter(labelled).count();
            }
            (LabelLevel::Pixel { height, width }, _) => height * width,
            _ => 1,
        };
        self.truth.chunks_exact(cells * self.target.width()).filter(labelled).count()
    }

    /// Decided against true classes: one list, or one per label. None for numbers and for what is written.
    pub fn decisions(&self) -> Vec<ClassDecisions> {
        match self.target {
            FittedTarget::Binary { threshold, .. } => vec![self.yes_or_no(0, *threshold)],
            FittedTarget::Multiclass { classes, .. }
            | FittedTarget::Ordinal { classes, .. }
            | FittedTarget::Tagging { classes, .. }
            | FittedTarget::Segmentation { classes, .. } => vec![self.likeliest(classes.len())],
            FittedTarget::Multilabel { labels, threshold, .. } => {
                (0..labels.len()).map(|label| self.yes_or_no(label, *threshold)).collect()
            }
            FittedTarget::Regression { .. }
            | FittedTarget::PixelRegression { .. }
            | FittedTarget::LanguageModel { .. }
            | FittedTarget::Text { .. } => Vec::new(),
        }
    }

    /// The class of each cell, missing ones too: as decided, or the likeliest.
    pub fn decided(&self) -> Cow<'a, [u32]> {
        match self.decided {
            Some(decided) => Cow::Borrowed(decided),
            None => self.answers.chunks_exact(self.target.answers()).map(likeliest).collect(),
        }
    }

    /// What was written beside what should have been, of rows with a true text; `None` where nothing
    /// was written at all.
    pub fn text_pairs(&self) -> Option<impl Iterator<Item = (&'a str, &'a str)>> {
        let texts = self.texts?;
        let pairs = texts.answers.iter().zip(texts.truth);
        let mut pairs =
            pairs.filter_map(|(answer, truth)| Some((answer.as_str(), truth.as_deref()?))).peekable();
        pairs.peek().is_some().then_some(pairs)
    }

    /// Yes-or-no questions with the probability of yes: one (binary), one per class against the
    /// rest (multiclass, ordinal, tagging, segmentation), or one per label. None for numbers. One at
    /// a time, because many classes of many rows would not fit.
    pub fn contests(&self) -> impl Iterator<Item = RankedPredictions> + '_ {
        let questions = match self.target {
            FittedTarget::Regression { .. } | FittedTarget::PixelRegression { .. } => 0,
            target if target.writes().is_some() => 0,
            target => target.answers(),
        };
        (0..questions).map(move |question| match self.target {
            FittedTarget::Binary { .. } | FittedTarget::Multilabel { .. } => {
                RankedPredictions::new(self.cells(question, question).map(|(truth, p)| (truth == 1.0, p)))
            }
            _ => RankedPredictions::new(
                self.cells(0, question).map(|(truth, p)| (truth as usize == question, p)),
            ),
        })
    }

    /// True and answered numbers: one list per column (regression), of all pixels, or class numbers
    /// (ordinal).
    pub fn pairs(&self) -> Vec<NumberPairs> {
        match self.target {
            FittedTarget::Regression { columns, .. } => {
                (0..columns.len()).map(|column| self.column(column, columns.len())).collect()
            }
            FittedTarget::PixelRegression { .. } => vec![self.column(0, 1)],
            FittedTarget::Ordinal { classes, .. } => vec![self.likeliest(classes.len()).pairs()],
            _ => Vec::new(),
        }
    }

    /// The present numbers of a column.
    fn column(&self, column: usize, columns: usize) -> NumberPairs {
        let Some(NumericAnswers { truth, answers }) = self.numbers else {
            return NumberPairs::new(self.cells(column, column));
        };
        let both = truth.iter().zip(answers).skip(column).step_by(columns);
        NumberPairs::new(both.filter(|(truth, _)| !truth.is_nan()).map(|(truth, answer)| (*truth, *answer)))
    }

    /// Each present cell's true class and the probabilities of all that training saw.
    pub fn distributions(&self) -> impl Iterator<Item = (usize, &'a [f32])> + '_ {
        let width = self.target.answers();
        let cells = self.truth.iter().zip(self.answers.chunks_exact(width));
        cells.filter_map(|(cell, row)| Some((self.truth_of(*cell)? as usize, row)))
    }

    /// One column of truth beside one column of answers.
    fn cells(&self, truth: usize, answer: usize) -> impl Iterator<Item = (f32, f32)> + '_ {
        let truths = self.truth.iter().skip(truth).step_by(self.target.width());
        let answers = self.answers.iter().skip(answer).step_by(self.target.answers());
        truths.zip(answers).filter_map(|(cell, answer)| Some((self.truth_of(*cell)?, *answer)))
    }

    fn yes_or_no(&self, column: usize, threshold: f64) -> ClassDecisions {
        let decided =
            self.cells(column, column).map(|(truth, p)| (truth as u32, u32::from(f64::from(p) >= threshold)));
        ClassDecisions::of_presence(decided)
    }

    fn likeliest(&self, classes: usize) -> ClassDecisions {
        let decided = self.decided();
        let cells = self.truth.iter().zip(decided.iter());
        let rows = cells.filter_map(|(cell, decided)| Some((self.truth_of(*cell)? as u32, *decided)));
        if self.known_only || self.unseen.is_empty() {
            return ClassDecisions::new(classes, rows);
        }
        ClassDecisions::new(classes + self.unseen.len(), rows).with_places(self.places(classes))
    }

    /// Each class's place in the order of all, the unseen ones among the known.
    fn places(&self, classes: usize) -> Vec<u32> {
        let known = (0..classes).map(|class| {
            let earlier = self.unseen.iter().filter(|unseen| unseen.before <= class).count();
            (class + earlier) as u32
        });
        let unseen = self.unseen.iter().enumerate().map(|(number, unseen)| (unseen.before + number) as u32);
        known.chain(unseen).collect()
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
