//! The README is correct: its pipeline resolves, its queries are the tested ones, all commands are listed.

use std::collections::BTreeSet;

use crate::support::{Project, root};

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The README's code blocks in a language.
fn blocks(name: &str, language: &str) -> Vec<String> {
    let text = page(name);
    let opening = format!("```{language}\n");
    let parts = text.split(&opening).skip(1);
    parts.map(|part| part.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_pipelines_shown_are_pipelines() {
    for name in ["README.md", "docs/language.md"] {
        let pages = blocks(name, "yaml");
        assert_eq!(pages.len(), 1, "{name}");
        let project = Project::new().file("page.yaml", &pages[0]);
        project.mtl(&["check", "page.yaml"]).expect(0);
    }
}

#[test]
fn readme_is_short() {
    assert!(page("README.md").len() <= 8192);
}

#[test]
fn the_queries_are_the_tested_ones() {
    let tested = page("tests/queries.sql");
    let queries: Vec<String> =
        tested.trim().split("\n\n").skip(1).map(|query| format!("{query}\n")).collect();
    assert_eq!(blocks("docs/database.md", "sql"), queries);
}

#[test]
fn every_table_view_and_column_is_described() {
    let schema = page("schemas/store.sql");
    let shown = page("docs/database.md");
    let code: BTreeSet<&str> = shown.split('`').skip(1).step_by(2).collect();
    for statement in schema.split("\n\n").filter(|text| text.starts_with("CREATE TABLE ")) {
        let mut lines = statement.lines();
        let table =
            lines.next().unwrap_or_default().trim_start_matches("CREATE TABLE ").trim_end_matches(" (");
        let heading = |line: &str| {
            line.strip_prefix("### ").is_some_and(|names| names.split(", ").any(|name| name == table))
        };
        assert!(shown.lines().any(heading), "docs/database.md has no section on `{table}`");
        for line in lines.map(str::trim_start).filter(|line| !line.starts_with("--")) {
            let column = line.trim_start_matches(", ").split_whitespace().next().unwrap_or_default();
            let named = !column.is_empty() && column.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(!named || code.contains(column), "docs/database.md does not describe `{table}.{column}`");
        }
    }
}

#[test]
fn every_command_is_mentioned() {
    let text = page("README.md");
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
