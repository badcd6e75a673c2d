//! Tree-structured Parzen estimators (Bergstra et al., "Algorithms for hyper-parameter optimization", NeurIPS
//! 2011): choices that are likelier among the good trials than among the others.
//!
//! The trials are put in order by their objective, those given up early behind the others; the best `gamma`
//! of them make the density l, the others g, for every address by itself. `candidates` values are drawn from
//! l, and tried in the order of l / g. A list's density counts each choice once more than it was tried. A
//! range's is a mixture of normal distributions within its ends: one at each value tried, as wide as the
//! wider of the gaps beside it, and one for the whole range; of `log` ranges on the logarithm, of `whole`
//! ones the mass of the number's cell.
//!
//! `sweep: {search: {tpe: {trials: 40, startup: 10}}}`

use serde_json::Value;

use crate::plan::sweep::{SettingChoice, chance, choice, number, within};
use crate::spec::sweep::{ChoicesConfig, RangeConfig, SweepConfig, TpeConfig};

/// A combination that was tried, its values in the space's order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EvaluatedChoice {
    pub values: Vec<Value>,
    /// The epoch after which it was given up; `None` when it was trained to its end.
    pub given_up: Option<usize>,
    /// The lower the better.
    pub loss: f64,
}

impl EvaluatedChoice {
    /// What was trained to its end comes first; then what was given up late. Losses after few epochs and
    /// after many are not compared.
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        let rank = |own: &Self| own.given_up.map_or(0, |epoch| usize::MAX - epoch);
        rank(self).cmp(&rank(other)).then(self.loss.total_cmp(&other.loss))
    }
}

/// Combinations worth a trial, the most promising first. `turn`: how many were chosen before.
pub(crate) fn promising(
    sweep: &SweepConfig,
    config: &TpeConfig,
    seed: u64,
    turn: u64,
    tried: &[EvaluatedChoice],
) -> Vec<Vec<SettingChoice>> {
    let mut tried: Vec<&EvaluatedChoice> = tried.iter().collect();
    // Of equal ones the earlier, so that the order is the same every time.
    tried.sort_by(|a, b| a.order(b));
    if tried.len() < 2 {
        return Vec::new();
    }
    let good = ((config.gamma.get() * tried.len() as f64).ceil() as usize).clamp(1, tried.len() - 1);
    let (good, others) = tried.split_at(good);
    let ranked = |(index, (name, choices)): (usize, (&String, &ChoicesConfig))| -> Vec<SettingChoice> {
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
            let at = l.at(choices, &pick.change.value);
            (l.value(at).ln() - g.value(at).ln(), pick)
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
    let columns: Vec<Vec<SettingChoice>> = sweep.space.iter().enumerate().map(ranked).collect();
    let most = columns.iter().map(Vec::len).max().unwrap_or(0);
    // The best of every address; then one address after the other takes its next.
    let first: Vec<SettingChoice> = columns.iter().filter_map(|column| column.first().cloned()).collect();
    let mut all = vec![first.clone()];
    for rank in 1..most {
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

/// How likely each value of one address is.
#[derive(Clone, Debug, PartialEq)]
enum ParzenEstimator {
    /// The probability of each choice.
    Choices(Vec<f64>),
    Kernels(ParzenKernels),
}

/// Normal distributions of the same weight within two ends.
#[derive(Clone, Debug, PartialEq)]
struct ParzenKernels {
    low: f64,
    high: f64,
    /// Middle and width of each.
    normals: Vec<(f64, f64)>,
    /// Half of a whole number's cell; 0 of a real one.
    half: f64,
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
                let half = if matches!(range, RangeConfig::Whole(_)) { 0.5 } else { 0.0 };
                let (low, high) = (position(range, &low) - half, position(range, &high) + half);
                let middles = tried.iter().map(|value| position(range, value)).collect();
                Self::Kernels(ParzenKernels::fit(low, high, half, middles))
            }
        }
    }

    /// Where a value lies: a choice's place in its list, a number on its scale.
    fn at(&self, choices: &ChoicesConfig, value: &Value) -> f64 {
        match choices {
            ChoicesConfig::List(values) => values.iter().position(|known| known == value).unwrap_or(0) as f64,
            ChoicesConfig::Range(range) => position(range, value),
        }
    }

    fn value(&self, at: f64) -> f64 {
        match self {
            Self::Choices(shares) => shares.get(at as usize).copied().unwrap_or(0.0),
            Self::Kernels(kernels) => kernels.value(at),
        }
    }

    /// A place drawn by two numbers from 0 up to 1.
    fn draw(&self, first: f64, second: f64) -> f64 {
        match self {
            Self::Choices(shares) => {
                let mut sum = 0.0;
                let index = shares.iter().position(|share| {
                    sum += share;
                    first < sum
                });
                index.unwrap_or(shares.len() - 1) as f64
            }
            Self::Kernels(kernels) => kernels.draw(first, second),
        }
    }
}

