//! Text tables: aligned columns, numbers at their decimal point, never wider than the terminal.

use unicode_width::UnicodeWidthChar;

use crate::report::style::{Style, TextTone};

/// The space between two columns.
const GAP: &str = "  ";
/// Minimum width of a narrowed column.
const NARROWEST: usize = 12;
/// Width below which names and paths are no longer distinguishable.
const READABLE: usize = 24;

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnAlign {
    /// Texts.
    Left,
    /// Numbers without a decimal point.
    Right,
    /// Numbers aligned at their decimal point.
    Decimal,
}

/// One cell.
#[derive(Clone, Debug)]
pub struct TableCell {
    text: String,
    tone: TextTone,
}

impl TableCell {
    /// A cell with a tone.
    pub fn new(tone: TextTone, text: impl AsRef<str>) -> Self {
        let visible = |c: char| match c {
            '\n' => '↵',
            c if c.is_control() => ' ',
            c => c,
        };
        Self { text: text.as_ref().trim_end_matches('\n').chars().map(visible).collect(), tone }
    }
}

impl<T: AsRef<str>> From<T> for TableCell {
    fn from(text: T) -> Self {
        Self::new(TextTone::Plain, text)
    }
}

/// A table with column titles and rows of cells.
#[derive(Clone, Debug)]
pub struct TextTable {
    columns: Vec<(String, ColumnAlign)>,
    rows: Vec<Vec<TableCell>>,
}

/// The widths of a table's columns.
#[derive(Clone, Debug)]
pub struct TableLayout {
    widths: Vec<usize>,
    decimals: Vec<usize>,
    /// Whether wider cells are truncated: only for a terminal, which would break the line.
    truncates: bool,
}

impl TextTable {
    /// A table without rows, with names and alignments of its columns.
    pub fn new<T: AsRef<str>>(columns: &[(T, ColumnAlign)]) -> Self {
        let columns = columns.iter().map(|(title, align)| (TableCell::from(title).text, *align)).collect();
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row, one cell per column.
    pub fn row(&mut self, cells: Vec<TableCell>) {
        self.rows.push(cells);
    }

    /// The titles and alignments of the columns.
    pub(crate) fn columns(&self) -> &[(String, ColumnAlign)] {
        &self.columns
    }

    /// The tones and texts of the cells of each row.
    pub(crate) fn cells_by_row(&self) -> impl Iterator<Item = Vec<(TextTone, &str)>> {
        self.rows.iter().map(|row| row.iter().map(|cell| (cell.tone, cell.text.as_str())).collect())
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether the terminal is too narrow to show the table without truncating names.
    pub fn is_cramped(&self, style: &Style) -> bool {
        let minimum: usize = self.widths().iter().map(|width| (*width).min(READABLE) + GAP.len()).sum();
        style.width.is_some_and(|limit| minimum > limit + GAP.len())
    }

    /// One block per row, numbered from `first` on, with one line per cell: for tables that are too wide.
    pub fn records(&self, style: &Style, first: usize) -> String {
        let longest = self.columns.iter().map(|(title, _)| width(title)).max().unwrap_or(0);
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            text.push_str(&style.paint(TextTone::Faint, &format!("── {} ──", first + number)));
            text.push('\n');
            for ((title, _), cell) in self.columns.iter().zip(row) {
                let blanks = " ".repeat(longest - width(title));
                let value = style.paint(cell.tone, &cell.text);
                text.push_str(&format!("{}{blanks}{GAP}{value}\n", style.paint(TextTone::Strong, title)));
            }
        }
        text
    }

    /// Titles, a rule and the rows, without trailing spaces.
    pub fn text(&self, style: &Style) -> String {
        let layout = self.layout(style);
        let titles = self.columns.iter().map(|(title, _)| (TextTone::Strong, title.clone())).collect();
        let rules = layout.widths.iter().map(|width| (TextTone::Faint, "─".repeat(*width))).collect();
        [self.line(style, &layout, titles), self.line(style, &layout, rules)].concat()
            + &self.body(style, &layout)
    }

    /// The widths that the columns need. Rows that are added later can use them too.
    pub fn layout(&self, style: &Style) -> TableLayout {
        let mut widths = self.widths();
        if let Some(limit) = style.width {
            narrow(&mut widths, limit);
        }
        TableLayout { widths, decimals: self.decimals(), truncates: style.width.is_some() }
    }

    /// The rows in this layout, without titles.
    pub fn body(&self, style: &Style, layout: &TableLayout) -> String {
        let line = |row: &Vec<TableCell>| {
            let cells = row.iter().enumerate();
            let cells = cells
                .map(|(column, cell)| (cell.tone, self.padded(column, &cell.text, &layout.decimals)))
                .collect();
            self.line(style, layout, cells)
        };
        self.rows.iter().map(line).collect()
    }

    /// A table with the same columns and no rows.
    pub fn emptied(&self) -> Self {
        Self { columns: self.columns.clone(), rows: Vec::new() }
    }

    /// The width of each column from the decimal point on.
    fn decimals(&self) -> Vec<usize> {
        (0..self.columns.len()).map(|column| self.cells(column).map(fraction).max().unwrap_or(0)).collect()
    }

    /// The width of each column.
    fn widths(&self) -> Vec<usize> {
        let decimals = self.decimals();
        let need = |column: usize| {
            let cells = self.cells(column).map(|text| width(&self.padded(column, text, &decimals)));
            cells.max().unwrap_or(0).max(width(&self.columns[column].0))
        };
        (0..self.columns.len()).map(need).collect()
    }

    fn padded(&self, column: usize, text: &str, decimals: &[usize]) -> String {
        match self.columns[column].1 {
            // Words such as `undefined` have no decimal point.
            ColumnAlign::Decimal if text.starts_with(char::is_alphabetic) => text.to_owned(),
            ColumnAlign::Decimal => {
                format!("{text}{}", " ".repeat(decimals[column].saturating_sub(fraction(text))))
            }
            _ => text.to_owned(),
        }
    }

    /// The texts of a column, without its title.
    fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(move |row| row.get(column)).map(|cell| cell.text.as_str())
    }

