//! Untrusted bundles: names that would escape the folder, and modified cards and files.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Project, Ran};

/// Input names that are not valid file names. The task `CON`, which has a decoder, is a device on Windows.
const NASTY: [&str; 6] = ["../../../VICTIM", "C:\\x", "con", "a/b", "a_b", "/abs/x"];

const TEXTS: &str = "\
name: nasty
seed: 1
data:
  rows: {source: {jsonl: rows.jsonl}, split: {random: {valid: 0.2, test: 0.2}}}
inputs:
INPUTS
trunk: [{dense: 8}]
tasks:
  much: {target: much, kind: binary}
  CON:
    target: title
    kind: {text: {tokenizer: {word: {minimum: 1}}, length: 5, decoder: {gru: {units: 6}}}}
train: {epochs: 1, batch_size: 16, device: cpu}
";

/// A project deep enough that `../../../VICTIM` is inside its temporary folder.
fn nasty() -> Project {
    let inputs: Vec<String> = NASTY
        .iter()
        .map(|name| {
            format!(
                "  {}: {{tokens: {{minimum: 1, length: 8, encoder: [{{embedding: 4}}, {{pool: mean}}]}}}}",
                json!(name)
            )
        })
        .collect();
    let row = |number: usize| {
        let text = format!("{} {}", ["red", "green"][number % 2], ["car", "house", "tree"][number % 3]);
        let mut row = json!({"much": number % 2, "title": text});
        NASTY.iter().for_each(|name| row[*name] = json!(text));
        row.to_string()
    };
    let rows: Vec<String> = (0..60).map(row).collect();
    Project::new()
        .file("deep/er/still/pipeline.yaml", TEXTS.replace("INPUTS", &inputs.join("\n")))
        .file("deep/er/still/rows.jsonl", rows.join("\n"))
        .file("VICTIM.tokenizer.json", "mine")
        .file("deep/VICTIM.tokenizer.json", "mine")
}

