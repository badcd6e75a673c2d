//! Groups of trials, their means and what is said of them.

use crate::domain::score::Direction;
use crate::report::style::Style;
use crate::report::sweep::Sweep;
use crate::report::trials::{TaskScore, Trained};

fn trial(number: u32, weighting: &str, seed: u64, auroc: f64, error: f64) -> Trained {
    let score = |task: &str, metric: &str, direction, value: f64| TaskScore {
        task: task.to_owned(),
        metric: metric.to_owned(),
        direction,
        valid: Some(value - 0.01),
        test: Some(value),
        gain: Some(if direction == Direction::Higher { 2.0 } else { -4.0 - error }),
    };
    Trained {
        name: format!("a-1#{number}"),
        number,
        seed,
        choices: vec![("weighting".to_owned(), weighting.to_owned())],
        parameters: Vec::new(),
        objective: Some(error),
        gain: (None, Some(-1.0 - error / 2.0)),
        pruned: None,
        epochs: (3, 3),
        objectives: Vec::new(),
        scores: vec![
            score("rich", "auroc", Direction::Higher, auroc),
            score("weeks", "mae", Direction::Lower, error),
        ],
    }
}

fn trials() -> Vec<Trained> {
    vec![
        trial(1, "equal", 1, 0.90, 5.0),
        trial(2, "equal", 2, 0.93, 5.5),
        trial(3, "equal", 3, 0.90, 5.2),
        trial(4, "dwa", 1, 0.91, 4.0),
        trial(5, "dwa", 2, 0.93, 4.6),
        trial(6, "dwa", 3, 0.92, 4.1),
    ]
}

// scipy 1.17.1: stats.ttest_rel([0.91, 0.93, 0.92], [0.90, 0.93, 0.90]).pvalue
#[test]
fn groups_means_ranks_and_pairs() {
    let sweep = Sweep::of(&trials(), &[], Direction::Lower);
    let (best, other) = (&sweep.groups[0], &sweep.groups[1]);
    assert_eq!((best.settings[0].as_str(), other.settings[0].as_str()), ("dwa", "equal"));
    assert!((best.tasks[0].test.unwrap().mean - 0.92).abs() < 1e-12);
    assert!((best.tasks[0].p.unwrap() - 0.22540333075851665).abs() < 1e-9);
    assert_eq!(other.tasks[0].p, None, "nothing is compared with itself");
    assert_eq!((best.rank, other.rank), (Some(1.0), Some(2.0)));
    let text = sweep.text(&Style::plain());
    assert!(text.contains("dwa        0.9100 ± 0.025  0.9200 ± 0.025"), "{text}");
}

// By hand: -1 - (5 + 5.5 + 5.2) / 6 = -3.6167; scipy 1.17.1: stats.t.ppf(0.975, 2) * std([3.5, 3.75, 3.6], ddof=1) / 3**.5
// = 0.3125
#[test]
fn gains_are_means_with_intervals_and_worse_is_said() {
    let sweep = Sweep::of(&trials(), &[], Direction::Lower);
    let equal = sweep.groups.iter().find(|group| group.settings[0] == "equal").expect("a group");
    let mean = equal.gain.test.expect("a gain");
    assert!(
        (mean.mean + 3.616_666_666).abs() < 1e-6 && (mean.half.expect("half") - 0.3125).abs() < 1e-3,
        "{mean:?}"
    );
    assert_eq!(equal.tasks[0].gain.expect("a gain").mean, 2.0);
    let text = sweep.text(&Style::plain());
    assert!(text.contains("every group is WORSE than single-task training"), "{text}");
}

#[test]
fn a_trial_without_scores_is_counted_and_left_out() {
    let mut trials = trials();
    trials[5].scores.clear();
    let sweep = Sweep::of(&trials, &["weighting".to_owned()], Direction::Lower);
    assert_eq!(sweep.without, 1);
    assert_eq!(sweep.groups.iter().map(|group| group.trials.len()).sum::<usize>(), 5);
}
