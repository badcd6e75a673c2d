//! Prints the epochs of a training as a table with one line per epoch, never wider than the terminal.
//!
//! Each task shows its training loss and its first validation metric; if that is too wide, one of the two;
//! and if that is too wide as well, the line shows the mean loss and the objective of all tasks.

use crate::domain::event::{Event, FinishedEpoch};
use crate::domain::score::{Score, TaskValue};
use crate::report::number::{guess, rate, significant_within};
use crate::report::table::{letter_width, width};

/// Maximum width of a line.
pub const WIDEST: usize = 100;
/// Width of a number; the minimum width of a column.
const NUMBER: usize = 7;
/// Width of `  epoch`.
const EPOCH: usize = 7;
const GAP: usize = 2;
const BEST: &str = "  best so far";

/// Formats the epochs of consecutive trainings.
#[derive(Debug)]
pub struct EpochPrinter {
    width: usize,
    /// Maximum number of epochs.
    planned: usize,
    /// Number of epochs of this training so far, and their seconds.
    finished: (usize, f64),
    layout: Option<EpochLayout>,
}

/// The columns of a line.
#[derive(Clone, Debug, PartialEq)]
struct EpochLayout {
    tasks: Vec<EpochColumn>,
    view: EpochView,
    shows_speed: bool,
    shows_time_left: bool,
}

/// The columns of one task.
#[derive(Clone, Debug, PartialEq)]
struct EpochColumn {
    task: String,
    /// Its first metric on validation rows; `None` without such rows.
    metric: Option<String>,
}

/// What a line shows of the tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EpochView {
    /// Loss and score of each task, with the metrics' names in full or shortened.
    Both { shortened: bool },
    /// The score of each task, or its loss if it has no score.
    One,
    /// The mean loss and the objective of all tasks.
    Mean,
}

impl EpochPrinter {
    /// A printer for a terminal of `columns` columns; [`WIDEST`] for `None`.
    pub fn new(columns: Option<usize>) -> Self {
        let width = columns.map_or(WIDEST, |columns| columns.min(WIDEST));
        Self { width, planned: 0, finished: (0, 0.0), layout: None }
    }

    /// Returns the line of a finished epoch, before the first one with a heading; `None` for other events.
    pub fn lines(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::TrainStarted { epochs, .. } => {
                (self.planned, self.finished, self.layout) = (*epochs, (0, 0.0), None);
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
                self.finished = (self.finished.0 + 1, self.finished.1 + seconds);
                let tasks: Vec<EpochColumn> =
                    losses.iter().map(|loss| EpochColumn::from_scores(loss, scores)).collect();
                let (heading, layout) = match self.layout.take().filter(|layout| layout.tasks == tasks) {
                    Some(layout) => (String::new(), layout),
                    None => {
                        let layout = EpochLayout::fitting(tasks, self.width);
                        (layout.heading(), layout)
                    }
                };
                let mut text = heading;
                let mut cells = layout.cells(losses, scores, *objective);
                if layout.shows_speed {
                    cells.push((rate(*rows_per_second), SPEED));
                }
                if layout.shows_time_left {
                    cells.push((self.seconds_left(*epoch).map(guess).unwrap_or_default(), TIME_LEFT));
                }
                text.push_str(&format!("{epoch:>EPOCH$}{}", row(&cells)));
                // Without an objective no epoch is better than another.
                text.push_str(if *best && objective.is_some() { BEST } else { "" });
                self.layout = Some(layout);
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
            | Event::Featured { .. }
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

    /// Estimated seconds until the last planned epoch ends; `None` after it.
    fn seconds_left(&self, epoch: usize) -> Option<f64> {
        let (finished, seconds) = self.finished;
        let remaining = self.planned.checked_sub(epoch).filter(|remaining| *remaining > 0)?;
        Some(seconds / finished.max(1) as f64 * remaining as f64)
    }
}

/// Widths of the columns `rows/s` and `time left`.
const SPEED: usize = 9;
const TIME_LEFT: usize = 10;

impl EpochColumn {
    fn from_scores(loss: &TaskValue, scores: &[Score]) -> Self {
        Self { task: loss.task.to_string(), metric: score(loss, scores).map(|score| score.metric.clone()) }
    }

    /// The headings of the task's numbers, with their widths.
    fn headings(&self, view: EpochView) -> Vec<(String, usize)> {
        let metric = self.metric.as_ref().map(|metric| match view {
            EpochView::Both { shortened: false } => (metric.clone(), width(metric).max(NUMBER)),
            _ => (shortened(metric, NUMBER + 1), NUMBER + 1),
        });
        match (view, metric) {
            (EpochView::Mean, _) => Vec::new(),
            (EpochView::One, Some(metric)) => vec![metric],
            (_, metric) => std::iter::once(("loss".to_owned(), NUMBER)).chain(metric).collect(),
        }
    }

    fn width(&self, view: EpochView) -> usize {
        let numbers: usize = self.headings(view).iter().map(|(_, width)| width + GAP).sum();
        numbers.saturating_sub(GAP)
    }
}

/// A task's first score.
fn score<'a>(loss: &TaskValue, scores: &'a [Score]) -> Option<&'a Score> {
    scores.iter().find(|score| score.task == loss.task && score.metric != "loss")
}

