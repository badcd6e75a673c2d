//! A plot of trajectories in two valleys: the mean loss, the Pareto set, and five methods from three starts.
//!
//! `cargo test --release --locked --test main -- --ignored toy::picture` writes
//! `benches/toy_trajectories.svg`.

use std::path::Path;

use mtl::report::plot::figure::TITLE;
use mtl::report::plot::palette::{INK, PAPER, Rgb, SOFT};
use mtl::report::plot::scale::AxisScale;
use mtl::report::plot::scene::{LineStyle, PlotPoint, Scene, SceneShape, TextAnchor};
use mtl::report::plot::series_style::{SMALL, SeriesStyle, WORDS};
use mtl::report::plot::svg;
use serde_json::{Value, json};

use super::descent::{Step, descend};
use super::problem::{Problem, two_valleys};
use super::{STARTS, stationarity};

const SIDE: f64 = 560.0;
const CORNER: PlotPoint = (64.0, 76.0);
const REACH: f64 = 10.0;
/// Number of colours of the mean loss.
const BANDS: f64 = 16.0;
const ROWS: usize = 112;
const COLUMNS: usize = 224;

fn place((p, q): PlotPoint) -> PlotPoint {
    let scale = AxisScale::between(-REACH, REACH);
    (CORNER.0 + SIDE * scale.to_unit(p), CORNER.1 + SIDE * (1.0 - scale.to_unit(q)))
}

fn mean(problem: &Problem, point: PlotPoint) -> f64 {
    let losses = (problem.of)(&[point.0, point.1]).0;
    losses.iter().sum::<f64>() / losses.len() as f64
}

/// The mean loss in bands, darker for lower losses; adjacent boxes of one band are merged.
fn field(scene: &mut Scene, problem: &Problem) {
    let at = |place: usize, count: usize| -REACH + 2.0 * REACH * (place as f64 + 0.5) / count as f64;
    let values: Vec<Vec<f64>> = (0..ROWS)
        .map(|row| (0..COLUMNS).map(|column| mean(problem, (at(column, COLUMNS), -at(row, ROWS)))).collect())
        .collect();
    let low = values.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    let band = |value: f64| (BANDS * (value - low) / (high - low)).floor().min(BANDS - 1.0);
    let (wide, tall) = (SIDE / COLUMNS as f64, SIDE / ROWS as f64);
    for (row, values) in values.iter().enumerate() {
        let mut begin = 0;
        for run in values.chunk_by(|a, b| band(*a) == band(*b)) {
            let corner = (CORNER.0 + wide * begin as f64, CORNER.1 + tall * row as f64);
            let size = (wide * run.len() as f64 + 0.3, tall + 0.3);
            let fill = Rgb(150, 160, 172).towards(PAPER, band(run[0]) / (BANDS - 1.0));
            scene.marks.push(SceneShape::Box { corner, size, fill, tip: String::new() });
            begin += run.len();
        }
    }
}

/// The Pareto stationary points between the minima of both losses: for each p the best q.
fn front(problem: &Problem) -> Vec<PlotPoint> {
    let rest = |p: f64, q: f64| stationarity(problem, &[p, q]).0;
    let nearest = |p: f64| {
        let (mut low, mut high) = (-9.0, -7.5);
        for _ in 0..60 {
            let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
            if rest(p, a) < rest(p, b) { high = b } else { low = a }
        }
        (p, (low + high) / 2.0)
    };
    let all = (-280..=280).map(|step| nearest(f64::from(step) / 40.0));
    all.filter(|(p, q)| rest(*p, *q) < 1e-3).collect()
}

fn axes(scene: &mut Scene) {
    let ends = [(-REACH, -REACH), (REACH, -REACH), (REACH, REACH), (-REACH, REACH), (-REACH, -REACH)];
    let points = ends.map(place).to_vec();
    scene.marks.push(SceneShape::Line { points, colour: SOFT, width: 1.0, dash: LineStyle::Whole });
    for (value, label) in AxisScale::between(-REACH, REACH).ticks(5, true) {
        let ((x, y), (left, height)) = (place((value, -REACH)), place((-REACH, value)));
        scene.rule((x, y), (x, y + 5.0), SOFT, LineStyle::Whole);
        scene.text((x, y + 18.0), &label, SMALL, SOFT, TextAnchor::Middle);
        scene.rule((left - 5.0, height), (left, height), SOFT, LineStyle::Whole);
        scene.text((left - 8.0, height + 4.0), &label, SMALL, SOFT, TextAnchor::End);
    }
    let (middle, bottom) = (CORNER.0 + SIDE / 2.0, CORNER.1 + SIDE + 38.0);
    scene.text((middle, bottom), "first weight", WORDS, INK, TextAnchor::Middle);
    scene.rotated_text((22.0, CORNER.1 + SIDE / 2.0), "second weight", WORDS, INK, TextAnchor::Middle);
}