/// Runs the binary in the deep folder.
fn deep(project: &Project, arguments: &[&str]) -> Ran {
    let mut command = project.command(arguments);
    Ran::of(command.current_dir(project.path("deep/er/still")).env_remove("MTL_OFFLINE"))
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn files_of_strangely_named_inputs_and_tasks_stay_in_the_folder() {
    let project = nasty();
    deep(&project, &["run", "pipeline.yaml", "--quiet"]).expect(0);
    deep(&project, &["export", "last", "--to", "bundle"]).expect(0);
    deep(&project, &["verify", "bundle"]).expect(0);
    let expected = [
        "CON_2.tokenizer.json",
        "C__x.tokenizer.json",
        "_CON.decoder.onnx",
        "___.__.__VICTIM.tokenizer.json",
        "_abs_x.tokenizer.json",
        "_con.tokenizer.json",
        "a_b.tokenizer.json",
        "a_b_2.tokenizer.json",
        "model.onnx",
        "mtl.json",
        "predict.py",
    ];
    assert_eq!(files(&project.path("deep/er/still/bundle")), expected);
    assert_eq!(files(project.folder()), ["VICTIM.tokenizer.json", "deep"]);
    assert_eq!(files(&project.path("deep")), ["VICTIM.tokenizer.json", "er"]);
    assert_eq!(project.read("VICTIM.tokenizer.json"), "mine");
    // The card maps files to inputs and tasks.
    let card: Value = serde_json::from_str(&project.read("deep/er/still/bundle/mtl.json")).expect("JSON");
    for (part, names) in [("tokenizer", &[&NASTY[..], &["CON"]].concat()[..]), ("decoder", &["CON"])] {
        for name in names {
            let own = |file: &&Value| file["part"] == part && file["of"] == *name;
            let file = card["files"].as_array().expect("files").iter().find(own);
            let file = file.unwrap_or_else(|| panic!("{part} of {name}"))["name"].as_str().expect("a name");
            assert!(project.path("deep/er/still/bundle").join(file).is_file(), "{file}");
        }
    }
    deep(&project, &["predict", "bundle", "rows.jsonl", "--to", "said.jsonl"]).expect(0);
    let bundle = project.path("deep/er/still/bundle");
    let rows = project.path("deep/er/still/rows.jsonl");
    let Some(ran) = project.python(&[bundle.to_str().expect("a path"), rows.to_str().expect("a path")])
    else {
        return;
    };
    let lines =
        |text: &str| text.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect::<Vec<Value>>();
    let (theirs, ours) = (lines(&ran.expect(0).out()), lines(&project.read("deep/er/still/said.jsonl")));
    let chosen = |row: &Value| (row["CON"].clone(), row["much"].to_string());
    assert_eq!(theirs.iter().map(chosen).collect::<Vec<_>>(), ours.iter().map(chosen).collect::<Vec<_>>());
}

fn exported() -> Project {
    let project = Project::small();
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    project.mtl(&["export", "last", "--to", "bundle"]).expect(0);
    project
}

fn card(project: &Project) -> Value {
    serde_json::from_str(&project.read("bundle/mtl.json")).expect("JSON")
}

/// Writes a card with a valid hash, as an attacker would.
fn forge(project: &Project, card: &Value) {
    let mut card = card.clone();
    card.as_object_mut().expect("a card").shift_remove("sha256");
    let text = serde_json::to_string_pretty(&card).expect("JSON") + "\n";
    std::fs::write(project.path("bundle/mtl.json"), mtl::onnx::seal::sealed(&text)).expect("written");
}

/// All commands that read the bundle refuse it with one message and without a panic.
#[track_caller]
fn refused(project: &Project, expected: &str) {
    for arguments in [&["verify", "bundle"][..], &["predict", "bundle", "rows.csv", "--to", "x.csv"]] {
        let output = project.online(arguments).expect(1).err();
        assert!(output.contains(expected) && !output.contains("panicked"), "{arguments:?}: {output}");
        assert!(output.trim().lines().count() <= 2, "one message: {output}");
    }
    assert!(!project.path("x.csv").exists());
}

#[test]
fn edited_bundles_are_refused() {
    let project = exported();
    let (card, text) = (card(&project), project.read("bundle/mtl.json"));
    for (old, new) in
        [("\"tolerance\": 0.0001", "\"tolerance\": 0.001"), ("\"threshold\": 0.5", "\"threshold\": 0.9")]
    {
        assert!(text.contains(old));
        std::fs::write(project.path("bundle/mtl.json"), text.replacen(old, new, 1)).expect("written");
        refused(&project, "was modified after export");
    }
    std::fs::write(project.path("bundle/mtl.json"), &text).expect("written");
    project.online(&["verify", "bundle"]).expect(0);
    let model = std::fs::read(project.path("bundle/model.onnx")).expect("a model");
    let mut flipped = model.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x80;
    std::fs::write(project.path("bundle/model.onnx"), flipped).expect("written");
    refused(&project, "model.onnx was modified after export");
    if let Some(ran) = project.python(&["bundle", "rows.csv"]) {
        assert!(ran.expect(1).err().contains("was modified after export; export the model again"));
    }
    std::fs::write(project.path("bundle/model.onnx"), model).expect("written");
    forge(&project, &card);
    assert_eq!(project.read("bundle/mtl.json"), text, "the test writes cards as mtl does");
}

#[test]
fn forged_cards_that_do_not_match_the_model_are_refused() {
    let project = exported();
    let whole = card(&project);
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 20] = [
        ("a different list of classes", |card| {
            card["signature"]["tasks"][0]["target"]["classes"] = json!(["1", "0"])
        }),
        ("a different list of classes or threshold", |card| {
            card["signature"]["tasks"][0]["target"]["threshold"] = json!(0.01)
        }),
        ("a different unit", |card| card["signature"]["tasks"][1]["target"]["center"] = json!([0.5])),
        ("threshold is 7", |card| card["signature"]["tasks"][0]["target"]["threshold"] = json!(7.0)),
        ("tolerance is 1e30", |card| card["tolerance"] = json!(1e30)),
        ("tolerance is 0", |card| card["tolerance"] = json!(0.0)),
        ("tolerance is -1", |card| card["tolerance"] = json!(-1.0)),
        ("NaN", |card| card["tolerance"] = json!(null)),
        ("no tasks", |card| card["signature"]["tasks"] = json!([])),
        ("duplicate input or task name", |card| {
            card["signature"]["inputs"][1]["name"] = card["signature"]["inputs"][0]["name"].clone()
        }),
        ("2 centers have 1 scales", |card| {
            card["signature"]["tasks"][1]["target"]["center"] = json!([0.5, 1.0]);
            card["signature"]["tasks"][1]["target"]["columns"] = json!(["a", "b"]);
        }),
        ("does not fill its shape", |card| {
            card["sample"]["inputs"][0]["shape"] = json!([1u64 << 40, 1u64 << 40])
        }),
        ("does not fill its shape", |card| {
            card["sample"]["inputs"][0]["shape"] = json!([0, u64::MAX, u64::MAX])
        }),
        ("the others have 1", |card| {
            card["sample"]["inputs"][0] =
                json!({"name": "age", "shape": [1, 1], "values": {"float32": [1.0]}})
        }),
        ("a file's name, without a folder", |card| card["files"][0]["name"] = json!("../model.onnx")),
        ("lists a file `other.onnx` that does not belong", |card| {
            let files = card["files"].as_array_mut().expect("files");
            let mut more = files[0].clone();
            (more["name"], more["part"], more["of"]) = (json!("other.onnx"), json!("decoder"), json!("rich"));
            files.push(more);
        }),
        ("must list one model", |card| card["files"] = json!([])),
        ("element type cannot be", |card| card["signature"]["inputs"][0]["raw"] = json!("text")),
        ("its embedding is", |card| {
            let inputs = card["signature"]["inputs"].as_array_mut().expect("inputs");
            let code =
                inputs.iter_mut().find(|input| input["encoding"]["kind"] == "code").expect("a category");
            code["encoding"]["width"] = json!(u64::MAX);
        }),
        ("transitions of `rich`", |card| {
            card["transitions"] = json!([["rich", {"start": [], "end": [], "between": []}]])
        }),
    ];
    for (expected, change) in changes {
        let mut card = whole.clone();
        change(&mut card);
        assert_ne!(card, whole, "{expected}");
        forge(&project, &card);
        let expected = if expected == "NaN" { "invalid type: null" } else { expected };
        refused(&project, expected);
    }
    forge(&project, &whole);
    project.online(&["verify", "bundle"]).expect(0);
}