impl EpochLayout {
    /// The most detailed layout that fits into `limit` columns.
    fn fitting(tasks: Vec<EpochColumn>, limit: usize) -> Self {
        let views = [
            EpochView::Both { shortened: false },
            EpochView::Both { shortened: true },
            EpochView::One,
            EpochView::Mean,
        ];
        let ends = [(true, true), (true, false), (false, false)];
        let candidates = views.into_iter().flat_map(|view| ends.map(|(speed, left)| (view, speed, left)));
        let mut layout = Self { tasks, view: EpochView::Mean, shows_speed: false, shows_time_left: false };
        for (view, speed, left) in candidates {
            (layout.view, layout.shows_speed, layout.shows_time_left) = (view, speed, left);
            if layout.width() <= limit {
                break;
            }
        }
        layout
    }

    fn width(&self) -> usize {
        let tasks: usize = match self.view {
            EpochView::Mean => MEAN.iter().map(|(_, width)| width + GAP).sum(),
            view => self.tasks.iter().map(|task| task.width(view) + GAP).sum(),
        };
        let speed = if self.shows_speed { SPEED + GAP } else { 0 };
        let time_left = if self.shows_time_left { TIME_LEFT + GAP } else { 0 };
        EPOCH + tasks + speed + time_left + BEST.len()
    }

    /// The description of the table and the headings of its columns.
    fn heading(&self) -> String {
        let is_scored = self.tasks.iter().any(|task| task.metric.is_some());
        let content = match (self.view, is_scored) {
            (EpochView::Both { .. }, true) => "training loss and validation score of each task".to_owned(),
            (EpochView::One, true) => "validation score of each task".to_owned(),
            (EpochView::Both { .. } | EpochView::One, false) => "training loss of each task".to_owned(),
            (EpochView::Mean, _) => {
                format!("mean training loss of {} tasks, and the validation objective", self.tasks.len())
            }
        };
        let mut text = format!("  per epoch      {content}\n");
        let (mut above, mut below) = (" ".repeat(EPOCH), "  epoch".to_owned());
        match self.view {
            EpochView::Mean => below.push_str(&row(&MEAN.map(|(title, width)| (title.to_owned(), width)))),
            view => {
                for task in &self.tasks {
                    above.push_str(&row(&[(shortened(&task.task, task.width(view)), task.width(view))]));
                    below.push_str(&row(&task.headings(view)));
                }
            }
        }
        if self.shows_speed {
            below.push_str(&row(&[("rows/s".to_owned(), SPEED)]));
        }
        if self.shows_time_left {
            below.push_str(&row(&[("time left".to_owned(), TIME_LEFT)]));
        }
        if !above.trim().is_empty() {
            text.push_str(&format!("{above}\n"));
        }
        text + &below + "\n"
    }

    /// The numbers of an epoch, with the widths of their columns.
    fn cells(&self, losses: &[TaskValue], scores: &[Score], objective: Option<f64>) -> Vec<(String, usize)> {
        if self.view == EpochView::Mean {
            let sum: f64 = losses.iter().map(|loss| loss.value).sum();
            let mean = sum / losses.len().max(1) as f64;
            let values = [mean, objective.unwrap_or(f64::NAN)];
            return MEAN
                .iter()
                .zip(values)
                .map(|((_, width), value)| (significant_within(value, NUMBER), *width))
                .collect();
        }
        let mut cells = Vec::new();
        for (task, loss) in self.tasks.iter().zip(losses) {
            let score = score(loss, scores).map_or(f64::NAN, |score| score.value);
            let values = match (self.view, &task.metric) {
                (EpochView::One, Some(_)) => vec![score],
                (_, Some(_)) => vec![loss.value, score],
                (_, None) => vec![loss.value],
            };
            let widths = task.headings(self.view).into_iter().map(|(_, width)| width);
            cells.extend(values.into_iter().map(|value| significant_within(value, NUMBER)).zip(widths));
        }
        cells
    }
}

/// Titles and widths of the columns of [`EpochView::Mean`].
const MEAN: [(&str, usize); 2] = [("loss", 9), ("objective", 9)];

/// Right-aligned cells with a gap before each.
fn row(cells: &[(String, usize)]) -> String {
    let cell = |(text, cell_width): &(String, usize)| {
        let blanks = GAP + cell_width.saturating_sub(width(text));
        format!("{}{text}", " ".repeat(blanks))
    };
    cells.iter().map(cell).collect()
}

/// Shortens a name to `columns` columns by an ellipsis in its middle, since similar names often differ at
/// their ends.
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
