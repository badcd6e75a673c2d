//! Toy problems with several losses and their gradients, with known solutions.

/// Losses and their gradients at x.
pub type Value = (Vec<f64>, Vec<Vec<f64>>);

pub struct Problem {
    pub of: Box<dyn Fn(&[f64]) -> Value>,
}

fn problem(of: impl Fn(&[f64]) -> Value + 'static) -> Problem {
    Problem { of: Box::new(of) }
}

/// 1 - tanh^2
fn slope(x: f64) -> f64 {
    1.0 - x.tanh().powi(2)
}

/// ln max(|a|, 5e-6), and its derivative.
fn logarithm(a: f64) -> (f64, f64) {
    const MINIMUM: f64 = 5e-6;
    (a.abs().max(MINIMUM).ln(), if a.abs() > MINIMUM { 1.0 / a } else { 0.0 })
}

/// Two valleys whose gradients conflict and differ in norm (Liu et al., CAGrad, NeurIPS 2021, appendix; with
/// the first loss scaled by 0.1 the problem of Navon et al., Nash-MTL, ICML 2022).
pub fn two_valleys(first: f64) -> Problem {
    problem(move |x| {
        let (p, q) = (x[0], x[1]);
        let (f1, of_a) = logarithm(0.5 * (-p - 7.0) - (-q).tanh());
        let (f2, of_b) = logarithm(0.5 * (-p + 3.0) + (-q).tanh() + 2.0);
        let (f1, f2) = (f1 + 6.0, f2 + 6.0);
        let (d1, d2) = ([-0.5 * of_a, slope(q) * of_a], [-0.5 * of_b, -slope(q) * of_b]);
        let (c1, c2) = ((q / 2.0).tanh().max(0.0), (-q / 2.0).tanh().max(0.0));
        // At the kink of max(., 0) half of the slope, as in PyTorch: one trajectory starts there.
        let corner = |side: f64| {
            if q * side > 0.0 {
                1.0
            } else if q == 0.0 {
                0.5
            } else {
                0.0
            }
        };
        let (s1, s2) = (corner(1.0) * 0.5 * slope(q / 2.0), corner(-1.0) * -0.5 * slope(q / 2.0));
        let bowl = |center: f64| {
            let value = ((p - center).powi(2) + 0.1 * (q + 8.0).powi(2)) / 10.0 - 20.0;
            (value, [(p - center) / 5.0, 0.02 * (q + 8.0)])
        };
        let mix = |(f, d): (f64, [f64; 2]), (b, e): (f64, [f64; 2])| {
            (f * c1 + b * c2, vec![d[0] * c1 + e[0] * c2, d[1] * c1 + f * s1 + e[1] * c2 + b * s2])
        };
        let (l1, g1) = mix((f1, d1), bowl(7.0));
        let (l2, g2) = mix((f2, d2), bowl(-7.0));
        (vec![first * l1, l2], vec![g1.into_iter().map(|g| first * g).collect(), g2])
    })
}

/// A valley in which the sum of two losses gets stuck (Yu et al., PCGrad, NeurIPS 2020, figure 1).
pub fn valley() -> Problem {
    problem(|x| {
        let (a, b) = (x[0], x[1]);
        let (f1, of_1) = logarithm(0.5 * a + b.tanh());
        let (f2, of_2) = logarithm(0.5 * a - b.tanh() + 2.0);
        let (g1, g2) = ([0.5 * of_1, slope(b) * of_1], [0.5 * of_2, -slope(b) * of_2]);
        let scaled = |g: [f64; 2], by: f64| g.iter().map(|g| by * g).collect();
        (vec![20.0 * f1, 25.0 * f2], vec![scaled(g1, 20.0), scaled(g2, 25.0)])
    })
}

/// 1 - exp(-|x - u|^2) and 1 - exp(-|x + u|^2), u = 1 / sqrt(n): a concave front (Lin et al., Pareto MTL,
/// NeurIPS 2019).
pub fn exponential() -> Problem {
    problem(|x| {
        let u = 1.0 / (x.len() as f64).sqrt();
        let one = |u: f64| {
            let e = (-x.iter().map(|x| (x - u).powi(2)).sum::<f64>()).exp();
            (1.0 - e, x.iter().map(|x| 2.0 * (x - u) * e).collect())
        };
        let ((f1, g1), (f2, g2)) = (one(u), one(-u));
        (vec![f1, f2], vec![g1, g2])
    })
}

/// Two bowls of the same shape, the second ten times as steep, around (1, 0) and (-10, 0) (from TorchJD's
/// trajectory plots).
pub fn bowls() -> Problem {
    problem(|x| {
        let one = |center: f64, scale: f64| {
            let (p, q) = (x[0] - center, x[1]);
            let (ap, aq) = (scale * (2.0 * p - q), scale * (2.0 * q - p));
            (p * ap + q * aq, vec![2.0 * ap, 2.0 * aq])
        };
        let ((f1, g1), (f2, g2)) = (one(1.0, 1.0), one(-10.0, 10.0));
        (vec![f1, f2], vec![g1, g2])
    })
}
