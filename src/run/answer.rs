//! A model's outputs as a person reads them: the class by name, its probabilities, the number in its
//! unit.

use crate::data::raw::AnswerColumn;
use crate::domain::array::{Array, Values};
use crate::domain::signature::TaskSignature;
use crate::domain::task::{Grain, Target};
use crate::domain::viterbi::Transitions;

/// Gathers one task's answers over batches.
pub struct Answer<'a> {
    task: &'a TaskSignature,
    /// How a path of classes is found from logits, where more than each step's own answer decides.
    transitions: Option<&'a Transitions>,
    /// `[rows, answers]`; of steps and pixels likewise, one after the other.
    values: Vec<f32>,
    /// The same, where the model answers in 64 bits.
    numbers: Vec<f64>,
    /// Of steps with transitions.
    logits: Vec<f32>,
    /// Where each row's steps end.
    offsets: Vec<u32>,
}

impl<'a> Answer<'a> {
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

    /// Takes a batch's outputs, and the steps of each of its rows; gives the missing output's name when
    /// it is not among them.
    pub fn take(&mut self, outputs: &[(String, Array)], lengths: &[usize]) -> Result<(), String> {
        let find = |wanted: String| match outputs.iter().find(|(name, _)| *name == wanted) {
            Some((_, array)) if matches!(array.values, Values::F32(_) | Values::F64(_)) => Ok(array),
            _ => Err(wanted),
        };
        if self.task.target.writes().is_some() {
            return Ok(());
        }
        let answers = find(self.task.answer_output())?;
        if self.task.target.grain() != Grain::Step {
            match &answers.values {
                Values::F64(numbers) => self.numbers.extend_from_slice(numbers),
                _ => self.values.extend_from_slice(answers.as_f32().unwrap_or_default()),
            }
            return Ok(());
        }
        real_steps(&mut self.values, answers, lengths);
        if self.transitions.is_some() {
            real_steps(&mut self.logits, find(self.task.logits_output())?, lengths);
        }
        for length in lengths {
            let last = self.offsets.last().copied().unwrap_or(0);
            self.offsets.push(last + *length as u32);
        }
        Ok(())
    }

    /// The columns to write: `income` and `income_probability` for a binary task, `education` and
    /// `education_<class>` for several classes, `tags_<label>` and `tags_<label>_probability` for
    /// labels, the target's own columns for numbers, tags with spaces between for steps, a JSON array of
    /// lines for pixels.
    pub fn columns(self) -> Vec<(String, AnswerColumn)> {
        let name = &self.task.name;
        let width = self.task.target.answers().max(1);
        let column =
            |index: usize| -> Vec<f32> { self.values.iter().skip(index).step_by(width).copied().collect() };
        let number = |index: usize| match self.numbers.is_empty() {
            true => AnswerColumn::Float(column(index)),
            false => {
                let numbers = self.numbers.iter().skip(index).step_by(width);
                AnswerColumn::Number(numbers.map(|number| Some(*number)).collect())
            }
        };
        match &self.task.target {
            Target::Binary { classes, threshold, .. } => {
                let chosen = column(0)
                    .iter()
                    .map(|p| Some(classes[usize::from(f64::from(*p) >= *threshold)].clone()))
                    .collect();
                vec![
                    (name.to_string(), AnswerColumn::Text(chosen)),
                    (format!("{name}_probability"), AnswerColumn::Float(column(0))),
                ]
            }
            Target::Multiclass { classes, .. } | Target::Ordinal { classes, .. } => {
                let chosen =
                    self.values.chunks(width).map(|row| Some(classes[largest(row)].clone())).collect();
                let mut columns = vec![(name.to_string(), AnswerColumn::Text(chosen))];
                columns.extend(
                    classes.iter().enumerate().map(|(index, class)| {
                        (format!("{name}_{class}"), AnswerColumn::Float(column(index)))
                    }),
                );
                columns
            }
            Target::Multilabel { labels, threshold, .. } => {
                let both = labels.iter().enumerate().flat_map(|(index, label)| {
                    let chosen = column(index).iter().map(|p| Some(f64::from(*p) >= *threshold)).collect();
                    [
                        (format!("{name}_{label}"), AnswerColumn::Bool(chosen)),
                        (format!("{name}_{label}_probability"), AnswerColumn::Float(column(index))),
                    ]
                });
                both.collect()
            }
            Target::Tagging { classes, .. } => {
                let each = || self.values.chunks(width).map(|step| largest(step) as u32).collect();
                let path = self.transitions.map_or_else(each, |all| all.paths(&self.logits, &self.offsets));
                let row = |ends: &[u32]| {
                    let tags: Vec<&str> = path[ends[0] as usize..ends[1] as usize]
                        .iter()
                        .map(|class| classes[*class as usize].as_str())
                        .collect();
                    Some(tags.join(" "))
                };
                let rows = self.offsets.windows(2).map(row).collect();
                vec![(name.to_string(), AnswerColumn::Text(rows))]
            }
            Target::Segmentation { classes, height, width: columns, .. } => {
                let class = |pixel: &[f32]| json_word(&classes[largest(pixel)]);
                let pixels: Vec<String> = self.values.chunks(width).map(class).collect();
                vec![(name.to_string(), AnswerColumn::Text(grids(&pixels, *height, *columns)))]
            }
            Target::PixelRegression { height, width: columns, .. } => {
                let pixels: Vec<String> = match self.numbers.is_empty() {
                    true => self.values.iter().map(f32::to_string).collect(),
                    false => self.numbers.iter().map(f64::to_string).collect(),
                };
                vec![(name.to_string(), AnswerColumn::Text(grids(&pixels, *height, *columns)))]
            }
            // What is written has an author of its own.
            Target::Text { .. } | Target::LanguageModel { .. } => Vec::new(),
            Target::Regression { columns, .. } if columns.len() == 1 => {
                vec![(name.to_string(), number(0))]
            }
            Target::Regression { columns, .. } => columns
                .iter()
                .enumerate()
                .map(|(index, target)| (format!("{name}_{target}"), number(index)))
                .collect(),
        }
    }
}

