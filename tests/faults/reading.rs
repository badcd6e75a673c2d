//! A model reads new files as its training files.
//!
//! `predict` on a pipeline's own raw file makes the predictions that evaluation scored. Every run of the
//! tests checks this for the inputs (`MTL_PROVE_READING`); here it is checked by the scores, for files of
//! several dialects, and against Python.

use crate::support::{Project, Ran};

/// `y` depends on `x` and `k`; `extra` is not used.
fn rows(count: usize, row: impl Fn(f64, usize, f64) -> String) -> String {
    (0..count)
        .map(|i| {
            let (x, k) = (((i * 37) % 100) as f64 / 50.0 - 1.0, i % 3);
            row(x, k, 2.0 * x + k as f64) + "\n"
        })
        .collect()
}

/// A pipeline with one regression `y`, scored by MSE on every split.
fn pipeline(table: &str, inputs: &str) -> String {
    format!(
        "name: law\nseed: 1\ndata:\n  rows:\n{table}    split: {{random: {{valid: 0.2, test: \
         0.2}}}}\ninputs:\n{inputs}\
         trunk:\n  - dense: {{units: 16, activation: relu}}\n\
         tasks:\n  y: {{target: y, kind: regression, metrics: [mse]}}\n\
         evaluate: {{splits: [train, valid, test]}}\n\
         train: {{epochs: 8, batch_size: 32, device: cpu, optimizer: {{adamw: {{rate: 1.0e-2}}}}}}\n"
    )
}

/// The column called `y` of a CSV file.
fn answers(project: &Project, file: &str) -> Vec<f64> {
    let text = project.read(file);
    let mut lines = text.lines();
    let place =
        lines.next().and_then(|names| names.split(',').position(|name| name == "y")).expect("a column y");
    lines.map(|line| line.split(',').nth(place).expect("a field").parse().expect("a number")).collect()
}

/// The sum of squared errors over all rows, from the scores, and the number of rows.
fn scored(project: &Project) -> (f64, usize) {
    let run =
        project.mtl(&["query", "select run from runs order by started_at desc limit 1", "--format", "csv"]);
    let run = run.expect(0).out().lines().nth(1).expect("a run").to_owned();
    let sql =
        format!("select sum(value * rows), sum(rows) from scores where run = '{run}' and metric = 'mse'");
    let answer = project.mtl(&["query", &sql, "--format", "csv"]).expect(0).out();
    let line = answer.lines().nth(1).expect("a row").to_owned();
    let (sum, rows) = line.split_once(',').expect("two fields");
    (sum.parse().expect("a number"), rows.parse::<f64>().expect("a number") as usize)
}

/// Runs the pipeline, predicts its own file, and compares the predictions with the scores and with Python.
fn law(project: &Project, file: &str, truth: &[f64]) {
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    project.online(&["predict", "last", file, "--to", "predictions.csv"]).expect(0);
    let answers = answers(project, "predictions.csv");
    let (expected, count) = scored(project);
    assert_eq!((answers.len(), count), (truth.len(), truth.len()));
    let actual: f64 = answers.iter().zip(truth).map(|(a, b)| (a - b).powi(2)).sum();
    assert!(
        (actual - expected).abs() <= 1e-4 * expected.max(1e-3),
        "squared errors: {actual}, scored {expected}"
    );
    // Better than the mean, whose error is the variance, above 1.
    assert!(actual / (count as f64) < 0.5, "{actual} over {count} rows");
    python(project, file, &answers);
}

fn python(project: &Project, file: &str, answers: &[f64]) {
    let _ = std::fs::remove_dir_all(project.path("bundle"));
    project.mtl(&["export", "last", "--to", "bundle"]).expect(0);
    let Some(theirs) = project.python(&["bundle", file]) else { return };
    let theirs = theirs.expect(0).out();
    let theirs: Vec<f64> = theirs
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["y"].as_f64().expect("a number")
        })
        .collect();
    assert_eq!(theirs.len(), answers.len());
    for (row, (a, b)) in theirs.iter().zip(answers).enumerate() {
        assert!((a - b).abs() < 1e-4, "row {row}: Python {a}, mtl {b}");
    }
}

const INPUTS: &str = "  x: standardize\n  k: category\n";

