//! Infers the source settings of a file: its kind, and for delimited text the separator, the quote, the
//! decimal comma, the lines before the table, and whether there is a header.
//!
//! Only `mtl init` uses this, and writes the settings into a pipeline; a run never guesses.

mod decimal;
mod heading;
mod separator;

use std::path::Path;

use crate::data::error::DataError;
use crate::data::source::arrow::ArrowConfig;
use crate::data::source::csv::CsvConfig;
use crate::data::source::jsonl::JsonlConfig;
use crate::data::source::parquet::ParquetConfig;
use crate::data::source::sniff::heading::Heading;
use crate::data::source::{SourceConfig, bytes, source_from_extension};

/// The size of the sample at the beginning of a text, in bytes.
const SAMPLE: usize = 1 << 19;

/// The source settings for a file, from its extension, first bytes and first records.
///
/// # Errors
///
/// If the file cannot be read, or has a format that no source reads.
pub(in crate::data) fn sniff(file: &Path) -> Result<SourceConfig, DataError> {
    let known = source_from_extension(file);
    if let Ok(known) = known
        && !matches!(known, SourceConfig::Csv(_))
    {
        return Ok(known);
    }
    let path = file.to_string_lossy().into_owned();
    let bytes = bytes::plain(file)?;
    if bytes.starts_with(b"PAR1") {
        return Ok(SourceConfig::Parquet(ParquetConfig { path }));
    }
    if bytes.starts_with(b"ARROW1") {
        return Ok(SourceConfig::Arrow(ArrowConfig { path }));
    }
    let text = bytes::text(file)?;
    match text.trim_start().as_bytes().first() {
        Some(b'{') if is_object(text.trim_start().lines().next().unwrap_or("")) => {
            Ok(SourceConfig::Jsonl(JsonlConfig { path }))
        }
        Some(b'{' | b'[') if path.to_lowercase().contains(".json") => Err(DataError::InvalidFormat {
            file: file.to_owned(),
            form: "JSON lines",
            reason: "it is one JSON document; convert it to one object per line, for example with \
                     `jq -c '.[]' FILE`"
                .to_owned(),
        }),
        _ => Ok(SourceConfig::Csv(separated(&text, file)?)),
    }
}

fn is_object(line: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(line).is_ok_and(|value| value.is_object())
}

/// The settings for delimited text.
fn separated(text: &str, file: &Path) -> Result<CsvConfig, DataError> {
    let mut config = CsvConfig::plain(&file.to_string_lossy());
    let sample = beginning(text);
    let (declared, below, skipped) = separator_line(sample);
    let Some(split) = separator::find(below, declared) else {
        return match separator::has_aligned_columns(below) {
            true => Err(DataError::InvalidFormat {
                file: file.to_owned(),
                form: "a delimited text file",
                reason: "its columns are aligned with several spaces; convert them to one separator, for \
                         example with `tr -s ' ' ',' < FILE`"
                    .to_owned(),
            }),
            false => Ok(config),
        };
    };
    if split.separator != b',' || config.separator(file)? != b',' {
        config.separator = Some(char::from(split.separator).to_string());
    }
    match split.quote {
        None => "none".clone_into(&mut config.quote),
        Some(quote) => config.quote = char::from(quote).to_string(),
    }
    config.skip_rows = skipped + split.skipped;
    config.decimal = decimal::find(split.records.get(1..).unwrap_or_default());
    match heading::find(&split.records, config.decimal) {
        Heading::Names => {}
        Heading::None => config.header = false,
        Heading::Renamed(columns) => {
            config.header = false;
            config.skip_rows += split.heading_lines;
            config.columns = Some(columns);
        }
    }
    Ok(config)
}

/// The whole lines within the sample.
fn beginning(text: &str) -> &str {
    if text.len() <= SAMPLE {
        return text;
    }
    let end = text.as_bytes()[..SAMPLE].iter().rposition(|&byte| byte == b'\n');
    end.map_or(text, |end| &text[..=end])
}

/// The separator declared by a first line `sep=;`, as spreadsheets write it; the text below it; and the
/// number of skipped lines.
fn separator_line(text: &str) -> (Option<u8>, &str, usize) {
    let (line, below) = text.split_once('\n').unwrap_or((text, ""));
    let named = line.trim_end_matches('\r').trim_matches('"');
    match named.strip_prefix("sep=").or_else(|| named.strip_prefix("SEP=")).map(str::as_bytes) {
        Some([separator]) if separator.is_ascii() => (Some(*separator), below, 1),
        _ => (None, text, 0),
    }
}

#[cfg(test)]
mod tests;
