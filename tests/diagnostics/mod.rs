//! One bad pipeline per check, with what is said of it: `NAME.yaml` and `NAME.txt` beside it.
//!
//! `UPDATE=1 cargo test --release --test main diagnostics` writes the texts anew; read the difference
//! before it is kept. A line `# --set a.b=c` in a file is an override.

use std::path::Path;

use mtl::domain::diagnostic::Diagnostic;
use mtl::plan;
use mtl::spec::{self, PipelineText, SettingOverride};

use crate::support;

fn folder() -> std::path::PathBuf {
    support::root().join("tests/diagnostics")
}

/// Reads and resolves as `mtl check` does: diagnostics, or warnings.
pub fn found(source: &PipelineText) -> Vec<Diagnostic> {
    let stem = source.file().file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    match spec::read_source(source) {
        Err(actual) => actual,
        Ok(pipeline) => {
            let (Ok((_, mut actual)) | Err(mut actual)) = plan::resolve(&pipeline, stem);
            source.sort(&mut actual);
            actual
        }
    }
}

fn said(path: &Path) -> String {
    let bytes = std::fs::read(path).expect("a pipeline");
    let overrides: Vec<SettingOverride> = String::from_utf8_lossy(&bytes)
        .lines()
        .filter_map(|line| line.strip_prefix("# --set "))
        .map(|argument| SettingOverride::parse(argument).expect(argument))
        .collect();
    let source = PipelineText::new(&bytes, path.file_name().expect("a name"), &overrides);
    spec::render::render(&found(&source), &source, false)
}

#[test]
fn every_bad_pipeline_is_answered_as_written_beside_it() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut different = Vec::new();
    let pipelines = support::files(&folder(), "yaml");
    assert!(pipelines.len() > 40, "found {}", pipelines.len());
    for path in pipelines {
        let output = said(&path);
        let kept = path.with_extension("txt");
        if update {
            std::fs::write(&kept, &output).expect("written");
        } else if std::fs::read_to_string(&kept).ok().as_deref() != Some(&output) {
            different.push(format!("{}\n{output}", path.display()));
        }
    }
    assert!(different.is_empty(), "what is said has changed:\n\n{}", different.join("\n"));
}

/// Every kept answer belongs to a pipeline, and says something.
#[test]
fn no_answer_is_empty_or_left_over() {
    for answer in support::files(&folder(), "txt") {
        assert!(answer.with_extension("yaml").exists(), "{} has no pipeline", answer.display());
        let text = std::fs::read_to_string(&answer).expect("text");
        assert!(text.contains("error[") || text.contains("warning["), "{} is empty", answer.display());
    }
}

/// Every code that the source mentions is shown by some file, so that no check goes untried.
#[test]
fn every_code_has_a_pipeline_that_earns_it() {
    // These need a file too large or too strange to keep: `yaml.rs` makes them. And no layer there is
    // today refuses the vector every input gives.
    let elsewhere = ["file-too-large", "too-many-values", "too-deep", "bad-override", "layer-shape"];
    let answers: String =
        support::files(&folder(), "txt").iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let mut codes = std::collections::BTreeSet::new();
    for room in ["spec", "plan"] {
        for path in support::files(&support::root().join("src").join(room), "rs") {
            let text = std::fs::read_to_string(path).unwrap();
            for call in ["Diagnostic::error(", "Diagnostic::warning(", "whole("] {
                for (position, _) in text.match_indices(call) {
                    let after = text[position + call.len()..].trim_start();
                    let code = after.strip_prefix('"').and_then(|after| after.split('"').next());
                    codes.extend(code.map(str::to_owned));
                }
            }
        }
    }
    assert!(codes.len() > 30, "{codes:?}");
    let untried: Vec<_> = codes
        .iter()
        .filter(|code| !elsewhere.contains(&code.as_str()) && !answers.contains(&format!("[{code}]")))
        .collect();
    assert!(untried.is_empty(), "no pipeline earns {untried:?}");
}

#[test]
fn colours_and_json_say_the_same() {
    let bytes = std::fs::read(folder().join("many_at_once.yaml")).expect("a pipeline");
    let source = PipelineText::new(&bytes, "many_at_once.yaml", &[]);
    let actual = found(&source);
    let coloured = spec::render::render(&actual, &source, true);
    let uncoded = coloured.split("\x1b[").enumerate().map(|(position, piece)| match position {
        0 => piece,
        _ => piece.split_once('m').expect("a code").1,
    });
    let plain: String = uncoded.collect();
    assert!(coloured.len() > plain.len());
    assert_eq!(plain, spec::render::render(&actual, &source, false));

    let json = spec::render::json(&actual, &source);
    assert_eq!(
        json[1],
        serde_json::json!({
            "code": "unknown-name",
            "severity": "error",
            "path": "inputs.age",
            "message": "unknown input kind `standardise`",
            "help": "did you mean `standardize`?",
            "file": "many_at_once.yaml",
            "line": 5,
            "column": 8,
            "set": null,
        })
    );
}
