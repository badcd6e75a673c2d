//! Columns in one of the forms of answers: csv, tsv, jsonl, parquet, arrow.

use std::io::{Error as IoError, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use polars::prelude::{
    DataFrame, IntoColumn, IpcWriter, NamedFrom, ParquetWriter, PlSmallStr, SerWriter, Series,
};

use crate::data::error::DataError;
use crate::data::persist::persist;
use crate::data::raw::{AnswerColumn, AnswerFileFormat};

/// Writes columns of the same length, no two of one name, into a file, compressed by gzip where that is asked
/// for. It appears whole or not at all.
pub fn save(
    path: &Path,
    (form, packed): (AnswerFileFormat, bool),
    columns: &[(String, AnswerColumn)],
) -> Result<(), DataError> {
    persist(path, |writer| match packed {
        false => write(writer, form, columns),
        true => {
            let mut packer = GzEncoder::new(writer, Compression::default());
            write(&mut packer, form, columns)?;
            packer.finish().map(|_| ())
        }
    })
}

/// Writes them wherever bytes go.
pub fn write(
    mut writer: impl Write,
    form: AnswerFileFormat,
    columns: &[(String, AnswerColumn)],
) -> Result<(), IoError> {
    let writer = &mut writer;
    match form {
        AnswerFileFormat::Csv => separated(writer, columns, b','),
        AnswerFileFormat::Tsv => separated(writer, columns, b'\t'),
        AnswerFileFormat::Jsonl => json_lines(writer, columns),
        AnswerFileFormat::Parquet => {
            let mut table = table(columns)?;
            ParquetWriter::new(writer).finish(&mut table).map(|_| ()).map_err(IoError::other)
        }
        AnswerFileFormat::Arrow => {
            let mut table = table(columns)?;
            IpcWriter::new(writer).finish(&mut table).map_err(IoError::other)
        }
    }
}

fn rows(columns: &[(String, AnswerColumn)]) -> usize {
    columns.first().map_or(0, |(_, column)| column.len())
}

fn separated(
    writer: &mut impl Write,
    columns: &[(String, AnswerColumn)],
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
                AnswerColumn::Float(values) => {
                    plain(&mut line, Some(values[row]).filter(|value| !value.is_nan()))?
                }
                AnswerColumn::Number(values) => {
                    plain(&mut line, values[row].filter(|value| !value.is_nan()))?
                }
                AnswerColumn::Int(values) => plain(&mut line, values[row])?,
                AnswerColumn::Bool(values) => plain(&mut line, values[row])?,
                AnswerColumn::Text(values) => {
                    quote(&mut line, values[row].as_deref().unwrap_or(""), separator)
                }
            }
        }
        if line.is_empty() {
            // An empty line is no row; a missing value in quotes is.
            line.extend(b"\"\"");
        }
        line.push(b'\n');
        writer.write_all(&line)?;
    }
    Ok(())
}

fn plain(line: &mut Vec<u8>, value: Option<impl std::fmt::Display>) -> Result<(), IoError> {
    value.map_or(Ok(()), |value| write!(line, "{value}"))
}

/// A text as a field: in quotes where it would otherwise be read as something else.
fn quote(line: &mut Vec<u8>, text: &str, separator: u8) {
    let special = |byte: u8| byte == separator || matches!(byte, b'"' | b'\n' | b'\r');
    if !text.bytes().any(special) && text.trim().len() == text.len() {
        return line.extend(text.as_bytes());
    }
    line.push(b'"');
    line.extend(text.replace('"', "\"\"").as_bytes());
    line.push(b'"');
}

fn json_lines(writer: &mut impl Write, columns: &[(String, AnswerColumn)]) -> Result<(), IoError> {
    let names: Vec<String> =
        columns.iter().map(|(name, _)| serde_json::to_string(name)).collect::<Result<_, _>>()?;
    for row in 0..rows(columns) {
        for (position, (name, (_, column))) in names.iter().zip(columns).enumerate() {
            write!(writer, "{}{name}:", if position == 0 { '{' } else { ',' })?;
            match column {
                // Written from 32 bits: the same number in 64 bits has a long tail.
                AnswerColumn::Float(values) => {
                    finite(writer, Some(values[row]).filter(|value| value.is_finite()))?
                }
                AnswerColumn::Number(values) => {
                    finite(writer, values[row].filter(|value| value.is_finite()))?
                }
                AnswerColumn::Int(values) => finite(writer, values[row])?,
                AnswerColumn::Bool(values) => finite(writer, values[row])?,
                AnswerColumn::Text(values) => serde_json::to_writer(&mut *writer, &values[row])?,
            }
        }
        writeln!(writer, "}}")?;
    }
    Ok(())
}

fn finite(writer: &mut impl Write, value: Option<impl std::fmt::Display>) -> Result<(), IoError> {
    match value {
        Some(value) => write!(writer, "{value}"),
        None => writer.write_all(b"null"),
    }
}

fn table(columns: &[(String, AnswerColumn)]) -> Result<DataFrame, IoError> {
    let series = |(name, column): &(String, AnswerColumn)| {
        let name = PlSmallStr::from_str(name);
        match column {
            AnswerColumn::Float(values) => Series::new(name, values),
            AnswerColumn::Number(values) => Series::new(name, values),
            AnswerColumn::Int(values) => Series::new(name, values),
            AnswerColumn::Bool(values) => Series::new(name, values),
            AnswerColumn::Text(values) => Series::new(name, values),
        }
        .into_column()
    };
    DataFrame::new_infer_height(columns.iter().map(series).collect()).map_err(IoError::other)
}
