//! Converts one input's cells to the model's input values, with the same casts as in training.

use std::borrow::Cow;

use polars::prelude::{PlHashMap, PlHashSet};
use rayon::prelude::*;

use crate::data::cells::{BadRow, Cells};
use crate::data::error::DataError;
use crate::data::feature::{
    ImageFormat, collect_or_first_error, decode_image, decode_images, encode, encode_pairs,
    encode_registered, holds_images, pairs_to_array, raw_numbers as numbers, series, truncate_rows,
};
use crate::data::frame::Frame;
use crate::data::image_file::ImageSize;
use crate::data::list::{StepLists, TextLists};
use crate::data::raw::input_warnings::{self, InputWarning, merged};
use crate::data::raw::open::cell_type;
use crate::data::raw::values::RawColumn;
use crate::data::source::{CellType, read_bytes};
use crate::data::tokenizer::{TokenCodec, WordPieces, word_counts};
use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::signature::{Encoding, InputSignature, Keys, MISSING_INT, TokenPlane, UNSEEN_INT};
use crate::domain::table_schema::CellKind;
use crate::domain::tokenizer::{Tokenizer, TruncationSide};

/// The cells of a column, and their kind in training if it is known.
#[derive(Clone, Copy)]
pub(super) struct ReadCells<'a> {
    pub cells: &'a Cells,
    pub kind: Option<CellKind>,
}

/// An input's values and warnings about them. `second`: the column of the second text of pairs.
pub(super) fn read(
    input: &InputSignature,
    first: ReadCells<'_>,
    second: Option<ReadCells<'_>>,
    frame: &Frame,
) -> Result<(RawColumn, Vec<InputWarning>), DataError> {
    let ReadCells { cells, kind } = first;
    let column = match &input.encoding {
        Encoding::Tokens { tokenizer, length, side, plane: Some(TokenPlane::Segments { column }) } => {
            let unknown = || DataError::OtherEncoding { column: column.to_string() };
            return pairs(input, [first, second.ok_or_else(unknown)?], tokenizer, (*length, *side));
        }
        Encoding::Tokens { tokenizer, length, side, plane: Some(TokenPlane::Words { separator }) } => {
            return words(input, cells, tokenizer, separator, (*length, *side), kind);
        }
        Encoding::Tokens { tokenizer, length, side, plane: None } => {
            return tokens(input, cells, tokenizer, (*length, *side), kind);
        }
        Encoding::Series { center, .. } => return series(input, cells, frame, center.len()),
        Encoding::Registered { .. } => return registered(input, cells, frame, kind),
        encoding @ Encoding::Image { .. } => match ImageFormat::from_encoding(encoding) {
            Some(format) => images(cells, frame, format)?,
            None => return Err(DataError::OtherEncoding { column: input.name.to_string() }),
        },
        Encoding::Code { keys: Keys::Text(keys), .. } | Encoding::OneHot { keys: Keys::Text(keys) } => {
            texts(cells, keys, kind)?
        }
        Encoding::Code { keys: Keys::Int(_), .. } | Encoding::OneHot { keys: Keys::Int(_) } => {
            RawColumn::Whole(cells.codes(MISSING_INT, UNSEEN_INT)?)
        }
        Encoding::Scale { .. } | Encoding::Piecewise { .. } => {
            RawColumn::Numbers(numbers(cells, frame, input)?)
        }
    };
    if input.required {
        refuse_missing(&column, cells, frame)?;
    }
    let warnings = input_warnings::warnings(input, &column, cells, frame);
    Ok((column, warnings))
}

/// An input without a value on any row.
pub(super) fn missing(input: &InputSignature, rows: usize) -> RawColumn {
    match input.raw {
        ElementType::Int64 => RawColumn::Whole(vec![MISSING_INT; rows]),
        ElementType::Text => RawColumn::Text(vec![String::new()], vec![0; rows]),
        element => {
            let numbers = Array::new(&[rows, 1], ArrayValues::F64(vec![f64::NAN; rows]));
            RawColumn::Numbers(numbers.with_floats(element))
        }
    }
}

/// Refuses missing values where the pipeline has `missing: error`.
fn refuse_missing(column: &RawColumn, cells: &Cells, frame: &Frame) -> Result<(), DataError> {
    let RawColumn::Numbers(values) = column else { return Ok(()) };
    let mut bad = BadRow::default();
    (0..values.rows()).filter(|row| values.is_nan_at(*row)).for_each(|row| bad.note(row));
    bad.first.map_or(Ok(()), |row| {
        let (column, location) = (cells.name().to_owned(), frame.cell_location(row, cells.name()));
        Err(DataError::Missing { column, place: location, count: bad.count })
    })
}

