//! HTML elements of the report page, with all texts escaped.

pub use crate::report::plot::svg::escape;
use crate::report::style::TextTone;
use crate::report::table::{ColumnAlign, TextTable};

/// A paragraph.
pub fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape(text.trim()))
}

/// A heading with a remark.
pub fn heading(title: &str, remark: &str) -> String {
    let remark =
        if remark.is_empty() { String::new() } else { format!(" <small>{}</small>", escape(remark)) };
    format!("<h3>{}{remark}</h3>\n", escape(title))
}

/// A text table as an HTML table; empty without rows.
pub fn table(table: &TextTable) -> String {
    if table.is_empty() {
        return String::new();
    }
    let class = |classes: &[&str]| {
        let classes: Vec<&str> = classes.iter().copied().filter(|class| !class.is_empty()).collect();
        if classes.is_empty() { String::new() } else { format!(" class=\"{}\"", classes.join(" ")) }
    };
    let align_class = |align: ColumnAlign| if align == ColumnAlign::Left { "" } else { "number" };
    let columns = table.columns();
    let titles: String = columns
        .iter()
        .map(|(title, align)| format!("<th{}>{}</th>", class(&[align_class(*align)]), escape(title)))
        .collect();
    let row = |cells: Vec<(TextTone, &str)>| {
        let cell = |((tone, text), (_, align)): (&(TextTone, &str), &(String, ColumnAlign))| {
            // Keeps a mean and its interval on one line.
            let text = escape(text).replace(" ± ", "\u{a0}±\u{a0}");
            format!("<td{}>{text}</td>", class(&[align_class(*align), tone_class(*tone)]))
        };
        let cells: String = cells.iter().zip(columns).map(cell).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = table.cells_by_row().map(row).collect();
    format!(
        "<div class=\"wide\"><table>\n<thead><tr>{titles}</tr></thead>\n\
         <tbody>\n{rows}</tbody></table></div>\n"
    )
}

fn tone_class(tone: TextTone) -> &'static str {
    match tone {
        TextTone::Plain => "",
        TextTone::Strong => "strong",
        TextTone::Faint => "faint",
        TextTone::Good => "good",
        TextTone::Caution => "caution",
        TextTone::Bad => "bad",
    }
}

/// A list of names and facts.
pub fn facts(facts: &[(&str, String)]) -> String {
    let one = |(name, fact): &(&str, String)| format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(fact));
    format!("<dl>\n{}</dl>\n", facts.iter().map(one).collect::<String>())
}

/// Preformatted text.
pub fn code(text: &str) -> String {
    format!("<pre><code>{}</code></pre>\n", escape(text.trim_end()))
}

/// A collapsed section; empty without a body.
pub fn folded(title: &str, body: &str) -> String {
    if body.is_empty() {
        String::new()
    } else {
        format!("<details><summary>{}</summary>\n{body}</details>\n", escape(title))
    }
}

#[cfg(test)]
mod tests {
    use crate::report::page::html;
    use crate::report::style::TextTone;
    use crate::report::table::{ColumnAlign, TableCell, TextTable};

    #[test]
    fn tables_keep_tones_and_escape_names() {
        let mut table = TextTable::new(&[("a<b", ColumnAlign::Left), ("n", ColumnAlign::Decimal)]);
        table.row(vec!["x & y".into(), TableCell::new(TextTone::Good, "1.5")]);
        let text = html::table(&table);
        assert!(text.contains("<th>a&lt;b</th><th class=\"number\">n</th>"), "{text}");
        assert!(text.contains("<td>x &amp; y</td><td class=\"number good\">1.5</td>"), "{text}");
        assert_eq!(
            html::table(&TextTable::new(&[("a", ColumnAlign::Left)])),
            "",
            "a table without rows is left out"
        );
    }
}
