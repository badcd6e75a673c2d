//! Numbers that float32 cannot represent.

use crate::support::{Project, Ran};

/// With ONNX Runtime, which may be downloaded once.
fn online(project: &Project, arguments: &[&str]) -> Ran {
    Ran::of(project.command(arguments).env_remove("MTL_OFFLINE"))
}

/// Seconds since 1970 within an hour, twice; hundredths of seconds since the start of the hour; and the
/// split.
fn rows(beginning: f64, step: f64) -> String {
    let mut text = String::from("when,late,y,part\n");
    for i in 0..400 {
        let second = (i * 1217) % 3600;
        let part = ["train", "train", "train", "valid", "test"][i % 5];
        let when = beginning + step * second as f64;
        text += &format!("{when},{when},{},{part}\n", second as f64 / 100.0);
    }
    text
}

fn pipeline(inputs: &str, tasks: &str) -> String {
    format!(
        "name: digits\nseed: 1\ndata:\n  rows:\n    source: {{csv: {{path: rows.csv}}}}\n    split: \
         {{column: part}}\n\
         inputs:\n  {inputs}\ntrunk:\n  - dense: {{units: 16, activation: relu}}\ntasks:\n  {tasks}\n\
         train: {{epochs: 60, batch_size: 32, device: cpu, optimizer: {{adamw: {{rate: 1.0e-2}}}}}}\n"
    )
}

/// A test score of the last run.
fn score(project: &Project, metric: &str) -> f64 {
    let sql = format!(
        "select value from scores where split = 'test' and metric = '{metric}' and run = (select max(run) \
         from scores)"
    );
    let actual = project.mtl(&["query", &sql, "--format", "csv"]).expect(0).out();
    let value = actual.lines().nth(1).and_then(|value| value.parse().ok());
    value.unwrap_or_else(|| panic!("{metric}: {actual}"))
}

/// A column of a file, for the test rows of `rows.csv`.
fn tested(project: &Project, file: &str, column: &str) -> Vec<f64> {
    let rows = project.read("rows.csv");
    let is_test = rows.lines().skip(1).map(|row| row.ends_with("test"));
    let text = project.read(file);
    let mut lines = text.lines();
    let place = lines.next().and_then(|names| names.split(',').position(|name| name == column));
    let cell = |line: &str| line.split(',').nth(place.expect("a column"))?.parse().ok();
    let cells = lines.zip(is_test).filter(|(_, is_test)| *is_test).map(|(line, _)| cell(line));
    cells.map(|cell| cell.expect("a number")).collect()
}

/// Fault 10: a linear function of the time, which had only four distinct values as float32.
#[test]
fn seconds_since_1970_are_an_input_like_any_other() {
    let arguments = pipeline("when: standardize", "y: {target: y, kind: regression}");
    let known: Vec<f64> = [(1.7e9, 1.0), (1.7e12, 1000.0), (0.0, 1.0)]
        .into_iter()
        .map(|(beginning, step)| {
            let project =
                Project::new().file("pipeline.yaml", &arguments).file("rows.csv", rows(beginning, step));
            let ran = online(&project, &["run", "pipeline.yaml"]).expect(0);
            assert!(
                !ran.err().contains("on every training row") && !ran.err().contains("lost"),
                "{}",
                ran.err()
            );
            assert!(ran.out().contains("verified"), "{}", ran.out());
            score(&project, "r2")
        })
        .collect();
    assert!(known[2] > 0.995, "{known:?}");
    assert!(known.iter().all(|r2| (r2 - known[2]).abs() < 1e-3), "{known:?}");
}

/// A target of 1.7e12 had an RMSE of 0, since its predictions had only 7 digits.
#[test]
fn milliseconds_are_predicted_and_scored_exactly() {
    let arguments = pipeline(
        "y: standardize",
        "late: {target: late, kind: regression, metrics: [rmse, mae, mse, r2, spearman, pearson]}",
    );
    let project = Project::new().file("pipeline.yaml", arguments).file("rows.csv", rows(1.7e12, 1.0));
    let ran = online(&project, &["run", "pipeline.yaml"]).expect(0);
    assert!(ran.out().contains("verified") && !ran.err().contains("on every training row"), "{}", ran.err());
    project.mtl(&["export", "last", "--to", "bundle"]).expect(0);
    online(&project, &["predict", "bundle", "rows.csv", "--to", "predictions.csv"]).expect(0);
    let truth = tested(&project, "rows.csv", "late");
    let answers = tested(&project, "predictions.csv", "late");
    let distances: Vec<f64> = truth.iter().zip(&answers).map(|(t, a)| (t - a).abs()).collect();
    let mean = |of: &dyn Fn(usize) -> f64| (0..80).map(of).sum::<f64>() / 80.0;
    let middle = 1.7e12 + mean(&|i| truth[i] - 1.7e12);
    let (mae, mse) = (mean(&|i| distances[i]), mean(&|i| distances[i].powi(2)));
    let spread = mean(&|i| (truth[i] - middle).powi(2));
    for (metric, expected) in [("mae", mae), ("mse", mse), ("rmse", mse.sqrt()), ("r2", 1.0 - mse / spread)] {
        let actual = score(&project, metric);
        // ONNX Runtime and candle sum in different orders.
        assert!((actual - expected).abs() < 1e-3 * expected.abs(), "{metric}: {actual}, expected {expected}");
    }
    assert!(mse > 1e-4 && score(&project, "r2") > 0.99, "{mse}");
    assert!(score(&project, "spearman") > 0.99 && score(&project, "pearson") > 0.99);
    // Python makes the same predictions, with enough digits.
    if let Some(ran) = project.python(&["bundle", "rows.csv"]) {
        let output = ran.expect(0).out();
        for (line, answer) in output.lines().zip(project.read("predictions.csv").lines().skip(1)) {
            let output: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let (output, answer) = (output["late"].as_f64().expect("a number"), answer.parse::<f64>());
            assert!((output - answer.expect("a number")).abs() < 0.05, "{line}");
        }
    }
}

