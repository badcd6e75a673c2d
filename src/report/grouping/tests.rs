//! Tests of the proposed groups and their confidence.

use crate::domain::name::RunId;
use crate::report::grouping::{GroupingReport, propose};
use crate::report::style::Style;
use crate::store::affinity::{AffinityReading, AffinityRecord};

fn tasks() -> Vec<String> {
    ["a", "b", "c"].map(str::to_owned).to_vec()
}

/// Deterministic noise from -0.5 to 0.5.
fn noise(number: usize) -> f64 {
    ((number as f64 * 12.9898 + 1.0).sin() * 43758.5453).rem_euclid(1.0) - 0.5
}

/// a and b help each other; both harm c, a the least. `amplitude` is the maximum noise of a step.
fn grouping(steps: usize, amplitude: f64, most: usize) -> GroupingReport {
    let values = [
        ("a", "b", 0.04),
        ("b", "a", 0.02),
        ("a", "c", -0.01),
        ("b", "c", -0.03),
        ("c", "a", -0.01),
        ("c", "b", 0.0),
    ];
    let mut readings = Vec::new();
    for step in 0..steps {
        for (index, (task, other, value)) in values.iter().enumerate() {
            let noise = 2.0 * amplitude * noise(6 * step + index);
            readings.push(AffinityReading {
                at: 10 * step,
                task: (*task).to_owned(),
                other: (*other).to_owned(),
                value: value + noise,
            });
        }
    }
    let pair = |(task, other, _): &(&str, &str, f64)| {
        let own = readings.iter().filter(|reading| reading.task == *task && reading.other == *other);
        AffinityRecord {
            task: (*task).to_owned(),
            other: (*other).to_owned(),
            value: Some(own.map(|reading| reading.value).sum::<f64>() / steps as f64),
            steps,
        }
    };
    let pairs = values.iter().map(pair).collect();
    GroupingReport {
        run: RunId::new("abc-1").expect("a name"),
        trial: 1,
        most,
        affinity: propose(&tasks(), pairs, &readings, true, most),
        cosine: propose(&tasks(), Vec::new(), &[], false, most),
        tasks: tasks(),
    }
}

/// By hand, without the noise: (0.02 + 0.04 + 0) / 3 = 0.02 against ((0.02 - 0.01) / 2 + (0.04 + 0) / 2 +
/// (-0.01 - 0.03) / 2) / 3 = 0.005 / 3. With the noise, by an independent search in numpy 2.4.6 and scipy
/// 1.17.1: a 2.0018 ± 0.0222, b 4.0026 ± 0.0215, gain 1.8306 ± 0.0083.
#[test]
fn groups_are_reported_with_the_tasks_they_predict_and_those_they_do_not_help() {
    let report = grouping(40, 0.001, 2);
    let text = report.text(&Style::plain());
    for part in [
        "    1  a, b",
        "a +2.002 ± 0.022",
        "b +4.003 ± 0.022",
        "    2  c ",
        "c 0\n",
        "mean score +2.0",
        "better than training all tasks together by +1.8306 ± 0.0083",
        "over 40 steps in 10 parts",
        "no group helps c;",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(!text.contains("measured over only"), "{text}");
    let one = grouping(40, 0.001, 1).text(&Style::plain());
    for part in ["    1  a, b, c", "c −1.99", "mean score +0.17", "the group does not help c;"] {
        assert!(one.contains(part), "{part} is missing in\n{one}");
    }
    assert!(!one.contains("better than training all tasks together"), "{one}");
    assert!(report.cosine.is_none() && report.reason_unavailable().is_none());
    let json = report.json();
    assert_eq!(json["affinity"]["groups"][1]["serves"][0][0], "c");
    assert_eq!(json["affinity"]["gain"]["held_out"]["count"], 10);
}

/// The same effects with much more noise, over six steps: proposes all tasks together, with the reason.
#[test]
fn what_is_not_significant_is_not_proposed() {
    let report = grouping(6, 0.2, 2);
    let proposal = report.affinity.as_ref().expect("a proposal");
    assert_eq!(report.groups().len(), 1, "{:?}", report.groups());
    assert_eq!(report.groups()[0].tasks, tasks());
    assert_eq!(proposal.best.len(), 2);
    let text = report.text(&Style::plain());
    for part in [
        "    1  a, b, c",
        "no grouping is significantly better than training all tasks together",
        "(a, c) and (a, b), gains +2.9 ± 3.9",
        "over 6 steps",
        "measure longer",
        "measured over only 6 steps",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    // The noise of a single measurement is unknown.
    let once = grouping(1, 0.0, 2);
    assert_eq!(once.groups().len(), 1);
    let text = once.text(&Style::plain());
    assert!(text.contains("1 step is not enough"), "{text}");
}
