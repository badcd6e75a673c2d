//! Checks the rules of ARCHITECTURE.md: dependencies between modules, cycles, external crates, sizes, names.

mod cycles;
mod words;

use std::path::PathBuf;

use crate::support;

/// Top-level modules, and the modules that each of them may import.
const DEPENDENCIES: [(&str, &[&str]); 14] = [
    ("domain", &[]),
    ("disk", &[]),
    ("decode", &["domain"]),
    ("onnx", &["decode", "disk", "domain"]),
    ("store", &["domain"]),
    ("data", &["disk", "domain"]),
    ("evaluate", &["domain"]),
    ("model", &["onnx", "decode", "disk", "domain"]),
    ("train", &["model", "data", "evaluate", "disk", "domain"]),
    ("spec", &["domain"]),
    ("plan", &["spec", "disk", "domain"]),
    ("run", &["plan", "spec", "data", "model", "train", "evaluate", "onnx", "decode", "disk", "domain"]),
    ("report", &["store", "domain"]),
    ("cli", &["spec", "plan", "run", "store", "report", "disk", "domain"]),
];

/// Modules that may also import settings: names ending in `Config`, modules called `config`, and `PURE`.
const CONFIG_READERS: [&str; 2] = ["spec", "plan"];
/// Modules whose settings may be imported by `CONFIG_READERS`.
const CONFIG_OWNERS: [&str; 5] = ["data", "model", "train", "evaluate", "onnx"];

/// Further names that may be imported with settings: descriptions of items without tensors or files, and
/// pretrained models, whose configuration is part of the settings.
const PURE: [&str; 13] = [
    "ModelFolders",
    "PretrainedError",
    "PretrainedModel",
    "ClassWeights",
    "MissingNumber",
    "default_metrics",
    "BuildLayer",
    "accepts",
    "capabilities",
    "check_pretrained_decoder",
    "check_pretrained_projection",
    "concatenated_shape",
    "shape_with_preference",
];

/// External crates, and the modules that may use them. Other crates, such as serde, may be used everywhere.
const EXTERNAL: [(&str, &[&str]); 38] = [
    ("polars", &["data"]),
    ("polars_arrow_format", &["data"]),
    ("polars_io", &["data"]),
    ("polars_parquet_format", &["data"]),
    ("sqlparser", &["data"]),
    ("unicode_normalization", &["data"]),
    ("tokenizers", &["data"]),
    ("jieba_rs", &["data"]),
    ("image", &["data"]),
    ("png", &["data", "report"]),
    ("ttf_parser", &["report"]),
    ("zeno", &["report"]),
    ("statrs", &["data", "report"]),
    ("unicode_width", &["report"]),
    ("flate2", &["data"]),
    ("ort", &["onnx"]),
    ("object", &["onnx"]),
    ("prost", &["onnx"]),
    ("sha2", &["onnx"]),
    ("rusqlite", &["store"]),
    ("candle_core", &["model", "train"]),
    ("candle_nn", &["model", "train"]),
    ("safetensors", &["model", "train"]),
    ("gemm", &["model"]),
    ("pulp", &["model", "train"]),
    ("serde_yaml", &["spec"]),
    ("petgraph", &["plan"]),
    ("blake3", &["plan"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["cli"]),
    ("ctrlc", &["cli"]),
    ("rustix", &["run"]),
    ("mimalloc", &["main.rs"]),
    ("strsim", &["domain"]),
    ("anyhow", &[]),
    ("gethostname", &["run", "cli"]),
];

const FORBIDDEN_NAMES: [&str; 14] = [
    "util", "utils", "helper", "helpers", "common", "misc", "base", "core", "imp", "impl", "manager",
    "managers", "handler", "handlers",
];

/// Path prefixes of files that may contain `unsafe`.
const UNSAFE: [&str; 3] = ["model/kernel/", "cli/threads.rs", "main.rs"];

struct Source {
    /// Path below `src`, with `/`.
    name: String,
    /// The top-level module.
    module: String,
    text: String,
    /// Without comments, string literals and tests.
    code: String,
    /// Compiled for tests only.
    is_test: bool,
}

fn sources() -> Vec<Source> {
    let folder = support::root().join("src");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&folder).unwrap().to_string_lossy().replace('\\', "/");
        let text = std::fs::read_to_string(&path).unwrap();
        let module = name.split('/').next().unwrap().to_owned();
        (Source { code: String::new(), is_test: false, name, module, text }, path)
    };
    let mut all: Vec<(Source, PathBuf)> = support::files(&folder, "rs").into_iter().map(read).collect();
    assert!(all.len() > 100, "found {}", all.len());
    let mut tests = Vec::new();
    for (source, path) in &mut all {
        let (code, modules) = without_tests(&blank(&source.text));
        source.code = code;
        let inside = if path.ends_with("mod.rs") { path.with_file_name("") } else { path.with_extension("") };
        tests.extend(modules.into_iter().map(|module| inside.join(module)));
    }
    // For test files only the size and the name are checked, not the dependencies.
    for (source, path) in &mut all {
        if tests.iter().any(|test| path.starts_with(test) || *path == test.with_extension("rs")) {
            source.code = String::new();
            source.is_test = true;
        }
    }
    all.into_iter().map(|(source, _)| source).collect()
}

