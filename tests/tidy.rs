//! The rules of the house (ARCHITECTURE.md), kept true: arrows, circles, foreign crates, sizes, names.

mod circles;

use std::path::PathBuf;

use crate::support;

/// A room may import the rooms after it, whole.
const ARROWS: [(&str, &[&str]); 14] = [
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

/// Rooms that may import settings besides: what ends in `Config`, modules called `config`, and `PURE`.
const READERS_OF_CONFIGS: [&str; 2] = ["spec", "plan"];
const CRAFTS: [&str; 5] = ["data", "model", "train", "evaluate", "onnx"];

/// The pure half of registered items: settings, and what they say of themselves without tensors or files.
const PURE: [&str; 8] = [
    "ClassWeights",
    "MissingNumber",
    "default_metrics",
    "BuildLayer",
    "accepts",
    "capabilities",
    "together",
    "joined",
];

/// A foreign crate's rooms. Crates not named here are for all: serde, schemars, thiserror, indexmap.
const FOREIGN: [(&str, &[&str]); 37] = [
    ("polars", &["data"]),
    ("polars_arrow_format", &["data"]),
    ("polars_parquet_format", &["data"]),
    ("sqlparser", &["data"]),
    ("unicode_normalization", &["data"]),
    ("tokenizers", &["data"]),
    ("jieba_rs", &["data"]),
    ("image", &["data"]),
    ("png", &["data", "report"]),
    ("ttf_parser", &["report"]),
    ("zeno", &["report"]),
    ("statrs", &["report"]),
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

/// Files that may say `unsafe`.
const UNSAFE: [&str; 2] = ["model/kernel/", "cli/threads.rs"];

struct Source {
    /// Below `src`, with `/`.
    name: String,
    room: String,
    text: String,
    /// Without comments, text literals and tests.
    code: String,
    /// Compiled for tests alone.
    is_test: bool,
}

fn sources() -> Vec<Source> {
    let folder = support::root().join("src");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&folder).unwrap().to_string_lossy().replace('\\', "/");
        let text = std::fs::read_to_string(&path).unwrap();
        let room = name.split('/').next().unwrap().to_owned();
        (Source { code: String::new(), is_test: false, name, room, text }, path)
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
    // A file of tests is held to its size and its name, not to its arrows.
    for (source, path) in &mut all {
        if tests.iter().any(|test| path.starts_with(test) || *path == test.with_extension("rs")) {
            source.code = String::new();
            source.is_test = true;
        }
    }
    all.into_iter().map(|(source, _)| source).collect()
}

/// The code without comments and text literals.
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

/// The code without what is compiled for tests alone, and the names of modules that are.
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

/// Every path of the code that begins with `crate::`, groups written out.
fn paths(code: &str) -> Vec<String> {
    paths_below("crate::", code)
}

/// What follows `root` in every path of the code that begins with it.
fn paths_below(root: &str, code: &str) -> Vec<String> {
    let mut actual = Vec::new();
    for (position, _) in code.match_indices(root) {
        let before = code[..position].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        expand("", &code[position + root.len()..], &mut actual);
    }
    actual
}

fn expand(prefix: &str, rest: &str, actual: &mut Vec<String>) {
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
                        expand(&format!("{prefix}{path}"), group[start..position].trim(), actual);
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
        _ => actual.push(format!("{prefix}{path}").trim_end_matches(':').to_owned()),
    }
}

/// May this room name this path?
fn allowed(room: &str, path: &str) -> bool {
    let target = path.split("::").next().unwrap();
    if target == room || !ARROWS.iter().any(|(known, _)| *known == target) {
        return true;
    }
    let Some((_, may)) = ARROWS.iter().find(|(known, _)| *known == room) else { return true };
    let is_config = || {
        let mut steps = path.split("::");
        steps.any(|step| step == "config" || step.ends_with("Config") || PURE.contains(&step))
    };
    may.contains(&target) || READERS_OF_CONFIGS.contains(&room) && CRAFTS.contains(&target) && is_config()
}

fn fail(rule: &str, actual: Vec<String>) {
    assert!(actual.is_empty(), "{rule}:\n  {}", actual.join("\n  "));
}

#[test]
fn arrows_point_down() {
    let mut actual = Vec::new();
    for source in sources() {
        for path in paths(&source.code).iter().filter(|path| !allowed(&source.room, path)) {
            actual.push(format!("{} names {path}", source.name));
        }
    }
    fail("a room imports only what stands below it", actual);
}

