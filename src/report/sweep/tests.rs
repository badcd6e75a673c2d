//! Tests of groups of trials, their means and the report's text.

use crate::domain::name::RunId;
use crate::domain::score::{Direction, Split};
use crate::domain::trial_address::TrialAddress;
use crate::report::style::Style;
use crate::report::sweep::SweepReport;
use crate::report::trained::{TaskScore, TrainedTrial};

fn address(number: u32) -> TrialAddress {
    TrialAddress::new(&RunId::new("a-1").expect("a name"), number)
}

fn trial(number: u32, weighting: &str, seed: u64, auroc: f64, error: f64) -> TrainedTrial {
    let score = |task: &str, metric: &str, direction, value: f64| TaskScore {
        task: task.to_owned(),
        metric: metric.to_owned(),
        direction,
        valid: Some(value - 0.01),
        test: Some(value),
        gain: Some(if direction == Direction::Higher { 2.0 } else { -4.0 - error }),
    };
    TrainedTrial {
        name: address(number),
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

fn trials() -> Vec<TrainedTrial> {
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
    let sweep = SweepReport::from_trials(&trials(), &[], Direction::Lower, None);
    let (best, other) = (&sweep.groups[0], &sweep.groups[1]);
    assert_eq!((best.settings[0].as_str(), other.settings[0].as_str()), ("dwa", "equal"));
    assert!((best.tasks[0].test.unwrap().mean - 0.92).abs() < 1e-12);
    assert!((best.tasks[0].p.unwrap() - 0.22540333075851665).abs() < 1e-9);
    assert_eq!(other.tasks[0].p, None, "nothing is compared with itself");
    let difference = best.tasks[0].difference.expect("a difference");
    assert!((difference.mean - 0.01).abs() < 1e-12 && difference.count == 3, "{difference:?}");
    // One test of its kind needs no correction.
    assert_eq!(best.tasks[0].p_holm, best.tasks[0].p);
    assert_eq!((best.rank, other.rank), (Some(1.0), Some(2.0)));
    let text = sweep.text(&Style::plain());
    assert!(text.contains("dwa        0.910 ± 0.025  0.920 ± 0.025"), "{text}");
}

// By hand: -1 - (5 + 5.5 + 5.2) / 6 = -3.6167; scipy 1.17.1: stats.t.ppf(0.975, 2) * std([3.5, 3.75, 3.6],
// ddof=1) / 3**.5 = 0.3125
#[test]
fn gains_are_means_with_intervals_and_worse_groups_are_reported() {
    let sweep = SweepReport::from_trials(&trials(), &[], Direction::Lower, None);
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
    let sweep = SweepReport::from_trials(&trials, &["weighting".to_owned()], Direction::Lower, None);
    assert_eq!(sweep.without, 1);
    assert_eq!(sweep.groups.iter().map(|group| group.trials.len()).sum::<usize>(), 5);
}

/// Other settings are averaged within each seed; so are settings that differ between runs.
#[test]
fn other_settings_are_not_samples() {
    let mut all = Vec::new();
    for (rate, shift) in [("0.1", 0.0), ("0.01", 0.02), ("0.001", 0.01)] {
        for mut one in trials() {
            one.number += all.len() as u32;
            one.name = address(one.number);
            one.choices.push(("rate".to_owned(), rate.to_owned()));
            one.scores[0].test = one.scores[0].test.map(|value| value + shift);
            all.push(one);
        }
    }
    let by = ["weighting".to_owned()];
    let sweep = SweepReport::from_trials(&all, &by, Direction::Lower, None);
    let dwa = sweep.groups.iter().find(|group| group.settings[0] == "dwa").expect("a group");
    let estimate = dwa.tasks[0].test.expect("a mean");
    // The same interval as of one rate: the shifts are the same in every seed.
    assert!((estimate.half.expect("an interval") - 0.024841377117503324).abs() < 1e-9, "{estimate:?}");
    assert_eq!((estimate.count, estimate.trials, dwa.seeds), (3, 9, 3));
    assert!((dwa.tasks[0].p.expect("a p-value") - 0.22540333075851665).abs() < 1e-9);
    let text = sweep.text(&Style::plain());
    for part in ["over 3 seeds", "averaged within each seed first: rate (3 values)", "mean rank, test rows"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let valid =
        SweepReport::from_trials(&all, &by, Direction::Lower, Some(Split::Valid)).text(&Style::plain());
    assert!(valid.contains("mean rank, validation rows"), "{valid}");
    // Two runs whose pipelines differ.
    let mut apart = trials();
    for (index, one) in apart.iter_mut().enumerate() {
        let epochs = if index < 3 { "3" } else { "5" };
        one.parameters = [("seed", "7"), ("train.epochs", epochs), ("sweep.seeds[0]", epochs)]
            .map(|(path, value)| (path.to_owned(), value.to_owned()))
            .to_vec();
    }
    let sweep = SweepReport::from_trials(&apart, &["none".to_owned()], Direction::Lower, None);
    let averaged: Vec<_> = sweep.averaged.iter().map(|own| (own.address.as_str(), own.values)).collect();
    assert_eq!(averaged, [("weighting", 2), ("train.epochs", 2)]);
    assert!(sweep.text(&Style::plain()).contains("weighting (2 values) and train.epochs (2 values)"));
}

/// Groups that also differ in a setting that does not define them.
#[test]
fn confounded_groups_are_reported() {
    let mut all = trials();
    all.iter_mut().for_each(|trial| {
        let rate = if trial.choices[0].1 == "dwa" { "0.1" } else { "0.01" };
        trial.choices.push(("rate".to_owned(), rate.to_owned()));
    });
    let sweep = SweepReport::from_trials(&all, &["weighting".to_owned()], Direction::Lower, None);
    let (text, best) = (sweep.text(&Style::plain()), &sweep.groups[0].tasks[0]);
    assert!(text.contains("no values of their other settings in common"), "{text}");
    assert!(best.p.is_none() && best.test.expect("a mean").count == 3, "{best:?}");
}

/// One seed has no interval, and the report says so.
#[test]
fn one_seed_is_reported() {
    let one: Vec<TrainedTrial> = trials().into_iter().filter(|trial| trial.seed == 2).collect();
    let sweep = SweepReport::from_trials(&one, &[], Direction::Lower, None);
    assert!(sweep.groups.iter().all(|group| group.tasks[0].test.expect("a mean").half.is_none()));
    let text = sweep.text(&Style::plain());
    assert!(
        text.contains("one seed: no interval") && !text.contains('±') && !text.contains("p against"),
        "{text}"
    );
}

/// A group without test scores is not ranked by its validation scores.
#[test]
fn ranks_are_of_one_split() {
    let mut all = trials();
    all.iter_mut().filter(|trial| trial.choices[0].1 == "dwa").for_each(|trial| {
        trial.scores.iter_mut().for_each(|score| score.test = None);
    });
    let sweep = SweepReport::from_trials(&all, &[], Direction::Lower, None);
    let ranks: Vec<Option<f64>> = sweep.groups.iter().map(|group| group.rank).collect();
    assert_eq!(ranks, [None, Some(1.0)]);
}
