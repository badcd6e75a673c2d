//! Messages for files that cannot be read with the given settings, for names used by other libraries, and for
//! many problems of one kind: reported once, with the cause and the fix.

use crate::support::Project;

/// A pipeline over `rows.csv` with the columns x1, x2, colour, label and y.
const PIPELINE: &str = "\
name: other
seed: 1
data:
  rows:
    source: {csv: {path: rows.csv}}
    split: {random: {valid: 0.2, test: 0.2}}
inputs:
  x1: standardize
  x2: standardize
  colour: category
trunk:
  - dense: {units: 8, activation: relu}
tasks:
  label: {target: label, kind: binary}
  y: {target: y, kind: regression}
train: {epochs: 2, batch_size: 32, device: cpu, optimizer: {adamw: {rate: 1.0e-2}}}
";

/// 120 rows of that table, as fields.
fn table() -> Vec<[String; 5]> {
    let mut state = 7_u64;
    let mut draw = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 33) % 2000) as f64 / 1000.0 - 1.0
    };
    let heading = ["x1", "x2", "colour", "label", "y"].map(str::to_owned);
    let rows = (0..120).map(|_| {
        let (x1, x2, c) = (draw(), draw(), draw());
        let colour = if c < -0.3 {
            "red"
        } else if c < 0.3 {
            "green"
        } else {
            "blue"
        };
        let label = u8::from(x1 + 0.3 * x2 > 0.0);
        [
            format!("{x1:.4}"),
            format!("{x2:.4}"),
            colour.to_owned(),
            label.to_string(),
            format!("{:.4}", 2.0 * x1 - x2),
        ]
    });
    std::iter::once(heading).chain(rows).collect()
}

/// The table as text.
fn text(separator: &str, line_end: &str) -> String {
    table().iter().map(|row| row.join(separator) + line_end).collect()
}

/// A project with this `rows.csv`, and the pipeline with these replacements.
fn project(rows: impl AsRef<[u8]>, changes: &[(&str, &str)]) -> Project {
    let pipeline = changes.iter().fold(PIPELINE.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replace(old, new)
    });
    Project::new().file("pipeline.yaml", pipeline).file("rows.csv", rows)
}

/// The errors of a run that must fail.
#[track_caller]
fn refusal(rows: impl AsRef<[u8]>, changes: &[(&str, &str)]) -> String {
    let output = project(rows, changes).mtl(&["run", "pipeline.yaml"]).expect(1).err();
    assert!(!output.contains("panicked"), "{output}");
    assert!(output.lines().count() <= 40, "{} lines:\n{output}", output.lines().count());
    assert!(output.lines().all(|line| line.len() < 600), "{output}");
    output
}

#[track_caller]
fn says(output: &str, wanted: &[&str]) {
    for word in wanted {
        assert!(output.contains(word), "`{word}` is not in:\n{output}");
    }
}

/// Rows and scores of a run that must succeed, without what varies between runs.
#[track_caller]
fn learned(rows: impl AsRef<[u8]>, changes: &[(&str, &str)]) -> (String, String) {
    let project = project(rows, changes);
    let ran = project.mtl(&["run", "pipeline.yaml"]).expect(0);
    let loaded =
        ran.err().lines().find(|line| line.contains("rows x")).map(str::to_owned).unwrap_or_default();
    let scores = project.mtl(&[
        "query",
        "select task, metric, split, value from scores order by 1, 2, 3",
        "--format",
        "csv",
    ]);
    (loaded, scores.expect(0).out())
}

/// Fault 05.
#[test]
fn all_line_endings_are_accepted() {
    let (loaded, scores) = learned(text(",", "\n"), &[]);
    says(&loaded, &["120 rows x 5 columns"]);
    assert!(scores.lines().count() > 4, "{scores}");
    for line_end in ["\r", "\r\n", "\r\r\n"] {
        let (loaded, same) = learned(text(",", line_end), &[]);
        says(&loaded, &["120 rows x 5 columns"]);
        assert_eq!(same, scores, "{line_end:?}");
    }
    let mixed = text(",", "\n").replacen('\n', "\r", 40).replacen('\n', "\r\n", 20);
    assert_eq!(learned(mixed, &[]).1, scores);
}

