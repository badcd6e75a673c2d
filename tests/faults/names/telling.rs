//! Progress output of runs.

use super::{TASKS, assert_says, project};

#[test]
fn epoch_lines_fit_a_hundred_columns() {
    for count in [1, 3, 4, 6, 20] {
        let tasks: String = (0..count)
            .map(|number| {
                format!("  lifetime_value_of_a_customer_{number}: {{target: y, kind: regression}}\n")
            })
            .collect();
        let project = project(&format!("tasks:\n{tasks}"));
        let output = project.mtl(&["run", "pipeline.yaml", "--set", "train.epochs=2"]).expect(0).err();
        let at = output.lines().position(|line| line.starts_with("  epoch ")).expect("a heading");
        let lines: Vec<&str> =
            output.lines().skip(at.saturating_sub(2)).take_while(|line| !line.contains("trained ")).collect();
        assert!(lines.len() >= 4, "{output}");
        for line in &lines {
            assert!(line.chars().count() <= 100, "{} columns:\n{line}", line.chars().count());
        }
        assert!(lines.iter().any(|line| line.contains("best so far")), "{output}");
    }
}

#[test]
fn a_sweep_estimates_its_duration() {
    let sweep = "sweep:\n  seeds: [1, 2, 3, 4]\n";
    let project = project(&format!("{TASKS}{sweep}"));
    let output = project.mtl(&["run", "pipeline.yaml", "--set", "train.epochs=20"]).expect(0).err();
    for place in ["[1/4] about ", "[3/4] about "] {
        assert_says(&output, &[place, " left"]);
    }
    let end = output.lines().find(|line| line.contains("[4/4]")).expect("the last trial");
    assert!(end.ends_with("[4/4]"), "{end}");
    let status: serde_json::Value =
        serde_json::from_str(&project.mtl(&["sweep", "status", "--json"]).expect(0).out()).expect("JSON");
    assert_eq!((&status["planned"], &status["seconds_left"]), (&4.into(), &serde_json::Value::Null));
}
