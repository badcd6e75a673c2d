//! Turns a model's outputs into prediction columns: class names, probabilities, values in the target's unit.

mod decisions;

use crate::data::raw::PredictionColumn;
use crate::decode::viterbi::Transitions;
use crate::domain::array::{Array, ArrayValues};
use crate::domain::signature::{Encoding, InputSignature, Signature, TaskSignature, TokenPlane};
use crate::domain::task::{FittedTarget, LabelLevel};

/// Collects the predictions of one task over batches.
pub struct PredictionCollector<'a> {
    task: &'a TaskSignature,
    /// CRF transitions of a tagging task; without them each step takes its own argmax.
    transitions: Option<&'a Transitions>,
    /// Predictions `[rows, width]`; of steps and pixels `[cells, width]`, row after row.
    values: Vec<f32>,
    /// The same in 64 bits, where the model outputs `float64`.
    numbers: Vec<f64>,
    /// Logits of the real steps, kept only with transitions.
    logits: Vec<f32>,
    /// CSR offsets of the rows' steps in `values`.
    offsets: Vec<u32>,
}

impl<'a> PredictionCollector<'a> {
    /// Collects predictions of a task; `transitions` are those of its CRF.
    pub fn new(task: &'a TaskSignature, transitions: Option<&'a Transitions>) -> Self {
        Self {
            task,
            transitions,
            values: Vec::new(),
            numbers: Vec::new(),
            logits: Vec::new(),
            offsets: vec![0],
        }
    }

    /// Appends the outputs of a batch; `lengths` holds the number of real steps of each row.
    ///
    /// # Errors
    /// The name of the output that is missing or has an unexpected shape.
    pub fn add_batch(&mut self, outputs: &[(String, Array)], lengths: &[usize]) -> Result<(), String> {
        let find = |output: String| match outputs.iter().find(|(name, _)| *name == output) {
            Some((_, array)) if matches!(array.values, ArrayValues::F32(_) | ArrayValues::F64(_)) => {
                Ok(array)
            }
            _ => Err(output),
        };
        if self.task.target.output_tokenizer().is_some() {
            return Ok(());
        }
        let answers = find(self.task.prediction_output())?;
        if !self.fits(answers, lengths, self.task.target.prediction_width()) {
            return Err(self.task.prediction_output());
        }
        if self.task.target.label_level() != LabelLevel::Step {
            match &answers.values {
                ArrayValues::F64(numbers) => self.numbers.extend_from_slice(numbers),
                _ => self.values.extend_from_slice(answers.as_f32().unwrap_or_default()),
            }
            return Ok(());
        }
        real_steps(&mut self.values, answers, lengths);
        if self.transitions.is_some() {
            let logits = find(self.task.logits_output())?;
            if !self.fits(logits, lengths, self.task.target.logits()) {
                return Err(self.task.logits_output());
            }
            real_steps(&mut self.logits, logits, lengths);
        }
        for length in lengths {
            let last = self.offsets.last().copied().unwrap_or(0);
            self.offsets.push(last + *length as u32);
        }
        Ok(())
    }

    /// Whether an output has the shape that the target requires; the model file may come from anywhere.
    fn fits(&self, array: &Array, lengths: &[usize], width: usize) -> bool {
        match (self.task.target.label_level(), &array.shape[..]) {
            (LabelLevel::Row, [_, last]) => *last == width,
            (LabelLevel::Pixel { height, width: columns }, [_, h, w, last]) => {
                [*h, *w, *last] == [height, columns, width]
            }
            (LabelLevel::Step, [rows, time, last]) => {
                *last == width && *rows == lengths.len() && lengths.iter().all(|length| length <= time)
            }
            _ => false,
        }
    }

