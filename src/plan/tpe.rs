//! Tree-structured Parzen estimators (Bergstra et al., "Algorithms for hyper-parameter optimization", NeurIPS
//! 2011): chooses values that are more probable among the good trials than among the others.
//!
//! The trials are sorted by their objective, those stopped early last. For every setting separately, the best
//! fraction `gamma` of them is fitted by the density l, the others by g. `candidates` values are drawn from l
//! and ranked by l / g. The density of a list counts each choice once more than it was tried. The density of
//! a range is a mixture of truncated normal distributions: one at each tried value, with the larger of the
//! gaps to its neighbours as standard deviation, and one for the whole range. `log` ranges use the logarithm;
//! `whole` ranges the probability mass of each number's cell.
//!
//! `sweep: {search: {tpe: {trials: 40, startup: 10}}}`

use serde_json::Value;

use crate::plan::sweep::{SettingChoice, chance, choice, number, within};
use crate::spec::sweep::{ChoicesConfig, RangeConfig, SweepConfig, TpeConfig};

/// A combination that was tried, with its values in the order of the space.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EvaluatedChoice {
    pub values: Vec<Value>,
    /// The epoch after which it was stopped early; `None` if it was trained to the end.
    pub pruned_at: Option<usize>,
    /// Lower is better.
    pub loss: f64,
}

impl EvaluatedChoice {
    /// Trials that were trained to the end come first, then those that were stopped late: losses after
    /// different numbers of epochs are not comparable.
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        let rank = |own: &Self| own.pruned_at.map_or(0, |epoch| usize::MAX - epoch);
        rank(self).cmp(&rank(other)).then(self.loss.total_cmp(&other.loss))
    }
}

/// Returns combinations worth a trial, the most promising first. `turn` is the number of earlier
/// combinations.
pub(crate) fn promising(
    sweep: &SweepConfig,
    config: &TpeConfig,
    seed: u64,
    turn: u64,
    tried: &[EvaluatedChoice],
) -> Vec<Vec<SettingChoice>> {
    let mut tried: Vec<&EvaluatedChoice> = tried.iter().collect();
    // The sort is stable, so that the order is reproducible.
    tried.sort_by(|a, b| a.order(b));
    if tried.len() < 2 {
        return Vec::new();
    }
    let good = ((config.gamma.get() * tried.len() as f64).ceil() as usize).clamp(1, tried.len() - 1);
    let (good, others) = tried.split_at(good);
    let candidates = |(index, (name, choices)): (usize, (&String, &ChoicesConfig))| -> Vec<SettingChoice> {
        let density = |of: &[&EvaluatedChoice]| {
            let values: Vec<&Value> = of.iter().filter_map(|tried| tried.values.get(index)).collect();
            ParzenEstimator::fit(choices, &values)
        };
        let (l, g) = (density(good), density(others));
        let draw = |candidate: usize| {
            let chance = |what: &str| chance(seed, turn, &format!("tpe {what} {candidate} {name}"));
            let value = l.draw(chance("kernel"), chance("value"));
            let pick = match choices {
                ChoicesConfig::List(_) => choice(name, choices, value as usize),
                ChoicesConfig::Range(range) => number(name, range, value),
            };
            let at = l.position(choices, &pick.change.value);
            (l.density(at).ln() - g.density(at).ln(), pick)
        };
        let mut drawn: Vec<(f64, SettingChoice)> = (0..config.candidates.get()).map(draw).collect();
        drawn.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut ranked: Vec<SettingChoice> = Vec::new();
        for (_, pick) in drawn {
            if !ranked.contains(&pick) {
                ranked.push(pick);
            }
        }
        ranked
    };
    let columns: Vec<Vec<SettingChoice>> = sweep.space.iter().enumerate().map(candidates).collect();
    let longest = columns.iter().map(Vec::len).max().unwrap_or(0);
    // The best value of every setting; then one setting after the other takes its next best value.
    let first: Vec<SettingChoice> = columns.iter().filter_map(|column| column.first().cloned()).collect();
    let mut all = vec![first.clone()];
    for rank in 1..longest {
        for (index, column) in columns.iter().enumerate() {
            if let Some(pick) = column.get(rank) {
                let mut picks = first.clone();
                picks[index] = pick.clone();
                all.push(picks);
            }
        }
    }
    all
}

