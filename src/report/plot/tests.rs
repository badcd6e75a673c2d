//! Tests of the figures of scripted runs: their content, and that no text leaves the figure or overlaps
//! another.

use crate::domain::score::{Direction, Split};
use crate::report::plot::figure::{Figure, Panel};
use crate::report::plot::plot_subject::{PlotGroup, PlotSubject, TrialCurves};
use crate::report::plot::scene::{LineStyle, Scene, SceneShape, TextAnchor};
use crate::report::plot::{FigureKind, Plots, font, svg};
use crate::report::student::ConfidenceMean;
use crate::report::trained::TaskScore;
use crate::store::affinity::AffinityRecord;
use crate::store::curve::EpochObservation;
use crate::store::gain::MeanGain;
use crate::store::record::{EpochRecord, GradientRecord, ScoreRecord, ShareRecord, TaskRecord, TrialRecord};
use crate::store::run_fixture::{RunFixture, folder};

fn scripted() -> PlotSubject {
    let folder = folder();
    let script = RunFixture::new("census-3f2a", 0.001);
    let store = script.record(folder.path());
    PlotSubject::read(&store, &[(script.run, None)]).expect("reads")
}

/// A sweep of `groups` groups with three seeds each, with data for all kinds of plots, and long names.
fn sweep(groups: usize) -> PlotSubject {
    let mut subject = scripted();
    let scripted = subject.groups[0].trials[0].clone();
    let tasks: Vec<String> = subject.tasks.iter().map(|task| task.task.clone()).collect();
    subject.by = "sharing, weighting".to_owned();
    subject.groups = (0..groups)
        .map(|group| PlotGroup {
            name: format!("a sharing with a long name {group}, uncertainty"),
            trials: (0..3).map(|seed| trial(&scripted, &tasks, group, seed)).collect(),
        })
        .collect();
    subject
}

fn trial(scripted: &TrialCurves, tasks: &[String], group: usize, seed: u64) -> TrialCurves {
    let noise = (group as f64 * 0.37 + seed as f64 * 0.11).sin() * 0.05;
    let score = |task: &String| TaskScore {
        task: task.clone(),
        metric: "auroc".to_owned(),
        direction: Direction::Higher,
        gain: None,
        valid: Some(0.9 + noise * task.len() as f64 / 10.0),
        test: None,
    };
    let epoch = |epoch: usize| EpochRecord {
        epoch,
        losses: tasks.iter().map(|task| (task.clone(), Some(2.0 / epoch as f64 + noise))).collect(),
        weights: tasks.iter().map(|task| (task.clone(), Some(1.0 + noise * epoch as f64))).collect(),
        ..scripted.epochs[0].clone()
    };
    let scored = |epoch: usize| {
        let one = move |task: &String| EpochObservation {
            trial: 1,
            epoch,
            record: valid(task, epoch, 0.9 + noise),
        };
        tasks.iter().map(one).collect::<Vec<_>>()
    };
    let measured: Vec<EpochObservation<ScoreRecord>> = (1..=5).flat_map(scored).collect();
    let mut gradients = Vec::new();
    let mut shares = Vec::new();
    for epoch in 1..=5 {
        for (index, task) in tasks.iter().enumerate() {
            for other in &tasks[index + 1..] {
                let (task, other) = (task.clone(), other.clone());
                let cosine = Some(noise * 10.0);
                let record = GradientRecord { task, other, cosine, conflicts: Some(0.4), similarity: None };
                gradients.push(EpochObservation { trial: 1, epoch, record });
            }
            for expert in 0..4 {
                let (unit, source) = ("level 1".to_owned(), format!("shared {expert}"));
                let record = ShareRecord { unit, reader: task.clone(), source, value: Some(0.25) };
                shares.push(EpochObservation { trial: 1, epoch, record });
            }
        }
    }
    let mut affinities = Vec::new();
    for epoch in 1..=5 {
        for (task, other) in tasks.iter().flat_map(|task| tasks.iter().map(move |other| (task, other))) {
            let own = if task == other { 0.1 } else { noise / 100.0 };
            let (task, other) = (task.clone(), other.clone());
            let record = AffinityRecord { task, other, value: Some(own), steps: 10 + epoch };
            affinities.push(EpochObservation { trial: 1, epoch, record });
        }
    }
    let named = tasks.iter().map(|task| Some(task.clone())).chain([None]);
    let gains = named
        .map(|task| MeanGain { trial: 1, task, split: Split::Test, gain: Some(100.0 * noise) })
        .collect();
    let relation =
        |one: &String, other: &String| (one.clone(), other.clone(), Some(1.0 / tasks.len() as f64));
    TrialCurves {
        seed,
        record: TrialRecord {
            best_epoch: Some(4),
            relations: tasks
                .iter()
                .flat_map(|one| tasks.iter().map(move |other| relation(one, other)))
                .collect(),
            ..scripted.record.clone()
        },
        scores: tasks.iter().map(score).collect(),
        epochs: (1..=5).map(epoch).collect(),
        measured: measured.into(),
        gradients: gradients.into(),
        shares: shares.into(),
        affinities: affinities.into(),
        gains,
        ..scripted.clone()
    }
}