/// The steps of `[rows, time, width]` that are no filling.
fn real_steps(into: &mut Vec<f32>, array: &Array, lengths: &[usize]) {
    let (time, width) = (array.shape.get(1).copied().unwrap_or(0), array.shape.get(2).copied().unwrap_or(1));
    let rows = array.as_f32().unwrap_or_default().chunks((time * width).max(1));
    rows.zip(lengths).for_each(|(row, length)| into.extend_from_slice(&row[..length.min(&time) * width]));
}

/// The pixels of each row as a JSON array of lines.
fn grids(pixels: &[String], height: usize, width: usize) -> Vec<Option<String>> {
    let line = |line: &[String]| format!("[{}]", line.join(","));
    let grid = |grid: &[String]| {
        let lines: Vec<String> = grid.chunks(width.max(1)).map(line).collect();
        Some(format!("[{}]", lines.join(",")))
    };
    pixels.chunks((height * width).max(1)).map(grid).collect()
}

/// A class as JSON: a number where it is one.
fn json_word(class: &str) -> String {
    match class.parse::<i64>() {
        Ok(number) => number.to_string(),
        Err(_) => serde_json::Value::from(class).to_string(),
    }
}

/// The position of the largest; the first of equals.
fn largest(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, index| if row[index] > row[best] { index } else { best })
}

#[cfg(test)]
mod tests {
    use super::Answer;
    use crate::data::raw::AnswerColumn;
    use crate::domain::array::{Array, Values};
    use crate::domain::name::{TableName, TaskName};
    use crate::domain::signature::TaskSignature;
    use crate::domain::task::Target;

    fn task(name: &str, target: Target) -> TaskSignature {
        let table = TableName::new("t").expect("a name");
        TaskSignature { name: TaskName::new(name).expect("a name"), table, target }
    }

    fn text(values: &[&str]) -> AnswerColumn {
        AnswerColumn::Text(values.iter().map(|value| Some((*value).to_owned())).collect())
    }

    #[test]
    fn a_class_is_named_from_its_threshold_on() {
        let classes = ["no".to_owned(), "yes".to_owned()];
        let task = task("buys", Target::Binary { classes, counts: [1, 1], threshold: 0.3 });
        let mut answer = Answer::new(&task, None);
        for batch in [vec![0.29, 0.3], vec![0.9]] {
            let array = Array::f32(&[batch.len(), 1], batch);
            answer.take(&[("buys".to_owned(), array)], &[]).expect("the output is there");
        }
        let columns = answer.columns();
        assert_eq!(columns[0], ("buys".to_owned(), text(&["no", "yes", "yes"])));
        assert_eq!(columns[1], ("buys_probability".to_owned(), AnswerColumn::Float(vec![0.29, 0.3, 0.9])));
    }

    #[test]
    fn the_most_probable_of_several_classes_is_named() {
        let classes = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let task = task("letter", Target::Multiclass { classes, counts: vec![1, 1, 1] });
        let mut answer = Answer::new(&task, None);
        let array = Array::f32(&[2, 3], vec![0.2, 0.5, 0.3, 0.6, 0.1, 0.3]);
        answer.take(&[("letter".to_owned(), array)], &[]).expect("the output is there");
        let columns = answer.columns();
        assert_eq!(columns[0].1, text(&["b", "a"]));
        assert_eq!(columns[3], ("letter_c".to_owned(), AnswerColumn::Float(vec![0.3, 0.3])));
    }

    #[test]
    fn numbers_keep_the_digits_that_the_model_gives() {
        let (columns, center) = (vec!["a".to_owned(), "b".to_owned()], vec![1.7e12, 0.0]);
        let task = task("t", Target::Regression { columns, center, scale: vec![57.0, 1.0] });
        let mut answer = Answer::new(&task, None);
        for row in [vec![1_700_000_000_123.5, 0.1], vec![1_699_999_999_999.25, -2.0]] {
            let array = Array::new(&[1, 2], Values::F64(row));
            answer.take(&[("t".to_owned(), array)], &[]).expect("the output is there");
        }
        let number = |values: [f64; 2]| AnswerColumn::Number(values.map(Some).to_vec());
        let columns = answer.columns();
        assert_eq!(columns[0], ("t_a".to_owned(), number([1_700_000_000_123.5, 1_699_999_999_999.25])));
        assert_eq!(columns[1], ("t_b".to_owned(), number([0.1, -2.0])));
    }

    #[test]
    fn a_missing_output_is_named() {
        let task =
            task("x", Target::Regression { columns: vec!["x".into()], center: vec![0.0], scale: vec![1.0] });
        assert_eq!(Answer::new(&task, None).take(&[], &[]), Err("x".to_owned()));
    }
}