fn tokens(
    input: &InputSignature,
    cells: &Cells,
    tokenizer: &Tokenizer,
    limits: (usize, TruncationSide),
    kind: Option<CellKind>,
) -> Result<(RawColumn, Vec<InputWarning>), DataError> {
    let codec = TokenCodec::new(tokenizer)?;
    let ids: Result<Vec<Vec<u32>>, DataError> = match cells {
        // Already tokenized.
        Cells::List(_) => {
            let pieces = TextLists::from_cells(cells, " ")?;
            (0..pieces.rows()).map(|row| codec.pieces(pieces.row(row))).collect()
        }
        texts => texts.texts()?.par_iter().map(|text| codec.encode(&normalized(text, kind))).collect(),
    };
    let ids = ids?;
    let warnings = input_warnings::token_warnings(input, &ids, codec.unknown());
    Ok((RawColumn::Tokens(truncate_rows(&ids, tokenizer, limits, codec.unknown())?, tokenizer.pad), warnings))
}

/// Pairs of texts.
fn pairs(
    input: &InputSignature,
    columns: [ReadCells<'_>; 2],
    tokenizer: &Tokenizer,
    limits: (usize, TruncationSide),
) -> Result<(RawColumn, Vec<InputWarning>), DataError> {
    let codec = TokenCodec::new(tokenizer)?;
    let texts = |column: ReadCells<'_>| -> Result<Vec<String>, DataError> {
        let texts = column.cells.texts()?;
        Ok(texts.iter().map(|text| normalized(text, column.kind).into_owned()).collect())
    };
    let [first, second] = columns;
    let (first, second) = (texts(first)?, texts(second)?);
    let rows = encode_pairs(&codec, &first, &second, limits)?;
    let ids: Vec<Vec<u32>> = rows.iter().map(|pair| pair.ids.clone()).collect();
    let whole: Vec<usize> = rows.iter().map(|pair| pair.whole).collect();
    let mut warnings = input_warnings::token_warnings(input, &ids, codec.unknown());
    warnings.extend(input_warnings::truncation_warning(input, &whole));
    Ok((RawColumn::Tokens(pairs_to_array(&rows)?, tokenizer.pad), warnings))
}

/// Words that are split into pieces.
fn words(
    input: &InputSignature,
    cells: &Cells,
    tokenizer: &Tokenizer,
    separator: &str,
    limits: (usize, TruncationSide),
    kind: Option<CellKind>,
) -> Result<(RawColumn, Vec<InputWarning>), DataError> {
    let codec = TokenCodec::new(tokenizer)?;
    let pieces = WordPieces::new(&codec, tokenizer)?;
    let words = match cells {
        Cells::List(_) => TextLists::from_cells(cells, separator)?,
        texts => TextLists::from_texts(texts.texts()?.iter().map(|text| normalized(text, kind)), separator),
    };
    let rows = pieces.encode(&words)?;
    let array = pieces.truncate(&rows, tokenizer, limits)?;
    let mut warnings = input_warnings::token_warnings(input, &rows.ids, codec.unknown());
    warnings.extend(input_warnings::lost_words(input, &words, &word_counts(&array)));
    Ok((RawColumn::Tokens(array, tokenizer.pad), warnings))
}

fn series(
    input: &InputSignature,
    cells: &Cells,
    frame: &Frame,
    width: usize,
) -> Result<(RawColumn, Vec<InputWarning>), DataError> {
    let steps = StepLists::from_cells(cells, frame)?;
    if steps.width != width && !steps.values.is_empty() {
        let (column, location) = (cells.name().to_owned(), frame.location(0));
        return Err(DataError::StepSize { column, found: steps.width, expected: width, place: location });
    }
    let lengths: Vec<usize> = (0..steps.rows()).map(|row| steps.length(row)).collect();
    let warnings = input_warnings::truncation_warning(input, &lengths).into_iter().collect();
    let (raw, _) = series::truncate_rows(cells.name(), &steps, frame, (&input.encoding, input.raw))?;
    Ok((RawColumn::Series(raw), warnings))
}

