//! The README is correct: its pipeline resolves, its queries are the tested ones, all commands are listed.

use crate::support::{Project, root};

/// The README's code blocks in a language.
fn blocks(language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let opening = format!("```{language}\n");
    let parts = text.split(&opening).skip(1);
    parts.map(|part| part.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_example_pipeline_resolves() {
    let pages = blocks("yaml");
    assert_eq!(pages.len(), 1);
    let project = Project::new().file("page.yaml", &pages[0]);
    project.mtl(&["check", "page.yaml"]).expect(0);
}

#[test]
fn the_queries_are_the_tested_ones() {
    let tested = std::fs::read_to_string(root().join("tests/queries.sql")).expect("queries");
    assert_eq!(blocks("sql"), [format!("{}\n", tested.trim())]);
}

#[test]
fn every_command_is_mentioned() {
    let text = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let help = Project::new().mtl(&["--help"]).expect(0).out();
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() >= 15, "{help}");
    for name in commands {
        assert!(text.contains(&format!("`mtl {name}")), "README does not mention `mtl {name}`");
    }
}