    /// The prediction columns, in the order of `domain::answer::prediction_columns`: class and probability
    /// for a binary task, class and every class's probability for multiclass and ordinal, a flag and a
    /// probability per label for multilabel, values in the target's unit for regression, space-separated tags
    /// for steps, a JSON array of pixel rows for images.
    pub fn columns(self) -> Vec<PredictionColumn> {
        let width = self.task.target.prediction_width().max(1);
        let column =
            |index: usize| -> Vec<f32> { self.values.iter().skip(index).step_by(width).copied().collect() };
        let number = |index: usize| match self.numbers.is_empty() {
            true => PredictionColumn::Float(column(index)),
            false => {
                let numbers = self.numbers.iter().skip(index).step_by(width);
                PredictionColumn::Number(numbers.map(|number| Some(*number)).collect())
            }
        };
        match &self.task.target {
            FittedTarget::Binary { classes, threshold, .. } => {
                let chosen = column(0)
                    .iter()
                    .map(|p| Some(classes[usize::from(f64::from(*p) >= *threshold)].clone()))
                    .collect();
                vec![PredictionColumn::Text(chosen), PredictionColumn::Float(column(0))]
            }
            FittedTarget::Multiclass { classes, .. } | FittedTarget::Ordinal { classes, .. } => {
                let chosen =
                    self.values.chunks(width).map(|row| Some(classes[largest(row)].clone())).collect();
                let probabilities = (0..classes.len()).map(|index| PredictionColumn::Float(column(index)));
                std::iter::once(PredictionColumn::Text(chosen)).chain(probabilities).collect()
            }
            FittedTarget::Multilabel { labels, threshold, .. } => {
                let columns = (0..labels.len()).flat_map(|index| {
                    let chosen = column(index).iter().map(|p| Some(f64::from(*p) >= *threshold)).collect();
                    [PredictionColumn::Bool(chosen), PredictionColumn::Float(column(index))]
                });
                columns.collect()
            }
            FittedTarget::Tagging { classes, .. } => {
                let argmax = || self.values.chunks(width).map(|step| largest(step) as u32).collect();
                let path = self
                    .transitions
                    .map_or_else(argmax, |transitions| transitions.paths(&self.logits, &self.offsets));
                let row = |ends: &[u32]| {
                    let tags: Vec<&str> = path[ends[0] as usize..ends[1] as usize]
                        .iter()
                        .map(|class| classes[*class as usize].as_str())
                        .collect();
                    Some(tags.join(" "))
                };
                let rows = self.offsets.windows(2).map(row).collect();
                vec![PredictionColumn::Text(rows)]
            }
            FittedTarget::Segmentation { classes, height, width: columns, .. } => {
                let class = |pixel: &[f32]| class_to_json(&classes[largest(pixel)]);
                let pixels: Vec<String> = self.values.chunks(width).map(class).collect();
                vec![PredictionColumn::Text(pixels_to_json(&pixels, *height, *columns))]
            }
            FittedTarget::PixelRegression { height, width: columns, .. } => {
                let pixels: Vec<String> = match self.numbers.is_empty() {
                    true => self.values.iter().map(f32::to_string).collect(),
                    false => self.numbers.iter().map(f64::to_string).collect(),
                };
                vec![PredictionColumn::Text(pixels_to_json(&pixels, *height, *columns))]
            }
            // A `TextGenerator` produces the texts.
            FittedTarget::Text { .. } | FittedTarget::LanguageModel { .. } => Vec::new(),
            FittedTarget::Regression { columns, .. } => (0..columns.len()).map(number).collect(),
        }
    }
}

/// The number of real (not padded) steps of each row, or of its words where steps are pieces of words, from
/// the first input that is a sequence; empty if there is none.
pub fn sequence_lengths(signature: &Signature, inputs: &[(String, Array)]) -> Vec<usize> {
    let steps = |input: &InputSignature| {
        let (_, array) = inputs.iter().find(|(name, _)| name == input.name.as_str())?;
        let time = array.shape.get(1).copied().filter(|time| *time > 0)?;
        match (&input.encoding, &array.values) {
            (Encoding::Tokens { tokenizer, plane: None, .. }, ArrayValues::I64(tokens)) => {
                let pad = i64::from(tokenizer.pad);
                let real = |row: &[i64]| row.iter().filter(|token| **token != pad).count();
                Some(tokens.chunks(time).map(real).collect())
            }
            (
                Encoding::Tokens { tokenizer, plane: Some(TokenPlane::Segments { .. }), .. },
                ArrayValues::I64(pairs),
            ) => {
                let pad = i64::from(tokenizer.pad);
                let real = |row: &[i64]| row.iter().step_by(2).filter(|token| **token != pad).count();
                Some(pairs.chunks(2 * time).map(real).collect())
            }
            // The labels are those of words.
            (Encoding::Tokens { plane: Some(TokenPlane::Words { .. }), .. }, ArrayValues::I64(pieces)) => {
                let starts = |row: &[i64]| row.iter().skip(1).step_by(2).filter(|start| **start == 1).count();
                Some(pieces.chunks(2 * time).map(starts).collect())
            }
            (Encoding::Series { center, .. }, ArrayValues::F32(_) | ArrayValues::F64(_)) => {
                let width = center.len().max(1);
                let real = |row: usize| {
                    let steps = (0..time).map(|step| (row * time + step) * width);
                    steps.filter(|step| !array.is_nan_at(*step)).count()
                };
                Some((0..array.rows()).map(real).collect())
            }
            _ => None,
        }
    };
    signature.inputs.iter().find_map(steps).unwrap_or_default()
}

/// Appends the real steps of `[rows, time, width]`.
fn real_steps(values: &mut Vec<f32>, array: &Array, lengths: &[usize]) {
    let (time, width) = (array.shape.get(1).copied().unwrap_or(0), array.shape.get(2).copied().unwrap_or(1));
    let padded = array.to_f32().unwrap_or_default();
    let rows = padded.chunks((time * width).max(1));
    rows.zip(lengths).for_each(|(row, length)| values.extend_from_slice(&row[..length.min(&time) * width]));
}

/// The pixels of each image as a JSON array of pixel rows.
fn pixels_to_json(pixels: &[String], height: usize, width: usize) -> Vec<Option<String>> {
    let line = |line: &[String]| format!("[{}]", line.join(","));
    let grid = |grid: &[String]| {
        let lines: Vec<String> = grid.chunks(width.max(1)).map(line).collect();
        Some(format!("[{}]", lines.join(",")))
    };
    pixels.chunks((height * width).max(1)).map(grid).collect()
}