/// Fault 59.
#[test]
fn a_wide_file_without_a_header_gets_a_hint() {
    let rows: String = (0..60u32)
        .map(|row| {
            let cells = (0..785u32).map(|column| {
                if column == 0 {
                    row % 3
                } else {
                    (row * 31 + column * column) % 256 * u32::from(column % 3 == 0)
                }
            });
            cells.map(|cell| cell.to_string()).collect::<Vec<_>>().join(",") + "\n"
        })
        .collect();
    let changes = [
        ("  x1: standardize\n  x2: standardize\n  colour: category\n", "  column_4: standardize\n"),
        (
            "  label: {target: label, kind: binary}\n  y: {target: y, kind: regression}\n",
            "  d: {target: column_1, kind: multiclass}\n",
        ),
    ];
    let output = refusal(&rows, &changes);
    says(&output, &["rows.csv`, line 1", "header: false", "pipeline.yaml:5"]);
    assert_eq!(output.matches("error[").count(), 1, "{output}");
    // The suggested setting works.
    let mut with_header = changes.to_vec();
    with_header.push(("path: rows.csv", "path: rows.csv, header: false"));
    says(&learned(&rows, &with_header).0, &["60 rows x 785 columns"]);
    // A header of distinct numbers.
    let output = refusal("0,12,3.5\n1,2,3\n4,5,6\n".to_owned() + &"7,8,9\n".repeat(50), &[]);
    says(&output, &["none of the columns `x1`, `x2`, `colour`, `label`, `y`", "header: false"]);
    assert_eq!(output.matches("error[").count(), 1, "{output}");
}

/// Fault 16 (a) and (c).
#[test]
fn wrong_separators_are_reported() {
    let semicolons = text(";", "\n");
    let output = refusal(&semicolons, &[]);
    says(
        &output,
        &[
            "its only column is `x1;x2;colour;label;y`",
            "separator: \";\"",
            "`x1`, `x2`, `colour`, `label`, `y`",
        ],
    );
    assert_eq!(output.matches("error[").count(), 1, "{output}");
    let changed = [("path: rows.csv", "path: rows.csv, separator: \";\"")];
    let (loaded, scores) = learned(&semicolons, &changed);
    says(&loaded, &["120 rows x 5 columns"]);
    let output = refusal(format!("sep=;\n{semicolons}"), &changed);
    says(&output, &["`sep=;`", "line 1", "Excel", "skip_rows: 1", "separator: \";\""]);
    let skipping = [("path: rows.csv", "path: rows.csv, separator: \";\", skip_rows: 1")];
    assert_eq!(learned(format!("sep=;\n{semicolons}"), &skipping).1, scores);
    says(&refusal(text("\t", "\n"), &[]), &["separator: \"\\t\""]);
    // With decimal commas rows have more fields than the header.
    let commas = semicolons.replace('.', ",");
    says(&refusal(&commas, &[]), &["line 2", "separator: \";\""]);
    says(&refusal(&commas, &changed), &["`x1`", "-", "decimal: \",\""]);
    let decimal = [("path: rows.csv", "path: rows.csv, separator: \";\", decimal: \",\"")];
    assert_eq!(learned(&commas, &decimal).1, scores);
}

#[test]
fn tab_separated_files_are_detected() {
    let project = project(text("\t", "\n"), &[("rows.csv", "rows.tab")]);
    std::fs::rename(project.path("rows.csv"), project.path("rows.tab")).expect("renamed");
    says(&project.mtl(&["run", "pipeline.yaml"]).expect(0).err(), &["120 rows x 5 columns"]);
}

#[test]
fn titles_quotes_and_row_names() {
    let plain = text(",", "\n");
    let output = refusal(format!("Sales of 2024\nas of May\n\n{plain}"), &[]);
    says(&output, &["line 4: 5 fields where the table has 1 column", "skip_rows: 3"]);
    let scores = learned(&plain, &[]).1;
    let skipping = [("path: rows.csv", "path: rows.csv, skip_rows: 3")];
    assert_eq!(learned(format!("Sales of 2024\nas of May\n\n{plain}"), &skipping).1, scores);
    // Line numbers count from the top of the file.
    let odd = plain.replacen("\n", "\nforty,0,red,1,2\n", 1);
    says(&refusal(format!("a\nb\nc\n{odd}"), &skipping), &["`forty`", "line 5"]);
    let skipping = [("path: rows.csv", "path: rows.csv, skip_rows: 300")];
    says(&refusal(&plain, &skipping), &["121 lines", "skip_rows"]);
    // An unclosed quote.
    let lone = plain.replacen("red", "\"red", 1);
    says(&refusal(&lone, &[]), &["quote", "line", "quote: none"]);
    let none = [("path: rows.csv", "path: rows.csv, quote: none")];
    says(&learned(&lone, &none).0, &["120 rows x 5 columns"]);
    // One column name less than fields.
    let named: String = plain
        .lines()
        .enumerate()
        .map(|(number, line)| if number == 0 { format!("{line}\n") } else { format!("{number},{line}\n") })
        .collect();
    says(&refusal(named, &[]), &["6 fields", "5 columns", "row names"]);
    says(
        &refusal(plain.replace("x2,", "x1,"), &[]),
        &["duplicate column name `x1` (columns 1 and 2)", "columns"],
    );
}

