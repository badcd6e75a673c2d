//! The reader never panics and never hangs, for any input.

use std::time::Instant;

use mtl::spec::{self, PipelineText, SettingOverride};
use proptest::prelude::*;

use crate::support::project::PIPELINE;

/// Reads, resolves and renders in every form; returns the diagnostic codes.
fn codes(bytes: &[u8], overrides: &[SettingOverride]) -> Vec<&'static str> {
    let source = PipelineText::new(bytes, "a.yaml", overrides);
    let actual = crate::diagnostics::found(&source);
    let text = spec::render::render(&actual, &source, true);
    let json = spec::render::json(&actual, &source);
    assert_eq!(json.as_array().unwrap().len(), actual.len());
    assert_eq!(text.is_empty(), actual.is_empty());
    actual.iter().map(|diagnostic| diagnostic.code).collect()
}

/// Like [`codes`], with a time limit that is generous even for a slow machine.
fn quickly(bytes: &[u8]) -> Vec<&'static str> {
    let start = Instant::now();
    let codes = codes(bytes, &[]);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    codes
}

#[test]
fn files_of_ten_megabytes_are_refused() {
    let text = "a: [1, 2, 3]\n".repeat(800_000);
    assert_eq!(quickly(text.as_bytes()), ["file-too-large"]);
}

#[test]
fn deep_nesting_is_refused() {
    for text in
        ["[".repeat(1_000_000), "{a: ".repeat(250_000), format!("{}{}", "[".repeat(200), "]".repeat(200))]
    {
        assert_eq!(quickly(text.as_bytes()), ["too-deep"]);
    }
    let indented: String = (0..500).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert_eq!(quickly(indented.as_bytes()), ["too-deep"]);
    assert_eq!(quickly("- ".repeat(1000).as_bytes()), ["too-deep"]);
    quickly("- ".repeat(500_000).as_bytes());
    quickly("? ".repeat(500_000).as_bytes());
}

#[test]
fn alias_bombs_are_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    assert_eq!(quickly(text.as_bytes()), ["too-many-values"]);
    let wide = format!("a: &a [{}]\nb: [{}]\n", "x, ".repeat(20_000), "*a, ".repeat(20_000));
    assert_eq!(quickly(wide.as_bytes()), ["too-many-values"]);
}

#[test]
fn a_recursive_alias_is_refused() {
    let codes = quickly(b"a: &a [*a]\n");
    assert!(!codes.is_empty());
}

#[test]
fn the_number_of_diagnostics_is_limited() {
    let layers = "  - nonsense\n".repeat(20_000);
    let text = PIPELINE.replace("trunk:\n", &format!("trunk:\n{layers}"));
    assert!(quickly(text.as_bytes()).len() <= 100);
}

/// With correct locations.
#[test]
fn byte_order_marks_and_windows_line_endings_are_accepted() {
    assert_eq!(codes(format!("\u{feff}{PIPELINE}").as_bytes(), &[]), Vec::<&str>::new());
    assert_eq!(codes(PIPELINE.replace('\n', "\r\n").as_bytes(), &[]), Vec::<&str>::new());
    let bad = format!("\u{feff}{}", PIPELINE.replace("seed: 1", "seed: one").replace('\n', "\r\n"));
    let source = PipelineText::new(bad.as_bytes(), "a.yaml", &[]);
    let actual = spec::read_source(&source).unwrap_err();
    let location = source.diagnostic_location(&actual[0]).unwrap();
    assert_eq!((location.line, location.column), (2, 7));
    let bad = bad.replace("\r\n", "\r");
    let source = PipelineText::new(bad.as_bytes(), "a.yaml", &[]);
    let actual = spec::read_source(&source).unwrap_err();
    let location = source.diagnostic_location(&actual[0]).unwrap();
    assert_eq!((location.line, location.column), (2, 7), "a carriage return alone");
}

/// For keys, values, lists, flow style, quotes, aliases and non-ASCII characters.
#[test]
fn locations_are_correct() {
    use mtl::domain::diagnostic::{Diagnostic, Path};
    let text = "\
a: 1
b:
  c: &anchor {d: [10, 'zwanzig', 30]}
  \"e f\":
    - x
    - y: ünï
      z: ~
k: {größe: 1, deep: {er: [[1], [2, 3]]}}
l: *anchor
m: >
  folded
  text
n: last
";
    let source = PipelineText::new(text.as_bytes(), "a.yaml", &[]);
    let value = |path: &Path| source.location(path).map(|location| (location.line, location.column));
    let key = |path: &Path| {
        let diagnostic = Diagnostic::error("x", path.clone(), "x").on_key();
        source.diagnostic_location(&diagnostic).map(|location| (location.line, location.column))
    };
    let (b, k) = (Path::from_key("b"), Path::from_key("k"));
    assert_eq!(value(&Path::from_key("a")), Some((1, 4)));
    assert_eq!(key(&Path::from_key("a")), Some((1, 1)));
    assert_eq!(value(&b), Some((2, 1)), "the location of a map is its key");
    assert_eq!(value(&b.key("c").key("d").index(1)), Some((3, 23)));
    assert_eq!(key(&b.key("c").key("d")), Some((3, 15)));
    assert_eq!(value(&b.key("e f").index(0)), Some((5, 7)));
    assert_eq!(value(&b.key("e f").index(1).key("y")), Some((6, 10)));
    assert_eq!(value(&b.key("e f").index(1).key("z")), Some((7, 7)), "the location of null is its key");
    assert_eq!(key(&k.key("größe")), Some((8, 5)));
    assert_eq!(value(&k.key("größe")), Some((8, 12)));
    assert_eq!(value(&k.key("deep").key("er").index(1).index(0)), Some((8, 33)));
    assert_eq!(value(&Path::from_key("n")), Some((13, 4)));
    assert_eq!(value(&Path::from_key("m")), Some((10, 4)));
    assert_eq!(value(&k.key("absent").key("more")), Some((8, 1)), "the nearest existing ancestor");
}

