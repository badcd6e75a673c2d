//! Writes predictions as csv, tsv, jsonl, parquet or arrow.

use std::io::{Error as IoError, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use polars::prelude::{DataFrame, IntoColumn, NamedFrom, PlSmallStr, Series};
use polars_io::SerWriter;
use polars_io::ipc::IpcWriter;
use polars_io::parquet::write::ParquetWriter;

use crate::data::error::DataError;
use crate::data::persist::persist;
use crate::data::raw::{PredictionColumn, PredictionFileFormat};

/// Writes columns of equal length and unique names to a file, atomically. The `bool` asks for gzip.
///
/// # Errors
///
/// `DataError::Unwritable`.
pub fn save(
    path: &Path,
    (format, gzip): (PredictionFileFormat, bool),
    columns: &[(String, PredictionColumn)],
) -> Result<(), DataError> {
    persist(path, |writer| match gzip {
        false => write(writer, format, columns),
        true => {
            let mut encoder = GzEncoder::new(writer, Compression::default());
            write(&mut encoder, format, columns)?;
            encoder.finish().map(|_| ())
        }
    })
}

/// Writes columns of equal length and unique names to a writer.
pub fn write(
    mut writer: impl Write,
    format: PredictionFileFormat,
    columns: &[(String, PredictionColumn)],
) -> Result<(), IoError> {
    let writer = &mut writer;
    match format {
        PredictionFileFormat::Csv => separated(writer, columns, b','),
        PredictionFileFormat::Tsv => separated(writer, columns, b'\t'),
        PredictionFileFormat::Jsonl => json_lines(writer, columns),
        PredictionFileFormat::Parquet => {
            let mut table = table(columns)?;
            ParquetWriter::new(writer).finish(&mut table).map(|_| ()).map_err(IoError::other)
        }
        PredictionFileFormat::Arrow => {
            let mut table = table(columns)?;
            IpcWriter::new(writer).finish(&mut table).map_err(IoError::other)
        }
    }
}

fn rows(columns: &[(String, PredictionColumn)]) -> usize {
    columns.first().map_or(0, |(_, column)| column.len())
}

fn separated(
    writer: &mut impl Write,
    columns: &[(String, PredictionColumn)],
    separator: u8,
) -> Result<(), IoError> {
    let mut line = Vec::new();
    for (position, (name, _)) in columns.iter().enumerate() {
        if position > 0 {
            line.push(separator);
        }
        quote(&mut line, name, separator);
    }
    line.push(b'\n');
    writer.write_all(&line)?;
    for row in 0..rows(columns) {
        line.clear();
        for (position, (_, column)) in columns.iter().enumerate() {
            if position > 0 {
                line.push(separator);
            }
            match column {
                PredictionColumn::Float(values) => {
                    field(&mut line, Some(values[row]).filter(|value| !value.is_nan()))?
                }
                PredictionColumn::Number(values) => {
                    field(&mut line, values[row].filter(|value| !value.is_nan()))?
                }
                PredictionColumn::Int(values) => field(&mut line, values[row])?,
                PredictionColumn::Bool(values) => field(&mut line, values[row])?,
                PredictionColumn::Text(values) => {
                    quote(&mut line, values[row].as_deref().unwrap_or(""), separator)
                }
            }
        }
        if line.is_empty() {
            // Readers skip an empty line, so a row of one missing value is written as empty quotes.
            line.extend(b"\"\"");
        }
        line.push(b'\n');
        writer.write_all(&line)?;
    }
    Ok(())
}

fn field(line: &mut Vec<u8>, value: Option<impl std::fmt::Display>) -> Result<(), IoError> {
    value.map_or(Ok(()), |value| write!(line, "{value}"))
}

/// Appends a field, quoted if it would otherwise be read differently.
fn quote(line: &mut Vec<u8>, text: &str, separator: u8) {
    let special = |byte: u8| byte == separator || matches!(byte, b'"' | b'\n' | b'\r');
    if !text.bytes().any(special) && text.trim().len() == text.len() {
        return line.extend(text.as_bytes());
    }
    line.push(b'"');
    line.extend(text.replace('"', "\"\"").as_bytes());
    line.push(b'"');
}

fn json_lines(writer: &mut impl Write, columns: &[(String, PredictionColumn)]) -> Result<(), IoError> {
    let names: Vec<String> =
        columns.iter().map(|(name, _)| serde_json::to_string(name)).collect::<Result<_, _>>()?;
    for row in 0..rows(columns) {
        for (position, (name, (_, column))) in names.iter().zip(columns).enumerate() {
            write!(writer, "{}{name}:", if position == 0 { '{' } else { ',' })?;
            match column {
                // Formatted as f32: converted to f64 the same number has many more digits.
                PredictionColumn::Float(values) => {
                    json_value(writer, Some(values[row]).filter(|value| value.is_finite()))?
                }
                PredictionColumn::Number(values) => {
                    json_value(writer, values[row].filter(|value| value.is_finite()))?
                }
                PredictionColumn::Int(values) => json_value(writer, values[row])?,
                PredictionColumn::Bool(values) => json_value(writer, values[row])?,
                PredictionColumn::Text(values) => serde_json::to_writer(&mut *writer, &values[row])?,
            }
        }
        writeln!(writer, "}}")?;
    }
    Ok(())
}

fn json_value(writer: &mut impl Write, value: Option<impl std::fmt::Display>) -> Result<(), IoError> {
    match value {
        Some(value) => write!(writer, "{value}"),
        None => writer.write_all(b"null"),
    }
}

fn table(columns: &[(String, PredictionColumn)]) -> Result<DataFrame, IoError> {
    let series = |(name, column): &(String, PredictionColumn)| {
        let name = PlSmallStr::from_str(name);
        match column {
            PredictionColumn::Float(values) => Series::new(name, values),
            PredictionColumn::Number(values) => Series::new(name, values),
            PredictionColumn::Int(values) => Series::new(name, values),
            PredictionColumn::Bool(values) => Series::new(name, values),
            PredictionColumn::Text(values) => Series::new(name, values),
        }
        .into_column()
    };
    DataFrame::new_infer_height(columns.iter().map(series).collect()).map_err(IoError::other)
}