#[test]
fn other_file_formats_are_recognized() {
    for (bytes, wanted) in [
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00".to_vec(), vec!["ZIP", "xlsx", "CSV"]),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), vec![".xls"]),
        (b"PAR1\x15\x04\x15\x04".to_vec(), vec!["Parquet", "parquet: {path"]),
        (b"\x1f\x8b\x08\x00".to_vec(), vec!["gzip", ".gz"]),
        (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>".to_vec(), vec!["web page"]),
        (b"{\"x1\": 1}\n{\"x1\": 2}\n".to_vec(), vec!["JSON", "jsonl: {path"]),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n".to_vec(),
            vec!["Git LFS", "git lfs pull"],
        ),
        (text(",", "\n").encode_utf16().flat_map(u16::to_le_bytes).collect(), vec!["UTF-16", "iconv"]),
        (
            [0xff, 0xfe]
                .into_iter()
                .chain(text(",", "\n").encode_utf16().flat_map(u16::to_le_bytes))
                .collect(),
            vec!["UTF-16", "iconv"],
        ),
        (
            text(",", "\n").replace("red", "ros\u{e9}").chars().map(|c| c as u8).collect(),
            vec!["0xe9", "`é`", "Windows-1252", "iconv", "line"],
        ),
        (text(",", "\n").replacen("red", "r\0d", 1).into_bytes(), vec!["zero byte", "line"]),
    ] {
        let output = refusal(bytes, &[]);
        says(&output, &["rows.csv"]);
        says(&output, &wanted);
        assert_eq!(output.matches("error[").count(), 1, "{output}");
    }
    // UTF-8 with a byte order mark is accepted.
    says(&learned(format!("\u{feff}{}", text(",", "\n")), &[]).0, &["120 rows x 5 columns"]);
}

#[test]
fn text_among_numbers_gets_a_hint() {
    let mut rows: Vec<[String; 5]> = table();
    rows[3][0] = "NA".to_owned();
    rows[9][0] = "?".to_owned();
    let write = |rows: &[[String; 5]]| -> String { rows.iter().map(|row| row.join(",") + "\n").collect() };
    says(&refusal(write(&rows), &[]), &["`x1`", "2 rows", "`NA`", "line 4", "missing: [\"NA\", \"?\"]"]);
    rows[3][0] = "\"1,234.5\"".to_owned();
    rows[9][0] = "\"12,000\"".to_owned();
    says(&refusal(write(&rows), &[]), &["`1,234.5`", "thousands", "query"]);
    // The suggested setting works.
    let query = "select * replace (cast(replace(x1, ',', '') as double) as x1) from self";
    let asked = format!("path: rows.csv}}}}\n    query: \"{query}\"");
    says(&learned(write(&rows), &[("path: rows.csv}}", &asked)]).0, &["120 rows x 5 columns"]);
}

#[test]
fn at_most_ten_problems_of_a_kind_are_reported() {
    let inputs: String = (0..40).map(|number| format!("  pixel_{number}: standardize\n")).collect();
    let pipeline = PIPELINE.replace("  x1: standardize\n", &inputs);
    let project = Project::new().file("pipeline.yaml", &pipeline).file("rows.csv", text(",", "\n"));
    let output = project.mtl(&["run", "pipeline.yaml"]).expect(1).err();
    assert_eq!(output.matches("error[unknown-column]").count(), 10, "{output}");
    says(
        &output,
        &["and 30 more like this (unknown-column), at inputs.pixel_10, inputs.pixel_11", "27 more places"],
    );
    // Likewise in `mtl check`.
    let unknown = PIPELINE.replace("  x1: standardize\n", &inputs.replace("standardize", "standardise"));
    let project = Project::new().file("pipeline.yaml", &unknown);
    let checked = project.mtl(&["check", "pipeline.yaml"]).expect(3).err();
    assert_eq!(checked.matches("error[unknown-name]").count(), 10, "{checked}");
    says(&checked, &["and 30 more like this (unknown-name)", "pipeline.yaml: 40 problems"]);
    let all = project.mtl(&["check", "pipeline.yaml", "--json"]).expect(3).out();
    assert_eq!(all.matches("unknown-name").count(), 40);
}

