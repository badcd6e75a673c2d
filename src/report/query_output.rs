//! Writes the result of `mtl query` row by row: as a table, as CSV or as JSON. Only the table buffers rows,
//! to measure its columns.

use std::io::{Result, Write};

use serde_json::Map;

use crate::domain::answer::numbered_name;
use crate::report::number;
use crate::report::style::{Style, TextTone};
use crate::report::table::{ColumnAlign, TableCell, TableLayout, TextTable};
use crate::store::query::{RowSink, SqlValue};

/// Number of rows that determine the column widths of a table.
pub const MEASURED: usize = 1000;

/// Writes the result of a query.
pub trait QueryWriter: RowSink {
    /// Finishes the output after the last row.
    fn end(&mut self) -> Result<()>;
}

/// Writes a table for people: numbers with four significant digits, NULL as a dash. A table too wide for the
/// terminal becomes one block per row.
pub struct TextOutput<'a> {
    out: &'a mut dyn Write,
    style: Style,
    columns: Vec<String>,
    buffered: Vec<Vec<SqlValue>>,
    /// The table, once its heading is written.
    table: Option<StreamedTable>,
    rows: usize,
}

/// A table whose heading is written.
struct StreamedTable {
    empty: TextTable,
    /// `None`: one block per row.
    layout: Option<TableLayout>,
}

impl<'a> TextOutput<'a> {
    /// A table in the given style.
    pub fn new(out: &'a mut dyn Write, style: Style) -> Self {
        Self { out, style, columns: Vec::new(), buffered: Vec::new(), table: None, rows: 0 }
    }

    fn write(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.buffered);
        let first = self.rows - rows.len() + 1;
        let cells = rows.iter().map(|row| row.iter().map(cell).collect::<Vec<TableCell>>());
        let text = match &self.table {
            Some(streamed) => {
                let mut table = streamed.empty.emptied();
                cells.for_each(|row| table.row(row));
                match &streamed.layout {
                    Some(layout) => table.body(&self.style, layout),
                    None => table.records(&self.style, first),
                }
            }
            None => {
                let columns: Vec<(&str, ColumnAlign)> = self
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(column, name)| (name.as_str(), align(&rows, column)))
                    .collect();
                let mut table = TextTable::new(&columns);
                cells.for_each(|row| table.row(row));
                let is_cramped = table.is_cramped(&self.style);
                let layout = (!is_cramped).then(|| table.layout(&self.style));
                self.table = Some(StreamedTable { empty: table.emptied(), layout });
                if is_cramped { table.records(&self.style, first) } else { table.text(&self.style) }
            }
        };
        self.out.write_all(text.as_bytes())
    }
}

impl RowSink for TextOutput<'_> {
    fn columns(&mut self, names: Vec<String>) -> Result<()> {
        self.columns = names;
        Ok(())
    }

    fn row(&mut self, values: Vec<SqlValue>) -> Result<()> {
        self.buffered.push(values);
        self.rows += 1;
        if self.table.is_some() || self.buffered.len() == MEASURED { self.write() } else { Ok(()) }
    }
}

impl QueryWriter for TextOutput<'_> {
    fn end(&mut self) -> Result<()> {
        if self.table.is_none() {
            self.write()?;
        }
        let count = number::counted(self.rows, "row");
        writeln!(self.out, "{}", self.style.paint(TextTone::Faint, &count))
    }
}

/// Writes CSV (RFC 4180) with a header; numbers in full precision, NULL as an empty field.
pub struct CsvOutput<'a> {
    out: &'a mut dyn Write,
}

impl<'a> CsvOutput<'a> {
    /// CSV with a header line.
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self { out }
    }

    fn line(&mut self, fields: impl Iterator<Item = String>) -> Result<()> {
        let line = fields.map(|field| quoted(&field)).collect::<Vec<_>>().join(",") + "\n";
        self.out.write_all(line.as_bytes())
    }
}

impl RowSink for CsvOutput<'_> {
    fn columns(&mut self, names: Vec<String>) -> Result<()> {
        self.line(titles(&names).into_iter())
    }

    fn row(&mut self, values: Vec<SqlValue>) -> Result<()> {
        self.line(values.iter().map(ToString::to_string))
    }
}

impl QueryWriter for CsvOutput<'_> {
    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Writes a JSON array with one object per row. It is closed only after the last row, so that an incomplete
/// result is not valid JSON.
pub struct JsonOutput<'a> {
    out: &'a mut dyn Write,
    titles: Vec<String>,
    has_rows: bool,
}

impl<'a> JsonOutput<'a> {
    /// A JSON list with one object per row.
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self { out, titles: Vec::new(), has_rows: false }
    }
}

impl RowSink for JsonOutput<'_> {
    fn columns(&mut self, names: Vec<String>) -> Result<()> {
        self.titles = titles(&names);
        self.out.write_all(b"[")
    }

    fn row(&mut self, values: Vec<SqlValue>) -> Result<()> {
        let named = self.titles.iter().zip(&values);
        let pairs = named.map(|(name, value)| (name.clone(), serde_json::json!(value)));
        let object = serde_json::Value::Object(pairs.collect::<Map<String, serde_json::Value>>());
        // Indents the object. Newlines inside strings are escaped, so every newline ends a line.
        let text = format!("{object:#}").replace('\n', "\n  ");
        let separator = if std::mem::replace(&mut self.has_rows, true) { ",\n  " } else { "\n  " };
        self.out.write_all(format!("{separator}{text}").as_bytes())
    }
}

