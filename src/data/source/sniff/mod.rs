//! How a file is to be read, found by looking at it: what kind it is, and of separated text the separator,
//! the quote, the decimal comma, lines before the table, and whether the first line names the columns.
//!
//! What is found is written into a pipeline by `mtl init`; a pipeline that runs is read as it says, never
//! guessed.

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
use crate::data::source::{SourceConfig, bytes, of_ending};

/// Bytes at the beginning of a text that are looked at.
const LOOKED_AT: usize = 1 << 19;

/// The source that reads a file, told by its ending, its first bytes and its first records.
pub(in crate::data) fn sniff(file: &Path) -> Result<SourceConfig, DataError> {
    let known = of_ending(file);
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
        Some(b'{' | b'[') if path.to_lowercase().contains(".json") => Err(DataError::NotOfForm {
            file: file.to_owned(),
            form: "JSON lines",
            reason: "it is one JSON document; write one object per line, as `jq -c '.[]' FILE` does"
                .to_owned(),
        }),
        _ => Ok(SourceConfig::Csv(separated(&text, file)?)),
    }
}

fn is_object(line: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(line).is_ok_and(|value| value.is_object())
}

/// How a separated text is read.
fn separated(text: &str, file: &Path) -> Result<CsvConfig, DataError> {
    let mut config = CsvConfig::plain(&file.to_string_lossy());
    let sample = beginning(text);
    let (asked, below, skipped) = separator_line(sample);
    let Some(cut) = separator::find(below, asked) else {
        return match separator::stands_apart_by_blanks(below) {
            true => Err(DataError::NotOfForm {
                file: file.to_owned(),
                form: "a separated text file",
                reason: "its fields stand apart by several blanks; write one separator, as `tr -s ' ' ',' < FILE` does"
                    .to_owned(),
            }),
            false => Ok(config),
        };
    };
    if cut.separator != b',' || config.separator(file)? != b',' {
        config.separator = Some(char::from(cut.separator).to_string());
    }
    match cut.quote {
        None => "none".clone_into(&mut config.quote),
        Some(quote) => config.quote = char::from(quote).to_string(),
    }
    config.skip_rows = skipped + cut.skipped;
    config.decimal = decimal::find(cut.records.get(1..).unwrap_or_default());
    match heading::find(&cut.records, config.decimal) {
        Heading::Names => {}
        Heading::None => config.header = false,
        Heading::Renamed(columns) => {
            config.header = false;
            config.skip_rows += cut.heading_lines;
            config.columns = Some(columns);
        }
    }
    Ok(config)
}

/// Whole lines at the beginning of a text.
fn beginning(text: &str) -> &str {
    if text.len() <= LOOKED_AT {
        return text;
    }
    let end = text.as_bytes()[..LOOKED_AT].iter().rposition(|&byte| byte == b'\n');
    end.map_or(text, |end| &text[..=end])
}

/// The separator that a first line `sep=;` names, as spreadsheets write it; the text below; lines skipped.
fn separator_line(text: &str) -> (Option<u8>, &str, usize) {
    let (line, below) = text.split_once('\n').unwrap_or((text, ""));
    let named = line.trim_end_matches('\r').trim_matches('"');
    match named.strip_prefix("sep=").or_else(|| named.strip_prefix("SEP=")).map(str::as_bytes) {
        Some([one]) if one.is_ascii() => (Some(*one), below, 1),
        _ => (None, text, 0),
    }
}

#[cfg(test)]
mod tests;
