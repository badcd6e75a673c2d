//! Raw rows, checked against a signature: the values a model is fed, cast as training cast them.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use polars::prelude::{PlHashMap, PlHashSet};
use rayon::prelude::*;

use crate::data::cells::Cells;
use crate::data::error::Error;
use crate::data::feature::{encode, fed, kept, picture, pictures, raw as numbers, series, whole};
use crate::data::frame::Frame;
use crate::data::list::{Pieces, Steps};
use crate::data::picture::Size;
use crate::data::raw::AnswerColumn;
use crate::data::source::{Sheet, SourceSpec, of_ending};
use crate::data::tokenizer::Codec;
use crate::domain::array::{Array, ElementType, Values};
use crate::domain::diagnostic::Path as Node;
use crate::domain::name::{ColumnName, InputName};
use crate::domain::signature::{Encoding, InputSignature, Keys, MISSING_INT, Signature};
use crate::domain::tokenizer::{Side, Tokenizer};

/// Raw rows, checked against a signature.
#[derive(Clone, Debug)]
pub struct Raw {
    pub rows: usize,
    /// What a person should know of the rows.
    pub notes: Vec<String>,
    inputs: Vec<(InputName, RawColumn)>,
    frame: Frame,
}

#[derive(Clone, Debug)]
enum RawColumn {
    /// `[rows, 1]`, in as many bits as the model is fed.
    Numbers(Array),
    Whole(Vec<i64>),
    /// Different texts, and each row's index into them: far smaller than a text per row.
    Text(Vec<String>, Vec<u32>),
    /// Token numbers, and what stands behind a row's end.
    Tokens(Array, u32),
    Series(Array),
    /// Bytes `[rows, channels, height, width]`.
    Image(Array),
}