fn valid(task: &str, epoch: usize, value: f64) -> ScoreRecord {
    ScoreRecord {
        trial: 1,
        task: task.to_owned(),
        split: Split::Valid,
        metric: "auroc".to_owned(),
        value: Some(value),
        direction: Direction::Higher,
        rows: 10,
        epoch,
        low: None,
        high: None,
    }
}

/// By hand: (1 % x 10 + 4 % x 20) / 30 = 3 %; an undefined value does not count.
#[test]
fn an_affinity_is_the_mean_over_its_measurements() {
    let mut subject = sweep(1);
    subject.groups[0].trials.truncate(1);
    let seen = |epoch, value, steps| {
        let (task, other) = ("income".to_owned(), "weeks_worked".to_owned());
        EpochObservation { trial: 1, epoch, record: AffinityRecord { task, other, value, steps } }
    };
    subject.groups[0].trials[0].affinities =
        vec![seen(1, Some(0.01), 10), seen(2, Some(0.04), 20), seen(3, None, 5)].into();
    let plots = Plots::draw(&subject, &[FigureKind::Affinities]);
    assert_eq!(files(&plots), ["affinities", "affinities-epochs"]);
    let Panel::Matrix(matrix) = &plots.drawn[0].figure.panels[0] else { panic!("a matrix") };
    assert_eq!(matrix.rows, ["income", "weeks_worked"]);
    let value = matrix.fields[0][1].value.expect("a value");
    assert!((value - 3.0).abs() < 1e-12 && (matrix.span - 3.0).abs() < 1e-12, "{value} {}", matrix.span);
    assert_eq!((matrix.fields[1][0].value, matrix.fields[1][0].text.as_str()), (None, "–"));
    let Panel::Lines(lines) = &plots.drawn[1].figure.panels[0] else { panic!("lines") };
    assert_eq!(lines.series[0].points, [(1.0, 1.0), (2.0, 4.0)], "in percent of the loss");
}