#[test]
fn cards_without_a_usable_sample_are_refused() {
    let project = exported();
    let whole = card(&project);
    let verify = |card: &Value| {
        forge(&project, card);
        project.online(&["verify", "bundle"])
    };
    let mut empty = whole.clone();
    for part in ["inputs", "outputs"] {
        for column in empty["sample"][part].as_array_mut().expect("columns") {
            column["shape"][0] = json!(0);
            let kind = column["values"].as_object().expect("values").keys().next().expect("a kind").clone();
            column["values"] = json!({kind: []});
        }
    }
    empty["answers"] = json!([]);
    assert!(verify(&empty).expect(1).err().contains("has no rows"));
    let mut lacking = whole.clone();
    lacking["sample"]["outputs"].as_array_mut().expect("outputs").retain(|column| column["name"] != "weeks");
    assert!(verify(&lacking).expect(1).err().contains("no predictions of task `weeks`"));
    let mut other = whole.clone();
    let output = other["answers"][0]["values"]["text"][0].as_str().expect("a class").to_owned();
    other["answers"][0]["values"]["text"][0] = json!(if output == "1" { "0" } else { "1" });
    assert!(verify(&other).expect(1).err().contains("its predictions `rich` do not follow"));
    // Consistent outputs of another network are a parity difference.
    let mut moved = whole.clone();
    let outputs = moved["sample"]["outputs"].as_array_mut().expect("outputs");
    let logits = outputs.iter_mut().find(|column| column["name"] == "weeks_logits").expect("logits");
    logits["values"]["float32"][0] = json!(123.0);
    assert!(verify(&moved).expect(4).out().contains("DIFFERS"));
}

#[test]
fn cards_of_earlier_formats_are_read_with_a_warning() {
    let project = exported();
    let mut card = card(&project);
    let fields = card.as_object_mut().expect("a card");
    ["sha256", "files", "answers"].iter().for_each(|name| drop(fields.shift_remove(*name)));
    fields["format"] = json!(2);
    std::fs::write(project.path("bundle/mtl.json"), card.to_string()).expect("written");
    let output = project.online(&["verify", "bundle"]).expect(0).err();
    assert!(output.contains("format 2") && output.contains("not verified"), "{output}");
    project.online(&["predict", "bundle", "rows.csv", "--to", "x.csv"]).expect(0);
    std::fs::remove_file(project.path("x.csv")).expect("removed");
    // The model itself contains its classes and thresholds.
    card["signature"]["tasks"][0]["target"]["threshold"] = json!(0.25);
    std::fs::write(project.path("bundle/mtl.json"), card.to_string()).expect("written");
    refused(&project, "a different list of classes or threshold");
}