#[test]
fn equal_warnings_of_many_inputs_are_combined() {
    let inputs: String = (0..41).map(|number| format!("  dark_{number}: standardize\n")).collect();
    let mut rows = text(",", "\n").replace('\n', &format!("{}\n", ",0".repeat(41)));
    let heading: String = (0..41).map(|number| format!(",dark_{number}")).collect();
    rows = rows.replacen(&",0".repeat(41), &heading, 1);
    let project = project(rows, &[("  x1: standardize\n", &format!("  x1: standardize\n{inputs}"))]);
    let output = project.mtl(&["run", "pipeline.yaml"]).expect(0).err();
    let warnings: Vec<&str> = output.lines().filter(|line| line.contains("on every training row")).collect();
    assert_eq!(warnings.len(), 1, "{output}");
    says(warnings[0], &["`dark_0` is 0", "40 more inputs: `dark_1`", "30 more"]);
}

/// Names from other libraries, and the suggestions for them.
#[test]
fn names_of_other_libraries_get_suggestions() {
    for (old, foreign, wanted) in [
        ("kind: binary", "kind: binary, metrics: [auc]", "`auroc`"),
        ("kind: binary", "kind: binary, metrics: [roc_auc, acc]", "`accuracy`"),
        ("kind: regression", "kind: regression, metrics: [r2_score]", "`r2`"),
        ("kind: regression", "kind: regression, metrics: [neg_mean_squared_error]", "`mse`"),
        ("kind: regression", "kind: regression, metrics: [mape]", "`mae`"),
        ("kind: regression", "kind: regression, loss: mse_loss", "`mse`"),
        ("kind: regression", "kind: regression, loss: smooth_l1", "`huber`"),
        ("kind: regression", "kind: regression, loss: L1", "`mae`"),
        ("kind: binary", "kind: binary, loss: BCEWithLogitsLoss", "`binary_cross_entropy`"),
        ("kind: binary", "kind: classification", "`multiclass` for one of several"),
        ("kind: binary", "kind: multi_class", "`multiclass`"),
        ("kind: regression", "kind: numeric", "`regression`"),
        ("- dense: {units: 8, activation: relu}", "- linear: {units: 8}", "`dense`"),
        ("- dense: {units: 8, activation: relu}", "- nn.Linear: {units: 8}", "`dense`"),
        ("- dense: {units: 8, activation: relu}", "- relu", "`activation: relu`"),
        ("- dense: {units: 8, activation: relu}", "- BatchNorm1d", "`batch_norm`"),
        ("- dense: {units: 8, activation: relu}", "- MaxPool2d: 2", "`max_pool2d`"),
        ("- dense: {units: 8, activation: relu}", "- dense: {hidden_size: 8}", "`units`"),
        ("activation: relu", "activation: swish", "`silu`"),
        ("colour: category", "colour: categorical", "`category`"),
        ("x1: standardize", "x1: numerical", "`standardize`"),
        ("colour: category", "colour: onehot", "`one_hot`"),
        ("adamw: {rate", "AdamW: {rate", "`adamw`"),
        ("adamw: {rate", "adamw: {lr", "`rate`"),
        ("adamw: {rate: 1.0e-2}", "adamw: {weight_decay: 0.1}", "`decay`"),
        ("epochs: 2", "num_epochs: 2", "`epochs`"),
        ("batch_size: 32", "batch: 32", "`batch_size`"),
        ("epochs: 2", "epochs: 2, learning_rate: 0.1", "optimizer: {adamw: {rate"),
        ("epochs: 2", "epochs: 2, early_stopping: 3", "monitor: {patience"),
        ("valid: 0.2", "val: 0.2", "`valid`"),
        ("valid: 0.2", "validation: 0.2", "`valid`"),
        ("random: {", "train_test_split: {", "`random`"),
        ("inputs:\n", "features:\n", "`inputs`"),
        ("trunk:\n", "model:\n", "trunk: ["),
        ("csv: {path", "excel: {path", "CSV"),
        ("csv: {path", "json: {path", "jsonl"),
        ("path: rows.csv", "path: rows.csv, delimiter: \";\"", "`separator`"),
        ("path: rows.csv", "path: rows.csv, na_values: [NA]", "`missing`"),
        ("trunk:\n", "weighting: uw\ntrunk:\n", "`uncertainty`"),
        ("trunk:\n", "weighting: mgda_ub\ntrunk:\n", "`mgda`"),
        ("trunk:\n", "weighting: PCGrad\ntrunk:\n", "`pcgrad`"),
    ] {
        let output = project("", &[(old, foreign)]).mtl(&["check", "pipeline.yaml"]).expect(3).err();
        let help: Vec<&str> = output.lines().filter(|line| line.contains("= help:")).collect();
        assert!(help.iter().any(|line| line.contains(wanted)), "{foreign}: {wanted} is not in\n{output}");
        assert!(!output.contains("missing section `inputs`"), "{output}");
    }
}