fn truth(count: usize) -> Vec<f64> {
    rows(count, |_, _, y| y.to_string()).lines().map(|y| y.parse().expect("a number")).collect()
}

fn said(ran: &Ran, text: &str) {
    let all = ran.out() + &ran.err();
    assert!(all.contains(text), "`{text}` is not in:\n{all}");
}

#[test]
fn files_of_every_dialect_are_read_again() {
    let csv = |separator: &str, header: bool| {
        let head = if header { ["x", "k", "y"].join(separator) + "\n" } else { String::new() };
        head + &rows(120, |x, k, y| [x.to_string(), format!("k{k}"), y.to_string()].join(separator))
    };
    let settings: [(&str, String, &str); 6] = [
        ("rows.csv", csv(";", true), "{csv: {path: rows.csv, separator: \";\"}}"),
        (
            "rows.txt",
            csv("|", false),
            "{csv: {path: rows.txt, separator: \"|\", header: false, columns: [x, k, y]}}",
        ),
        ("rows.tsv", csv("\t", true), "{csv: {path: rows.tsv}}"),
        ("rows.csv", csv(" , ", true), "{csv: {path: rows.csv}}"),
        (
            "rows.csv",
            "k,x,y\n".to_owned() + &rows(120, |x, k, y| format!("\"k\"\"{k}, or so\",{x},\"{y}\"")),
            "{csv: {path: rows.csv}}",
        ),
        (
            "rows.jsonl",
            rows(120, |x, k, y| format!("{{\"k\": {k}.50, \"x\": {x}, \"y\": {y}}}")),
            "{jsonl: {path: rows.jsonl}}",
        ),
    ];
    for (file, text, source) in settings {
        let table = format!("    source: {source}\n");
        let project = Project::new().file(file, text).file("pipeline.yaml", pipeline(&table, INPUTS));
        law(&project, file, &truth(120));
    }
}

#[test]
fn spellings_are_those_of_training() {
    // `1.50` and `1.5`, `True` and `TRUE` are one value each; `007` and `7` are two.
    let kinds: [(&str, [&str; 3]); 4] = [
        ("numbers", ["1.50", "2", "3.0"]),
        ("numbers with exponents", ["1e3", "-0.0", "2.5E-7"]),
        ("texts", ["007", "7", "+7"]),
        ("letters", ["caf\u{e9}", "e", "Zürich"]),
    ];
    for (what, spelled) in kinds {
        let text = "x,k,y\n".to_owned() + &rows(120, |x, k, y| format!("{x},{},{y}", spelled[k]));
        let table = "    source: {csv: {path: rows.csv}}\n";
        let project = Project::new().file("rows.csv", text).file("pipeline.yaml", pipeline(table, INPUTS));
        law(&project, "rows.csv", &truth(120));
        println!("{what}: held");
    }
    let flags = "x,k,y\n".to_owned()
        + &rows(120, |x, k, y| {
            format!("{x},{},{}", ["True", "False", "TRUE"][k], if k == 1 { y + 5.0 } else { y })
        });
    let truth: Vec<f64> =
        truth(120).iter().enumerate().map(|(i, y)| if i % 3 == 1 { y + 5.0 } else { *y }).collect();
    let table = "    source: {csv: {path: rows.csv}}\n";
    let inputs = "  x: standardize\n  k: one_hot\n";
    let pipeline = pipeline(table, inputs).replace("epochs: 8", "epochs: 40");
    let project = Project::new().file("rows.csv", flags).file("pipeline.yaml", pipeline);
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let output = project.online(&["predict", "last", "rows.csv", "--to", "predictions.csv"]).expect(0);
    assert!(!output.err().contains("not seen in training"), "{}", output.err());
    let (expected, _) = scored(&project);
    let actual: f64 =
        answers(&project, "predictions.csv").iter().zip(&truth).map(|(a, b)| (a - b).powi(2)).sum();
    assert!((actual - expected).abs() <= 1e-4 * expected.max(1e-3), "{actual}, scored {expected}");
}

