//! A task's true values and predictions, and the views of them that metrics use.
//!
//! A cell is a step, a pixel, or, for tasks without these, a row. Views leave out cells without a label, so
//! metrics never see them. A class without training rows is a class of its own that is never predicted: its
//! cells count as wrong, unless the view is restricted to known classes.

use std::borrow::Cow;

use crate::domain::label::{UnseenClass, decode_unseen};
use crate::domain::task::{FittedTarget, LabelLevel};
use crate::evaluate::decision::ClassDecisions;
use crate::evaluate::pair::NumberPairs;
use crate::evaluate::ranking::BinaryPredictions;

/// The true values and the predictions of one task. Row-major; [`FittedTarget`] describes both.
#[derive(Clone, Copy, Debug)]
pub struct TaskPredictions<'a> {
    /// The fitted target of the task.
    pub target: &'a FittedTarget,
    /// `[cells, width]`; NaN where the label is missing or its class is unseen.
    pub truth: &'a [f32],
    /// The classes without training rows. If empty, cells of such classes count as missing.
    pub unseen: &'a [UnseenClass],
    /// Restricts the view to cells of classes with training rows.
    pub known_only: bool,
    /// `[cells, answers]`: probabilities, or numbers in the target's unit. Empty for tasks that generate
    /// tokens.
    pub predictions: &'a [f32],
    /// Truth and predictions in 64 bits, for numeric targets that 32 bits may not distinguish.
    pub numbers: Option<NumericPredictions<'a>>,
    /// Number of cells: rows, steps or pixels.
    pub cells: usize,
    /// `[rows + 1]`, for tasks with a label per step: the first cell of each row, and the number of cells.
    pub offsets: Option<&'a [u32]>,
    /// `[cells]`: the predicted class of each cell where it is not the argmax, such as a CRF's path.
    pub predicted_classes: Option<&'a [u32]>,
    /// The generated texts.
    pub texts: Option<TextPredictions<'a>>,
    /// Mean negative log-likelihood of the true tokens, in nats per token.
    pub nll: Option<f64>,
    /// Fraction of true tokens that were the most likely ones under teacher forcing.
    pub token_accuracy: Option<f64>,
}

/// True and predicted numbers in 64 bits.
#[derive(Clone, Copy, Debug)]
pub struct NumericPredictions<'a> {
    /// The true numbers, NaN where the label is missing.
    pub truth: &'a [f64],
    /// The predicted numbers.
    pub predictions: &'a [f64],
}

/// The generated text of each row, and the true text where there is one.
#[derive(Clone, Copy, Debug)]
pub struct TextPredictions<'a> {
    /// The generated texts.
    pub predictions: &'a [String],
    /// The true texts; `None` where the label is missing.
    pub truth: &'a [Option<String>],
}

impl<'a> TaskPredictions<'a> {
    /// The truth and the predictions of `cells` cells.
    ///
    /// # Panics
    /// If an array does not fill its shape: `[cells, width]` and `[cells, answers]`.
    pub fn new(target: &'a FittedTarget, truth: &'a [f32], answers: &'a [f32], cells: usize) -> Self {
        assert_eq!(truth.len(), cells * target.width(), "truth fills [{cells}, {}]", target.width());
        if target.output_tokenizer().is_none() {
            let width = target.prediction_width();
            assert_eq!(answers.len(), cells * width, "answers fill [{cells}, {width}]");
        }
        Self {
            target,
            truth,
            unseen: &[],
            known_only: false,
            predictions: answers,
            numbers: None,
            cells,
            offsets: None,
            predicted_classes: None,
            texts: None,
            nll: None,
            token_accuracy: None,
        }
    }

    /// Adds the same truth and predictions in 64 bits.
    ///
    /// # Panics
    /// If the lengths differ from the 32-bit arrays.
    pub fn with_numbers(self, truth: &'a [f64], answers: &'a [f64]) -> Self {
        assert_eq!(
            (truth.len(), answers.len()),
            (self.truth.len(), self.predictions.len()),
            "the same numbers"
        );
        Self { numbers: Some(NumericPredictions { truth, predictions: answers }), ..self }
    }

    /// Adds the row offsets of a task with a label per step.
    ///
    /// # Panics
    /// If the last offset is not the number of cells.
    pub fn with_offsets(self, offsets: &'a [u32]) -> Self {
        let end = offsets.last().map(|end| *end as usize);
        assert_eq!(end, Some(self.cells), "the rows' cells are all {} cells", self.cells);
        Self { offsets: Some(offsets), ..self }
    }