/// The estimated distribution of the values of one setting.
#[derive(Clone, Debug, PartialEq)]
enum ParzenEstimator {
    /// The probability of each choice.
    Choices(Vec<f64>),
    Kernels(ParzenKernels),
}

/// A mixture of truncated normal distributions with equal weights.
#[derive(Clone, Debug, PartialEq)]
struct ParzenKernels {
    low: f64,
    high: f64,
    /// Mean and standard deviation of each.
    normals: Vec<(f64, f64)>,
    /// 0.5 for whole numbers (half the width of a cell); 0 for real numbers.
    half_cell: f64,
}

impl ParzenEstimator {
    fn fit(choices: &ChoicesConfig, tried: &[&Value]) -> Self {
        match choices {
            ChoicesConfig::List(values) => {
                let count = |value| 1.0 + tried.iter().filter(|tried| **tried == value).count() as f64;
                let counts: Vec<f64> = values.iter().map(count).collect();
                let sum: f64 = counts.iter().sum();
                Self::Choices(counts.into_iter().map(|count| count / sum).collect())
            }
            ChoicesConfig::Range(range) => {
                let (low, high) = (within(range, 0.0), within(range, 1.0));
                let half_cell = if matches!(range, RangeConfig::Whole(_)) { 0.5 } else { 0.0 };
                let (low, high) = (position(range, &low) - half_cell, position(range, &high) + half_cell);
                let means = tried.iter().map(|value| position(range, value)).collect();
                Self::Kernels(ParzenKernels::fit(low, high, half_cell, means))
            }
        }
    }

    /// The position of a value: the index in a list, or a number on the scale of its range.
    fn position(&self, choices: &ChoicesConfig, value: &Value) -> f64 {
        match choices {
            ChoicesConfig::List(values) => values.iter().position(|known| known == value).unwrap_or(0) as f64,
            ChoicesConfig::Range(range) => position(range, value),
        }
    }

    fn density(&self, at: f64) -> f64 {
        match self {
            Self::Choices(probabilities) => probabilities.get(at as usize).copied().unwrap_or(0.0),
            Self::Kernels(kernels) => kernels.density(at),
        }
    }

    /// Draws a position with two uniform numbers in [0, 1).
    fn draw(&self, first: f64, second: f64) -> f64 {
        match self {
            Self::Choices(probabilities) => {
                let mut sum = 0.0;
                let index = probabilities.iter().position(|probability| {
                    sum += probability;
                    first < sum
                });
                index.unwrap_or(probabilities.len() - 1) as f64
            }
            Self::Kernels(kernels) => kernels.draw(first, second),
        }
    }
}

/// The position of a number on the scale of its range.
fn position(range: &RangeConfig, value: &Value) -> f64 {
    let value = value.as_f64().unwrap_or(f64::NAN);
    if matches!(range, RangeConfig::Log(_)) { value.ln() } else { value }
}

impl ParzenKernels {
    fn fit(low: f64, high: f64, half_cell: f64, tried: Vec<f64>) -> Self {
        let range = high - low;
        let min_deviation = range / (1.0 + tried.len() as f64).min(100.0);
        let mut means = tried;
        let center = 0.5 * (low + high);
        means.push(center);
        let prior = means.len() - 1;
        let mut order: Vec<usize> = (0..means.len()).collect();
        order.sort_by(|a, b| means[*a].total_cmp(&means[*b]));
        let mut normals = vec![(center, range); means.len()];
        for (position, index) in order.iter().enumerate() {
            if *index == prior {
                continue;
            }
            let gap =
                |other: Option<&usize>| other.map_or(0.0, |other| (means[*other] - means[*index]).abs());
            let before = position.checked_sub(1).and_then(|position| order.get(position));
            let deviation = gap(before).max(gap(order.get(position + 1)));
            normals[*index] = (means[*index], deviation.clamp(min_deviation, range));
        }
        Self { low, high, normals, half_cell }
    }

