//! The epochs of a training as a table that never is wider than a terminal, a line for each.
//!
//! What each task has said of it depends on how many there are: its training loss and its first score on
//! validation rows; where that is too wide, one of the two; and of more tasks than a line has room for, their
//! mean loss and what the best epoch is chosen by.

use crate::domain::event::{Event, FinishedEpoch};
use crate::domain::score::{Score, TaskValue};
use crate::report::number::{guess, rate, within};
use crate::report::table::{letter_width, width};

/// Columns of a line at most.
pub const WIDEST: usize = 100;
/// Letters of a number, and of a column at least.
const NUMBER: usize = 7;
/// `  epoch`
const EPOCH: usize = 7;
const GAP: usize = 2;
const BEST: &str = "  best so far";

/// Tells the epochs of one training after another.
#[derive(Debug)]
pub struct EpochPrinter {
    width: usize,
    /// Epochs at most.
    planned: usize,
    /// Told so far, and their seconds.
    last_shown: (usize, f64),
    form: Option<EpochLayout>,
}

/// What stands in a line, and how wide.
#[derive(Clone, Debug, PartialEq)]
struct EpochLayout {
    tasks: Vec<EpochColumn>,
    shown: EpochView,
    /// `rows/s` and the time left.
    speed: bool,
    left: bool,
}

/// One task's part of a line.
#[derive(Clone, Debug, PartialEq)]
struct EpochColumn {
    task: String,
    /// Its first metric on validation rows; `None` without such rows.
    metric: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EpochView {
    /// Loss and score; metrics' names in full, or cut.
    Both { cut: bool },
    /// The score, or else the loss.
    One,
    /// All tasks together.
    Mean,
}

impl EpochPrinter {
    /// For a terminal of so many columns; as wide as is good to read where there is none.
    pub fn new(columns: Option<usize>) -> Self {
        let width = columns.map_or(WIDEST, |columns| columns.min(WIDEST));
        Self { width, planned: 0, last_shown: (0, 0.0), form: None }
    }

    /// The lines of an epoch that has ended, its heading first where it is the first; `None` of anything
    /// else.
    pub fn lines(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::TrainStarted { epochs, .. } => {
                (self.planned, self.last_shown, self.form) = (*epochs, (0, 0.0), None);
                None
            }
            Event::EpochFinished(FinishedEpoch {
                epoch,
                losses,
                scores,
                rows_per_second,
                seconds,
                objective,
                best,
                ..
            }) => {
                self.last_shown = (self.last_shown.0 + 1, self.last_shown.1 + seconds);
                let tasks: Vec<EpochColumn> =
                    losses.iter().map(|loss| EpochColumn::from_scores(loss, scores)).collect();
                let known = self.form.as_ref().is_some_and(|form| form.tasks == tasks);
                let form = match self.form.take().filter(|_| known) {
                    Some(form) => form,
                    None => EpochLayout::fitting(tasks, self.width),
                };
                let mut text = if known { String::new() } else { form.heading() };
                let mut cells = form.cells(losses, scores, *objective);
                if form.speed {
                    cells.push((rate(*rows_per_second), SPEED));
                }
                if form.left {
                    cells.push((self.left(*epoch).map(guess).unwrap_or_default(), LEFT));
                }
                text.push_str(&format!("{epoch:>EPOCH$}{}", row(&cells)));
                // An epoch is the best of those that an objective was had for.
                text.push_str(if *best && objective.is_some() { BEST } else { "" });
                self.form = Some(form);
                Some(text.trim_end().to_owned())
            }
            Event::RunStarted { .. }
            | Event::StageStarted { .. }
            | Event::StageCached { .. }
            | Event::StageFinished { .. }
            | Event::StageFailed { .. }
            | Event::StageSkipped { .. }
            | Event::Note { .. }
            | Event::Loaded { .. }
            | Event::Divided { .. }
            | Event::Fitted { .. }
            | Event::Stepped { .. }
            | Event::GradientsCompared { .. }
            | Event::AffinityMeasured { .. }
            | Event::CheckpointSaved { .. }
            | Event::TrainFinished { .. }
            | Event::TrialChosen { .. }
            | Event::TrialPruned { .. }
            | Event::Scored { .. }
            | Event::FrontScored { .. }
            | Event::BaselineScored { .. }
            | Event::Gained { .. }
            | Event::Exported { .. }
            | Event::Verified { .. }
            | Event::RunFinished { .. } => None,
        }
    }

    /// Seconds until the last epoch that may come; `None` after it.
    fn left(&self, epoch: usize) -> Option<f64> {
        let (shown, seconds) = self.last_shown;
        let more = self.planned.checked_sub(epoch).filter(|more| *more > 0)?;
        Some(seconds / shown.max(1) as f64 * more as f64)
    }
}

const SPEED: usize = 9;
const LEFT: usize = 10;

impl EpochColumn {
    fn from_scores(loss: &TaskValue, scores: &[Score]) -> Self {
        Self { task: loss.task.to_string(), metric: score(loss, scores).map(|score| score.metric.clone()) }
    }

    /// What its second heading says of each number, and the columns these take.
    fn headings(&self, shown: EpochView) -> Vec<(String, usize)> {
        let metric = self.metric.as_ref().map(|metric| match shown {
            EpochView::Both { cut: false } => (metric.clone(), width(metric).max(NUMBER)),
            _ => (shortened(metric, NUMBER + 1), NUMBER + 1),
        });
        match (shown, metric) {
            (EpochView::Mean, _) => Vec::new(),
            (EpochView::One, Some(metric)) => vec![metric],
            (_, metric) => std::iter::once(("loss".to_owned(), NUMBER)).chain(metric).collect(),
        }
    }