    /// Adds the predicted class of each cell, where it is not the argmax.
    ///
    /// # Panics
    /// If there is not one class per cell.
    pub fn with_predicted_classes(self, decided: &'a [u32]) -> Self {
        assert_eq!(decided.len(), self.cells, "a decision for each of {} cells", self.cells);
        Self { predicted_classes: Some(decided), ..self }
    }

    /// Adds the generated and the true texts.
    ///
    /// # Panics
    /// If their numbers differ.
    pub fn with_texts(self, answers: &'a [String], truth: &'a [Option<String>]) -> Self {
        assert_eq!(answers.len(), truth.len(), "one true text per generated text");
        Self { texts: Some(TextPredictions { predictions: answers, truth }), ..self }
    }

    /// Adds the mean negative log-likelihood of the true tokens.
    pub fn with_nll(self, nll: f64) -> Self {
        Self { nll: Some(nll), ..self }
    }

    /// Adds the token accuracy under teacher forcing.
    pub fn with_token_accuracy(self, guessed: f64) -> Self {
        Self { token_accuracy: Some(guessed), ..self }
    }

    /// Adds the classes of cells that have no training rows.
    pub fn with_unseen(self, unseen: &'a [UnseenClass]) -> Self {
        Self { unseen, ..self }
    }

    /// The view restricted to classes with training rows; `None` if it leaves out no cell.
    pub fn of_known_classes(&self) -> Option<Self> {
        let known = Self { known_only: true, ..*self };
        let is_left_out = |cell: &f32| self.truth_of(*cell).is_some() && known.truth_of(*cell).is_none();
        self.truth.iter().any(is_left_out).then_some(known)
    }

    /// The true value of a cell; `None` if it is missing. Unseen classes are numbered after the known ones.
    pub fn truth_of(&self, cell: f32) -> Option<f32> {
        if cell.is_nan() {
            let number = decode_unseen(cell).filter(|number| *number < self.unseen.len())?;
            return (!self.known_only).then(|| (self.target.prediction_width() + number) as f32);
        }
        let is_untrained = || self.class_counts().get(cell as usize) == Some(&0);
        (!(self.known_only && is_untrained())).then_some(cell)
    }