/// The code without comments and string literals.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("r#\"") {
            rest.find("\"#").map_or(rest.len(), |end| end + 2)
        } else if letter == '"' {
            let mut escaped = false;
            let end = rest[1..].char_indices().find(|(_, c)| {
                let ends = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                ends
            });
            end.map_or(rest.len(), |(end, _)| end + 2)
        } else if ["'\"'", "'{'", "'}'"].iter().any(|literal| rest.starts_with(literal)) {
            3
        } else if rest.starts_with("'\\\"'") {
            4
        } else {
            out.push(letter);
            letter.len_utf8()
        };
        rest = &rest[skip..];
    }
    out
}

/// The code without parts that are compiled for tests only, and the names of test modules in other files.
fn without_tests(code: &str) -> (String, Vec<String>) {
    let (mut out, mut modules) = (String::new(), Vec::new());
    let mut rest = code;
    while let Some(start) = rest.find("#[cfg(test)]") {
        out.push_str(&rest[..start]);
        let after = &rest[start..];
        let body = after.find('{').unwrap_or(after.len());
        let end = after.find(';').unwrap_or(after.len());
        if end < body {
            let named = after[..end].split("mod ").nth(1).map(|name| name.trim().to_owned());
            modules.extend(named);
            rest = &after[end + 1..];
            continue;
        }
        let mut depth = 0;
        let close = after.char_indices().find(|(_, letter)| {
            depth += match letter {
                '{' => 1,
                '}' => -1,
                _ => return false,
            };
            depth == 0
        });
        rest = close.map_or("", |(close, _)| &after[close + 1..]);
    }
    out.push_str(rest);
    (out, modules)
}

/// All paths that start with `crate::`, with groups expanded.
fn paths(code: &str) -> Vec<String> {
    paths_below("crate::", code)
}

/// The rest of all paths that start with `root`.
fn paths_below(root: &str, code: &str) -> Vec<String> {
    let mut violations = Vec::new();
    for (position, _) in code.match_indices(root) {
        let before = code[..position].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        expand("", &code[position + root.len()..], &mut violations);
    }
    violations
}

fn expand(prefix: &str, rest: &str, violations: &mut Vec<String>) {
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
    let (path, after) = (&rest[..end], &rest[end..]);
    match after.strip_prefix('{') {
        Some(group) if path.is_empty() || path.ends_with("::") => {
            let mut depth = 0;
            let mut start = 0;
            for (position, letter) in group.char_indices() {
                match letter {
                    '{' => depth += 1,
                    ',' | '}' if depth == 0 => {
                        expand(&format!("{prefix}{path}"), group[start..position].trim(), violations);
                        start = position + 1;
                        if letter == '}' {
                            return;
                        }
                    }
                    '}' => depth -= 1,
                    _ => {}
                }
            }
        }
        _ if path.is_empty() => {}
        _ => violations.push(format!("{prefix}{path}").trim_end_matches(':').to_owned()),
    }
}

/// May this module use this path?
fn allowed(module: &str, path: &str) -> bool {
    let target = path.split("::").next().unwrap();
    if target == module || !DEPENDENCIES.iter().any(|(known, _)| *known == target) {
        return true;
    }
    let Some((_, may)) = DEPENDENCIES.iter().find(|(known, _)| *known == module) else { return true };
    let is_config = || {
        let mut steps = path.split("::");
        steps.any(|step| step == "config" || step.ends_with("Config") || PURE.contains(&step))
    };
    may.contains(&target)
        || CONFIG_READERS.contains(&module) && CONFIG_OWNERS.contains(&target) && is_config()
}

fn fail(rule: &str, violations: Vec<String>) {
    assert!(violations.is_empty(), "{rule}:\n  {}", violations.join("\n  "));
}

#[test]
fn modules_import_only_lower_modules() {
    let mut violations = Vec::new();
    for source in sources() {
        for path in paths(&source.code).iter().filter(|path| !allowed(&source.module, path)) {
            violations.push(format!("{} uses {path}", source.name));
        }
    }
    fail("a module may only import the modules listed for it", violations);
}

#[test]
fn external_crates_are_used_only_in_their_modules() {
    let mut violations = Vec::new();
    for source in sources() {
        for (name, modules) in EXTERNAL.iter().filter(|(_, all)| !all.contains(&source.module.as_str())) {
            let named = source.code.match_indices(&format!("{name}::")).any(|(position, _)| {
                let before = source.code[..position].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
            });
            if named || source.code.contains(&format!("use {name};")) {
                violations.push(format!("{} uses {name}, which is reserved for {modules:?}", source.name));
            }
        }
    }
    fail("an external crate is used in its modules only", violations);
}

