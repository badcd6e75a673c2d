//! Columns into a file of the kind its ending tells: csv, tsv, jsonl or parquet.

use std::io::{Error as IoError, Write};
use std::path::Path;

use polars::prelude::{DataFrame, IntoColumn, NamedFrom, ParquetWriter, PlSmallStr, Series};

use crate::data::error::Error;
use crate::data::persist::persist;
use crate::data::raw::AnswerColumn;
use crate::data::source::{SourceSpec, of_ending};

/// Writes columns of the same length; the file's kind is told by its ending. It appears whole or not
/// at all.
pub fn write(path: &Path, columns: &[(String, AnswerColumn)]) -> Result<(), Error> {
    let name = path.to_string_lossy().to_lowercase();
    let unknown = || Error::UnknownForm { file: path.to_owned() };
    if name.ends_with(".gz") || name.ends_with(".zst") {
        return Err(unknown());
    }
    match of_ending(path)? {
        SourceSpec::Csv(spec) => {
            let separator = spec.separator(path)?;
            persist(path, |writer| separated(writer, columns, separator))
        }
        SourceSpec::Jsonl(_) => persist(path, |writer| json_lines(writer, columns)),
        SourceSpec::Parquet(_) => persist(path, |writer| parquet(writer, columns)),
        SourceSpec::Arrow(_) | SourceSpec::Conll(_) | SourceSpec::Idx(_) | SourceSpec::Images(_) => {
            Err(unknown())
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

fn parquet(writer: &mut impl Write, columns: &[(String, AnswerColumn)]) -> Result<(), IoError> {
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
    let table = DataFrame::new_infer_height(columns.iter().map(series).collect());
    table
        .and_then(|mut table| ParquetWriter::new(writer).finish(&mut table))
        .map(|_| ())
        .map_err(IoError::other)
}