/// A class name as JSON: a number if it is an integer.
fn class_to_json(class: &str) -> String {
    match class.parse::<i64>() {
        Ok(number) => number.to_string(),
        Err(_) => serde_json::Value::from(class).to_string(),
    }
}

/// The argmax; the first one on ties.
fn largest(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, index| if row[index] > row[best] { index } else { best })
}

#[cfg(test)]
mod tests {
    use super::PredictionCollector;
    use crate::data::raw::PredictionColumn;
    use crate::domain::answer::prediction_columns;
    use crate::domain::array::{Array, ArrayValues};
    use crate::domain::name::{TableName, TaskName};
    use crate::domain::signature::TaskSignature;
    use crate::domain::task::FittedTarget;

    fn task(name: &str, target: FittedTarget) -> TaskSignature {
        let table = TableName::new("t").expect("a name");
        TaskSignature { name: TaskName::new(name).expect("a name"), table, target }
    }

    fn text(values: &[&str]) -> PredictionColumn {
        PredictionColumn::Text(values.iter().map(|value| Some((*value).to_owned())).collect())
    }

    #[test]
    fn a_class_is_named_from_its_threshold_on() {
        let classes = ["no".to_owned(), "yes".to_owned()];
        let task = task("buys", FittedTarget::Binary { classes, counts: [1, 1], threshold: 0.3 });
        let mut answer = PredictionCollector::new(&task, None);
        for batch in [vec![0.29, 0.3], vec![0.9]] {
            let array = Array::f32(&[batch.len(), 1], batch);
            answer.add_batch(&[("buys".to_owned(), array)], &[]).expect("the output is there");
        }
        let columns = answer.columns();
        assert_eq!(columns, [text(&["no", "yes", "yes"]), PredictionColumn::Float(vec![0.29, 0.3, 0.9])]);
    }

    #[test]
    fn the_most_probable_of_several_classes_is_named() {
        let classes = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let task = task("letter", FittedTarget::Multiclass { classes, counts: vec![1, 1, 1] });
        let mut answer = PredictionCollector::new(&task, None);
        let array = Array::f32(&[2, 3], vec![0.2, 0.5, 0.3, 0.6, 0.1, 0.3]);
        answer.add_batch(&[("letter".to_owned(), array)], &[]).expect("the output is there");
        let columns = answer.columns();
        assert_eq!(columns[0], text(&["b", "a"]));
        assert_eq!(columns[3], PredictionColumn::Float(vec![0.3, 0.3]));
    }

    #[test]
    fn there_are_as_many_columns_as_names() {
        let list = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<String>>();
        let targets = [
            FittedTarget::Binary { classes: ["a".into(), "b".into()], counts: [1, 1], threshold: 0.5 },
            FittedTarget::Multiclass { classes: list(3), counts: vec![1; 3] },
            FittedTarget::Ordinal { classes: list(4), counts: vec![1; 4] },
            FittedTarget::Multilabel {
                labels: list(2),
                positives: vec![1; 2],
                present: vec![1; 2],
                threshold: 0.5,
            },
            regression(1),
            regression(3),
            FittedTarget::Segmentation { classes: list(2), counts: vec![1; 2], height: 1, width: 2 },
        ];
        for target in targets {
            let task = task("x", target);
            let named = prediction_columns(std::slice::from_ref(&task)).columns.concat().len();
            assert_eq!(PredictionCollector::new(&task, None).columns().len(), named, "{:?}", task.target);
        }
    }

    fn regression(columns: usize) -> FittedTarget {
        let target = serde_json::json!({
        "kind": "regression", "columns": vec!["c"; columns], "center": vec![0.0; columns],
            "scale": vec![1.0; columns]
        });
        serde_json::from_value(target).expect("a target")
    }

    #[test]
    fn float64_outputs_keep_their_digits() {
        let (columns, center) = (vec!["a".to_owned(), "b".to_owned()], vec![1.7e12, 0.0]);
        let task = task("t", FittedTarget::Regression { columns, center, scale: vec![57.0, 1.0] });
        let mut answer = PredictionCollector::new(&task, None);
        for row in [vec![1_700_000_000_123.5, 0.1], vec![1_699_999_999_999.25, -2.0]] {
            let array = Array::new(&[1, 2], ArrayValues::F64(row));
            answer.add_batch(&[("t".to_owned(), array)], &[]).expect("the output is there");
        }
        let number = |values: [f64; 2]| PredictionColumn::Number(values.map(Some).to_vec());
        let columns = answer.columns();
        assert_eq!(columns[0], number([1_700_000_000_123.5, 1_699_999_999_999.25]));
        assert_eq!(columns[1], number([0.1, -2.0]));
    }

    #[test]
    fn a_missing_output_is_named() {
        let task = task("x", regression(1));
        assert_eq!(PredictionCollector::new(&task, None).add_batch(&[], &[]), Err("x".to_owned()));
    }
}