/// Bars start at 0; intervals are Student's t; an undefined gain has only its name.
#[test]
fn gains_are_on_both_sides_of_zero() {
    let mut subject = sweep(2);
    let gains = [[4.0, -1.0], [2.0, -2.0], [3.0, -3.0]];
    for (group, part) in subject.groups.iter_mut().zip([0, 1]) {
        for (trial, gains) in group.trials.iter_mut().zip(gains) {
            trial.gains.iter_mut().for_each(|gain| gain.gain = Some(gains[part]));
        }
    }
    subject.groups[1].trials[2].gains[0].gain = None;
    let plots = Plots::draw(&subject, &[FigureKind::Gains]);
    let panels = &plots.drawn[0].figure.panels;
    assert_eq!(panels.len(), subject.tasks.len() + 1, "each task, and all of them");
    let Panel::Signed(first) = &panels[0] else { panic!("bars") };
    assert_eq!((first.bars[1].value, first.bars[1].text.as_str()), (None, "–"));
    let Panel::Signed(all) = &panels[subject.tasks.len()] else { panic!("bars") };
    assert_eq!(
        (all.title.as_str(), all.bars[0].value, all.bars[1].value),
        ("all tasks", Some(3.0), Some(-2.0))
    );
    // scipy 1.17.1: stats.sem([4, 2, 3]) * stats.t.ppf(0.975, 2) -> 2.4841377117503302
    assert!((all.bars[0].half.expect("an interval") - 2.4841377117503302).abs() < 1e-9);
    assert_eq!(all.bars[0].text, "+3.0 ± 2.5 %");
    let mut scene = Scene::new(0.0, 0.0, "");
    all.draw(&mut scene, (0.0, 0.0));
    let ends = |mark: &SceneShape| match mark {
        SceneShape::Box { corner, size, .. } => Some((corner.0, corner.0 + size.0)),
        _ => None,
    };
    let bars: Vec<(f64, f64)> = scene.marks.iter().filter_map(ends).collect();
    assert!(
        (bars[0].0 - bars[1].1).abs() < 1e-9 && bars[0].1 > bars[0].0 && bars[1].1 > bars[1].0,
        "{bars:?}"
    );
    assert!(((bars[0].1 - bars[0].0) / (bars[1].1 - bars[1].0) - 1.5).abs() < 1e-9, "{bars:?}");
}

/// The bounding boxes of all texts: left, top, right, bottom.
fn texts(scene: &Scene) -> Vec<(String, [f64; 4])> {
    let text_box = |mark: &SceneShape| match mark {
        SceneShape::Text { at, text, size, anchor, turned, .. } => {
            let wide = font::width(text, *size);
            let before = match anchor {
                TextAnchor::Start => 0.0,
                TextAnchor::Middle => wide / 2.0,
                TextAnchor::End => wide,
            };
            let (up, down) = (0.73 * size, 0.2 * size);
            let rectangle = match turned {
                false => [at.0 - before, at.1 - up, at.0 - before + wide, at.1 + down],
                true => [at.0 - up, at.1 - (wide - before), at.0 + down, at.1 + before],
            };
            Some((text.clone(), rectangle)).filter(|_| !text.is_empty())
        }
        _ => None,
    };
    scene.marks.iter().filter_map(text_box).collect()
}

fn assert_legible(figure: &Figure) {
    let scene = figure.scene();
    let texts = texts(&scene);
    for (index, (text, [left, top, right, bottom])) in texts.iter().enumerate() {
        let inside = *left >= 0.0 && *top >= 0.0 && *right <= scene.width && *bottom <= scene.height;
        assert!(inside, "{}: `{text}` leaves the figure", figure.title);
        for (other, [l, t, r, b]) in &texts[index + 1..] {
            let apart = right <= l || r <= left || bottom <= t || b <= top;
            assert!(apart, "{}: `{text}` and `{other}` overlap", figure.title);
        }
    }
}

fn files(plots: &Plots) -> Vec<&str> {
    plots.drawn.iter().map(|drawn| drawn.file.as_str()).collect()
}

