//! The source `csv`: see [`CsvConfig`].

use std::borrow::Cow;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::source::kind::CellType;
use crate::data::source::record::CsvDialect;
use crate::domain::choice_config::Settings;

/// Delimited text, optionally compressed (.gz, .zst).
///
/// A column's type is inferred from all its cells: whole numbers, numbers, booleans, or text. Spaces around
/// an unquoted field are dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvConfig {
    /// The file, relative to the pipeline file.
    pub path: String,
    /// The character between fields; default `,`, and a tab for `.tsv` and `.tab` files.
    #[serde(default)]
    pub separator: Option<String>,
    /// The character around fields that contain a separator or a line end, doubled inside them; `none` if
    /// quotes are ordinary characters. Default `"`.
    #[serde(default = "default_quote")]
    pub quote: String,
    /// The decimal separator of numbers: `.` or `,`. Default `.`.
    #[serde(default)]
    pub decimal: Decimal,
    /// The number of lines to skip before the table, such as a title. Default 0.
    #[serde(default)]
    pub skip_rows: usize,
    /// Is the first line a header with the column names? Default true.
    #[serde(default = "default_header")]
    pub header: bool,
    /// The column names, if there is no header. Default: `column_1`, `column_2`...
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

/// The decimal separator of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Decimal {
    /// `1.5`
    #[default]
    #[serde(rename = ".")]
    Point,
    /// `1,5`
    #[serde(rename = ",")]
    Comma,
}

impl Decimal {
    /// The type of one cell's text, which is not empty. A number with thousands separators is text.
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

    /// A number's text with a decimal point.
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
    /// Default settings for a file with a header.
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

    /// The characters that delimit the fields of `file`.
    ///
    /// # Errors
    ///
    /// `DataError::Separator` or `DataError::Quote` for an invalid setting.
    pub(in crate::data) fn dialect(&self, file: &Path) -> Result<CsvDialect, DataError> {
        let separator = self.separator(file)?;
        Ok(CsvDialect { separator, quote: self.quote(separator)? })
    }

    /// The quote character, if quoting is enabled.
    fn quote(&self, separator: u8) -> Result<Option<u8>, DataError> {
        match self.quote.as_bytes() {
            b"none" => Ok(None),
            [quote] if quote.is_ascii_punctuation() && *quote != separator => Ok(Some(*quote)),
            _ => Err(DataError::Quote { found: self.quote.clone() }),
        }
    }

    /// The separator of `file`.
    pub(in crate::data) fn separator(&self, file: &Path) -> Result<u8, DataError> {
        match self.separator.as_deref() {
            None if is_tsv(file) => Ok(b'\t'),
            None => Ok(b','),
            Some("\\t") => Ok(b'\t'),
            Some(text) => match text.as_bytes() {
                [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r' | 0) => Ok(*byte),
                _ => Err(DataError::Separator { found: text.to_owned() }),
            },
        }
    }
}

/// Does the name end in .tsv or .tab, compressed or not?
pub(in crate::data) fn is_tsv(file: &Path) -> bool {
    let name = file.to_string_lossy().to_lowercase();
    let plain = name.trim_end_matches(".gz").trim_end_matches(".zst");
    [".tsv", ".tab"].iter().any(|extension| plain.ends_with(extension))
}

#[cfg(test)]
mod tests {
    use crate::data::source::csv::Decimal;
    use crate::data::source::kind::CellType;

    /// pandas: `read_csv(StringIO("x\n" + text), sep=";", decimal=",").x.dtype` is float64, int64 or object.
    #[test]
    fn numbers_with_a_decimal_comma_are_recognized() {
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
