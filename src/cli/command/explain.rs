//! `mtl explain`: what a name of a pipeline means.

use crate::cli::arguments::{Arguments, Explain};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::domain::diagnostic::nearest;
use crate::spec::explain::{Explanation, all, explain, first_sentence, reference, text};

pub fn perform(_: &Arguments, words: &Explain) -> Result<Exit, Error> {
    let said = match &words.name {
        _ if words.markdown => reference(),
        None => list(&all()),
        Some(name) => of(name)?,
    };
    output::print(&said).map(|()| Exit::Done)
}

/// The items of that name, or all of that kind.
fn of(name: &str) -> Result<String, Error> {
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
    Err(Error::Usage(format!("`{name}` is nothing that a pipeline can name; {help}")))
}

/// Each name with its first sentence, by kind.
fn list(kinds: &[(&'static str, Vec<Explanation>)]) -> String {
    let mut said = String::new();
    for (noun, items) in kinds {
        said.push_str(noun);
        said.push('\n');
        let width = items.iter().map(|item| item.name.len()).max().unwrap_or(0);
        for item in items {
            said.push_str(&format!("  {:width$}  {}\n", item.name, brief(&first_sentence(&item.about))));
        }
        said.push('\n');
    }
    said.push_str("`mtl explain NAME` says more.\n");
    said
}

/// As much as stands in a line.
fn brief(sentence: &str) -> String {
    match sentence.char_indices().nth(90) {
        Some((end, _)) => {
            let end = sentence[..end].rfind(' ').unwrap_or(end);
            format!("{} ...", &sentence[..end])
        }
        None => sentence.to_owned(),
    }
}