    fn width(&self, shown: EpochView) -> usize {
        let numbers: usize = self.headings(shown).iter().map(|(_, width)| width + GAP).sum();
        numbers.saturating_sub(GAP)
    }
}

/// A task's first score.
fn score<'a>(loss: &TaskValue, scores: &'a [Score]) -> Option<&'a Score> {
    scores.iter().find(|score| score.task == loss.task && score.metric != "loss")
}

impl EpochLayout {
    /// The one that says most within a width.
    fn fitting(tasks: Vec<EpochColumn>, limit: usize) -> Self {
        let shown =
            [EpochView::Both { cut: false }, EpochView::Both { cut: true }, EpochView::One, EpochView::Mean];
        let ends = [(true, true), (true, false), (false, false)];
        let forms = shown.into_iter().flat_map(|shown| ends.map(|(speed, left)| (shown, speed, left)));
        let mut form = Self { tasks, shown: EpochView::Mean, speed: false, left: false };
        for (shown, speed, left) in forms {
            (form.shown, form.speed, form.left) = (shown, speed, left);
            if form.width() <= limit {
                break;
            }
        }
        form
    }

    fn width(&self) -> usize {
        let tasks: usize = match self.shown {
            EpochView::Mean => MEAN.iter().map(|(_, width)| width + GAP).sum(),
            shown => self.tasks.iter().map(|task| task.width(shown) + GAP).sum(),
        };
        let ends = usize::from(self.speed) * (SPEED + GAP) + usize::from(self.left) * (LEFT + GAP);
        EPOCH + tasks + ends + BEST.len()
    }

    /// What the table says, and over which column.
    fn heading(&self) -> String {
        let several = self.tasks.len();
        let scored = self.tasks.iter().any(|task| task.metric.is_some());
        let output = match (self.shown, scored) {
            (EpochView::Both { .. }, true) => {
                "of every task its training loss, and its score on validation rows".to_owned()
            }
            (EpochView::Both { .. }, false) => "the training loss of every task".to_owned(),
            (EpochView::One, true) => "the score of every task on validation rows".to_owned(),
            (EpochView::One, false) => "the training loss of every task".to_owned(),
            (EpochView::Mean, _) => {
                format!("the mean training loss of {several} tasks, and what the best is chosen by")
            }
        };
        let mut text = format!("  each epoch     {output}\n");
        let (mut above, mut below) = (" ".repeat(EPOCH), "  epoch".to_owned());
        match self.shown {
            EpochView::Mean => below.push_str(&row(&MEAN.map(|(title, width)| (title.to_owned(), width)))),
            shown => {
                for task in &self.tasks {
                    above.push_str(&row(&[(shortened(&task.task, task.width(shown)), task.width(shown))]));
                    below.push_str(&row(&task.headings(shown)));
                }
            }
        }
        for (title, width, wanted) in [("rows/s", SPEED, self.speed), ("time left", LEFT, self.left)] {
            if wanted {
                below.push_str(&row(&[(title.to_owned(), width)]));
            }
        }
        if !above.trim().is_empty() {
            text.push_str(&format!("{above}\n"));
        }
        text + &below + "\n"
    }

    /// The numbers of an epoch, each with the columns it has.
    fn cells(&self, losses: &[TaskValue], scores: &[Score], objective: Option<f64>) -> Vec<(String, usize)> {
        if self.shown == EpochView::Mean {
            let sum: f64 = losses.iter().map(|loss| loss.value).sum();
            let mean = sum / losses.len().max(1) as f64;
            let values = [mean, objective.unwrap_or(f64::NAN)];
            return MEAN
                .iter()
                .zip(values)
                .map(|((_, width), value)| (within(value, NUMBER), *width))
                .collect();
        }
        let mut cells = Vec::new();
        for (task, loss) in self.tasks.iter().zip(losses) {
            let score = score(loss, scores).map_or(f64::NAN, |score| score.value);
            let values = match (self.shown, &task.metric) {
                (EpochView::One, Some(_)) => vec![score],
                (_, Some(_)) => vec![loss.value, score],
                (_, None) => vec![loss.value],
            };
            let widths = task.headings(self.shown).into_iter().map(|(_, width)| width);
            cells.extend(values.into_iter().map(|value| within(value, NUMBER)).zip(widths));
        }
        cells
    }
}

/// Titles of what is said of all tasks together.
const MEAN: [(&str, usize); 2] = [("loss", 9), ("objective", 9)];

/// Cells at the right of their columns, a gap before each.
fn row(cells: &[(String, usize)]) -> String {
    let cell = |(text, columns): &(String, usize)| {
        let blanks = GAP + columns.saturating_sub(width(text));
        format!("{}{text}", " ".repeat(blanks))
    };
    cells.iter().map(cell).collect()
}

/// A name in so many columns, its middle left out: names are alike at their beginnings and differ at their
/// ends.
fn shortened(name: &str, columns: usize) -> String {
    if width(name) <= columns {
        return name.to_owned();
    }
    let room = columns.saturating_sub(1);
    let take = |letters: &mut dyn Iterator<Item = char>, room: usize| {
        let mut used = 0;
        let fits = |letter: &char| {
            used += letter_width(*letter);
            used <= room
        };
        letters.take_while(fits).collect::<Vec<char>>()
    };
    let end = take(&mut name.chars().rev(), room / 2);
    let beginning = take(&mut name.chars(), room - room / 2);
    beginning.into_iter().chain(['…']).chain(end.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests;
