//! Compares the decisions of two models. Decisions that differ only because of a near tie count as equal.

use crate::domain::array::Array;
use crate::domain::task::{FittedTarget, LabelLevel};
use crate::run::prediction::{PredictionCollector, largest};

impl PredictionCollector<'_> {
    /// Whether the task predicts a class, label or tag rather than a number or a text.
    pub fn decides(&self) -> bool {
        !matches!(
            self.task.target,
            FittedTarget::Regression { .. }
                | FittedTarget::PixelRegression { .. }
                | FittedTarget::Text { .. }
                | FittedTarget::LanguageModel { .. }
        )
    }

    /// Counts the rows on which `other` decides differently although the decision here is farther than
    /// `tolerance` from the threshold or from a tie.
    pub fn differing_rows(&self, other: &PredictionCollector<'_>, tolerance: f64) -> usize {
        if self.values.len() != other.values.len() || self.offsets != other.offsets {
            return self.rows();
        }
        if self.transitions.is_some() {
            return self.differing_paths(other, tolerance);
        }
        let width = self.task.target.prediction_width().max(1);
        let cells = self.values.chunks(width).zip(other.values.chunks(width));
        let differ: Vec<bool> = match self.task.target {
            FittedTarget::Binary { threshold, .. } | FittedTarget::Multilabel { threshold, .. } => {
                let differs = |(a, b): (&f32, &f32)| {
                    let (a, b) = (f64::from(*a), f64::from(*b));
                    (a >= threshold) != (b >= threshold) && (a - threshold).abs() > tolerance
                };
                cells.map(|(a, b)| a.iter().zip(b).any(differs)).collect()
            }
            _ => {
                let differs = |(a, b): (&[f32], &[f32])| {
                    let (first, second) = (largest(a), largest(b));
                    first != second && f64::from(a[first]) - f64::from(a[second]) > 2.0 * tolerance
                };
                cells.map(differs).collect()
            }
        };
        self.cells_of_rows(differ.len()).filter(|row| differ[row.clone()].contains(&true)).count()
    }

    /// Compares paths by their score under this model's logits: each step's logit may be off by the
    /// tolerance.
    fn differing_paths(&self, other: &PredictionCollector<'_>, tolerance: f64) -> usize {
        let Some(transitions) = self.transitions else { return 0 };
        let own = transitions.paths(&self.logits, &self.offsets);
        let theirs = transitions.paths(&other.logits, &other.offsets);
        let classes = transitions.classes().max(1);
        let differs = |row: &std::ops::Range<usize>| {
            let logits = &self.logits[row.start * classes..row.end * classes];
            let score = |path: &[u32]| {
                let ends = path.first().zip(path.last());
                let ends = ends.map_or(0.0, |(first, last)| {
                    transitions.start[*first as usize] + transitions.end[*last as usize]
                });
                let steps =
                    path.iter().enumerate().map(|(step, class)| logits[step * classes + *class as usize]);
                let between = path
                    .windows(2)
                    .map(|pair| transitions.between[pair[0] as usize * classes + pair[1] as usize]);
                f64::from(ends) + steps.chain(between).map(f64::from).sum::<f64>()
            };
            let greatest = logits.iter().fold(1.0_f32, |greatest, logit| greatest.max(logit.abs()));
            let allowed = 2.0 * tolerance * f64::from(greatest) * row.len() as f64;
            own[row.clone()] != theirs[row.clone()]
                && score(&own[row.clone()]) - score(&theirs[row.clone()]) > allowed
        };
        self.cells_of_rows(own.len()).filter(differs).count()
    }

    fn rows(&self) -> usize {
        let width = self.task.target.prediction_width().max(1);
        self.cells_of_rows(self.values.len() / width).count()
    }

    /// The range of cells of each row, given the number of all cells.
    fn cells_of_rows(&self, cells: usize) -> Box<dyn Iterator<Item = std::ops::Range<usize>> + '_> {
        match self.task.target.label_level() {
            LabelLevel::Row => Box::new((0..cells).map(|row| row..row + 1)),
            LabelLevel::Step => {
                Box::new(self.offsets.windows(2).map(|ends| ends[0] as usize..ends[1] as usize))
            }
            LabelLevel::Pixel { height, width } => {
                let pixels = (height * width).max(1);
                Box::new((0..cells / pixels).map(move |row| row * pixels..(row + 1) * pixels))
            }
        }
    }

    /// Appends a batch's outputs and returns the collector.
    ///
    /// # Errors
    /// As [`PredictionCollector::add_batch`].
    pub fn with_batch(mut self, outputs: &[(String, Array)], lengths: &[usize]) -> Result<Self, String> {
        self.add_batch(outputs, lengths)?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::viterbi::Transitions;
    use crate::domain::array::Array;
    use crate::domain::name::{TableName, TaskName};
    use crate::domain::signature::TaskSignature;
    use crate::domain::task::{FittedTarget, TagScheme};
    use crate::run::prediction::PredictionCollector;

    fn task(target: FittedTarget) -> TaskSignature {
        let (name, table) = (TaskName::new("x").unwrap(), TableName::new("t").unwrap());
        TaskSignature { name, table, target }
    }

    fn differ(task: &TaskSignature, width: usize, one: &[f32], other: &[f32]) -> usize {
        let answer = |values: &[f32]| {
            let array = Array::f32(&[values.len() / width, width], values.to_vec());
            PredictionCollector::new(task, None).with_batch(&[("x".to_owned(), array)], &[]).unwrap()
        };
        answer(one).differing_rows(&answer(other), 1e-4)
    }

    #[test]
    fn near_ties_do_not_count() {
        let classes = ["no".to_owned(), "yes".to_owned()];
        let binary = task(FittedTarget::Binary { classes, counts: [1, 1], threshold: 0.3 });
        assert_eq!(differ(&binary, 1, &[0.2, 0.4, 0.9], &[0.2, 0.4, 0.9]), 0);
        assert_eq!(differ(&binary, 1, &[0.29995, 0.9], &[0.30005, 0.9]), 0, "at the threshold");
        assert_eq!(differ(&binary, 1, &[0.2, 0.4, 0.9], &[0.4, 0.4, 0.1]), 2);
        assert_eq!(differ(&binary, 1, &[0.2, 0.4], &[0.2]), 2, "a row is missing");
        let labels = vec!["a".to_owned(), "b".to_owned()];
        let several = task(FittedTarget::Multilabel {
            labels,
            positives: vec![1; 2],
            present: vec![2; 2],
            threshold: 0.5,
        });
        assert_eq!(differ(&several, 2, &[0.1, 0.9, 0.1, 0.9], &[0.1, 0.9, 0.9, 0.1]), 1, "of two rows");
        let classes = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let letters = task(FittedTarget::Multiclass { classes, counts: vec![1; 3] });
        assert_eq!(differ(&letters, 3, &[0.1, 0.44999, 0.45001], &[0.1, 0.45001, 0.44999]), 0, "a tie");
        assert_eq!(differ(&letters, 3, &[0.1, 0.4, 0.5], &[0.1, 0.5, 0.4]), 1);
    }

    #[test]
    fn paths_are_compared_by_their_scores() {
        let classes = vec!["O".to_owned(), "I-c".to_owned()];
        let tags =
            task(FittedTarget::Tagging { classes, counts: vec![1; 2], scheme: TagScheme::Io, crf: true });
        let all = Transitions::new(vec![0.0; 2], vec![0.0; 2], vec![0.0; 4]);
        let answer = |logits: &[f32]| {
            let array = || Array::f32(&[1, 2, 2], logits.to_vec());
            let outputs = [("x".to_owned(), array()), ("x_logits".to_owned(), array())];
            PredictionCollector::new(&tags, Some(&all)).with_batch(&outputs, &[2]).unwrap()
        };
        let first = answer(&[2.0, 1.0, 0.5, 0.500_01]);
        assert_eq!(first.differing_rows(&answer(&[2.0, 1.0, 0.500_01, 0.5]), 1e-4), 0);
        assert_eq!(first.differing_rows(&answer(&[1.0, 2.0, 0.5, 0.500_01]), 1e-4), 1);
    }
}