#[test]
fn overrides_are_applied() {
    let set = |argument: &str| SettingOverride::parse(argument).unwrap();
    let all = [
        set("train.epochs=7"),
        set("train.optimizer.adamw.rate=0.01"),
        set("trunk[0].dense.units=5"),
        set("inputs.age.standardize.missing=zero"),
        set("tasks.rich.kind.binary.threshold=0.25"),
        set("tasks.weeks.head=[{dense: 3}]"),
        set("export.onnx.opset=18"),
        set("inputs.\"capital gain\"=number"),
    ];
    let (pipeline, _) = spec::read(PIPELINE, "a.yaml".as_ref(), &all).unwrap();
    let json = serde_json::to_value(&pipeline).unwrap();
    let at = |pointer: &str| json.pointer(pointer).unwrap_or_else(|| panic!("{pointer} in {json:#}")).clone();
    assert_eq!(at("/train/epochs"), 7);
    assert_eq!(at("/train/optimizer/adamw/rate"), 0.01);
    assert_eq!(at("/trunk/0/dense/units"), 5);
    assert_eq!(at("/trunk/0/dense/activation"), "relu");
    assert_eq!(at("/inputs/age/standardize/missing"), "zero");
    assert_eq!(at("/tasks/rich/kind/binary/threshold"), 0.25);
    assert_eq!(at("/tasks/weeks/head/0/dense/units"), 3);
    assert_eq!(at("/export/onnx/opset"), 18);
    assert!(json["inputs"].get("capital gain").is_some());
    let bare = PIPELINE.replace("dense: {units: 8, activation: relu}", "dense: 8");
    let (pipeline, _) =
        spec::read(&bare, "a.yaml".as_ref(), &[set("trunk[0].dense.activation=gelu")]).unwrap();
    let json = serde_json::to_value(&pipeline).unwrap();
    assert_eq!(
        (&json["trunk"][0]["dense"]["units"], &json["trunk"][0]["dense"]["activation"]),
        (&8.into(), &"gelu".into())
    );
}

#[test]
fn invalid_overrides_are_refused() {
    for argument in ["", "=", "a", "=5", "a.=5", "a[=5", "a[b]=5", "a=[", "a=!x y"] {
        let actual = SettingOverride::parse(argument).expect_err(argument);
        assert_eq!(actual.code, "bad-override");
    }
}

/// Random sequences of YAML tokens and pipeline keys.
fn yaml_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("data".to_owned()),
        Just("inputs".to_owned()),
        Just("tasks".to_owned()),
        Just("trunk".to_owned()),
        Just("train".to_owned()),
        Just(": ".to_owned()),
        Just(":\n  ".to_owned()),
        Just("\n".to_owned()),
        Just("\n- ".to_owned()),
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just(", ".to_owned()),
        Just("&a ".to_owned()),
        Just("*a".to_owned()),
        Just("!tag ".to_owned()),
        Just("|\n ".to_owned()),
        Just("\"".to_owned()),
        Just("'".to_owned()),
        Just("# ".to_owned()),
        Just("---\n".to_owned()),
        Just("\t".to_owned()),
        Just("null".to_owned()),
        Just("1e400".to_owned()),
        Just(".nan".to_owned()),
        Just("99999999999999999999999".to_owned()),
        Just("? ".to_owned()),
        Just("<<: *a".to_owned()),
        "[a-z_]{1,8}",
        "-?[0-9]{1,4}(\\.[0-9]{1,3})?",
        "\\PC{0,4}",
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// The small pipeline with a few random replacements.
fn almost_valid() -> impl Strategy<Value = String> {
    let piece = prop_oneof![yaml_like(), Just(String::new()), "[ a-z:\\[\\]{},\n-]{0,6}"];
    prop::collection::vec((0..PIPELINE.len(), 0..12_usize, piece), 1..4).prop_map(|edits| {
        let mut text = PIPELINE.to_owned();
        for (start, length, piece) in edits {
            let start = start.min(text.len());
            let end = (start + length).min(text.len());
            if text.is_char_boundary(start) && text.is_char_boundary(end) {
                text.replace_range(start..end, &piece);
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_yaml_is_handled(text in yaml_like()) {
        codes(text.as_bytes(), &[]);
    }

    #[test]
    fn almost_valid_pipelines_are_handled(text in almost_valid()) {
        codes(text.as_bytes(), &[]);
    }

    #[test]
    fn random_bytes_are_handled(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        codes(&bytes, &[]);
    }

    #[test]
    fn random_overrides_are_handled(
        argument in "[a-z.\\[\\]0-9=\"{}: ]{0,30}",
        known in "(train|tasks.rich|trunk\\[0\\])(.[a-z]{1,6}){0,3}=[0-9a-z]{0,4}",
    ) {
        for argument in [argument, known] {
            if let Ok(change) = SettingOverride::parse(&argument) {
                codes(PIPELINE.as_bytes(), &[change]);
            }
        }
    }
}
