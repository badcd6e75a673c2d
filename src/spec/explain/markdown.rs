//! The reference of the manual: every item of every shelf, as Markdown.

use std::fmt::Write;

use crate::spec::explain::{Explanation, all};

/// The whole page.
pub fn reference() -> String {
    let mut page = String::from(
        "# Reference\n\nEverything that a pipeline can name, by kind. Made by `mtl explain --markdown` from the texts that \
         `mtl explain NAME` shows.\n",
    );
    for (choice_kind, items) in all() {
        let _ = write!(page, "\n## {}\n", plural(choice_kind));
        for item in items {
            write(&item, &mut page);
        }
    }
    page
}

fn write(item: &Explanation, page: &mut String) {
    let _ =
        write!(page, "\n### `{}`\n\n{}\n\n```yaml\n{}\n```\n", item.name, item.about.trim(), item.example);
    if item.settings.is_empty() {
        return;
    }
    page.push_str("\n| setting | what may stand there | default | |\n|---|---|---|---|\n");
    let cell = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    for setting in &item.settings {
        let default = match (&setting.default, setting.must) {
            (_, true) => "must be given".to_owned(),
            (Some(default), false) => format!("`{default}`"),
            (None, false) => String::new(),
        };
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            setting.name,
            cell(&setting.kind),
            cell(&default),
            cell(&setting.about)
        );
    }
}

/// `Layers`, `Input kinds`, `Searches`, `Losses`; `Baselines` are many already.
fn plural(choice_kind: &str) -> String {
    let ending = match choice_kind {
        "baselines" => "",
        _ if choice_kind.ends_with(['s', 'x']) || choice_kind.ends_with("ch") => "es",
        _ => "s",
    };
    let (first, rest) = choice_kind.split_at(choice_kind.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}{ending}", first.to_uppercase())
}

#[cfg(test)]
mod tests {
    use crate::spec::explain::markdown::plural;
    use crate::spec::registry::REGISTRIES;

    #[test]
    fn a_heading_is_a_plural() {
        for (choice_kind, many) in
            [("layer", "Layers"), ("loss", "Losses"), ("search", "Searches"), ("baselines", "Baselines")]
        {
            assert!(REGISTRIES.iter().any(|registry| registry.choice_kind == choice_kind), "{choice_kind}");
            assert_eq!(plural(choice_kind), many);
        }
    }
}
