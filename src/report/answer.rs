//! The answer to `mtl query`: as a table, as CSV, as JSON.

use serde_json::{Map, Value};

use crate::domain::answer::numbered;
use crate::report::number;
use crate::report::style::{Style, Tone};
use crate::report::table::{Align, Cell, Table};
use crate::store::query;

/// An answer to be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub table: query::Table,
}

impl Answer {
    pub fn new(table: query::Table) -> Self {
        Self { table }
    }

    /// For people: numbers with four significant digits, NULL a dash. What is too wide for the terminal comes
    /// as one block per row.
    pub fn text(&self, style: &Style) -> String {
        let columns: Vec<(&str, Align)> = self
            .table
            .columns
            .iter()
            .enumerate()
            .map(|(place, title)| (title.as_str(), self.align(place)))
            .collect();
        let mut table = Table::new(&columns);
        for row in &self.table.rows {
            table.row(row.iter().map(cell).collect());
        }
        let rows = self.table.rows.len();
        let counted = if rows == 1 { "1 row".to_owned() } else { format!("{} rows", number::count(rows)) };
        let shown = if table.is_cramped(style) { table.records(style) } else { table.text(style) };
        format!("{shown}{}\n", style.paint(Tone::Faint, &counted))
    }

    /// The columns' names for programs, which know a column by its name: a second `value` is `value_2`.
    fn titles(&self) -> Vec<String> {
        let columns = &self.table.columns;
        let mut titles: Vec<String> = Vec::with_capacity(columns.len());
        for name in columns {
            let free =
                |title: &String| !titles.contains(title) && (title == name || !columns.contains(title));
            let mut names = std::iter::once(name.clone()).chain((2..).map(|number| numbered(name, number)));
            let title = names.find(free).unwrap_or_default();
            titles.push(title);
        }
        titles
    }

    /// RFC 4180, with a heading; numbers in full, NULL empty.
    pub fn csv(&self) -> String {
        let line = |fields: &mut dyn Iterator<Item = String>| {
            fields.map(|field| quoted(&field)).collect::<Vec<_>>().join(",") + "\n"
        };
        let mut text = line(&mut self.titles().into_iter());
        for row in &self.table.rows {
            text.push_str(&line(&mut row.iter().map(ToString::to_string)));
        }
        text
    }

    /// A list of objects, one per row.
    pub fn json(&self) -> Value {
        let titles = self.titles();
        let object = |row: &Vec<query::Value>| -> Value {
            let named = titles.iter().zip(row);
            let pairs = named.map(|(name, value)| (name.clone(), serde_json::json!(value)));
            Value::Object(pairs.collect::<Map<String, Value>>())
        };
        self.table.rows.iter().map(object).collect()
    }

    fn align(&self, column: usize) -> Align {
        let is_number =
            |value: &query::Value| !matches!(value, query::Value::Text(_) | query::Value::Blob(_));
        let cells = || self.table.rows.iter().map(|row| &row[column]);
        if cells().all(is_number) && cells().any(|value| *value != query::Value::Null) {
            Align::Decimal
        } else {
            Align::Left
        }
    }
}

fn cell(value: &query::Value) -> Cell {
    match value {
        query::Value::Null => Cell::new(Tone::Faint, "–"),
        query::Value::Real(number) => number::short(*number).into(),
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
    use crate::report::answer::Answer;
    use crate::report::style::Style;
    use crate::store::query::{Table, Value};

    fn sample() -> Answer {
        let columns = ["run", "value", "n"].map(str::to_owned).to_vec();
        let text = |text: &str| Value::Text(text.to_owned());
        let rows = vec![
            vec![text("a, \"b\""), Value::Real(0.123_456_789), Value::Integer(7)],
            vec![text("c"), Value::Null, Value::Integer(-12)],
            vec![Value::Blob(vec![1, 255]), Value::Real(f64::INFINITY), Value::Null],
        ];
        Answer::new(Table { columns, rows })
    }

    #[test]
    fn no_two_columns_of_one_name_for_programs() {
        let columns = ["value", "value", "value_2", "value"].map(str::to_owned).to_vec();
        let rows = vec![(1..=4).map(Value::Integer).collect()];
        let answer = Answer::new(Table { columns, rows });
        assert_eq!(answer.csv(), "value,value_3,value_2,value_4\n1,2,3,4\n");
        assert_eq!(answer.json()[0].as_object().map(|row| row.len()), Some(4), "nothing is lost");
    }

    #[test]
    fn csv_quotes_and_keeps_every_digit() {
        assert_eq!(sample().csv(), "run,value,n\n\"a, \"\"b\"\"\",0.123456789,7\nc,,-12\n01ff,inf,\n");
    }

    #[test]
    fn json_keeps_types() {
        let expected = serde_json::json!([
            {"run": "a, \"b\"", "value": 0.123_456_789, "n": 7},
            {"run": "c", "value": null, "n": -12},
            {"run": "01ff", "value": "inf", "n": null},
        ]);
        assert_eq!(sample().json(), expected);
    }

    #[test]
    fn text_counts_rows_and_shows_null() {
        let text = sample().text(&Style::plain());
        assert!(text.ends_with("3 rows\n"), "{text}");
        assert!(text.contains("0.1235"), "{text}");
        assert!(text.lines().nth(3).is_some_and(|line| line.contains('–')), "{text}");
    }
}