fn dot(scene: &mut Scene, at: PlotPoint, radius: f64, fill: Rgb, square: bool) {
    let (centre, rim, tip) = (place(at), INK, String::new());
    scene.marks.push(SceneShape::Dot { centre, radius, fill, rim, square, tip });
}

#[test]
#[ignore = "draws a picture"]
fn picture() {
    let methods: [(&str, Value); 5] = [
        ("equal", json!("equal")),
        ("mgda", json!("mgda")),
        ("pcgrad", json!("pcgrad")),
        ("cagrad, c = 0.5", json!({"cagrad": {"c": 0.5}})),
        ("nash_mtl", json!("nash_mtl")),
    ];
    let problem = two_valleys(1.0);
    let mut scene = Scene::new(CORNER.0 + SIDE + 190.0, CORNER.1 + SIDE + 56.0, "Two valleys");
    scene.text((16.0, 30.0), "Two valleys: where five methods go", TITLE, INK, TextAnchor::Start);
    let caption = "losses of Liu et al. (CAGrad, 2021); Adam, rate 0.001, 100,000 steps, each 500th drawn";
    scene.text((16.0, 52.0), caption, WORDS, SOFT, TextAnchor::Start);
    field(&mut scene, &problem);
    let actual = front(&problem);
    assert!(actual.len() > 400, "{} places of the Pareto set", actual.len());
    let points = actual.iter().step_by(10).map(|point| place(*point)).collect();
    scene.marks.push(SceneShape::Line { points, colour: PAPER, width: 7.0, dash: LineStyle::Whole });
    let points = actual.iter().step_by(10).map(|point| place(*point)).collect();
    scene.marks.push(SceneShape::Line { points, colour: INK, width: 3.0, dash: LineStyle::Whole });
    let mut ends = Vec::new();
    for (number, (_, config)) in methods.iter().enumerate() {
        let SeriesStyle { colour, dash, .. } = SeriesStyle::nth(number);
        for start in &STARTS {
            let path = descend(&problem, config, start, Step::Adam(1e-3), 100_000, 500);
            let points: Vec<PlotPoint> = path.iter().map(|x| place((x[0], x[1]))).collect();
            scene.marks.push(SceneShape::Line { points, colour, width: 2.0, dash });
            ends.extend(path.last().map(|x| ((x[0], x[1]), colour)));
        }
    }
    STARTS.iter().for_each(|start| dot(&mut scene, (start[0], start[1]), 4.0, PAPER, true));
    ends.into_iter().for_each(|(at, colour)| dot(&mut scene, at, 4.5, colour, false));
    axes(&mut scene);
    let left = CORNER.0 + SIDE + 20.0;
    let mut y = CORNER.1 + 16.0;
    let mut key = |scene: &mut Scene, mark: &dyn Fn(f64) -> SceneShape, text: &str| {
        scene.marks.push(mark(y - 4.0));
        scene.text((left + 34.0, y), text, WORDS, INK, TextAnchor::Start);
        y += 22.0;
    };
    for (number, (name, _)) in methods.iter().enumerate() {
        let SeriesStyle { colour, dash, width } = SeriesStyle::nth(number);
        let points = |y| vec![(left, y), (left + 24.0, y)];
        key(&mut scene, &|y| SceneShape::Line { points: points(y), colour, width, dash }, name);
    }
    let spot = |fill, square| {
        move |y| {
            let (centre, tip) = ((left + 12.0, y), String::new());
            SceneShape::Dot { centre, radius: 4.0, fill, rim: INK, square, tip }
        }
    };
    key(&mut scene, &spot(PAPER, true), "start");
    key(&mut scene, &spot(SOFT, false), "end");
    let points = |y| vec![(left, y), (left + 24.0, y)];
    let line = |y| SceneShape::Line { points: points(y), colour: INK, width: 3.0, dash: LineStyle::Whole };
    key(&mut scene, &line, "Pareto set");
    let (fill, tip) = (Rgb(150, 160, 172), String::new);
    let dark = |y| SceneShape::Box { corner: (left, y - 5.0), size: (24.0, 10.0), fill, tip: tip() };
    key(&mut scene, &dark, "low mean loss");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/toy_trajectories.svg");
    std::fs::write(file, svg::write(&scene)).expect("written");
}
