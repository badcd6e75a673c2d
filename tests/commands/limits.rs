//! Models that do not fit into memory are refused in advance, with a location; and inputs with many columns.

use crate::support::Project;
use crate::support::project::PIPELINE;

/// Texts with this recurrent layer.
fn texts(layer: &str) -> Project {
    let text = format!(
        "data: {{rows: {{source: {{csv: {{path: rows.csv}}}}}}}}\n\
         inputs:\n  words: text\n\
         trunk:\n  - embedding: 8\n  - {layer}\n  - pool: mean\n\
         tasks:\n  good: {{target: good, kind: binary}}\n\
         train: {{epochs: 1, device: cpu}}\n"
    );
    let row = |number: usize| format!("\"good bad {}\",{}\n", number % 7, number % 2);
    let rows: String = (0..60).map(row).collect();
    Project::new().file("pipeline.yaml", text).file("rows.csv", format!("words,good\n{rows}"))
}

#[test]
fn layers_too_large_for_memory_are_refused_with_their_location() {
    for (layer, what) in [
        ("lstm: 65536", "344 GB"),
        ("lstm: 100000000", "800 PB"),
        ("gru: {units: 100000000, layers: 1000, bidirectional: true}", "more than 18 EB"),
        ("transformer: {hidden: 100000000, layers: 100}", "3.4 TB"),
    ] {
        let project = texts(layer);
        for command in ["check", "plan", "run"] {
            let output = project.mtl(&[command, "pipeline.yaml", "--memory", "300GB"]).expect(3).err();
            let all = ["error[memory]", "pipeline.yaml:6:", "`trunk[1]`, a `", "`--memory` allows 300 GB"];
            for part in all {
                assert!(output.contains(part), "{command} {layer}: {part}: {output}");
            }
            assert!(output.contains(what), "{output}");
        }
        assert!(!project.path("runs").join("cache").exists(), "no stage was started");
        // Without an explicit limit, the machine's memory is the limit.
        let output = project.mtl(&["check", "pipeline.yaml", "--memory", "1GB"]).expect(3).err();
        // Sizes that overflow exceed every machine.
        let more = output.contains("or pass `--memory ");
        assert!(output.contains("help") && more != what.starts_with("more than"), "{output}");
    }
}

#[test]
fn sizes_that_overflow_are_refused() {
    let output = texts("lstm: 4294967295").mtl(&["check", "pipeline.yaml"]).expect(3).err();
    assert!(
        output.contains("a whole number from 1 to 100000000") && output.contains("pipeline.yaml:6:"),
        "{output}"
    );
    let layers = "lstm: {units: 8, layers: 100000000}";
    let output = texts(layers).mtl(&["check", "pipeline.yaml"]).expect(3).err();
    assert!(
        output.contains("error[memory]") && output.contains("at most 1,000,000 are supported"),
        "{output}"
    );
    let wide = PIPELINE.replace("{width: 2}", "{width: 100000000}");
    let project = Project::new().file("pipeline.yaml", wide);
    let output = project.mtl(&["check", "pipeline.yaml", "--memory", "1GB"]).expect(3).err();
    assert!(output.contains("error[memory]") && output.contains("`trunk[0]`, a `"), "{output}");
}

#[test]
fn batches_are_checked_against_memory_once_the_rows_are_known() {
    let text = PIPELINE.replace("units: 8", "units: 512").replace("batch_size: 32", "batch_size: 100000000");
    let project = Project::new().file("pipeline.yaml", text).with_rows("rows.csv", 20_000);
    project.mtl(&["check", "pipeline.yaml", "--memory", "200MB"]).expect(0);
    let ran = project.mtl(&["run", "pipeline.yaml", "--quiet", "--memory", "200MB"]).expect(1);
    let output = ran.err();
    for part in ["error[memory]", "pipeline.yaml:16:", "a batch of 12,000 rows", "write `batch_size: "] {
        assert!(output.contains(part), "{part}: {output}");
    }
    let number =
        output.split("write `batch_size: ").nth(1).and_then(|rest| rest.split('`').next()).expect("a size");
    let set = format!("train.batch_size={number}");
    let words = ["run", "pipeline.yaml", "--quiet", "--memory", "200MB", "--set", &set];
    project.mtl(&words).expect(0);
    // A batch larger than the table is the whole table.
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--memory", "100GB"]).expect(0);
    let plan = project.mtl(&["plan", "pipeline.yaml"]).expect(0).out();
    assert!(plan.contains("\nmemory  about "), "{plan}");
}