/// A number on the scale of its range.
fn position(range: &RangeConfig, value: &Value) -> f64 {
    let value = value.as_f64().unwrap_or(f64::NAN);
    if matches!(range, RangeConfig::Log(_)) { value.ln() } else { value }
}

impl ParzenKernels {
    fn fit(low: f64, high: f64, half: f64, tried: Vec<f64>) -> Self {
        let range = high - low;
        let narrowest = range / (1.0 + tried.len() as f64).min(100.0);
        let mut middles = tried;
        let whole = 0.5 * (low + high);
        middles.push(whole);
        let own = middles.len() - 1;
        let mut order: Vec<usize> = (0..middles.len()).collect();
        order.sort_by(|a, b| middles[*a].total_cmp(&middles[*b]));
        let mut normals = vec![(whole, range); middles.len()];
        for (position, index) in order.iter().enumerate() {
            if *index == own {
                continue;
            }
            let gap =
                |other: Option<&usize>| other.map_or(0.0, |other| (middles[*other] - middles[*index]).abs());
            let before = position.checked_sub(1).and_then(|position| order.get(position));
            let width = gap(before).max(gap(order.get(position + 1)));
            normals[*index] = (middles[*index], width.clamp(narrowest, range));
        }
        Self { low, high, normals, half }
    }

    /// The density at a real number, the mass of a whole one.
    fn value(&self, at: f64) -> f64 {
        let one = |&(middle, width): &(f64, f64)| {
            let below = |x: f64| below((x - middle) / width);
            let inside = below(self.high) - below(self.low);
            let here = match self.half > 0.0 {
                true => below(at + self.half) - below(at - self.half),
                false => {
                    let z = (at - middle) / width;
                    (-0.5 * z * z).exp() / (width * (2.0 * std::f64::consts::PI).sqrt())
                }
            };
            here / inside
        };
        let sum: f64 = self.normals.iter().map(one).sum();
        // Far from everything it is small, but never nothing.
        (sum / self.normals.len() as f64).max(f64::MIN_POSITIVE)
    }

    fn draw(&self, first: f64, second: f64) -> f64 {
        let index = ((first * self.normals.len() as f64) as usize).min(self.normals.len() - 1);
        let (middle, width) = self.normals[index];
        let below = |x: f64| below((x - middle) / width);
        let wanted = below(self.low) + second * (below(self.high) - below(self.low));
        let (mut low, mut high) = (self.low, self.high);
        for _ in 0..60 {
            let half = 0.5 * (low + high);
            if below(half) < wanted { low = half } else { high = half }
        }
        let at = 0.5 * (low + high);
        if self.half > 0.0 { at.round().clamp(self.low + self.half, self.high - self.half) } else { at }
    }
}