#[test]
fn missing_value_markers_are_those_of_training() {
    let text = "x,k,y\n".to_owned()
        + &rows(150, |x, k, y| {
            let k = ["a", "b", "?"][k];
            format!("{},{k},{y}", if x > 0.9 { "NA".to_owned() } else { x.to_string() })
        });
    let table = "    source: {csv: {path: rows.csv, missing: [\"NA\", \"?\"]}}\n";
    let project = Project::new()
        .file("rows.csv", text)
        .file("pipeline.yaml", pipeline(table, INPUTS))
        .file("words.csv", "x,k\nNA,?\n0.5,?\n")
        .file("empty.csv", "x,k\n,\n0.5,\n")
        .file("words.jsonl", "{\"x\": \"NA\", \"k\": \"?\"}\n{\"x\": 0.5, \"k\": \"?\"}\n");
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let mut all = Vec::new();
    for file in ["words.csv", "empty.csv", "words.jsonl"] {
        let ran = project.online(&["predict", "last", file, "--to", "predictions.csv"]).expect(0);
        said(&ran, "input `x`: 1 of 2 cells are missing;");
        all.push(answers(&project, "predictions.csv"));
        if file == "words.csv" {
            python(&project, file, &all[0]);
        }
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
}

#[test]
fn a_query_is_run_again_on_new_rows() {
    let text = "raw,k,day,y\n".to_owned()
        + &rows(160, |x, k, y| {
            format!("{},{k},{},{y}", x * 10.0, if k == 1 && x > 0.8 { "late" } else { "on time" })
        });
    // A changed, a computed and a renamed column; filtered and sorted rows.
    let query = "    source: {csv: {path: rows.csv}}\n    \
                 query: \"select raw / 10 as raw, 'k' || k as letter, k * 2 as twice, y from self where day \
                 = 'on time' order by y desc\"\n    \
                 rename: {raw: x}\n";
    let project = Project::new()
        .file("rows.csv", &text)
        .file("pipeline.yaml", pipeline(query, "  x: number\n  letter: category\n  twice: number\n"));
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let ran = project
        .online(&["predict", "last", "rows.csv", "--to", "predictions.csv", "--keep", "raw,day"])
        .expect(0);
    said(&ran, "rows are dropped by the conditions of the pipeline's query: `day = 'on time'`");
    let kept: Vec<&str> = text.lines().skip(1).filter(|line| line.contains("on time")).collect();
    let (expected, count) = scored(&project);
    let actual = answers(&project, "predictions.csv");
    assert_eq!((actual.len(), count), (kept.len(), kept.len()));
    let truth =
        kept.iter().map(|line| line.rsplit(',').next().expect("a field").parse::<f64>().expect("a number"));
    let error: f64 = actual.iter().zip(truth).map(|(a, b)| (a - b).powi(2)).sum();
    assert!((error - expected).abs() <= 1e-4 * expected.max(1e-3), "{error}, scored {expected}");
    python(&project, "rows.csv", &actual);
    // Labels and columns used only in conditions are not needed.
    let project = project
        .file("new.csv", "raw,k\n5,1\n-5,2\n")
        .file("done.csv", "x,letter,twice\n0.5,k1,2\n-0.5,k2,4\n");
    let ran = project.online(&["predict", "last", "new.csv", "--to", "new_predictions.csv"]).expect(0);
    said(&ran, "the query's condition `day = 'on time'` is skipped: there is no column `day`");
    project.online(&["predict", "last", "done.csv", "--to", "done_predictions.csv", "--prepared"]).expect(0);
    assert_eq!(project.read("new_predictions.csv"), project.read("done_predictions.csv"));
    // Columns used in expressions are needed, with their type.
    let project = project.file("lost.csv", "k\n1\n").file("odd.csv", "raw,k\n1,2\nlow,1\n");
    let ran = project.online(&["predict", "last", "lost.csv", "--to", "lost_predictions.csv"]);
    assert_ne!(ran.code(), 0);
    said(&ran, "has no column `raw`, needed for `x` = `raw / 10`; it has `k`");
    let ran = project.online(&["predict", "last", "odd.csv", "--to", "odd_predictions.csv"]);
    assert_ne!(ran.code(), 0);
    said(&ran, "column `raw`: 1 row(s) are not numbers as in training, first `low` in `odd.csv`, line 3");
}

#[test]
fn a_query_over_several_rows_is_reported() {
    let text = "x,k,y\n".to_owned() + &rows(120, |x, k, y| format!("{x},{k},{y}"));
    let query = "    source: {csv: {path: rows.csv}}\n    \
                 query: \"select x - avg(x) over (partition by k) as x, k, y from self\"\n";
    let project = Project::new().file("rows.csv", text).file("pipeline.yaml", pipeline(query, INPUTS));
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let ran = project.online(&["predict", "last", "rows.csv", "--to", "predictions.csv"]);
    assert_ne!(ran.code(), 0);
    said(&ran, "the pipeline's query cannot be run on the new rows of `rows.csv`");
    said(&ran, "use a file that contains the query's result (columns `x`, `k`), and add `--prepared`");
    assert!(!project.path("predictions.csv").exists());
    project.online(&["predict", "last", "rows.csv", "--to", "predictions.csv", "--prepared"]).expect(0);
}

#[test]
fn values_unseen_in_training_are_reported() {
    let text = "x,n,flag,k,y\n".to_owned()
        + &rows(120, |x, k, y| {
            format!("{x},{},{},{},{y}", k + 4, ["True", "False", "True"][k], ["a", "b", "c"][k])
        });
    let inputs = "  x: {standardize: {missing: error}}\n  n: category\n  flag: category\n  k: category\n";
    let table = "    source: {csv: {path: rows.csv}}\n";
    let project = Project::new()
        .file("rows.csv", text)
        .file("pipeline.yaml", pipeline(table, inputs))
        .file("odd.csv", "x,n,flag,k\n0.1,A7,1,a\n0.2,4,0,zz\n0.3,5.5,1,\n")
        .file("gap.csv", "x,n,flag,k\n0.1,4,True,a\n,4,True,a\n");
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let ran = project.online(&["predict", "last", "odd.csv", "--to", "predictions.csv"]).expect(0);
    said(
        &ran,
        "input `n`: 2 of 3 cells have a value not seen in training, first `A7` in `odd.csv`, line 2; known: `4`, `5`, `6`",
    );
    said(
        &ran,
        "input `flag`: all 3 cells have a value not seen in training, first `1` in `odd.csv`, line 2; known: `false`, `true`",
    );
    said(
        &ran,
        "input `k`: 1 of 3 cells have a value not seen in training, first `zz` in `odd.csv`, line 3; known: `a`, `b`, `c`",
    );
    said(&ran, "input `k`: 1 of 3 cells are missing; training had no missing cells");
    python(&project, "odd.csv", &answers(&project, "predictions.csv"));
    // `missing: error` applies to new rows too.
    let ran = project.online(&["predict", "last", "gap.csv", "--to", "gaps.csv"]);
    assert_ne!(ran.code(), 0);
    said(&ran, "column `x` has no value in 1 row, first in `gap.csv`, line 3");
    assert!(!project.path("gaps.csv").exists());
    if let Some(theirs) = project.python(&["bundle", "gap.csv"]) {
        assert_ne!(theirs.code(), 0);
        said(&theirs, "input `x` requires a value; row 2 has none");
    }
}

#[test]
fn text_is_unicode_normalized() {
    let composed = ["caf\u{e9}", "na\u{ef}ve", "plain"];
    let text = "x,s\u{e9}rie,t,y\n".to_owned()
        + &rows(120, |x, k, y| {
            format!("{x},{},{} and {},{y}", composed[k], composed[k], composed[(k + 1) % 3])
        });
    let inputs = "  x: standardize\n  \"s\u{e9}rie\": category\n  \
                  t: {text: {tokenizer: {word: {minimum: 1}}, encoder: [{embedding: 4}, {pool: mean}]}}\n";
    let table = "    source: {csv: {path: rows.csv}}\n";
    let decomposed = text.replace('\u{e9}', "e\u{301}").replace('\u{ef}', "i\u{308}");
    assert_ne!(text, decomposed);
    let project = Project::new()
        .file("rows.csv", &text)
        .file("decomposed.csv", decomposed)
        .file("pipeline.yaml", pipeline(table, inputs));
    law(&project, "rows.csv", &truth(120));
    let ran = project.online(&["predict", "last", "decomposed.csv", "--to", "other.csv"]).expect(0);
    assert!(!ran.err().contains("not seen in training") && !ran.err().contains("unknown"), "{}", ran.err());
    assert_eq!(project.read("predictions.csv"), project.read("other.csv"));
}

#[test]
fn several_tables_are_distinguished() {
    let a = "x,k,y\n".to_owned() + &rows(120, |x, k, y| format!("{x},{k},{y}"));
    let b = "x;z\n".to_owned() + &rows(120, |x, k, _| format!("{x};{}", x + k as f64));
    let yaml = "name: two\nseed: 1\ndata:\n  a:\n    source: {csv: {path: a.csv}}\n  b:\n    source: {csv: \
                {path: b.csv, separator: \";\"}}\n\
                inputs:\n  x: standardize\n  k: category\ntrunk:\n  - dense: {units: 8, activation: relu}\n\
                tasks:\n  y: {data: a, target: y, kind: regression}\n  z: {data: b, target: z, kind: \
                regression}\n\
                train: {epochs: 2, batch_size: 32, device: cpu}\n";
    let project =
        Project::new().file("a.csv", a).file("b.csv", &b).file("new.csv", b).file("pipeline.yaml", yaml);
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    project.online(&["predict", "last", "a.csv", "--to", "a_predictions.csv"]).expect(0);
    // Its own file is recognized by its name; `k` is missing in it, as in training.
    project.online(&["predict", "last", "b.csv", "--to", "b_predictions.csv"]).expect(0);
    let ran = project.online(&["predict", "last", "new.csv", "--to", "predictions.csv"]);
    assert_ne!(ran.code(), 0);
    said(&ran, "the model was trained on `a`, `b`, which are read with different settings");
    project.online(&["predict", "last", "new.csv", "--to", "predictions.csv", "--table", "b"]).expect(0);
    assert_eq!(project.read("predictions.csv"), project.read("b_predictions.csv"));
    let ran = project.online(&["predict", "last", "new.csv", "--to", "predictions.csv", "--table", "c"]);
    said(&ran, "unknown table `c`: the model was trained on `a`, `b`");
}

#[test]
fn the_lines_of_the_manual_feed_onnx_runtime_as_predict_does() {
    let page = std::fs::read_to_string(crate::support::root().join("docs/model.md")).expect("docs/model.md");
    let lines =
        page.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("Python lines");
    let text = "age,work,income,never_married,weeks_worked\n".to_owned()
        + &rows(120, |x, k, y| {
            let age = if k == 2 { String::new() } else { format!("{:.1}", 40.0 + 20.0 * x) };
            format!("{age},{},{},{},{y}", ["-1.0", "2.50", ""][k], u8::from(x > 0.0), u8::from(k == 1))
        });
    let yaml = "name: census\nseed: 1\ndata:\n  rows:\n    source: {csv: {path: rows.csv}}\ninputs:\n  age: \
                standardize\n  work: category\n\
                trunk:\n  - dense: {units: 8, activation: relu}\ntasks:\n  income: {target: income, kind: \
                binary}\n  \
                never_married: {target: never_married, kind: binary}\n  weeks_worked: {target: weeks_worked, \
                kind: regression}\n\
                train: {epochs: 2, batch_size: 32, device: cpu}\n";
    let project = Project::new().file("rows.csv", text).file("pipeline.yaml", yaml);
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    project.mtl(&["export", "last", "--to", "bundle"]).expect(0);
    project.online(&["predict", "bundle", "rows.csv", "--to", "predictions.csv"]).expect(0);
    let code = format!("{lines}\nfor row in zip(income, weeks): print(float(row[0][0]), float(row[1][0]))");
    let Some(ran) = project.interpreted(&["-c", &code]) else { return };
    let ran = ran.expect(0).out();
    let answers = project.read("predictions.csv");
    let fields: Vec<Vec<&str>> = answers.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(
        fields[0],
        ["income", "income_probability", "never_married", "never_married_probability", "weeks_worked"]
    );
    assert_eq!(ran.lines().count(), 120);
    for (ours, theirs) in fields[1..].iter().zip(ran.lines()) {
        let theirs: Vec<f64> = theirs.split(' ').map(|number| number.parse().expect("a number")).collect();
        for (place, number) in [(1, theirs[0]), (4, theirs[1])] {
            assert!(
                (ours[place].parse::<f64>().expect("a number") - number).abs() < 1e-5,
                "{ours:?}: {theirs:?}"
            );
        }
    }
}