#[test]
fn the_limit_is_set_by_option_or_environment() {
    let project = Project::small();
    let output = project.mtl(&["check", "pipeline.yaml", "--memory", "1MB"]).expect(3).err();
    assert!(output.contains("`--memory` allows 1.0 MB"), "{output}");
    let mut command = project.command(&["plan", "pipeline.yaml"]);
    let ran = crate::support::Ran::of(command.env("MTL_MEMORY", "1MB")).expect(3);
    assert!(ran.err().contains("allows 1.0 MB"), "{}", ran.err());
    let mut command = project.command(&["plan", "pipeline.yaml", "--memory", "8GB"]);
    let ran = crate::support::Ran::of(command.env("MTL_MEMORY", "1MB")).expect(0);
    assert!(ran.out().contains("\nmemory  at least "), "{}", ran.out());
    let mut command = project.command(&["check", "pipeline.yaml"]);
    let ran = crate::support::Ran::of(command.env("MTL_MEMORY", "eight")).expect(2);
    assert!(ran.err().contains("MTL_MEMORY") && ran.err().contains("8GB"), "{}", ran.err());
    project.mtl(&["check", "pipeline.yaml", "--memory", "eight"]).expect(2);
}

/// Numeric inputs with and without missing indicators between categories. The run itself checks parity with
/// ONNX Runtime.
#[test]
fn blocks_of_adjacent_columns_have_parity() {
    let mut text = String::from("data: {rows: {source: {csv: {path: rows.csv}}}}\ninputs:\n");
    for column in 0..40 {
        let kind = match column % 10 {
            3 => "{standardize: {indicator: true}}",
            6 => "category",
            7 => "one_hot",
            8 => "{min_max: {missing: median}}",
            _ => "standardize",
        };
        text.push_str(&format!("  c{column}: {kind}\n"));
    }
    text.push_str(
        "trunk: [{dense: 8}]\ntasks: {y: {target: y, kind: regression}}\ntrain: {epochs: 2, \
                   batch_size: 32, device: cpu}\n",
    );
    let mut rows = (0..40).map(|column| format!("c{column},")).collect::<String>() + "y\n";
    for row in 0..200_usize {
        for column in 0..40 {
            let value = (row * 31 + column * 17) % 97;
            match column % 10 {
                6 | 7 => rows.push_str(["red,", "green,", "blue,"][value % 3]),
                3 if row % 5 == 0 => rows.push(','),
                // Numbers of thirteen digits are fed as float64, the others as float32.
                9 => rows.push_str(&format!("{},", 1_700_000_000_000_u64 + value as u64)),
                _ => rows.push_str(&format!("{:.2},", value as f64 / 9.0)),
            }
        }
        rows.push_str(&format!("{}\n", row % 13));
    }
    let project = Project::new().file("pipeline.yaml", text).file("rows.csv", rows);
    let output = project.mtl(&["run", "pipeline.yaml"]).expect(0);
    assert!(output.err().contains("verified") || output.out().contains("verified"), "{}", output.err());
    project.mtl(&["predict", "last", "rows.csv", "--to", "predictions.csv"]).expect(0);
    assert_eq!(project.read("predictions.csv").lines().count(), 201);
}

/// In a file of thousands of lines.
#[test]
fn locations_of_many_problems_are_correct() {
    let mut text = String::from(
        "data: {rows: {source: {csv: {path: rows.csv}}}}\ninputs:\n  age: standardize\ntasks:\n",
    );
    for task in 0..400 {
        text.push_str(&format!("  t{task}:\n    target: t{task}\n    kind: regression\n    data: nowhere\n"));
    }
    let project = Project::new().file("pipeline.yaml", text);
    let output = project.mtl(&["check", "pipeline.yaml", "--json"]).expect(3).out();
    let problems: Vec<serde_json::Value> = serde_json::from_str(&output).expect("JSON");
    let unknown: Vec<_> = problems.iter().filter(|one| one["code"] == "unknown-table").collect();
    assert_eq!(unknown.len(), 400);
    for (task, problem) in unknown.iter().enumerate() {
        assert_eq!(problem["path"], format!("tasks.t{task}.data"));
        assert_eq!(
            (problem["line"].as_u64(), problem["column"].as_u64()),
            (Some(4 * task as u64 + 8), Some(11))
        );
    }
}