/// MNIST in its common CSV form: `label,pixel0,...,pixel783`.
#[test]
fn images_in_pixel_columns() {
    let heading: String = (0..16).map(|pixel| format!(",pixel{pixel}")).collect();
    let rows: String = (0..90u32)
        .map(|row| {
            let class = row % 2;
            let pixels: String = (0..16u32)
                .map(|pixel| format!(",{}", if (pixel / 4) % 2 == class { 200 + row % 50 } else { row % 40 }))
                .collect();
            format!("{class}{pixels}\n")
        })
        .collect();
    let pipeline = "\
name: pixels
seed: 1
data:
  rows:
    source: {csv: {path: rows.csv}}
    query: \"select *, concat_ws(' ', PIXELS) as picture from self\"
    split: {random: {valid: 0.2, test: 0.2}}
inputs:
  picture: {image: {height: 4, width: 4}}
trunk:
  - conv2d: {filters: 4, kernel: 3, activation: relu}
  - flatten
tasks:
  stripes: {target: label, kind: binary, metrics: [accuracy]}
train: {epochs: 20, batch_size: 16, device: cpu, optimizer: {adamw: {rate: 1.0e-2}}}
";
    let names: Vec<String> = (0..16).map(|pixel| format!("pixel{pixel}")).collect();
    let pipeline = &pipeline.replace("PIXELS", &names.join(", "));
    let rows = format!("label{heading}\n{rows}");
    let project = Project::new().file("pipeline.yaml", pipeline).file("rows.csv", &rows);
    project.mtl(&["run", "pipeline.yaml"]).expect(0);
    let actual = project.mtl(&[
        "query",
        "select value from scores where split = 'test' and metric = 'accuracy'",
        "--format",
        "csv",
    ]);
    let accuracy: f64 = actual.expect(0).out().lines().last().expect("a score").parse().expect("a number");
    assert!((accuracy - 1.0).abs() < 1e-9, "{accuracy}");
    // New rows may have the image as one text.
    let pixels = |class: u32| {
        (0..16u32).map(|pixel| if (pixel / 4) % 2 == class { "240" } else { "10" }).collect::<Vec<_>>()
    };
    let new = format!("picture\n{}\n\"[{}]\"\n", pixels(1).join(" "), pixels(0).join(", "));
    let project = project.file("new.csv", new);
    project.mtl(&["predict", "last", "new.csv", "--to", "predictions.csv", "--prepared"]).expect(0);
    let answers = project.read("predictions.csv");
    let answers: Vec<&str> =
        answers.lines().skip(1).map(|line| line.split(',').next().unwrap_or_default()).collect();
    assert_eq!(answers, ["1", "0"]);
    // A single pixel column as an image input gets a hint.
    let asked = pipeline.replace("picture: {image", "pixel0: {image");
    let project = Project::new().file("pipeline.yaml", asked).file("rows.csv", &rows);
    let output = project.mtl(&["run", "pipeline.yaml"]).expect(1).err();
    says(&output, &["`pixel0` holds whole numbers", "concat_ws", "images"]);
    let wrong = pipeline.replace("height: 4", "height: 5");
    let project = Project::new().file("pipeline.yaml", wrong).file("rows.csv", &rows);
    let output = project.mtl(&["run", "pipeline.yaml"]).expect(1).err();
    says(&output, &["16 numbers", "5 x 4 whole numbers", "row 1 of the query"]);
}

#[test]
fn invalid_json_lines() {
    let jsonl = [("csv: {path: rows.csv}", "jsonl: {path: rows.csv}")];
    let good = "{\"x1\": 1}\n";
    says(
        &refusal(format!("{good}{{\"x1\": 1\n{good}{{\"x1\" 1}}\n"), &jsonl),
        &["line 2", "1 more such row", "rows.csv"],
    );
    says(&refusal("[{\"x1\": 1},\n{\"x1\": 2}]\n", &jsonl), &["line 1", "jq -c '.[]'"]);
    says(&refusal(text(",", "\n"), &jsonl), &["line 1", "`csv`"]);
    says(&refusal(good.repeat(60), &jsonl), &["no column `x2`"]);
}
