//! One input's cells as the values a model is fed, cast as training cast them.

use std::borrow::Cow;

use polars::prelude::{PlHashMap, PlHashSet};
use rayon::prelude::*;

use crate::data::cells::{Bad, Cells};
use crate::data::error::Error;
use crate::data::feature::{
    Look, encode, encode_registered, holds_pictures, kept, picture, pictures, raw as numbers, series, whole,
};
use crate::data::frame::Frame;
use crate::data::list::{Pieces, Steps};
use crate::data::picture::Size;
use crate::data::raw::open::of_cells;
use crate::data::raw::told::{self, Told, merged};
use crate::data::raw::values::RawColumn;
use crate::data::source::{Kind, read_bytes};
use crate::data::tokenizer::Codec;
use crate::domain::array::{Array, ElementType, Values};
use crate::domain::reading::CellKind;
use crate::domain::signature::{Encoding, InputSignature, Keys, MISSING_INT, UNSEEN_INT};
use crate::domain::tokenizer::{Side, Tokenizer};

/// An input's column, and what is to be said of it. `kind`: what its cells were in training.
pub(super) fn read(
    input: &InputSignature,
    kind: Option<CellKind>,
    cells: &Cells,
    frame: &Frame,
) -> Result<(RawColumn, Vec<Told>), Error> {
    let column = match &input.encoding {
        Encoding::Tokens { tokenizer, length, side } => {
            return tokens(input, cells, tokenizer, (*length, *side), kind);
        }
        Encoding::Series { center, .. } => return series(input, cells, frame, center.len()),
        Encoding::Registered { .. } => return registered(input, cells, frame, kind),
        encoding @ Encoding::Image { .. } => match Look::of(encoding) {
            Some(look) => images(cells, frame, look)?,
            None => return Err(Error::OtherEncoding { column: input.name.to_string() }),
        },
        Encoding::Code { keys: Keys::Text(keys), .. } | Encoding::OneHot { keys: Keys::Text(keys) } => {
            texts(cells, keys, kind)?
        }
        Encoding::Code { keys: Keys::Int(_), .. } | Encoding::OneHot { keys: Keys::Int(_) } => {
            RawColumn::Whole(cells.codes(MISSING_INT, UNSEEN_INT)?)
        }
        Encoding::Scale { .. } => RawColumn::Numbers(numbers(cells, frame, input)?),
    };
    if input.required {
        refuse_missing(&column, cells, frame)?;
    }
    let said = told::of(input, &column, cells, frame);
    Ok((column, said))
}

/// An input that is missing on every row.
pub(super) fn missing(input: &InputSignature, rows: usize) -> RawColumn {
    match input.raw {
        ElementType::Int64 => RawColumn::Whole(vec![MISSING_INT; rows]),
        ElementType::Text => RawColumn::Text(vec![String::new()], vec![0; rows]),
        element => {
            let numbers = Array::new(&[rows, 1], Values::F64(vec![f64::NAN; rows]));
            RawColumn::Numbers(numbers.with_floats(element))
        }
    }
}

/// `missing: error`, as in training.
fn refuse_missing(column: &RawColumn, cells: &Cells, frame: &Frame) -> Result<(), Error> {
    let RawColumn::Numbers(values) = column else { return Ok(()) };
    let mut bad = Bad::default();
    (0..values.rows()).filter(|row| values.is_nan_at(*row)).for_each(|row| bad.note(row));
    bad.first.map_or(Ok(()), |row| {
        let (column, place) = (cells.name().to_owned(), frame.place_of(row, cells.name()));
        Err(Error::Missing { column, place, count: bad.count })
    })
}

fn tokens(
    input: &InputSignature,
    cells: &Cells,
    tokenizer: &Tokenizer,
    limits: (usize, Side),
    kind: Option<CellKind>,
) -> Result<(RawColumn, Vec<Told>), Error> {
    let codec = Codec::new(tokenizer)?;
    let numbers: Result<Vec<Vec<u32>>, Error> = match cells {
        // Tokens that are already cut.
        Cells::List(_) => {
            let pieces = Pieces::of(cells, " ")?;
            (0..pieces.rows()).map(|row| codec.pieces(pieces.row(row))).collect()
        }
        texts => texts.texts()?.par_iter().map(|text| codec.encode(&spelled(text, kind))).collect(),
    };
    let numbers = numbers?;
    let said = told::of_tokens(input, &numbers, codec.unknown());
    Ok((RawColumn::Tokens(kept(&numbers, limits, codec.unknown())?, tokenizer.pad), said))
}

