//! How a file is to be read, found by looking at it: what kind it is, and of separated text the separator, the
//! quote, the decimal comma, lines before the table, and whether the first line names the columns.
//!
//! What is found is written into a pipeline by `mtl init`; a pipeline that runs is read as it says, never guessed.

mod decimal;
mod heading;
mod separator;

use std::path::Path;

use crate::data::error::Error;
use crate::data::source::arrow::ArrowSpec;
use crate::data::source::csv::CsvSpec;
use crate::data::source::jsonl::JsonlSpec;
use crate::data::source::look::heading::Heading;
use crate::data::source::parquet::ParquetSpec;
use crate::data::source::{SourceSpec, bytes, of_ending};

/// Bytes at the beginning of a text that are looked at.
const LOOKED_AT: usize = 1 << 19;

/// The source that reads a file, told by its ending, its first bytes and its first records.
pub(in crate::data) fn look(file: &Path) -> Result<SourceSpec, Error> {
    let known = of_ending(file);
    if let Ok(known) = known
        && !matches!(known, SourceSpec::Csv(_))
    {
        return Ok(known);
    }
    let path = file.to_string_lossy().into_owned();
    let bytes = bytes::plain(file)?;
    if bytes.starts_with(b"PAR1") {
        return Ok(SourceSpec::Parquet(ParquetSpec { path }));
    }
    if bytes.starts_with(b"ARROW1") {
        return Ok(SourceSpec::Arrow(ArrowSpec { path }));
    }
    let text = bytes::text(file)?;
    match text.trim_start().as_bytes().first() {
        Some(b'{') if is_object(text.trim_start().lines().next().unwrap_or("")) => {
            Ok(SourceSpec::Jsonl(JsonlSpec { path }))
        }
        Some(b'{' | b'[') if path.to_lowercase().contains(".json") => Err(Error::NotOfForm {
            file: file.to_owned(),
            form: "JSON lines",
            reason: "it is one JSON document; write one object per line, as `jq -c '.[]' FILE` does"
                .to_owned(),
        }),
        _ => Ok(SourceSpec::Csv(separated(&text, file)?)),
    }
}

fn is_object(line: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(line).is_ok_and(|value| value.is_object())
}

/// How a separated text is read.
fn separated(text: &str, file: &Path) -> Result<CsvSpec, Error> {
    let mut spec = CsvSpec::plain(&file.to_string_lossy());
    let sample = beginning(text);
    let (asked, below, skipped) = separator_line(sample);
    let Some(cut) = separator::find(below, asked) else {
        return match separator::stands_apart_by_blanks(below) {
            true => Err(Error::NotOfForm {
                file: file.to_owned(),
                form: "a separated text file",
                reason: "its fields stand apart by several blanks; write one separator, as `tr -s ' ' ',' < FILE` does"
                    .to_owned(),
            }),
            false => Ok(spec),
        };
    };
    if cut.separator != b',' || spec.separator(file)? != b',' {
        spec.separator = Some(char::from(cut.separator).to_string());
    }
    match cut.quote {
        None => "none".clone_into(&mut spec.quote),
        Some(quote) => spec.quote = char::from(quote).to_string(),
    }
    spec.skip_rows = skipped + cut.skipped;
    spec.decimal = decimal::find(cut.records.get(1..).unwrap_or_default());
    match heading::find(&cut.records, spec.decimal) {
        Heading::Names => {}
        Heading::None => spec.header = false,
        Heading::Renamed(columns) => {
            spec.header = false;
            spec.skip_rows += cut.heading_lines;
            spec.columns = Some(columns);
        }
    }
    Ok(spec)
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