    fn line(&self, style: &Style, layout: &TableLayout, cells: Vec<(TextTone, String)>) -> String {
        let mut line = String::new();
        let mut pending = 0; // spaces, written only if a cell follows
        for (column, (tone, text)) in cells.into_iter().enumerate() {
            let text = if layout.truncates { truncate(&text, layout.widths[column]) } else { text };
            // Rows that were added later may be wider than the layout.
            let blanks = layout.widths[column].saturating_sub(width(&text));
            let (before, after) =
                if self.columns[column].1 == ColumnAlign::Left { (0, blanks) } else { (blanks, 0) };
            let trimmed = text.trim_end();
            pending += before;
            if !trimmed.is_empty() {
                line.push_str(&" ".repeat(pending));
                line.push_str(&style.paint(tone, trimmed));
                pending = 0;
            }
            pending += after + width(&text) - width(trimmed) + GAP.len();
        }
        line + "\n"
    }
}

/// The number of characters from the decimal point on, if the text is a plain number, perhaps with a star.
fn fraction(text: &str) -> usize {
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | '−' | '★' | ' ');
    if text.chars().all(plain) { text.find('.').map_or(0, |point| text.len() - point) } else { 0 }
}

/// Narrows the widest columns, and when all are short the last ones, since names come first.
fn narrow(widths: &mut [usize], limit: usize) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > limit {
        let long = widths.iter().copied().enumerate().filter(|(_, width)| *width > READABLE);
        let widest = long.max_by_key(|(_, width)| *width).map(|(column, _)| column);
        let last = || widths.iter().rposition(|width| *width > NARROWEST);
        let Some(column) = widest.or_else(last) else { return };
        widths[column] -= 1;
    }
}

