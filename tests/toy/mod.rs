//! Toy problems of the papers: whether trajectories end on the Pareto front or get stuck, and the end points
//! where they are known independently.

pub mod descent;
mod picture;
pub mod problem;

use serde_json::{Value, json};

use descent::{Step, descend};
use problem::{Problem, bowls, exponential, two_valleys, valley};

/// The shortest convex combination of two gradients, and their cosine.
fn stationarity(problem: &Problem, x: &[f64]) -> (f64, f64) {
    let (_, g) = (problem.of)(x);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (aa, ab, bb) = (dot(&g[0], &g[0]), dot(&g[0], &g[1]), dot(&g[1], &g[1]));
    let share = ((bb - ab) / (aa + bb - 2.0 * ab)).clamp(0.0, 1.0);
    let square = share * share * aa + 2.0 * share * (1.0 - share) * ab + (1.0 - share).powi(2) * bb;
    (square.max(0.0).sqrt(), ab / (aa * bb).sqrt())
}

#[derive(Debug, PartialEq)]
enum End {
    /// A common descent direction exists, but the method does not follow it.
    Stuck,
    /// There is no common descent direction.
    Front,
    Between,
}

fn end(problem: &Problem, x: &[f64]) -> End {
    match stationarity(problem, x) {
        (length, _) if length > 1.0 => End::Stuck,
        (length, cosine) if length < 1e-3 && cosine < -0.9999 => End::Front,
        _ => End::Between,
    }
}

fn last(problem: &Problem, config: &Value, start: &[f64], step: Step, steps: usize) -> Vec<f64> {
    descend(problem, config, start, step, steps, steps).pop().expect("an end")
}

fn near(actual: &[f64], expected: &[f64], within: f64) {
    let agree = actual.iter().zip(expected).all(|(a, b)| (a - b).abs() <= within);
    assert!(agree && actual.len() == expected.len(), "{actual:?} is not within {within} of {expected:?}");
}

const STARTS: [[f64; 2]; 3] = [[-8.5, 7.5], [-8.5, -5.0], [9.0, 9.0]];

#[test]
fn in_two_valleys_the_mean_gets_stuck_and_cagrad_finds_the_middle() {
    let problem = two_valleys(1.0);
    let go = |config: Value, start: &[f64]| last(&problem, &config, start, Step::Adam(1e-3), 100_000);
    let ends: Vec<End> = STARTS.iter().map(|start| end(&problem, &go(json!("equal"), start))).collect();
    assert_eq!((&ends[0], &ends[2]), (&End::Stuck, &End::Stuck));
    near(&go(json!("equal"), &STARTS[1]), &[0.0, -8.3551], 1e-3);
    for start in &STARTS {
        near(&go(json!({"cagrad": {"c": 0.5}}), start), &[0.0, -8.3551], 1e-3);
        for name in ["mgda", "pcgrad"] {
            assert_eq!(end(&problem, &go(json!(name), start)), End::Front, "{name} from {start:?}");
        }
    }
    // torch 2.11, float64, with g the two gradients by autograd, G = g @ g.T and Adam(lr=1e-3), 100,000
    // times:
    //   w = ((G[1, 1] - G[0, 1]) / (G[0, 0] + G[1, 1] - 2 * G[0, 1])).clamp(0, 1)
    //   x.grad = w * g[0] + (1 - w) * g[1]
    let ends = [[-3.322148, -8.373951], [-6.992179, -8.434294], [3.325840, -8.373992]];
    for (start, expected) in STARTS.iter().zip(&ends) {
        near(&go(json!("mgda"), start), expected, 1e-3);
    }
}

/// With one loss rescaled, the sum and CAGrad get stuck or end at one unbalanced point; scale-invariant
/// methods reach the front from every start.
#[test]
fn in_rescaled_two_valleys_nash_reaches_the_front_from_every_start() {
    let problem = two_valleys(0.1);
    let starts = [[-8.5, 7.5], [0.0, 0.0], [9.0, 9.0], [-7.5, -0.5], [9.0, -1.0]];
    let go = |config: &Value, start: &[f64], steps| last(&problem, config, start, Step::Adam(1e-3), steps);
    for name in ["nash_mtl", "imtl_g", "mgda"] {
        for start in &starts {
            let actual = go(&json!(name), start, 35_000);
            let (length, cosine) = stationarity(&problem, &actual);
            assert!(length < 1e-2 && cosine < -0.999, "{name} from {start:?}: {actual:?} {length} {cosine}");
        }
    }
    // Nash-MTL is scale-invariant: the same end points as without rescaling.
    let even = two_valleys(1.0);
    for start in &starts {
        let same = last(&even, &json!("nash_mtl"), start, Step::Adam(1e-3), 35_000);
        near(&go(&json!("nash_mtl"), start, 35_000), &same, 1e-3);
    }
    for config in [json!("equal"), json!("pcgrad"), json!({"cagrad": {"c": 0.4}})] {
        assert_ne!(end(&problem, &go(&config, &starts[2], 35_000)), End::Front, "{config}");
    }
    // Where these succeed, they end at one unbalanced point.
    for config in [json!("equal"), json!({"cagrad": {"c": 0.4}})] {
        near(&go(&config, &starts[3], 35_000), &[-5.7273, -8.4094], 0.2);
    }
    let famo = json!({"famo": {"decay": 0.0, "lower": {"t0": -2.1, "t1": -21.0}}});
    for start in &starts {
        let actual = go(&famo, start, 50_000);
        let (length, cosine) = stationarity(&problem, &actual);
        assert!(
            actual[0].abs() < 3.0 && length < 1e-2 && cosine < -0.99,
            "from {start:?}: {actual:?} {length} {cosine}"
        );
    }
}