#[test]
fn foreign_crates_stay_in_their_rooms() {
    let mut actual = Vec::new();
    for source in sources() {
        for (name, rooms) in FOREIGN.iter().filter(|(_, rooms)| !rooms.contains(&source.room.as_str())) {
            let named = source.code.match_indices(&format!("{name}::")).any(|(position, _)| {
                let before = source.code[..position].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
            });
            if named || source.code.contains(&format!("use {name};")) {
                actual.push(format!("{} names {name}, which belongs to {rooms:?}", source.name));
            }
        }
    }
    fail("a foreign crate has one room", actual);
}

#[test]
fn the_shared_words_touch_no_file() {
    let mut actual = Vec::new();
    for source in sources().iter().filter(|source| source.room == "domain") {
        if names_files(&source.text) {
            actual.push(format!("{} names `std::fs` or `tempfile`", source.name));
        }
    }
    fail("`domain` is plain data; what opens and writes files is `disk`", actual);
}

/// Does a text, its tests too, name what opens and writes files?
fn names_files(text: &str) -> bool {
    let code = blank(text);
    let standard = paths_below("std::", &code);
    code.contains("tempfile") || standard.iter().any(|path| path.split("::").next() == Some("fs"))
}

#[test]
fn files_are_short() {
    let mut actual = Vec::new();
    let mut measure = |name: &str, text: &str, most: usize| {
        let lines = text.lines().count();
        if lines > most {
            actual.push(format!("{name} has {lines} lines, more than {most}"));
        }
    };
    for source in sources() {
        let most = match source.is_test {
            true => 600,
            false if source.name.ends_with("mod.rs") => 130,
            false => 400,
        };
        measure(&source.name, &source.text, most);
    }
    for path in support::files(&support::root().join("tests"), "rs") {
        measure(&path.to_string_lossy(), &std::fs::read_to_string(&path).unwrap(), 600);
    }
    fail("a file is one thought", actual);
}

#[test]
fn names_say_what_a_thing_is() {
    let mut actual = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for path in support::files(&support::root().join(folder), "rs") {
            let below = path.strip_prefix(support::root()).unwrap();
            for step in below.iter().map(|step| step.to_string_lossy().trim_end_matches(".rs").to_owned()) {
                if FORBIDDEN_NAMES.contains(&step.as_str()) {
                    actual.push(below.display().to_string());
                }
                if step.chars().any(char::is_uppercase) {
                    actual.push(format!("{}: names are in snake case", below.display()));
                }
            }
        }
    }
    fail("no file is named after what it is not", actual);
}

#[test]
fn files_begin_by_saying_what_they_are() {
    let silent = |source: &Source| !source.text.starts_with("//!");
    fail(
        "a file begins with `//!`",
        sources().into_iter().filter(silent).map(|source| source.name).collect(),
    );
}

#[test]
fn the_top_of_a_file_is_its_list_of_arrows() {
    let stars =
        |source: &Source| source.text.contains("use super::*") || source.text.contains("use crate::*");
    fail(
        "nothing is imported by `*`",
        sources().into_iter().filter(stars).map(|source| source.name).collect(),
    );
}

#[test]
fn unsafe_code_stays_in_its_place() {
    let mut actual = Vec::new();
    for source in sources() {
        let says = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"]
            .iter()
            .any(|form| source.code.contains(form));
        if says && !UNSAFE.iter().any(|place| source.name.starts_with(place)) {
            actual.push(source.name);
        }
    }
    fail("only kernels are unsafe", actual);
}

#[test]
fn nothing_gives_up_by_unwrap() {
    let mut actual = Vec::new();
    for source in sources() {
        for form in [".unwrap()", "panic!(", "todo!(", "unimplemented!(", "dbg!("] {
            if source.code.contains(form) {
                actual.push(format!("{} has {form}", source.name));
            }
        }
    }
    fail("an error is a value", actual);
}

/// The rules can fail: they are shown what they are there to refuse.
#[test]
fn the_rules_see_what_they_forbid() {
    assert_eq!(
        paths("use crate::a::{B, c::{D, E}};\nlet x = crate::f::g();"),
        ["a::B", "a::c::D", "a::c::E", "f::g"]
    );
    assert!(names_files("use std::{io, fs::File};") && names_files("tempfile::tempdir()"));
    assert!(!names_files("use std::fmt; // std::fs, tempfile"));
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