/// Reads the columns a model needs; the file's kind is told by its ending. Label columns are not
/// needed. All problems at once, at `inputs.<input>`.
pub fn read(path: &Path, signature: &Signature) -> Result<Raw, Error> {
    let mut source = of_ending(path)?;
    if let SourceSpec::Idx(idx) = &mut source {
        // A file of nothing but images is the input of images, whatever its name.
        let is_image = |input: &&InputSignature| matches!(input.encoding, Encoding::Image { .. });
        let input = signature.inputs.iter().find(is_image);
        idx.column = input.and_then(|input| ColumnName::new(input.name.as_str()));
    }
    let sheet = Sheet::open(&source, path)?;
    let text = |name: &str| {
        let is_text = |input: &InputSignature| {
            input.raw == ElementType::Text || matches!(input.encoding, Encoding::Tokens { .. })
        };
        signature.inputs.iter().any(|input| input.name.as_str() == name && is_text(input))
    };
    // What was text in training is not told anew from this file: `007` stays `007`.
    let kinds = sheet.texts(text);
    let (table, origin) = sheet.build(&kinds)?;
    if table.height() == 0 {
        return Err(Error::NoRows { file: path.to_owned() });
    }
    let frame = Frame::new(table, vec![origin]);
    let (mut inputs, mut notes, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for input in &signature.inputs {
        let read = frame.cells(input.name.as_str()).and_then(|cells| column(input, &cells, &frame));
        match read {
            Ok((column, cut)) => {
                inputs.push((input.name.clone(), column));
                notes.extend(told(input, cut, frame.rows()));
            }
            Err(error) => problems.push(error.at(Node::of("inputs").key(&input.name))),
        }
    }
    Error::unless_empty(problems)?;
    Ok(Raw { rows: frame.rows(), notes, inputs, frame })
}

/// What is said of rows that were longer than what the model reads of them.
fn told(input: &InputSignature, cut: usize, rows: usize) -> Option<String> {
    let (noun, length, end) = match &input.encoding {
        Encoding::Tokens { length, side: Side::Tail, .. } => ("tokens", length, "beginning"),
        Encoding::Tokens { length, .. } => ("tokens", length, "end"),
        Encoding::Series { length, .. } => ("steps", length, "end"),
        _ => return None,
    };
    let name = &input.name;
    (cut > 0).then(|| {
        format!("input `{name}`: {cut} of {rows} rows have more than {length} {noun}; their {end} is cut off")
    })
}

/// An input's column, and how many of its rows are cut to their limit.
fn column(input: &InputSignature, cells: &Cells, frame: &Frame) -> Result<(RawColumn, usize), Error> {
    match &input.encoding {
        Encoding::Tokens { tokenizer, length, side } => tokens(cells, tokenizer, (*length, *side)),
        Encoding::Series { center, length, .. } => series(input, cells, frame, (center.len(), *length)),
        _ => Ok((single(input, cells, frame)?, 0)),
    }
}

/// A column whose rows are no sequences.
fn single(input: &InputSignature, cells: &Cells, frame: &Frame) -> Result<RawColumn, Error> {
    match (&input.encoding, input.raw) {
        (Encoding::Image { channels, height, width, .. }, _) => {
            images(cells, frame, Size { channels: *channels, height: *height, width: *width })
        }
        (_, ElementType::Int64) => Ok(RawColumn::Whole(cells.whole_numbers(MISSING_INT, frame)?)),
        (Encoding::Code { keys: Keys::Text(keys), .. } | Encoding::OneHot { keys: Keys::Text(keys) }, _) => {
            texts(cells, keys)
        }
        _ => Ok(RawColumn::Numbers(numbers(cells, frame, input)?)),
    }
}

fn tokens(cells: &Cells, tokenizer: &Tokenizer, limits: (usize, Side)) -> Result<(RawColumn, usize), Error> {
    let codec = Codec::new(tokenizer)?;
    let numbers: Result<Vec<Vec<u32>>, Error> = match cells {
        // Tokens that are already cut.
        Cells::List(_) => {
            let pieces = Pieces::of(cells, " ")?;
            (0..pieces.rows()).map(|row| codec.pieces(pieces.row(row))).collect()
        }
        texts => texts.texts()?.par_iter().map(|text| codec.encode(text)).collect(),
    };
    let numbers = numbers?;
    let cut = numbers.iter().filter(|row| row.len() > limits.0).count();
    Ok((RawColumn::Tokens(kept(&numbers, limits, codec.unknown())?, tokenizer.pad), cut))
}

fn series(
    input: &InputSignature,
    cells: &Cells,
    frame: &Frame,
    (width, length): (usize, usize),
) -> Result<(RawColumn, usize), Error> {
    let steps = Steps::of(cells, frame)?;
    if steps.width != width && !steps.values.is_empty() {
        let (column, place) = (cells.name().to_owned(), frame.place(0));
        return Err(Error::StepWidth { column, found: steps.width, expected: width, place });
    }
    let cut = (0..steps.rows()).filter(|row| steps.length(*row) > length).count();
    let (raw, _) = series::kept(cells.name(), &steps, frame, (&input.encoding, input.raw))?;
    Ok((RawColumn::Series(raw), cut))
}

/// Pictures, or the names of their files, which are relative to the file of the rows.
fn images(cells: &Cells, frame: &Frame, size: Size) -> Result<RawColumn, Error> {
    let place = |row: usize| frame.place(row).to_string();
    if let Cells::Binary(_) = cells {
        return Ok(RawColumn::Image(pictures(cells, size, place)?));
    }
    let read = |(row, name): (usize, &Cow<'_, str>)| {
        let file = frame.place(row).file.with_file_name("").join(name.as_ref());
        let cell = std::fs::read(&file).map_err(|cause| format!("`{}`: {cause}", file.display()))?;
        picture(&cell, size)
    };
    let decoded: Vec<Result<Vec<u8>, String>> = cells.texts()?.par_iter().enumerate().map(read).collect();
    let pixels = whole(decoded, place)?.concat();
    let shape = [cells.len(), size.channels, size.height, size.width];
    Ok(RawColumn::Image(Array::new(&shape, Values::U8(pixels))))
}

fn texts(cells: &Cells, keys: &[String]) -> Result<RawColumn, Error> {
    let known: PlHashSet<&str> = keys.iter().map(String::as_str).collect();
    let (mut found, mut rows) = (Vec::new(), Vec::with_capacity(cells.len()));
    let mut position: PlHashMap<String, u32> = PlHashMap::default();
    cells.for_each_text(|_, text| {
        let text = text.unwrap_or("");
        let place = position.get(text).copied().unwrap_or_else(|| {
            position.insert(text.to_owned(), found.len() as u32);
            found.push(as_trained(text, &known));
            found.len() as u32 - 1
        });
        rows.push(place);
    })?;
    Ok(RawColumn::Text(found, rows))
}

/// The key a text stands for. Numbers and booleans that training read as such were keys in one form:
/// `1.50` as `1.5`, `True` as `true`.
fn as_trained(text: &str, known: &PlHashSet<&str>) -> String {
    if known.contains(text) {
        return text.to_owned();
    }
    let number = text.trim().parse::<f64>().ok().map(|number| (number + 0.0).to_string());
    let other = number.unwrap_or_else(|| text.to_lowercase());
    let is_same =
        other != "nan" && other.parse::<f64>().is_ok() || matches!(other.as_str(), "true" | "false");
    if is_same && known.contains(other.as_str()) { other } else { text.to_owned() }
}

/// A column as an encoding that is known already has it: as a model is fed, encoded, and what a person should
/// know of it.
pub(in crate::data) fn known(
    input: &InputSignature,
    cells: &Cells,
    frame: &Frame,
) -> Result<(Array, Array, Option<String>), Error> {
    let rows = frame.rows();
    let (read, cut) = column(input, cells, frame)?;
    let raw = read.rows(0..rows);
    let encoded = encode(&input.encoding, &raw);
    let column = input.name.to_string();
    encoded.map(|encoded| (raw, encoded, told(input, cut, rows))).ok_or(Error::OtherEncoding { column })
}

impl RawColumn {
    /// Some of the rows, as a model is fed them.
    fn rows(&self, rows: Range<usize>) -> Array {
        let picked: Vec<u32> = (rows.start as u32..rows.end as u32).collect();
        let values = match self {
            Self::Tokens(array, pad) => return fed(&array.gather(&picked), *pad),
            Self::Series(array) => return series::fed(&array.gather(&picked)),
            Self::Image(array) | Self::Numbers(array) => return array.gather(&picked),
            Self::Whole(values) => Values::I64(values[rows.clone()].to_vec()),
            Self::Text(found, places) => {
                let text = |place: &u32| found[*place as usize].clone();
                Values::Text(places[rows.clone()].iter().map(text).collect())
            }
        };
        Array::new(&[rows.len(), 1], values)
    }
}

impl Raw {
    /// The model's inputs for some of the rows, in the signature's order, each `[rows, 1]`, or sequences filled
    /// up to the longest of these rows.
    pub fn batch(&self, rows: Range<usize>) -> Vec<(InputName, Array)> {
        let rows = rows.start.min(self.rows)..rows.end.min(self.rows);
        self.inputs.iter().map(|(name, column)| (name.clone(), column.rows(rows.clone()))).collect()
    }

    /// The names of the file's own columns.
    pub fn columns(&self) -> Vec<String> {
        self.frame.columns()
    }

    /// The file's own columns, to stand beside the answers; nested ones are left out.
    pub fn originals(&self) -> Vec<(String, AnswerColumn)> {
        let columns = self.frame.table().columns().iter();
        columns.filter_map(|column| Some((column.name().to_string(), AnswerColumn::of(column)?))).collect()
    }
}