#[test]
fn a_run_is_drawn_as_far_as_it_was_observed() {
    let plots = Plots::draw(&scripted(), &FigureKind::ALL);
    let expected = ["curves-income", "curves-never_married", "curves-weeks_worked", "weights", "front"];
    assert!(expected.iter().all(|file| files(&plots).contains(file)), "{:?}", files(&plots));
    plots.drawn.iter().for_each(|drawn| assert_legible(&drawn.figure));
    // A single trial without preferences has no front.
    let mut without_preferences = scripted();
    without_preferences
        .groups
        .iter_mut()
        .flat_map(|group| &mut group.trials)
        .for_each(|trial| trial.preference_scores.clear());
    let plots = Plots::draw(&without_preferences, &FigureKind::ALL);
    let missing = |kind: FigureKind| {
        plots.missing.iter().find(|(known, _)| *known == kind).map(|(_, missing)| &missing.why)
    };
    assert!(
        missing(FigureKind::Front).is_some_and(|why| why.contains("several trials")),
        "{:?}",
        plots.missing
    );
}

#[test]
fn many_groups_are_legible() {
    for groups in [2, 9, 27] {
        let subject = sweep(groups);
        let plots = Plots::draw(&subject, &FigureKind::ALL);
        assert!(plots.missing.is_empty(), "{:?}", plots.missing);
        for drawn in &plots.drawn {
            assert_legible(&drawn.figure);
            assert!(drawn.figure.title.contains("census-3f2a"), "{}", drawn.figure.title);
        }
        let curves = &plots.drawn[0].figure;
        let last = &curves.keys.last().expect("a legend").text;
        assert_eq!(last == "19 others", groups == 27, "{last}");
    }
}

/// Every pair of tasks has a field in a matrix and a value in every epoch.
#[test]
fn hundreds_of_tasks_are_drawn_legibly() {
    let mut subject = scripted();
    let (scripted, task) = (subject.groups[0].trials[0].clone(), subject.tasks[0].clone());
    subject.tasks =
        (0..200).map(|number| TaskRecord { task: format!("task_{number:03}"), ..task.clone() }).collect();
    let names: Vec<String> = subject.tasks.iter().map(|task| task.task.clone()).collect();
    subject.groups[0].trials = vec![trial(&scripted, &names, 0, 0)];
    let plots = Plots::draw(&subject, &FigureKind::ALL);
    let drawn: usize = plots.drawn.iter().map(|drawn| svg::write(&drawn.figure.scene()).len()).sum();
    assert!(drawn < 20_000_000, "{drawn} bytes");
    plots.drawn.iter().for_each(|drawn| assert_legible(&drawn.figure));
    // 19,900 pairs: eight with colours, and the area of the others with its two edges.
    let pairs = plots.drawn.iter().find(|drawn| drawn.file == "gradients-epochs").expect("cosines by epoch");
    let Panel::Lines(lines) = &pairs.figure.panels[0] else { panic!("lines") };
    assert_eq!(lines.series.len(), 3 + 8);
    assert!(pairs.figure.keys.iter().any(|key| key.text.starts_with("19892 others: from their least")));
}