    /// The density at a real number, or the probability mass of a whole number.
    fn density(&self, at: f64) -> f64 {
        let of_normal = |&(mean, deviation): &(f64, f64)| {
            let below = |x: f64| normal_cdf((x - mean) / deviation);
            let inside = below(self.high) - below(self.low);
            let here = match self.half_cell > 0.0 {
                true => below(at + self.half_cell) - below(at - self.half_cell),
                false => {
                    let z = (at - mean) / deviation;
                    (-0.5 * z * z).exp() / (deviation * (2.0 * std::f64::consts::PI).sqrt())
                }
            };
            here / inside
        };
        let sum: f64 = self.normals.iter().map(of_normal).sum();
        // Positive, because its logarithm is taken.
        (sum / self.normals.len() as f64).max(f64::MIN_POSITIVE)
    }

    fn draw(&self, first: f64, second: f64) -> f64 {
        let index = ((first * self.normals.len() as f64) as usize).min(self.normals.len() - 1);
        let (mean, deviation) = self.normals[index];
        let below = |x: f64| normal_cdf((x - mean) / deviation);
        let target = below(self.low) + second * (below(self.high) - below(self.low));
        let (mut low, mut high) = (self.low, self.high);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if below(middle) < target { low = middle } else { high = middle }
        }
        let at = 0.5 * (low + high);
        match self.half_cell > 0.0 {
            true => at.round().clamp(self.low + self.half_cell, self.high - self.half_cell),
            false => at,
        }
    }
}