fn series(
    input: &InputSignature,
    cells: &Cells,
    frame: &Frame,
    width: usize,
) -> Result<(RawColumn, Vec<Told>), Error> {
    let steps = Steps::of(cells, frame)?;
    if steps.width != width && !steps.values.is_empty() {
        let (column, place) = (cells.name().to_owned(), frame.place(0));
        return Err(Error::StepWidth { column, found: steps.width, expected: width, place });
    }
    let lengths: Vec<usize> = (0..steps.rows()).map(|row| steps.length(row)).collect();
    let said = told::cut(input, &lengths).into_iter().collect();
    let (raw, _) = series::kept(cells.name(), &steps, frame, (&input.encoding, input.raw))?;
    Ok((RawColumn::Series(raw), said))
}

/// What a kind of another crate makes of the cells.
fn registered(
    input: &InputSignature,
    cells: &Cells,
    frame: &Frame,
    kind: Option<CellKind>,
) -> Result<(RawColumn, Vec<Told>), Error> {
    let texts = cells.texts()?;
    let texts: Vec<Cow<'_, str>> = texts.iter().map(|text| spelled(text, kind)).collect();
    let (array, own) = encode_registered(input, &texts, frame)?;
    let said = told::of_version(input, own).into_iter().collect();
    let is_sequence = array.offsets.is_some();
    Ok((if is_sequence { RawColumn::Series(array) } else { RawColumn::Numbers(array) }, said))
}

/// Pictures, as files' bytes or as numbers, or the names of their files, which are relative to the file of the rows.
fn images(cells: &Cells, frame: &Frame, look: Look) -> Result<RawColumn, Error> {
    let place = |row: usize| frame.place(row).to_string();
    if holds_pictures(cells) {
        return Ok(RawColumn::Image(pictures(cells, look, place)?));
    }
    let read = |row: usize| {
        let file = frame.place(row).file.with_file_name("").join(cells.text(row).as_ref());
        let cell = read_bytes(&file).map_err(|cause| cause.with_causes())?;
        picture(&cell, look)
    };
    let decoded: Vec<Result<Vec<u8>, String>> = (0..cells.len()).into_par_iter().map(read).collect();
    let pixels = whole(decoded, place)?.concat();
    let Size { channels, height, width } = look.size;
    let shape = [cells.len(), channels, height, width];
    Ok(RawColumn::Image(Array::new(&shape, Values::U8(pixels))))
}

fn texts(cells: &Cells, keys: &[String], kind: Option<CellKind>) -> Result<RawColumn, Error> {
    let known: PlHashSet<&str> = keys.iter().map(String::as_str).collect();
    let (mut found, mut rows) = (Vec::new(), Vec::with_capacity(cells.len()));
    let mut position: PlHashMap<String, u32> = PlHashMap::default();
    cells.for_each_text(|_, text| {
        let text = text.unwrap_or("");
        let place = position.get(text).copied().unwrap_or_else(|| {
            position.insert(text.to_owned(), found.len() as u32);
            found.push(match kind {
                Some(_) => spelled(text, kind).into_owned(),
                None => as_known(text, &known),
            });
            found.len() as u32 - 1
        });
        rows.push(place);
    })?;
    Ok(RawColumn::Text(found, rows))
}

/// A text as a column of its kind spells it: `1.50` among numbers is `1.5`, `True` among flags `true`.
fn spelled(text: &str, kind: Option<CellKind>) -> Cow<'_, str> {
    let Some(wanted) = kind.and_then(of_cells) else { return Cow::Borrowed(text) };
    if text.is_empty() || Kind::of(text).join(wanted) != wanted {
        return Cow::Borrowed(text);
    }
    match wanted {
        Kind::Bool => Cow::Owned(text.to_ascii_lowercase()),
        Kind::Float => match text.parse::<f64>() {
            Ok(number) if number.is_nan() => Cow::Borrowed(""),
            // Adding 0 turns -0 into 0.
            Ok(number) => Cow::Owned((number + 0.0).to_string()),
            Err(_) => Cow::Borrowed(text),
        },
        _ => Cow::Borrowed(text),
    }
}

/// The key a text stands for, where nobody told what the cells were: numbers and booleans that training read as such
/// were keys in one form.
fn as_known(text: &str, known: &PlHashSet<&str>) -> String {
    if known.contains(text) {
        return text.to_owned();
    }
    [CellKind::Number, CellKind::Bool]
        .into_iter()
        .map(|kind| spelled(text, Some(kind)))
        .find(|spelled| known.contains(spelled.as_ref()) && !spelled.is_empty())
        .map_or_else(|| text.to_owned(), Cow::into_owned)
}

/// A column as an encoding that is known already has it: as a model is fed, encoded, and what a person should
/// know of it.
pub(in crate::data) fn known(
    input: &InputSignature,
    cells: &Cells,
    frame: &Frame,
) -> Result<(Array, Array, Vec<String>), Error> {
    let rows = frame.rows();
    let (read, said) = read(input, Some(CellKind::of(cells)), cells, frame)?;
    let raw = read.rows(0..rows);
    let encoded = encode(&input.encoding, &raw);
    let column = input.name.to_string();
    encoded.map(|encoded| (raw, encoded, merged(said))).ok_or(Error::OtherEncoding { column })
}