/// The share of the standard normal distribution below `x`: 1/2 + phi(x) (x + x^3/3 + x^5/15 + ...)
/// (Marsaglia 2004).
fn below(x: f64) -> f64 {
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
    use crate::plan::tpe::{EvaluatedChoice, ParzenEstimator, below, promising};
    use crate::spec::sweep::{ChoicesConfig, SweepConfig, SweepSearchConfig};

    fn choices(text: &str) -> ChoicesConfig {
        crate::spec::registry::read_words(text).expect("words")
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
    fn densities_as_scipy_has_them() {
        let known = [
            (-3.0, 0.0013498980316300933),
            (-1.0, 0.15865525393145707),
            (0.5, 0.6914624612740131),
            (4.0, 0.9999683287581669),
        ];
        for (x, expected) in known {
            assert!((below(x) - expected).abs() < 1e-14, "{x}: {}", below(x));
        }
        let value = |text: &str, tried: &[Value], at: f64| {
            ParzenEstimator::fit(&choices(text), &tried.iter().collect::<Vec<_>>()).value(at)
        };
        let linear = value("{linear: [0.0, 1.0]}", &[json!(0.1), json!(0.2)], 0.25);
        assert!((linear - 1.4731036614699236).abs() < 1e-12, "{linear}");
        let log = value("{log: [0.001, 1.0]}", &[json!(0.01)], 0.1_f64.ln());
        assert!((log - 0.14483332865748688).abs() < 1e-12, "{log}");
        let whole = value("{whole: [1, 4]}", &[json!(2), json!(2)], 3.0);
        assert!((whole - 0.2634784650912214).abs() < 1e-12, "{whole}");
        let all: f64 = (1..=4).map(|k| value("{whole: [1, 4]}", &[json!(2)], f64::from(k))).sum();
        assert!((all - 1.0).abs() < 1e-12, "masses sum to 1: {all}");
        assert_eq!(value("[a, b, c]", &[json!("b"), json!("b")], 1.0), 0.6);
    }

    /// Best at x = 0.3, rate = 0.01, layers = 3, kind b.
    fn toy(values: &[Value]) -> f64 {
        let number = |index: usize| values[index].as_f64().expect("a number");
        let kind = if values[3] == json!("b") { 0.0 } else { 0.5 };
        (number(0) - 0.3).powi(2)
            + (number(1) / 0.01).log10().powi(2)
            + 0.1 * (number(2) - 3.0).powi(2)
            + kind
    }

    #[test]
    fn better_than_drawing_at_random() {
        let text = "{space: {x: {linear: [-2.0, 2.0]}, rate: {log: [1.0e-5, 1.0]}, layers: {whole: [1, 9]},
                     kind: [a, b, c]}, search: {tpe: {trials: 40}}}";
        let sweep: SweepConfig = crate::spec::registry::read_words(text).expect("words");
        let SweepSearchConfig::Tpe(config) = &sweep.search else { panic!("tpe") };
        let (mut result, mut drawn) = (0.0, 0.0);
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
                .map(|values| EvaluatedChoice { loss: toy(&values), given_up: None, values })
                .collect();
            drawn += best(&all) / SEEDS as f64;
            let mut tried = all[..10].to_vec();
            while tried.len() < 40 {
                let next = promising(&sweep, config, seed, tried.len() as u64, &tried);
                let new =
                    next.iter().map(values).find(|values| tried.iter().all(|old| old.values != *values));
                let values = new.expect("something new");
                tried.push(EvaluatedChoice { loss: toy(&values), given_up: None, values });
            }
            result += best(&tried) / SEEDS as f64;
        }
        assert!(result < 0.6 * drawn, "{result} is not better than {drawn}");
    }

    #[test]
    fn the_same_every_time() {
        let text = "{space: {x: {linear: [0.0, 1.0]}, kind: [a, b]}, search: {tpe: 9}}";
        let sweep: SweepConfig = crate::spec::registry::read_words(text).expect("words");
        let SweepSearchConfig::Tpe(config) = &sweep.search else { panic!("tpe") };
        let tried = [(0.1, 1.0), (0.9, 2.0), (0.5, 3.0)].map(|(x, loss)| EvaluatedChoice {
            values: vec![json!(x), json!("a")],
            given_up: None,
            loss,
        });
        let next = || promising(&sweep, config, 4, 3, &tried);
        assert_eq!(next(), next());
        assert!(promising(&sweep, config, 4, 1, &tried[..1]).is_empty(), "one says nothing");
        // Given up, the best of them is the last.
        let early = EvaluatedChoice { given_up: Some(2), ..tried[0].clone() };
        let late = EvaluatedChoice { given_up: Some(5), ..tried[2].clone() };
        let mut all = [&early, &late, &tried[1]];
        all.sort_by(|a, b| a.order(b));
        assert_eq!(all.map(|tried| tried.loss), [2.0, 3.0, 1.0]);
    }
}