#[test]
fn domain_does_no_file_io() {
    let mut violations = Vec::new();
    for source in sources().iter().filter(|source| source.module == "domain") {
        if uses_files(&source.text) {
            violations.push(format!("{} uses `std::fs` or `tempfile`", source.name));
        }
    }
    fail("`domain` is plain data; file operations belong in `disk`", violations);
}

/// Does a text, including its tests, use file operations?
fn uses_files(text: &str) -> bool {
    let code = blank(text);
    let standard = paths_below("std::", &code);
    code.contains("tempfile") || standard.iter().any(|path| path.split("::").next() == Some("fs"))
}

#[test]
fn files_are_short() {
    let mut violations = Vec::new();
    let mut measure = |name: &str, text: &str, limit: usize| {
        let lines = text.lines().count();
        if lines > limit {
            violations.push(format!("{name} has {lines} lines; the limit is {limit}"));
        }
    };
    for source in sources() {
        let limit = match source.is_test {
            true => 600,
            false if source.name.ends_with("mod.rs") => 130,
            false => 400,
        };
        measure(&source.name, &source.text, limit);
    }
    for path in support::files(&support::root().join("tests"), "rs") {
        measure(&path.to_string_lossy(), &std::fs::read_to_string(&path).unwrap(), 600);
    }
    fail("files are short", violations);
}

#[test]
fn file_names_are_specific_and_in_snake_case() {
    let mut violations = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for path in support::files(&support::root().join(folder), "rs") {
            let below = path.strip_prefix(support::root()).unwrap();
            for step in below.iter().map(|step| step.to_string_lossy().trim_end_matches(".rs").to_owned()) {
                if FORBIDDEN_NAMES.contains(&step.as_str()) {
                    violations.push(below.display().to_string());
                }
                if step.chars().any(char::is_uppercase) {
                    violations.push(format!("{}: names must be in snake case", below.display()));
                }
            }
        }
    }
    fail("file names must be specific and in snake case", violations);
}

#[test]
fn files_start_with_a_doc_comment() {
    let undocumented = |source: &Source| !source.text.starts_with("//!");
    fail(
        "a file must start with `//!`",
        sources().into_iter().filter(undocumented).map(|source| source.name).collect(),
    );
}

#[test]
fn imports_are_explicit() {
    let has_glob =
        |source: &Source| source.text.contains("use super::*") || source.text.contains("use crate::*");
    fail(
        "glob imports are not allowed",
        sources().into_iter().filter(has_glob).map(|source| source.name).collect(),
    );
}

#[test]
fn unsafe_code_is_restricted_to_its_files() {
    let mut violations = Vec::new();
    for source in sources() {
        let is_unsafe = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"]
            .iter()
            .any(|form| source.code.contains(form));
        if is_unsafe && !UNSAFE.iter().any(|prefix| source.name.starts_with(prefix)) {
            violations.push(source.name);
        }
    }
    fail("unsafe code is allowed only in the files listed", violations);
}

#[test]
fn code_does_not_panic_on_errors() {
    let mut violations = Vec::new();
    for source in sources() {
        for form in [".unwrap()", ".expect(", "panic!(", "todo!(", "unimplemented!(", "dbg!("] {
            if source.code.contains(form) {
                violations.push(format!("{} contains {form}", source.name));
            }
        }
    }
    fail("errors must be returned", violations);
}

/// The rules detect violations.
#[test]
fn the_rules_detect_violations() {
    assert_eq!(
        paths("use crate::a::{B, c::{D, E}};\nlet x = crate::f::g();"),
        ["a::B", "a::c::D", "a::c::E", "f::g"]
    );
    assert!(uses_files("use std::{io, fs::File};") && uses_files("tempfile::tempdir()"));
    assert!(!uses_files("use std::fmt; // std::fs, tempfile"));
    assert!(!allowed("domain", "data::frame::Frame") && !allowed("data", "store::Store"));
    assert!(allowed("spec", "data::config::TableConfig") && !allowed("spec", "data::frame::Frame"));
    assert!(
        allowed("plan", "model::loss::huber::HuberConfig") && !allowed("model", "train::config::TrainConfig")
    );
    let text = "// crate::a\nlet s = \"crate::b \\\" unsafe {\"; let c = '\"'; crate::c;\n\
                #[cfg(test)]\nmod more;\n#[cfg(test)]\nmod tests { fn f() { crate::d } }\ncrate::e;";
    let (code, modules) = without_tests(&blank(text));
    assert_eq!(paths(&code), ["c", "e"]);
    assert_eq!(modules, ["more"]);
    assert!(!code.contains("unsafe"));
}
