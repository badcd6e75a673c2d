//! The source `csv`: see [`CsvConfig`].

use std::borrow::Cow;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::source::kind::CellType;
use crate::data::source::record::CsvDialect;
use crate::domain::choice_config::Settings;

/// Comma- or otherwise separated text, optionally compressed (.gz, .zst).
///
/// Every cell is looked at before a column's kind is told: whole numbers, numbers, true and false,
/// or text. Spaces around a field that is not quoted do not belong to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvConfig {
    /// Relative to the pipeline file.
    pub path: String,
    /// One character between fields; default `,`, and a tab for `.tsv` and `.tab` files.
    #[serde(default)]
    pub separator: Option<String>,
    /// The character that fields which hold a separator or a line end stand in, doubled inside them;
    /// `none` where a quote is a character as any other. Default `"`.
    #[serde(default = "default_quote")]
    pub quote: String,
    /// What stands before the decimals of a number: `.` or `,`. Default `.`.
    #[serde(default)]
    pub decimal: Decimal,
    /// Lines before the table, such as a title. Default 0.
    #[serde(default)]
    pub skip_rows: usize,
    /// Does the first line name the columns? Default true.
    #[serde(default = "default_header")]
    pub header: bool,
    /// Names of the columns, when there is no header. Default: `column_1`, `column_2`...
    #[serde(default)]
    pub columns: Option<Vec<String>>,
    /// Texts that mean a missing value, besides the empty one. Default none.
    #[serde(default)]
    pub missing: Vec<String>,
}

impl Settings for CsvConfig {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str = "{csv: {path: data/rows.csv}}";
}

/// What stands before the decimals of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Decimal {
    #[default]
    #[serde(rename = ".")]
    Point,
    #[serde(rename = ",")]
    Comma,
}

impl Decimal {
    /// The kind of one cell's text, which is not empty. A number with a thousands separator is text.
    pub(in crate::data) fn kind(self, text: &str) -> CellType {
        match (self, CellType::parse(text)) {
            (Self::Comma, CellType::Float) if text.contains('.') => CellType::Text,
            (Self::Comma, CellType::Text) if text.contains(',') && !text.contains('.') => {
                match CellType::parse(&text.replace(',', ".")) {
                    CellType::Float => CellType::Float,
                    _ => CellType::Text,
                }
            }
            (_, kind) => kind,
        }
    }

    /// A number's text with a point before its decimals.
    pub(in crate::data) fn with_point(self, number: &str) -> Cow<'_, str> {
        match self {
            Self::Comma if number.contains(',') => Cow::Owned(number.replace(',', ".")),
            _ => Cow::Borrowed(number),
        }
    }
}

fn default_header() -> bool {
    true
}

fn default_quote() -> String {
    "\"".to_owned()
}

impl CsvConfig {
    /// A file with a header and no more to say about it.
    pub fn plain(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            separator: None,
            quote: default_quote(),
            decimal: Decimal::Point,
            skip_rows: 0,
            header: true,
            columns: None,
            missing: vec![],
        }
    }

    /// How the records of `file` are cut into fields.
    pub(in crate::data) fn dialect(&self, file: &Path) -> Result<CsvDialect, DataError> {
        let separator = self.separator(file)?;
        Ok(CsvDialect { separator, quote: self.quote(separator)? })
    }

    /// The byte that fields may stand in.
    fn quote(&self, separator: u8) -> Result<Option<u8>, DataError> {
        match self.quote.as_bytes() {
            b"none" => Ok(None),
            [one] if one.is_ascii_punctuation() && *one != separator => Ok(Some(*one)),
            _ => Err(DataError::Quote { found: self.quote.clone() }),
        }
    }

    /// The byte between the fields of `file`.
    pub(in crate::data) fn separator(&self, file: &Path) -> Result<u8, DataError> {
        match self.separator.as_deref() {
            None if is_tsv(file) => Ok(b'\t'),
            None => Ok(b','),
            Some("\\t") => Ok(b'\t'),
            Some(text) => match text.as_bytes() {
                [one] if one.is_ascii() && !matches!(one, b'"' | b'\n' | b'\r' | 0) => Ok(*one),
                _ => Err(DataError::Separator { found: text.to_owned() }),
            },
        }
    }
}

/// Does the name end in .tsv or .tab, compressed or not?
fn is_tsv(file: &Path) -> bool {
    let name = file.to_string_lossy().to_lowercase();
    let plain = name.trim_end_matches(".gz").trim_end_matches(".zst");
    [".tsv", ".tab"].iter().any(|ending| plain.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use crate::data::source::csv::Decimal;
    use crate::data::source::kind::CellType;

    /// pandas: `read_csv(StringIO("x\n" + text), sep=";", decimal=",").x.dtype` is float64, int64 or object.
    #[test]
    fn a_decimal_comma_makes_a_number_of_one_comma() {
        for (text, kind) in [
            ("1,5", CellType::Float),
            ("-,5", CellType::Float),
            ("1,5e-3", CellType::Float),
            ("12", CellType::Int),
            ("1.5", CellType::Text),
            ("1.234,5", CellType::Text),
            ("1,234,567", CellType::Text),
            ("a,b", CellType::Text),
            ("nan", CellType::Float),
        ] {
            assert_eq!(Decimal::Comma.kind(text), kind, "{text}");
        }
        assert_eq!(Decimal::Point.kind("1,5"), CellType::Text);
        assert_eq!(Decimal::Comma.with_point("-1,25"), "-1.25");
        assert_eq!(Decimal::Point.with_point("-1,25"), "-1,25");
    }
}
