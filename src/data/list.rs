//! Columns of lists: texts, or time steps of numbers.

use std::borrow::Cow;

use crate::data::cells::{Cells, ListColumn};
use crate::data::error::DataError;
use crate::data::frame::Frame;

/// Several texts per row.
#[derive(Clone, Debug)]
pub(in crate::data) struct TextLists {
    /// The texts of all rows, concatenated.
    text: String,
    /// 0, then the end of each text as a byte offset into `text`.
    ends: Vec<usize>,
    /// `[rows + 1]`: the texts of row `i` are `offsets[i]..offsets[i + 1]`.
    offsets: Vec<usize>,
}

impl TextLists {
    /// The lists of a column, or its texts split at `separator` without empty pieces. With an empty
    /// separator, each character is a piece.
    pub fn from_cells(cells: &Cells, separator: &str) -> Result<Self, DataError> {
        let mut lists = Self::empty();
        match cells {
            Cells::List(list) => {
                list.inner.for_each_text(|_, piece| lists.push(piece.unwrap_or("")))?;
                lists.offsets.clone_from(&list.offsets);
            }
            Cells::Time(_) | Cells::Other { .. } => return Err(cells.type_error("a list of texts")),
            other => other.for_each_text(|_, text| lists.push_split(text.unwrap_or(""), separator))?,
        }
        Ok(lists)
    }

    /// Texts split as by [`Self::from_cells`].
    pub fn from_texts<'a>(texts: impl Iterator<Item = Cow<'a, str>>, separator: &str) -> Self {
        let mut lists = Self::empty();
        texts.for_each(|text| lists.push_split(&text, separator));
        lists
    }

    fn empty() -> Self {
        Self { text: String::new(), ends: vec![0], offsets: vec![0] }
    }

    /// Appends a row: a text split at `separator`.
    fn push_split(&mut self, text: &str, separator: &str) {
        if separator.is_empty() {
            for letter in text.chars() {
                self.text.push(letter);
                self.ends.push(self.text.len());
            }
        } else {
            text.split(separator).filter(|piece| !piece.is_empty()).for_each(|piece| self.push(piece));
        }
        self.offsets.push(self.ends.len() - 1);
    }

    fn push(&mut self, piece: &str) {
        self.text.push_str(piece);
        self.ends.push(self.text.len());
    }

    pub fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn length(&self, row: usize) -> usize {
        self.offsets[row + 1] - self.offsets[row]
    }

    /// The texts of a row.
    pub fn row(&self, row: usize) -> impl ExactSizeIterator<Item = &str> + Clone {
        (self.offsets[row]..self.offsets[row + 1]).map(|i| &self.text[self.ends[i]..self.ends[i + 1]])
    }
}

/// Several time steps of numbers per row; NaN where a number is missing.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) struct StepLists {
    pub values: Vec<f64>,
    /// Numbers per step.
    pub width: usize,
    /// `[rows + 1]`: the steps of row `i` are `offsets[i]..offsets[i + 1]`.
    pub offsets: Vec<usize>,
}

impl StepLists {
    /// Reads lists of numbers, lists of lists of numbers, or texts of numbers with any separators between
    /// them.
    pub fn from_cells(cells: &Cells, frame: &Frame) -> Result<Self, DataError> {
        match cells {
            Cells::List(list) => match &list.inner {
                Cells::List(steps) => {
                    let width = width(list, steps, frame)?;
                    // All steps have the same width, so their numbers are contiguous.
                    let values = numbers(list, steps, frame)?;
                    Ok(Self { values, width, offsets: list.offsets.clone() })
                }
                inner => {
                    let values = inner.numbers_at(&|cell| frame.location(row_of(&list.offsets, cell)))?;
                    Ok(Self { values, width: 1, offsets: list.offsets.clone() })
                }
            },
            Cells::Text(_) => {
                let is_separator =
                    |letter: char| !(letter.is_alphanumeric() || matches!(letter, '+' | '-' | '.'));
                let (mut values, mut offsets) = (Vec::new(), vec![0]);
                for (row, text) in cells.texts()?.iter().enumerate() {
                    for piece in text.split(is_separator).filter(|piece| !piece.is_empty()) {
                        let number = piece.parse::<f64>().ok().filter(|number| !number.is_infinite());
                        values.push(number.ok_or_else(|| DataError::NotNumber {
                            column: cells.name().to_owned(),
                            value: piece.to_owned(),
                            place: frame.location(row),
                            count: 1,
                            samples: vec![piece.to_owned()],
                        })?);
                    }
                    offsets.push(values.len());
                }
                Ok(Self { values, width: 1, offsets })
            }
            other => Err(other.type_error("a series: a list of numbers, or of lists of numbers")),
        }
    }

    pub fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The number of steps of a row.
    pub fn length(&self, row: usize) -> usize {
        self.offsets[row + 1] - self.offsets[row]
    }

    /// The numbers of a row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[self.offsets[row] * self.width..self.offsets[row + 1] * self.width]
    }
}

/// The row that an element of the flattened lists belongs to.
fn row_of(offsets: &[usize], cell: usize) -> usize {
    offsets.partition_point(|offset| *offset <= cell).saturating_sub(1)
}

/// Numbers per step, which must be the same for all steps.
fn width(list: &ListColumn, steps: &ListColumn, frame: &Frame) -> Result<usize, DataError> {
    let Some(first) = (0..steps.rows()).next().map(|step| steps.row(step).len()) else { return Ok(1) };
    let other = (0..steps.rows()).find(|step| steps.row(*step).len() != first || first == 0);
    other.map_or(Ok(first), |step| {
        let (found, expected) = (steps.row(step).len(), first.max(1));
        let place = frame.location(row_of(&list.offsets, step));
        Err(DataError::StepSize { column: list.name().to_owned(), found, expected, place })
    })
}

fn numbers(list: &ListColumn, steps: &ListColumn, frame: &Frame) -> Result<Vec<f64>, DataError> {
    steps.inner.numbers_at(&|cell| frame.location(row_of(&list.offsets, row_of(&steps.offsets, cell))))
}
