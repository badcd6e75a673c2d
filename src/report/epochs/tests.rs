//! Tests of the content and the width of epoch lines.

use serde_json::json;

use crate::domain::event::Event;
use crate::report::epochs::{EpochPrinter, WIDEST, shortened};
use crate::report::table::width;

fn started(epochs: usize) -> Event {
    serde_json::from_value(json!({
        "event": "train_started", "trial": 1, "seed": 1, "epochs": epochs, "steps_per_epoch": 4, "rows": 100,
        "parameters": 10, "device": "cpu", "from_step": 0
    }))
    .expect("an event")
}

/// An epoch of tasks, each with a loss and, if it has a metric, a score.
fn epoch(number: usize, tasks: &[(&str, f64, Option<(&str, f64)>)], best: bool) -> Event {
    let losses: Vec<_> = tasks.iter().map(|(task, loss, _)| json!({"task": task, "value": loss})).collect();
    let score = |(task, _, score): &(&str, f64, Option<(&str, f64)>)| {
        let (metric, value) = (*score)?;
        Some(json!({
            "task": task, "split": "valid", "metric": metric, "value": value, "direction": "higher", "rows": 9
        }))
    };
    let scores: Vec<_> = tasks.iter().filter_map(score).collect();
    serde_json::from_value(json!({
        "event": "epoch_finished", "trial": 1, "epoch": number, "step": number, "losses": losses,
        "joint_loss": 1.0, "weights": [], "rate": 0.1, "rows_per_second": 418517.3, "seconds": 2.0,
        "scores": scores, "objective": 0.18119, "best": best
    }))
    .expect("an event")
}

fn printed(columns: Option<usize>, events: &[Event]) -> String {
    let mut printer = EpochPrinter::new(columns);
    let lines: Vec<String> = events.iter().filter_map(|event| printer.lines(event)).collect();
    lines.join("\n")
}

#[test]
fn three_tasks_fit_into_a_line() {
    let tasks = |loss: f64| {
        [
            ("income", loss, Some(("auroc", 0.941))),
            ("never_married", 1.7e12, Some(("auroc", 0.98964))),
            ("weeks_worked", 0.000_000_012, Some(("rmse", 9.7734))),
        ]
    };
    let events = [started(10), epoch(1, &tasks(0.15718), true), epoch(2, &tasks(0.14), false)];
    let expected = "  per epoch      training loss and validation score of each task
                   income     never_married      weeks_worked
  epoch     loss    auroc     loss    auroc     loss     rmse     rows/s   time left
      1   0.1572   0.9410  1.70e12   0.9896  1.20e-8    9.773    418,517        20 s  best so far
      2   0.1400   0.9410  1.70e12   0.9896  1.20e-8    9.773    418,517        20 s";
    assert_eq!(printed(None, &events), expected);
}

#[test]
fn lines_fit_whatever_the_tasks_are_called_and_however_many_there_are() {
    let names: Vec<String> =
        (0..40).map(|number| format!("customer_lifetime_value_of_the_year_{number}")).collect();
    for count in 1..=40 {
        for metric in [None, Some(("average_precision", -0.000_123_4)), Some(("auroc", -1e-300))] {
            for columns in [None, Some(200), Some(80), Some(60)] {
                let tasks: Vec<_> =
                    names[..count].iter().map(|name| (name.as_str(), -1.234e-100, metric)).collect();
                let text = printed(columns, &[started(90_000), epoch(89_999, &tasks, true)]);
                let limit = columns.unwrap_or(WIDEST).min(WIDEST);
                for line in text.lines().skip(1) {
                    assert!(width(line) <= limit, "{count} tasks, {columns:?}: {} in\n{text}", width(line));
                }
                assert!(text.lines().all(|line| width(line) <= WIDEST), "{text}");
                assert!(text.ends_with("best so far"), "{text}");
            }
        }
    }
}

#[test]
fn many_tasks_are_summarized() {
    let names: Vec<String> = (0..20).map(|number| format!("t{number}")).collect();
    let tasks: Vec<_> = names.iter().map(|name| (name.as_str(), 0.5, Some(("auroc", 0.9)))).collect();
    let text = printed(None, &[started(2), epoch(1, &tasks, true), epoch(2, &tasks, false)]);
    let expected = "  per epoch      mean training loss of 20 tasks, and the validation objective
  epoch       loss  objective     rows/s   time left
      1     0.5000     0.1812    418,517         2 s  best so far
      2     0.5000     0.1812    418,517";
    assert_eq!(text, expected);
    let six: Vec<_> = tasks[..6].to_vec();
    let text = printed(None, &[started(2), epoch(1, &six, true)]);
    assert!(text.contains("validation score of each task"), "{text}");
}

#[test]
fn names_are_shortened_in_their_middle() {
    assert_eq!(shortened("value_2021", 16), "value_2021");
    assert_eq!(shortened("customer_value_2021", 11), "custo…_2021");
    assert_eq!(shortened("左中右左中右", 6), "左…右");
    assert_eq!(width("左…右"), 5);
}