    /// The number of training labels of each class, for tasks with several classes.
    fn class_counts(&self) -> &'a [u64] {
        match self.target {
            FittedTarget::Multiclass { counts, .. }
            | FittedTarget::Ordinal { counts, .. }
            | FittedTarget::Tagging { counts, .. }
            | FittedTarget::Segmentation { counts, .. } => counts,
            _ => &[],
        }
    }

    /// The number of rows with at least one label.
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

    /// True and predicted classes: one list, or one per label of a multilabel task. Empty for numbers and
    /// texts.
    pub fn decisions(&self) -> Vec<ClassDecisions> {
        match self.target {
            FittedTarget::Binary { threshold, .. } => vec![self.thresholded(0, *threshold)],
            FittedTarget::Multiclass { classes, .. }
            | FittedTarget::Ordinal { classes, .. }
            | FittedTarget::Tagging { classes, .. }
            | FittedTarget::Segmentation { classes, .. } => vec![self.class_decisions(classes.len())],
            FittedTarget::Multilabel { labels, threshold, .. } => {
                (0..labels.len()).map(|label| self.thresholded(label, *threshold)).collect()
            }
            FittedTarget::Regression { .. }
            | FittedTarget::PixelRegression { .. }
            | FittedTarget::LanguageModel { .. }
            | FittedTarget::Text { .. } => Vec::new(),
        }
    }

    /// `[cells]`: the predicted class of every cell, with or without a label.
    pub fn predicted_classes(&self) -> Cow<'a, [u32]> {
        match self.predicted_classes {
            Some(decided) => Cow::Borrowed(decided),
            None => self.predictions.chunks_exact(self.target.prediction_width()).map(argmax).collect(),
        }
    }

    /// (generated text, true text) of rows with a true text; `None` if there are none or no texts were
    /// generated.
    pub fn text_pairs(&self) -> Option<impl Iterator<Item = (&'a str, &'a str)>> {
        let texts = self.texts?;
        let pairs = texts.predictions.iter().zip(texts.truth);
        let mut pairs =
            pairs.filter_map(|(answer, truth)| Some((answer.as_str(), truth.as_deref()?))).peekable();
        pairs.peek().is_some().then_some(pairs)
    }

    /// Binary problems: one (binary), one per class against the rest (multiclass, ordinal, tagging,
    /// segmentation), or one per label (multilabel). Empty for numbers and texts. Lazy, since many classes
    /// of many rows would not fit into memory.
    pub fn one_vs_rest(&self) -> impl Iterator<Item = BinaryPredictions> + '_ {
        let problems = match self.target {
            FittedTarget::Regression { .. } | FittedTarget::PixelRegression { .. } => 0,
            target if target.output_tokenizer().is_some() => 0,
            target => target.prediction_width(),
        };
        (0..problems).map(move |column| match self.target {
            FittedTarget::Binary { .. } | FittedTarget::Multilabel { .. } => {
                BinaryPredictions::new(self.cells(column, column).map(|(truth, p)| (truth == 1.0, p)))
            }
            _ => {
                BinaryPredictions::new(self.cells(0, column).map(|(truth, p)| (truth as usize == column, p)))
            }
        })
    }

    /// True and predicted numbers: one list per column (regression), one of all pixels, or one of class
    /// positions (ordinal).
    pub fn pairs(&self) -> Vec<NumberPairs> {
        match self.target {
            FittedTarget::Regression { columns, .. } => {
                (0..columns.len()).map(|column| self.column(column, columns.len())).collect()
            }
            FittedTarget::PixelRegression { .. } => vec![self.column(0, 1)],
            FittedTarget::Ordinal { classes, .. } => vec![self.class_decisions(classes.len()).pairs()],
            _ => Vec::new(),
        }
    }

    /// The labelled numbers of a column.
    fn column(&self, column: usize, columns: usize) -> NumberPairs {
        let Some(NumericPredictions { truth, predictions: answers }) = self.numbers else {
            return NumberPairs::new(self.cells(column, column));
        };
        let both = truth.iter().zip(answers).skip(column).step_by(columns);
        NumberPairs::new(both.filter(|(truth, _)| !truth.is_nan()).map(|(truth, answer)| (*truth, *answer)))
    }

    /// The true class of each labelled cell, and the probabilities of the known classes.
    pub fn distributions(&self) -> impl Iterator<Item = (usize, &'a [f32])> + '_ {
        let width = self.target.prediction_width();
        let cells = self.truth.iter().zip(self.predictions.chunks_exact(width));
        cells.filter_map(|(cell, row)| Some((self.truth_of(*cell)? as usize, row)))
    }

    /// (truth, prediction) of the labelled cells of one column of each.
    fn cells(&self, truth: usize, answer: usize) -> impl Iterator<Item = (f32, f32)> + '_ {
        let truths = self.truth.iter().skip(truth).step_by(self.target.width());
        let answers = self.predictions.iter().skip(answer).step_by(self.target.prediction_width());
        truths.zip(answers).filter_map(|(cell, answer)| Some((self.truth_of(*cell)?, *answer)))
    }

    fn thresholded(&self, column: usize, threshold: f64) -> ClassDecisions {
        let decided =
            self.cells(column, column).map(|(truth, p)| (truth as u32, u32::from(f64::from(p) >= threshold)));
        ClassDecisions::binary(decided)
    }

    fn class_decisions(&self, classes: usize) -> ClassDecisions {
        let decided = self.predicted_classes();
        let cells = self.truth.iter().zip(decided.iter());
        let rows = cells.filter_map(|(cell, decided)| Some((self.truth_of(*cell)? as u32, *decided)));
        if self.known_only || self.unseen.is_empty() {
            return ClassDecisions::new(classes, rows);
        }
        ClassDecisions::new(classes + self.unseen.len(), rows).with_positions(self.class_positions(classes))
    }

    /// The position of each class in the order of known and unseen classes.
    fn class_positions(&self, classes: usize) -> Vec<u32> {
        let known = (0..classes).map(|class| {
            let earlier = self.unseen.iter().filter(|unseen| unseen.before <= class).count();
            (class + earlier) as u32
        });
        let unseen = self.unseen.iter().enumerate().map(|(number, unseen)| (unseen.before + number) as u32);
        known.chain(unseen).collect()
    }
}

/// The index of the largest value; the first of several equal ones.
pub fn argmax(row: &[f32]) -> u32 {
    let mut best = 0;
    for (class, p) in row.iter().enumerate() {
        if *p > row[best] {
            best = class;
        }
    }
    best as u32
}