/// Truncates a text to `limit` columns with an ellipsis.
pub(crate) fn truncate(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for letter in text.chars() {
        used += letter_width(letter);
        if used > limit {
            break;
        }
        kept.push(letter);
    }
    kept + "…"
}

/// The width of a text in a terminal, in columns.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(letter_width).sum()
}

/// The width of a character: East Asian wide characters and emoji take two columns, combining marks none.
pub(crate) fn letter_width(letter: char) -> usize {
    letter.width().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use crate::report::style::{Style, TextTone};
    use crate::report::table::{ColumnAlign, TableCell, TextTable, truncate, width};

    fn sample() -> TextTable {
        let mut table = TextTable::new(&[
            ("task", ColumnAlign::Left),
            ("score", ColumnAlign::Decimal),
            ("rows", ColumnAlign::Right),
        ]);
        table.row(vec!["income".into(), "0.9463".into(), "12".into()]);
        table.row(vec!["weeks worked".into(), TableCell::new(TextTone::Good, "12.35"), "1,234".into()]);
        table.row(vec!["年齢".into(), "–".into(), "".into()]);
        table
    }

    #[test]
    fn columns_and_decimal_points_are_aligned() {
        let expected = "\
task            score   rows
────────────  ───────  ─────
income         0.9463     12
weeks worked  12.35    1,234
年齢           –
";
        assert_eq!(sample().text(&Style::plain()), expected);
    }

    #[test]
    fn colours_do_not_change_the_text() {
        let coloured = sample().text(&Style { width: None, colour: true });
        assert!(coloured.contains("\x1b[32m12.35\x1b[0m"));
        let mut bare = coloured;
        for code in ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[32m"] {
            bare = bare.replace(code, "");
        }
        assert_eq!(bare, sample().text(&Style::plain()));
    }

    #[test]
    fn never_wider_than_the_terminal() {
        let mut table = TextTable::new(&[("path", ColumnAlign::Left), ("value", ColumnAlign::Left)]);
        table.row(vec!["x".repeat(100).into(), "a\nb\n".into()]);
        let text = table.text(&Style { width: Some(40), colour: false });
        assert!(text.lines().all(|line| width(line) <= 40), "{text}");
        assert!(text.contains("x…"), "{text}");
        assert!(text.contains("a↵b\n"), "{text}");
    }

    #[test]
    fn too_wide_for_a_table_becomes_records() {
        let mut table = TextTable::new(&[("run", ColumnAlign::Left), ("resolved", ColumnAlign::Left)]);
        table.row(vec!["census-1".into(), "x".repeat(100).into()]);
        assert!(!table.is_cramped(&Style::plain()));
        assert!(!table.is_cramped(&Style { width: Some(34), colour: false }));
        let narrow = Style { width: Some(33), colour: false };
        assert!(table.is_cramped(&narrow));
        assert_eq!(
            table.records(&narrow, 1),
            format!("── 1 ──\nrun       census-1\nresolved  {}\n", "x".repeat(100))
        );
    }

    #[test]
    fn later_rows_keep_their_digits() {
        let plain = Style::plain();
        let layout = sample().layout(&plain);
        let mut later = sample().emptied();
        later.row(vec!["a name wider than any".into(), "1234.56789".into(), "1".into()]);
        later.row(vec!["b".into(), "1.5".into(), "2".into()]);
        let expected = "a name wider than any  1234.56789      1\nb              1.5         2\n";
        assert_eq!(later.body(&plain, &layout), expected);
        let narrow = Style { width: Some(30), colour: false };
        let text = later.body(&narrow, &sample().layout(&narrow));
        assert!(text.lines().all(|line| width(line) <= 30), "{text}");
    }

    #[test]
    fn wide_letters_count_twice() {
        assert_eq!(width("年齢a"), 5);
        assert_eq!(truncate("年齢年齢", 5), "年齢…");
        assert_eq!(truncate("abcdef", 4), "abc…");
    }
}