#[test]
fn pcgrad_escapes_from_the_valley() {
    let problem = valley();
    let go = |name: &str| last(&problem, &json!(name), &[0.5, -3.0], Step::Adam(1e-3), 500_000);
    let stays = (problem.of)(&go("equal")).0;
    assert!(stays[1] > 30.0, "{stays:?}");
    let escapes = (problem.of)(&go("pcgrad")).0;
    assert!(escapes[0] < -90.0 && escapes[1] < -100.0, "{escapes:?}");
}

/// The front is f1 = 1 - exp(-(s - 1)^2), f2 = 1 - exp(-(s + 1)^2) for s from -1 to 1: sums end at its ends,
/// the maximum where p1 f1 = p2 f2. With scipy 1.17 and f(s) = (f1, f2):
///   brentq(lambda s: p * f(s)[0] - (1 - p) * f(s)[1], -1, 1)
/// and for the smooth maximum
///   minimize_scalar(lambda s: .05 * log(sum(exp(w * v / .05) for w, v in zip((p, 1 - p), f(s)))),
///                   bounds=(-1, 1), method="bounded")
#[test]
fn on_a_concave_front_sums_find_the_ends_and_maxima_the_middle() {
    let problem = exponential();
    let start: Vec<f64> = (0..20).map(|at| 0.02 * f64::from(at % 5) - 0.05).collect();
    let go = |config: Value| {
        let x = last(&problem, &config, &start, Step::Adam(1e-3), 20_000);
        (problem.of)(&x).0
    };
    // Within 0.016 of an end: where (1 - w) (1 + s) = w (1 - s) e^-4, or mirrored.
    for (first, expected) in [(0.3, [1.0 - (-4.0_f64).exp(), 0.0]), (0.7, [0.0, 1.0 - (-4.0_f64).exp()])] {
        near(&go(json!({"fixed": {"weights": {"t0": first, "t1": 1.0 - first}}})), &expected, 2e-3);
    }
    let preference = |first: f64| json!({"t0": first, "t1": 1.0 - first});
    let worst =
        [(0.1, [0.9381, 0.1042]), (0.3, [0.8321, 0.3566]), (0.5, [0.6321, 0.6321]), (0.7, [0.3566, 0.8321])];
    for (first, expected) in worst {
        near(&go(json!({"tchebycheff": {"preference": preference(first)}})), &expected, 5e-3);
    }
    for (first, expected) in [(0.3, [0.8798, 0.2566]), (0.5, [0.6321, 0.6321]), (0.7, [0.2566, 0.8798])] {
        let config = json!({"smooth_tchebycheff": {"mu": 0.05, "preference": preference(first)}});
        near(&go(config), &expected, 5e-3);
    }
    for name in ["mgda", "pcgrad", "nash_mtl", "upgrad"] {
        let actual = go(json!(name));
        assert!(actual.iter().all(|f| *f < 0.95), "{name}: {actual:?}");
    }
}

/// The strongly stationary points of two bowls of the same shape lie between their centres, on the line q =
/// 0. In TorchJD 0.18, float64:
///   agg = UPGrad(projector=QuadprogProjector(norm_eps=1e-30, reg_eps=1e-12))
///   for _ in range(100): x -= 0.005 * agg(J(x))
/// (with its default ridge of 1e-4 it continues along the line, to -7.596, -4.228, -4.015 and -4.598).
#[test]
fn upgrad_ends_on_the_line_between_the_centres_of_bowls() {
    let problem = bowls();
    let starts = [[-6.0, 4.0], [-3.0, -1.5], [1.5, 2.0], [2.5, 5.5]];
    for (start, place) in starts.iter().zip([-7.574738, -2.522784, -1.049343, -3.777200]) {
        near(&last(&problem, &json!("upgrad"), start, Step::Plain(0.005), 100), &[place, 0.0], 1e-3);
        let mean = last(&problem, &json!("equal"), start, Step::Plain(0.005), 100);
        assert!(mean[0] < -8.9, "the mean ends near the steep bowl: {mean:?}");
    }
}
