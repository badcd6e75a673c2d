//! The pieces pages are made of, with every text escaped.

pub use crate::report::plot::svg::escape;
use crate::report::style::Tone;
use crate::report::table::{Align, Table};

/// A text as a paragraph.
pub fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape(text.trim()))
}

/// A part's heading, and beside it how it is to be read.
pub fn heading(title: &str, remark: &str) -> String {
    let remark =
        if remark.is_empty() { String::new() } else { format!(" <small>{}</small>", escape(remark)) };
    format!("<h3>{}{remark}</h3>\n", escape(title))
}

/// A table as terminals show it, as a table of HTML.
pub fn table(table: &Table) -> String {
    if table.is_empty() {
        return String::new();
    }
    let class = |classes: &[&str]| {
        let said: Vec<&str> = classes.iter().copied().filter(|class| !class.is_empty()).collect();
        if said.is_empty() { String::new() } else { format!(" class=\"{}\"", said.join(" ")) }
    };
    let stands = |align: Align| if align == Align::Left { "" } else { "number" };
    let columns = table.columns();
    let titles: String = columns
        .iter()
        .map(|(title, align)| format!("<th{}>{}</th>", class(&[stands(*align)]), escape(title)))
        .collect();
    let row = |cells: Vec<(Tone, &str)>| {
        let cell = |((tone, text), (_, align)): (&(Tone, &str), &(String, Align))| {
            // A mean and its interval stay on one line.
            let text = escape(text).replace(" ± ", "\u{a0}±\u{a0}");
            format!("<td{}>{text}</td>", class(&[stands(*align), name(*tone)]))
        };
        let cells: String = cells.iter().zip(columns).map(cell).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = table.cells_by_row().map(row).collect();
    format!(
        "<div class=\"wide\"><table>\n<thead><tr>{titles}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )
}

fn name(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Strong => "strong",
        Tone::Faint => "faint",
        Tone::Good => "good",
        Tone::Caution => "caution",
        Tone::Bad => "bad",
    }
}

/// Names and facts.
pub fn facts(facts: &[(&str, String)]) -> String {
    let one = |(name, fact): &(&str, String)| format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(fact));
    format!("<dl>\n{}</dl>\n", facts.iter().map(one).collect::<String>())
}

/// What is to be copied as it is.
pub fn code(text: &str) -> String {
    format!("<pre><code>{}</code></pre>\n", escape(text.trim_end()))
}

/// What is folded until it is asked for.
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
    use crate::report::style::Tone;
    use crate::report::table::{Align, Cell, Table};

    #[test]
    fn tables_keep_tones_and_escape_names() {
        let mut table = Table::new(&[("a<b", Align::Left), ("n", Align::Decimal)]);
        table.row(vec!["x & y".into(), Cell::new(Tone::Good, "1.5")]);
        let text = html::table(&table);
        assert!(text.contains("<th>a&lt;b</th><th class=\"number\">n</th>"), "{text}");
        assert!(text.contains("<td>x &amp; y</td><td class=\"number good\">1.5</td>"), "{text}");
        assert_eq!(html::table(&Table::new(&[("a", Align::Left)])), "", "a table without rows is none");
    }
}