/// The values computed by an input kind of another crate.
fn registered(
    input: &InputSignature,
    cells: &Cells,
    frame: &Frame,
    kind: Option<CellKind>,
) -> Result<(RawColumn, Vec<InputWarning>), DataError> {
    let texts = cells.texts()?;
    let texts: Vec<Cow<'_, str>> = texts.iter().map(|text| normalized(text, kind)).collect();
    let (array, own) = encode_registered(input, &texts, frame)?;
    let warnings = input_warnings::version_warning(input, own).into_iter().collect();
    let is_sequence = array.offsets.is_some();
    Ok((if is_sequence { RawColumn::Series(array) } else { RawColumn::Numbers(array) }, warnings))
}

/// Images `[rows, channels, height, width]` from file contents, pixel values, or file names relative to the
/// file of the rows.
fn images(cells: &Cells, frame: &Frame, format: ImageFormat) -> Result<RawColumn, DataError> {
    let location = |row: usize| frame.location(row).to_string();
    if holds_images(cells) {
        return Ok(RawColumn::Image(decode_images(cells, format, location)?));
    }
    let read = |row: usize| {
        let file = frame.location(row).file.with_file_name("").join(cells.text(row).as_ref());
        let cell = read_bytes(&file).map_err(|cause| cause.with_causes())?;
        decode_image(&cell, format)
    };
    let decoded: Vec<Result<Vec<u8>, String>> = (0..cells.len()).into_par_iter().map(read).collect();
    let pixels = collect_or_first_error(decoded, location)?.concat();
    let ImageSize { channels, height, width } = format.size;
    let shape = [cells.len(), channels, height, width];
    Ok(RawColumn::Image(Array::new(&shape, ArrayValues::U8(pixels))))
}

/// The distinct texts, normalized, and each row's index into them.
fn texts(cells: &Cells, keys: &[String], kind: Option<CellKind>) -> Result<RawColumn, DataError> {
    let known: PlHashSet<&str> = keys.iter().map(String::as_str).collect();
    let (mut distinct, mut rows) = (Vec::new(), Vec::with_capacity(cells.len()));
    let mut indices: PlHashMap<String, u32> = PlHashMap::default();
    cells.for_each_text(|_, text| {
        let text = text.unwrap_or("");
        let index = indices.get(text).copied().unwrap_or_else(|| {
            indices.insert(text.to_owned(), distinct.len() as u32);
            distinct.push(match kind {
                Some(_) => normalized(text, kind).into_owned(),
                None => as_known(text, &known),
            });
            distinct.len() as u32 - 1
        });
        rows.push(index);
    })?;
    Ok(RawColumn::Text(distinct, rows))
}

/// The canonical spelling of a cell of this kind: the number `1.50` is `1.5`, the boolean `True` is `true`.
fn normalized(text: &str, kind: Option<CellKind>) -> Cow<'_, str> {
    let Some(wanted) = kind.and_then(cell_type) else { return Cow::Borrowed(text) };
    if text.is_empty() || CellType::parse(text).join(wanted) != wanted {
        return Cow::Borrowed(text);
    }
    match wanted {
        CellType::Bool => Cow::Owned(text.to_ascii_lowercase()),
        CellType::Float => match text.parse::<f64>() {
            Ok(number) if number.is_nan() => Cow::Borrowed(""),
            // Adding 0 turns -0 into 0.
            Ok(number) => Cow::Owned((number + 0.0).to_string()),
            Err(_) => Cow::Borrowed(text),
        },
        _ => Cow::Borrowed(text),
    }
}

/// The key of a text when the kind of the cells in training is unknown: training normalized the keys of
/// columns of numbers and booleans.
fn as_known(text: &str, known: &PlHashSet<&str>) -> String {
    if known.contains(text) {
        return text.to_owned();
    }
    [CellKind::Number, CellKind::Bool]
        .into_iter()
        .map(|kind| normalized(text, Some(kind)))
        .find(|normalized| known.contains(normalized.as_ref()) && !normalized.is_empty())
        .map_or_else(|| text.to_owned(), Cow::into_owned)
}

/// A column under an encoding that is already fitted: the raw input values, the encoded values, and warnings.
pub(in crate::data) fn encode_known(
    input: &InputSignature,
    cells: &Cells,
    second: Option<&Cells>,
    frame: &Frame,
) -> Result<(Array, Array, Vec<String>), DataError> {
    let rows = frame.rows();
    let of = |cells| ReadCells { cells, kind: Some(CellKind::from_cells(cells)) };
    let (column, warnings) = read(input, of(cells), second.map(of), frame)?;
    let raw = column.rows(0..rows);
    let encoded = encode(&input.encoding, &raw)
        .ok_or_else(|| DataError::OtherEncoding { column: input.name.to_string() })?;
    Ok((raw, encoded, merged(warnings)))
}