impl QueryWriter for JsonOutput<'_> {
    fn end(&mut self) -> Result<()> {
        self.out.write_all(if self.has_rows { b"\n]\n" } else { b"]\n" })
    }
}

/// Makes column names unique for programs: a second `value` becomes `value_2`.
fn titles(columns: &[String]) -> Vec<String> {
    let mut titles: Vec<String> = Vec::with_capacity(columns.len());
    for name in columns {
        let is_free = |title: &String| !titles.contains(title) && (title == name || !columns.contains(title));
        let mut names = std::iter::once(name.clone()).chain((2..).map(|number| numbered_name(name, number)));
        let title = names.find(is_free).unwrap_or_default();
        titles.push(title);
    }
    titles
}

fn align(rows: &[Vec<SqlValue>], column: usize) -> ColumnAlign {
    let is_number = |value: &SqlValue| !matches!(value, SqlValue::Text(_) | SqlValue::Blob(_));
    let cells = || rows.iter().map(|row| &row[column]);
    if cells().all(is_number) && cells().any(|value| *value != SqlValue::Null) {
        ColumnAlign::Decimal
    } else {
        ColumnAlign::Left
    }
}

fn cell(value: &SqlValue) -> TableCell {
    match value {
        SqlValue::Null => TableCell::new(TextTone::Faint, "–"),
        SqlValue::Real(number) => number::short(*number).into(),
        other => other.to_string().into(),
    }
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) || field != field.trim() {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::report::query_output::{CsvOutput, JsonOutput, MEASURED, QueryWriter, TextOutput};
    use crate::report::style::Style;
    use crate::store::query::SqlValue;

    fn text(text: &str) -> SqlValue {
        SqlValue::Text(text.to_owned())
    }

    fn columns(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn rows() -> Vec<Vec<SqlValue>> {
        vec![
            vec![text("a, \"b\""), SqlValue::Real(0.123_456_789), SqlValue::Integer(7)],
            vec![text("c"), SqlValue::Null, SqlValue::Integer(-12)],
            vec![SqlValue::Blob(vec![1, 255]), SqlValue::Real(f64::INFINITY), SqlValue::Null],
        ]
    }

    /// The output of a writer.
    fn written(
        names: &[&str],
        rows: Vec<Vec<SqlValue>>,
        writer: impl for<'a> Fn(&'a mut Vec<u8>) -> Box<dyn QueryWriter + 'a>,
    ) -> String {
        let mut out = Vec::new();
        let mut writer = writer(&mut out);
        writer.columns(columns(names)).expect("written");
        rows.into_iter().for_each(|row| writer.row(row).expect("written"));
        writer.end().expect("written");
        drop(writer);
        String::from_utf8(out).expect("UTF-8")
    }

    const NAMES: [&str; 3] = ["run", "value", "n"];

    #[test]
    fn no_two_columns_of_one_name_for_programs() {
        let names = ["value", "value", "value_2", "value"];
        let row = || vec![(1..=4).map(SqlValue::Integer).collect()];
        let csv = written(&names, row(), |out| Box::new(CsvOutput::new(out)));
        assert_eq!(csv, "value,value_3,value_2,value_4\n1,2,3,4\n");
        let json = written(&names, row(), |out| Box::new(JsonOutput::new(out)));
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json[0].as_object().map(|row| row.len()), Some(4), "nothing is lost");
    }

    #[test]
    fn csv_quotes_and_keeps_every_digit() {
        let csv = written(&NAMES, rows(), |out| Box::new(CsvOutput::new(out)));
        assert_eq!(csv, "run,value,n\n\"a, \"\"b\"\"\",0.123456789,7\nc,,-12\n01ff,inf,\n");
    }

    #[test]
    fn json_keeps_types_and_looks_as_if_written_whole() {
        let expected = serde_json::json!([
            {"run": "a, \"b\"", "value": 0.123_456_789, "n": 7},
            {"run": "c", "value": null, "n": -12},
            {"run": "01ff", "value": "inf", "n": null},
        ]);
        let json = written(&NAMES, rows(), |out| Box::new(JsonOutput::new(out)));
        assert_eq!(json, format!("{expected:#}\n"));
        assert_eq!(written(&NAMES, Vec::new(), |out| Box::new(JsonOutput::new(out))), "[]\n");
    }

    #[test]
    fn text_counts_rows_and_shows_null() {
        let text = written(&NAMES, rows(), |out| Box::new(TextOutput::new(out, Style::plain())));
        assert!(text.ends_with("3 rows\n"), "{text}");
        assert!(text.contains("0.1235"), "{text}");
        assert!(text.lines().nth(3).is_some_and(|line| line.contains('–')), "{text}");
    }

    #[test]
    fn what_follows_the_measured_rows_is_whole() {
        let row =
            |number: usize| vec![text(&"x".repeat(1 + number / MEASURED)), SqlValue::Integer(number as i64)];
        let whole = written(&["a", "n"], (0..MEASURED + 3).map(row).collect(), |out| {
            Box::new(TextOutput::new(out, Style::plain()))
        });
        let lines: Vec<&str> = whole.lines().collect();
        assert_eq!(lines.len(), 2 + MEASURED + 3 + 1);
        assert_eq!(
            [lines[0], lines[2], lines[1001], lines[1002]],
            ["a    n", "x    0", "x  999", "xx  1000"]
        );
        assert_eq!(lines[lines.len() - 1], "1,003 rows");
    }
}