#[test]
fn the_same_run_has_the_same_bytes() {
    let bytes = || -> Vec<String> {
        Plots::draw(&sweep(3), &FigureKind::ALL)
            .drawn
            .iter()
            .map(|drawn| svg::write(&drawn.figure.scene()))
            .collect()
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn a_curve_is_the_mean_of_the_seeds_and_dotted_after_one_stops() {
    let mut subject = sweep(1);
    let group = &mut subject.groups[0];
    let losses = [[4.0, 2.0, 9.0], [2.0, 1.0, 9.0], [3.0, 3.0, 7.0]];
    for (trial, losses) in group.trials.iter_mut().zip(losses) {
        trial.epochs.truncate(3);
        for (epoch, loss) in trial.epochs.iter_mut().zip(losses) {
            epoch.losses[0].1 = Some(loss);
        }
    }
    // One trial stopped early, so the mean of the third epoch is over two trials.
    group.trials[1].epochs.truncate(2);
    let task = group.trials[0].epochs[0].losses[0].0.clone();
    let value = |trial: &TrialCurves, epoch: usize| {
        trial.epoch(epoch)?.losses.iter().find(|(name, _)| *name == task)?.1
    };
    let curve = group.curve(value);
    let means = |part: &[(f64, ConfidenceMean)]| {
        part.iter().map(|(epoch, mean)| (*epoch, mean.mean)).collect::<Vec<_>>()
    };
    assert_eq!(means(&curve.all), [(1.0, 3.0), (2.0, 2.0)]);
    assert_eq!(means(&curve.rest), [(2.0, 2.0), (3.0, 8.0)]);
    // scipy 1.17.1: stats.sem([4, 2, 3]) * stats.t.ppf(0.975, 2) -> 2.4841377117503302
    assert!((curve.all[0].1.half.expect("an interval") - 2.4841377117503302).abs() < 1e-9);
    // stats.sem([9, 7]) * stats.t.ppf(0.975, 1) -> 12.706204736432095
    assert!((curve.rest[1].1.half.expect("an interval") - 12.706204736432095).abs() < 1e-8);
    let plots = Plots::draw(&subject, &[FigureKind::Curves]);
    let remark = &plots.drawn[0].figure.remark;
    assert!(remark.contains("mean over 3 seeds, band") && remark.contains("dotted"), "{remark}");
    let Panel::Lines(lines) = &plots.drawn[0].figure.panels[0] else { panic!("lines") };
    assert_eq!(
        lines.series.iter().map(|own| own.style.dash).collect::<Vec<_>>(),
        [LineStyle::Whole, LineStyle::Dotted]
    );
}

/// Every group with a colour has a band, background lines have none.
#[test]
fn every_named_group_has_its_band() {
    for (groups, banded) in [(1, 1), (5, 5), (9, 9), (27, 8)] {
        let subject = sweep(groups);
        for drawn in &Plots::draw(&subject, &[FigureKind::Curves]).drawn {
            for panel in &drawn.figure.panels {
                let Panel::Lines(lines) = panel else { panic!("lines") };
                let mut scene = Scene::new(0.0, 0.0, "");
                lines.draw(&mut scene, (0.0, 0.0));
                let areas = scene.marks.iter().filter(|mark| matches!(mark, SceneShape::Area { .. })).count();
                assert_eq!(areas, banded, "{} of {groups} groups", drawn.figure.title);
            }
            assert!(drawn.figure.remark.contains("band: 95 % confidence"), "{}", drawn.figure.remark);
        }
    }
    // The interval of a single epoch is a vertical line through its dot.
    let mut subject = sweep(1);
    subject.groups[0].trials.iter_mut().for_each(|trial| trial.epochs.truncate(1));
    let plots = Plots::draw(&subject, &[FigureKind::Curves]);
    let Panel::Lines(lines) = &plots.drawn[0].figure.panels[0] else { panic!("lines") };
    let mut scene = Scene::new(0.0, 0.0, "");
    lines.draw(&mut scene, (0.0, 0.0));
    let is_vertical = |mark: &SceneShape| {
        matches!(mark, SceneShape::Line { points, width, .. } if *width == 1.0 && points.len() == 2
        && points[0].0 == points[1].0 && points[0].1 > points[1].1)
    };
    assert!(scene.marks.iter().any(is_vertical), "{:?}", scene.marks);
}

#[test]
fn epochs_are_evenly_spaced() {
    let plots = Plots::draw(&sweep(1), &[FigureKind::Weights]);
    let Panel::Lines(lines) = &plots.drawn[0].figure.panels[0] else { panic!("lines") };
    let mut scene = Scene::new(0.0, 0.0, "");
    lines.draw(&mut scene, (0.0, 0.0));
    let line = |mark: &SceneShape| match mark {
        SceneShape::Line { points, width, .. } if *width == 2.0 => Some(points.clone()),
        _ => None,
    };
    let points: Vec<(f64, f64)> = scene.marks.iter().find_map(line).expect("a line");
    assert_eq!(points.len(), 5);
    let step = points[1].0 - points[0].0;
    assert!(points.windows(2).all(|pair| (pair[1].0 - pair[0].0 - step).abs() < 1e-9), "{points:?}");
}
