//! `mtl explain`: documentation of the names in a pipeline.

use crate::cli::arguments::{Arguments, ExplainArguments};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::output;
use crate::domain::diagnostic::nearest;
use crate::spec::explain::{Explanation, all, explain, first_sentence, reference, text};

pub fn perform(_: &Arguments, args: &ExplainArguments) -> Result<ExitStatus, CliError> {
    let text = match &args.name {
        _ if args.markdown => reference(),
        None => list(&all()),
        Some(name) => find_items(name)?,
    };
    output::print(&text).map(|()| ExitStatus::Done)
}

/// Explains the items with this name, or lists all items of this kind.
fn find_items(name: &str) -> Result<String, CliError> {
    let items = explain(name);
    if !items.is_empty() {
        return Ok(items.iter().map(text).collect::<Vec<_>>().join("\n"));
    }
    let kinds = all();
    let kind: Vec<_> = kinds.iter().filter(|(noun, _)| *noun == name).cloned().collect();
    if !kind.is_empty() {
        return Ok(list(&kind));
    }
    let known = kinds
        .iter()
        .flat_map(|(noun, items)| std::iter::once(*noun).chain(items.iter().map(|item| item.name.as_str())));
    let known: Vec<&str> = known.collect();
    let help = match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`mtl explain` lists all names".to_owned(),
    };
    Err(CliError::Usage(format!("`{name}` is not a name that a pipeline can use; {help}")))
}

/// Lists all names with their first sentence, by kind.
fn list(kinds: &[(&'static str, Vec<Explanation>)]) -> String {
    let mut text = String::new();
    for (noun, items) in kinds {
        text.push_str(noun);
        text.push('\n');
        let width = items.iter().map(|item| item.name.len()).max().unwrap_or(0);
        for item in items {
            text.push_str(&format!("  {:width$}  {}\n", item.name, brief(&first_sentence(&item.about))));
        }
        text.push('\n');
    }
    text.push_str("`mtl explain NAME` shows more.\n");
    text
}

/// Truncates a sentence to fit into one line.
fn brief(sentence: &str) -> String {
    match sentence.char_indices().nth(90) {
        Some((end, _)) => {
            let end = sentence[..end].rfind(' ').unwrap_or(end);
            format!("{} ...", &sentence[..end])
        }
        None => sentence.to_owned(),
    }
}
