//! The answer to `mtl query`, written as its rows come: as a table, as CSV, as JSON. However long it is, only
//! a table holds rows: so many as its columns are measured by.

use std::io::{Result, Write};

use serde_json::Map;

use crate::domain::answer::numbered_name;
use crate::report::number;
use crate::report::style::{Style, TextTone};
use crate::report::table::{ColumnAlign, TableCell, TableLayout, TextTable};
use crate::store::query::{RowSink, SqlValue};

/// Rows by which the columns of a table are measured; those that come after stand as well as they fit.
pub const MEASURED: usize = 1000;

/// An answer on its way out.
pub trait QueryWriter: RowSink {
    /// After the last row.
    fn end(&mut self) -> Result<()>;
}

/// For people: numbers with four significant digits, NULL a dash. What is too wide for the terminal comes as
/// one block per row.
pub struct TextOutput<'a> {
    out: &'a mut dyn Write,
    style: Style,
    columns: Vec<String>,
    /// Rows that wait until the columns are measured, or to be written together.
    waiting: Vec<Vec<SqlValue>>,
    open: Option<StreamedTable>,
    rows: usize,
}

/// How a table whose heading is written goes on.
struct StreamedTable {
    empty: TextTable,
    /// None: a block per row.
    frame: Option<TableLayout>,
}

impl<'a> TextOutput<'a> {
    pub fn new(out: &'a mut dyn Write, style: Style) -> Self {
        Self { out, style, columns: Vec::new(), waiting: Vec::new(), open: None, rows: 0 }
    }

    fn write(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let first = self.rows - waiting.len() + 1;
        let cells = waiting.iter().map(|row| row.iter().map(cell).collect::<Vec<TableCell>>());
        let text = match &self.open {
            Some(begun) => {
                let mut table = begun.empty.emptied();
                cells.for_each(|row| table.row(row));
                match &begun.frame {
                    Some(frame) => table.body(&self.style, frame),
                    None => table.records(&self.style, first),
                }
            }
            None => {
                let columns: Vec<(&str, ColumnAlign)> = self
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(at, name)| (name.as_str(), align(&waiting, at)))
                    .collect();
                let mut table = TextTable::new(&columns);
                cells.for_each(|row| table.row(row));
                let cramped = table.is_cramped(&self.style);
                let frame = (!cramped).then(|| table.frame(&self.style));
                self.open = Some(StreamedTable { empty: table.emptied(), frame });
                if cramped { table.records(&self.style, first) } else { table.text(&self.style) }
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
        self.waiting.push(values);
        self.rows += 1;
        if self.open.is_some() || self.waiting.len() == MEASURED { self.write() } else { Ok(()) }
    }
}

impl QueryWriter for TextOutput<'_> {
    fn end(&mut self) -> Result<()> {
        if self.open.is_none() {
            self.write()?;
        }
        let counted =
            if self.rows == 1 { "1 row".to_owned() } else { format!("{} rows", number::count(self.rows)) };
        writeln!(self.out, "{}", self.style.paint(TextTone::Faint, &counted))
    }
}

/// RFC 4180, with a heading; numbers in full, NULL empty.
pub struct CsvOutput<'a> {
    out: &'a mut dyn Write,
}

impl<'a> CsvOutput<'a> {
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

/// One list of objects, one per row. It is closed after the last row alone, so that half an answer is no
/// list.
pub struct JsonOutput<'a> {
    out: &'a mut dyn Write,
    titles: Vec<String>,
    open: bool,
}

impl<'a> JsonOutput<'a> {
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self { out, titles: Vec::new(), open: false }
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
        // A line's end inside of a text is escaped, so that every one is between two lines.
        let text = format!("{object:#}").replace('\n', "\n  ");
        let before = if std::mem::replace(&mut self.open, true) { ",\n  " } else { "\n  " };
        self.out.write_all(format!("{before}{text}").as_bytes())
    }
}

impl QueryWriter for JsonOutput<'_> {
    fn end(&mut self) -> Result<()> {
        self.out.write_all(if self.open { b"\n]\n" } else { b"]\n" })
    }
}

/// The columns' names for programs, which know a column by its name: a second `value` is `value_2`.
fn titles(columns: &[String]) -> Vec<String> {
    let mut titles: Vec<String> = Vec::with_capacity(columns.len());
    for name in columns {
        let free = |title: &String| !titles.contains(title) && (title == name || !columns.contains(title));
        let mut names = std::iter::once(name.clone()).chain((2..).map(|number| numbered_name(name, number)));
        let title = names.find(free).unwrap_or_default();
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
    use crate::report::answer::{CsvOutput, JsonOutput, MEASURED, QueryWriter, TextOutput};
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

    /// What is written of an answer.
    fn written(
        names: &[&str],
        rows: Vec<Vec<SqlValue>>,
        of: impl for<'a> Fn(&'a mut Vec<u8>) -> Box<dyn QueryWriter + 'a>,
    ) -> String {
        let mut out = Vec::new();
        let mut answer = of(&mut out);
        answer.columns(columns(names)).expect("written");
        rows.into_iter().for_each(|row| answer.row(row).expect("written"));
        answer.end().expect("written");
        drop(answer);
        String::from_utf8(out).expect("letters")
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