/// The cumulative distribution function of the standard normal distribution: 1/2 + phi(x) (x + x^3/3 + x^5/15
/// + ...) (Marsaglia 2004).
fn normal_cdf(x: f64) -> f64 {
    if x.abs() > 8.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let (mut sum, mut term, mut step) = (x, x, 1.0);
    while (sum + term) != sum || step < 3.0 {
        step += 2.0;
        term *= x * x / step;
        sum += term;
        if term == 0.0 {
            break;
        }
    }
    0.5 + sum * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::plan::sweep::random;
    use crate::plan::tpe::{EvaluatedChoice, ParzenEstimator, normal_cdf, promising};
    use crate::spec::sweep::{ChoicesConfig, SweepConfig, SweepSearchConfig};

    fn choices(text: &str) -> ChoicesConfig {
        crate::spec::registry::parse_settings(text).expect("settings")
    }

    // scipy 1.17.1:
    //   from scipy.stats import norm, truncnorm
    //   norm.cdf([-3, -1, 0.5, 4]) -> 0.001349898, 0.158655254, 0.691462461, 0.999968329
    //   def mix(x, low, high, kernels):
    //       return np.mean([truncnorm.pdf(x, (low - m) / s, (high - m) / s, m, s) for m, s in kernels])
    //   mix(0.25, 0, 1, [(0.1, 1/3), (0.2, 1/3), (0.5, 1.0)])      # gaps 0.1 and 0.3, at least 1/3
    //   low, m = log(0.001), log(0.001) / 2; mix(log(0.1), low, 0, [(log(0.01), -low / 2), (m, -low)])
    //   def mass(k, low, high, kernels):
    //       c = lambda x, m, s: truncnorm.cdf(x, (low - m) / s, (high - m) / s, m, s)
    //       return np.mean([c(k + .5, m, s) - c(k - .5, m, s) for m, s in kernels])
    //   mass(3, 0.5, 4.5, [(2, 4/3), (2, 4/3), (2.5, 4.0)])
    #[test]
    fn densities_match_scipy() {
        let known = [
            (-3.0, 0.0013498980316300933),
            (-1.0, 0.15865525393145707),
            (0.5, 0.6914624612740131),
            (4.0, 0.9999683287581669),
        ];
        for (x, expected) in known {
            assert!((normal_cdf(x) - expected).abs() < 1e-14, "{x}: {}", normal_cdf(x));
        }
        let density = |text: &str, tried: &[Value], at: f64| {
            ParzenEstimator::fit(&choices(text), &tried.iter().collect::<Vec<_>>()).density(at)
        };
        let linear = density("{linear: [0.0, 1.0]}", &[json!(0.1), json!(0.2)], 0.25);
        assert!((linear - 1.4731036614699236).abs() < 1e-12, "{linear}");
        let log = density("{log: [0.001, 1.0]}", &[json!(0.01)], 0.1_f64.ln());
        assert!((log - 0.14483332865748688).abs() < 1e-12, "{log}");
        let whole = density("{whole: [1, 4]}", &[json!(2), json!(2)], 3.0);
        assert!((whole - 0.2634784650912214).abs() < 1e-12, "{whole}");
        let all: f64 = (1..=4).map(|k| density("{whole: [1, 4]}", &[json!(2)], f64::from(k))).sum();
        assert!((all - 1.0).abs() < 1e-12, "masses sum to 1: {all}");
        assert_eq!(density("[a, b, c]", &[json!("b"), json!("b")], 1.0), 0.6);
    }

    /// The minimum is at x = 0.3, rate = 0.01, layers = 3, kind b.
    fn toy(values: &[Value]) -> f64 {
        let number = |index: usize| values[index].as_f64().expect("a number");
        let kind = if values[3] == json!("b") { 0.0 } else { 0.5 };
        (number(0) - 0.3).powi(2)
            + (number(1) / 0.01).log10().powi(2)
            + 0.1 * (number(2) - 3.0).powi(2)
            + kind
    }

    #[test]
    fn tpe_finds_better_values_than_random_search() {
        let text = "{space: {x: {linear: [-2.0, 2.0]}, rate: {log: [1.0e-5, 1.0]}, layers: {whole: [1, 9]},
                     kind: [a, b, c]}, search: {tpe: {trials: 40}}}";
        let sweep: SweepConfig = crate::spec::registry::parse_settings(text).expect("settings");
        let SweepSearchConfig::Tpe(config) = &sweep.search else { panic!("tpe") };
        let (mut proposed, mut drawn) = (0.0, 0.0);
        const SEEDS: u64 = 30;
        for seed in 0..SEEDS {
            let values = |picks: &Vec<crate::plan::sweep::SettingChoice>| -> Vec<Value> {
                picks.iter().map(|pick| pick.change.value.clone()).collect()
            };
            let best = |tried: &[EvaluatedChoice]| {
                tried.iter().map(|tried| tried.loss).fold(f64::INFINITY, f64::min)
            };
            let all: Vec<EvaluatedChoice> = random(&sweep, seed, 40)
                .iter()
                .map(values)
                .map(|values| EvaluatedChoice { loss: toy(&values), pruned_at: None, values })
                .collect();
            drawn += best(&all) / SEEDS as f64;
            let mut tried = all[..10].to_vec();
            while tried.len() < 40 {
                let next = promising(&sweep, config, seed, tried.len() as u64, &tried);
                let new =
                    next.iter().map(values).find(|values| tried.iter().all(|old| old.values != *values));
                let values = new.expect("something new");
                tried.push(EvaluatedChoice { loss: toy(&values), pruned_at: None, values });
            }
            proposed += best(&tried) / SEEDS as f64;
        }
        assert!(proposed < 0.6 * drawn, "{proposed} is not better than {drawn}");
    }

    #[test]
    fn proposals_are_reproducible() {
        let text = "{space: {x: {linear: [0.0, 1.0]}, kind: [a, b]}, search: {tpe: 9}}";
        let sweep: SweepConfig = crate::spec::registry::parse_settings(text).expect("settings");
        let SweepSearchConfig::Tpe(config) = &sweep.search else { panic!("tpe") };
        let tried = [(0.1, 1.0), (0.9, 2.0), (0.5, 3.0)].map(|(x, loss)| EvaluatedChoice {
            values: vec![json!(x), json!("a")],
            pruned_at: None,
            loss,
        });
        let next = || promising(&sweep, config, 4, 3, &tried);
        assert_eq!(next(), next());
        assert!(promising(&sweep, config, 4, 1, &tried[..1]).is_empty(), "one trial is not enough");
        // Trials that were stopped early come last.
        let early = EvaluatedChoice { pruned_at: Some(2), ..tried[0].clone() };
        let late = EvaluatedChoice { pruned_at: Some(5), ..tried[2].clone() };
        let mut all = [&early, &late, &tried[1]];
        all.sort_by(|a, b| a.order(b));
        assert_eq!(all.map(|tried| tried.loss), [2.0, 3.0, 1.0]);
    }
}