/// Python feeds float64 inputs as float64 too.
#[test]
fn python_feeds_float64() {
    let arguments = pipeline("when: {min_max: {indicator: true}}", "y: {target: y, kind: regression}");
    let project = Project::new().file("pipeline.yaml", arguments).file("rows.csv", rows(1.7e12, 1.0));
    online(&project, &["run", "pipeline.yaml", "--quiet"]).expect(0);
    project.mtl(&["export", "last", "--to", "bundle"]).expect(0);
    let card: serde_json::Value = serde_json::from_str(&project.read("bundle/mtl.json")).expect("JSON");
    assert_eq!(card["signature"]["inputs"][0]["raw"], "float64");
    assert_eq!(card["signature"]["inputs"][0]["encoding"]["center"], 1.7e12);
    online(&project, &["predict", "bundle", "rows.csv", "--to", "predictions.csv"]).expect(0);
    if let Some(ran) = project.python(&["bundle", "rows.csv"]) {
        let output = ran.expect(0).out();
        for (line, answer) in output.lines().zip(project.read("predictions.csv").lines().skip(1)) {
            let output: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let (output, answer) =
                (output["y"].as_f64().expect("a number"), answer.parse::<f64>().expect("a number"));
            assert!((output - answer).abs() < 1e-4 * answer.abs().max(1.0), "{line}: {answer}");
        }
    }
}

/// Numbers that still do not fit are reported with the number of digits.
#[test]
fn lost_digits_are_reported() {
    let arguments = pipeline(
        "{when: number, y: {number: {missing: zero}}}",
        "late: {target: late, kind: {regression: {standardize: false}}}",
    );
    let project = Project::new()
        .file("pipeline.yaml", arguments.replace("epochs: 60", "epochs: 1"))
        .file("rows.csv", rows(1.7e9, 1.0));
    let output = online(&project, &["run", "pipeline.yaml"]).expect(0);
    let output = output.out() + &output.err();
    assert!(output.contains("input `when`: the last 2 digits are lost in 32-bit floats (17000"), "{output}");
    assert!(output.contains("use `standardize` or `min_max`"), "{output}");
    assert!(
        output.contains("task `late`, `late`: the last 2 digits are lost in 32-bit floats (17000"),
        "{output}"
    );
    assert!(output.contains("set `standardize: true`"), "{output}");
    assert!(!output.contains("`y`: the last"), "{output}");
}

/// scikit-learn clips float64 probabilities at 2.2e-16; float32 ends at 1.2e-7.
#[test]
fn the_log_loss_of_confident_errors_equals_scikit_learn() {
    let mut text = String::from("x,yes,part\n");
    for i in 0..200 {
        let part = ["train", "train", "train", "valid", "test"][i % 5];
        let sure = if i % 2 == 0 { 1 } else { -1 };
        // One test row has a wrong label.
        let label = if i == 104 { 1 - (i + 1) % 2 } else { (i + 1) % 2 };
        text += &format!("{},{label},{part}\n", 400 * sure);
    }
    let arguments = pipeline("x: number", "yes: {target: yes, kind: binary, metrics: [log_loss, brier]}");
    let project = Project::new().file("pipeline.yaml", arguments).file("rows.csv", text);
    online(&project, &["run", "pipeline.yaml", "--quiet"]).expect(0);
    online(&project, &["predict", "last", "rows.csv", "--to", "predictions.csv"]).expect(0);
    let truth = tested(&project, "rows.csv", "yes");
    let p = tested(&project, "predictions.csv", "yes_probability");
    let cost = |(truth, p): (&f64, &f64)| {
        let right = if *truth == 1.0 { *p } else { 1.0 - p };
        -right.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
    };
    let expected = truth.iter().zip(&p).map(cost).sum::<f64>() / truth.len() as f64;
    let actual = score(&project, "log_loss");
    assert!((actual - expected).abs() < 1e-6 * expected, "{actual}, expected {expected}");
    // With float32 the maximum would be 16.1 for one of 40 rows.
    assert!(actual > 0.5, "{actual}");
}