#[test]
fn tokenizers_and_lengths_must_match_the_model() {
    let project = nasty();
    deep(&project, &["run", "pipeline.yaml", "--quiet"]).expect(0);
    deep(&project, &["export", "last", "--to", "../../../bundle"]).expect(0);
    let rows = project.path("deep/er/still/rows.jsonl");
    let rows = rows.to_str().expect("a path");
    let whole = card(&project);
    let predict = |card: &Value| {
        forge(&project, card);
        project.online(&["predict", "bundle", rows, "--to", "x.jsonl"])
    };
    let decoder = |card: &mut Value| card["signature"]["tasks"][1]["target"].take();
    for (length, expected) in
        [(1_000_000, "have up to 1000000 tokens"), (4_000, "a different tokenizer, length or search")]
    {
        let mut card = whole.clone();
        let mut target = decoder(&mut card);
        target["length"] = json!(length);
        card["signature"]["tasks"][1]["target"] = target;
        let output = predict(&card).expect(1).err();
        assert!(output.contains(expected), "{output}");
    }
    // An input's length only limits the input.
    let mut long = whole.clone();
    long["signature"]["inputs"][0]["encoding"]["length"] = json!(1_000_000);
    predict(&long).expect(0);
    let mut other = whole.clone();
    let own = other["signature"]["inputs"][0]["encoding"]["tokenizer"]["json"].as_str().expect("JSON");
    other["signature"]["inputs"][0]["encoding"]["tokenizer"]["json"] =
        json!(own.replace("\"red\"", "\"rad\""));
    let output = predict(&other).expect(1).err();
    assert!(output.contains("another tokenizer of input `../../../VICTIM`"), "{output}");
    let mut pad = whole.clone();
    pad["signature"]["inputs"][0]["encoding"]["tokenizer"]["pad"] = json!(4_000_000);
    assert!(predict(&pad).expect(1).err().contains("outside of its vocabulary"));
    // A modified tokenizer file.
    forge(&project, &whole);
    let file: PathBuf = project.path("bundle/a_b.tokenizer.json");
    std::fs::write(&file, std::fs::read_to_string(&file).expect("a file").replace("red", "rad"))
        .expect("written");
    let output = project.online(&["verify", "bundle"]).expect(1).err();
    assert!(output.contains("a_b.tokenizer.json was modified after export"), "{output}");
}

#[test]
fn expressions_in_cards_cannot_read_other_files() {
    let pipeline = crate::support::PIPELINE.replace(
        "    split: {random",
        "    query: \"select *, age * 2 as twice from self\"\n    split: {random",
    );
    let project = Project::small()
        .file("pipeline.yaml", pipeline.replace("  age: standardize", "  twice: standardize"))
        .file("secret.csv", "password\n12345\n");
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    project.mtl(&["export", "last", "--to", "bundle"]).expect(0);
    project.online(&["predict", "bundle", "rows.csv", "--to", "y.csv"]).expect(0);
    let whole = card(&project);
    for sql in ["(select password from read_csv('secret.csv'))", "1) as twice from read_csv('secret.csv') --"]
    {
        let mut card = whole.clone();
        card["signature"]["readings"]["rows"]["inputs"]["twice"]["expression"]["sql"] = json!(sql);
        forge(&project, &card);
        let output = project.online(&["predict", "bundle", "rows.csv", "--to", "x.csv"]).expect(1).err();
        assert!(output.contains("its expression"), "{output}");
        if let Some(ran) = project.python(&["bundle", "rows.csv"]) {
            assert!(ran.expect(1).err().contains("may read more than the cells of its row"));
        }
    }
}

/// A model with external data.
#[test]
fn a_model_with_external_data_is_refused() {
    let project = exported();
    let mut model = std::fs::read(project.path("bundle/model.onnx")).expect("a model");
    // graph { initializer { external_data { location: "/etc/passwd" } data_location: EXTERNAL } }
    let entry = [b"\x0a\x08location\x12\x0b/etc/passwd".as_slice()].concat();
    let tensor = [&[0x6a, entry.len() as u8][..], &entry, &[0x70, 1]].concat();
    let graph = [&[0x2a, tensor.len() as u8][..], &tensor].concat();
    model.extend([&[0x3a, graph.len() as u8][..], &graph].concat());
    std::fs::write(project.path("bundle/model.onnx"), &model).expect("written");
    let mut card = card(&project);
    let file = &mut card["files"][0];
    (file["bytes"], file["sha256"]) = (json!(model.len()), json!(mtl::onnx::seal::sha256(&model)));
    forge(&project, &card);
    refused(&project, "refers to external data (`/etc/passwd`)");
}

#[test]
fn pipelines_may_have_any_file_name() {
    let long = "\u{65e5}\u{672c}".repeat(20);
    for stem in ["con", "..hidden", "a b;c", "-rf", long.as_str()] {
        let text = crate::support::PIPELINE.replace("name: small\n", "").replace("epochs: 2", "epochs: 1");
        let project = Project::new().file(&format!("{stem}.yaml"), text).with_rows("rows.csv", 100);
        project.mtl(&["run", &format!("./{stem}.yaml"), "--only", "fit", "--quiet"]).expect(0);
        let run = super::last(&project);
        assert!(project.path(&format!("runs/{run}")).is_dir(), "{run}");
    }
    let named = crate::support::PIPELINE.replace("name: small", &format!("name: {}", "\u{65e5}".repeat(21)));
    let project = Project::new().file("pipeline.yaml", named).with_rows("rows.csv", 100);
    project.mtl(&["run", "pipeline.yaml", "--only", "fit", "--quiet"]).expect(0);
}
