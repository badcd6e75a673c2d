//! The combinations of a sweep: all of them, or a random sample.

use serde_json::{Value, json};

use crate::domain::diagnostic::Path;
use crate::spec::pipeline::PipelineConfig;
use crate::spec::sweep::{ChoicesConfig, RangeConfig, SweepConfig, SweepSearchConfig};
use crate::spec::variant::{SettingChange, address};

/// Maximum number of trials.
pub(crate) const MAX_TRIALS: usize = 1000;

/// After this many draws of known combinations the space counts as exhausted.
pub(crate) const MAX_REPEATS: u64 = 200;

/// One choice for one setting, and its location in the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SettingChoice {
    pub change: SettingChange,
    /// The setting that is changed.
    pub path: Path,
    /// The location of the choice in the file.
    pub location: Path,
}

impl SettingChoice {
    /// A choice that was made before.
    pub fn from_change(change: SettingChange) -> Self {
        let location = key(&change.address);
        Self { path: address(&change.address).unwrap_or_default(), change, location }
    }

    /// The location of the setting's key in `space`.
    pub fn key(&self) -> Path {
        key(&self.change.address)
    }

    /// ``weighting: {"dwa":{"temperature":1.0}}``
    pub fn describe(&self) -> String {
        format!("`{}: {}`", self.change.address, plain(&self.change.value))
    }
}

/// A choice as text: strings unquoted, everything else as JSON, which is also YAML.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn key(address: &str) -> Path {
    Path::from_key("sweep").key("space").key(address)
}

fn pick(name: &str, value: Value, location: Path) -> SettingChoice {
    let path = address(name).unwrap_or_default();
    SettingChoice { change: SettingChange { address: name.to_owned(), value }, path, location }
}

/// Every listed choice and the bounds of every range, each alone.
pub(crate) fn singles(sweep: &SweepConfig) -> Vec<SettingChoice> {
    let mut all = Vec::new();
    for (name, choices) in &sweep.space {
        match choices {
            ChoicesConfig::List(values) => {
                let values = values.iter().enumerate();
                all.extend(values.map(|(i, value)| pick(name, value.clone(), key(name).index(i))));
            }
            ChoicesConfig::Range(range) => {
                all.extend([0.0, 1.0].map(|end| pick(name, within(range, end), key(name))));
            }
        }
    }
    all
}

/// The combinations to train, in order.
pub(crate) fn combinations(sweep: &SweepConfig, seed: u64) -> Vec<Vec<SettingChoice>> {
    match &sweep.search {
        SweepSearchConfig::Grid(_) => grid(sweep),
        SweepSearchConfig::Random(config) => random(sweep, seed, config.trials.get()),
        // Further combinations are chosen from the results of these.
        SweepSearchConfig::Tpe(config) => {
            let seed = config.seed.map_or(seed, |seed| seed.get());
            random(sweep, seed, config.startup.get().min(config.trials.get()))
        }
    }
}

/// The seeds that each combination is trained with.
pub(crate) fn seeds(sweep: &SweepConfig, pipeline: &PipelineConfig) -> Vec<u64> {
    match sweep.seeds.as_slice() {
        [] => vec![pipeline.seed.get()],
        several => several.iter().map(|seed| seed.get()).collect(),
    }
}

fn grid(sweep: &SweepConfig) -> Vec<Vec<SettingChoice>> {
    let mut all: Vec<Vec<SettingChoice>> = vec![Vec::new()];
    for (name, choices) in &sweep.space {
        let ChoicesConfig::List(values) = choices else { continue };
        let extended = |prefix: &Vec<SettingChoice>| {
            let prefix = prefix.clone();
            values.iter().enumerate().map(move |(i, value)| {
                let mut picks = prefix.clone();
                picks.push(pick(name, value.clone(), key(name).index(i)));
                picks
            })
        };
        all = all.iter().flat_map(extended).collect();
    }
    all
}

/// Draws up to `count` distinct combinations. Draws are a function of seed, number and setting path: a longer
/// search starts with the combinations of a shorter one, and adding a setting does not change the draws of
/// the others.
pub(crate) fn random(sweep: &SweepConfig, seed: u64, count: usize) -> Vec<Vec<SettingChoice>> {
    let mut all: Vec<Vec<SettingChoice>> = Vec::new();
    let (mut number, mut repeated) = (0, 0);
    while all.len() < count && repeated < MAX_REPEATS {
        let draw = |(name, choices): (&String, &ChoicesConfig)| {
            let chance = chance(seed, number, name);
            match choices {
                ChoicesConfig::List(values) => {
                    let i = ((chance * values.len() as f64) as usize).min(values.len() - 1);
                    pick(name, values[i].clone(), key(name).index(i))
                }
                ChoicesConfig::Range(range) => pick(name, within(range, chance), key(name)),
            }
        };
        let picks: Vec<SettingChoice> = sweep.space.iter().map(draw).collect();
        number += 1;
        if all.contains(&picks) {
            repeated += 1;
        } else {
            all.push(picks);
        }
    }
    all
}

/// The choice at an index of a list.
pub(crate) fn choice(name: &str, choices: &ChoicesConfig, index: usize) -> SettingChoice {
    let value = match choices {
        ChoicesConfig::List(values) => values.get(index).cloned().unwrap_or_default(),
        ChoicesConfig::Range(_) => Value::Null,
    };
    pick(name, value, key(name).index(index))
}

/// The choice of a number at a position on the scale of its range (logarithmic for `log` ranges).
pub(crate) fn number(name: &str, range: &RangeConfig, at: f64) -> SettingChoice {
    let value = match range {
        RangeConfig::Log(config) => json!(rounded(at.exp()).clamp(config.between.0, config.between.1)),
        RangeConfig::Linear(config) => json!(rounded(at).clamp(config.between.0, config.between.1)),
        RangeConfig::Whole(config) => {
            json!((at.round() as i64).clamp(config.between.0.ceil() as i64, config.between.1.floor() as i64))
        }
    };
    pick(name, value, key(name))
}

/// A uniform draw in [0, 1), as a function of seed, number and setting path.
pub(crate) fn chance(seed: u64, number: u64, address: &str) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"sweep");
    hasher.update(&seed.to_le_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(address.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    // The 53 bits of a double's significand.
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The value at a fraction of a range, from 0 for its lower bound to 1 for its upper bound.
pub(crate) fn within(range: &RangeConfig, share: f64) -> Value {
    match range {
        RangeConfig::Log(config) => {
            let (low, high) = (config.between.0, config.between.1);
            json!(rounded((low.ln() + share * (high.ln() - low.ln())).exp()).clamp(low, high))
        }
        RangeConfig::Linear(config) => {
            let (low, high) = (config.between.0, config.between.1);
            json!(rounded(low + share * (high - low)).clamp(low, high))
        }
        RangeConfig::Whole(config) => {
            let (low, high) = (config.between.0.ceil() as i64, config.between.1.floor() as i64);
            json!((low + (share * (high - low + 1) as f64) as i64).min(high))
        }
    }
}

/// Rounds to four significant digits for readability.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use crate::plan::sweep::{chance, combinations, plain};
    use crate::spec::registry::parse_settings;
    use crate::spec::sweep::SweepConfig;

    fn drawn(text: &str) -> Vec<String> {
        let sweep: SweepConfig = parse_settings(text).expect("settings");
        let picks = combinations(&sweep, 7);
        let line = |picks: &Vec<crate::plan::sweep::SettingChoice>| {
            picks.iter().map(|pick| plain(&pick.change.value)).collect::<Vec<_>>().join(" ")
        };
        picks.iter().map(line).collect()
    }

    #[test]
    fn in_a_grid_the_last_setting_varies_fastest() {
        assert_eq!(
            drawn("{space: {a: [1, x], b.c: [0.5, {d: {e: 1}}]}}"),
            ["1 0.5", "1 {\"d\":{\"e\":1}}", "x 0.5", "x {\"d\":{\"e\":1}}"]
        );
        assert_eq!(drawn("{}"), [""], "without a space: the pipeline itself");
    }

    #[test]
    fn draws_are_in_their_range_reproducible_and_distinct() {
        let text = |trials: usize| {
            format!(
                "{{space: {{a: {{log: [1.0e-5, 0.1]}}, b: {{whole: [2, 4]}}}}, search: {{random: {trials}}}}}"
            )
        };
        let (few, many) = (drawn(&text(5)), drawn(&text(50)));
        assert_eq!(few, many[..5], "a longer search starts with the shorter one");
        assert_eq!(many.len(), 50);
        let numbers = |column: usize| -> Vec<f64> {
            many.iter().map(|line| line.split(' ').nth(column).unwrap().parse().unwrap()).collect()
        };
        assert!(numbers(0).iter().all(|value| (1e-5..=0.1).contains(value)));
        let below = numbers(0).iter().filter(|value| **value < 1e-3).count();
        assert!((15..=35).contains(&below), "half of the magnitudes are below 0.001: {below}");
        assert!([2.0, 3.0, 4.0].iter().all(|whole| numbers(1).contains(whole)));
    }

    #[test]
    fn a_small_space_ends_a_random_search() {
        let mut all = drawn("{space: {a: [1, 2], b: [3, 4]}, search: {random: {trials: 100}}}");
        all.sort();
        assert_eq!(all, ["1 3", "1 4", "2 3", "2 4"]);
    }

    #[test]
    fn draws_are_uniform() {
        let mean = (0..1000).map(|number| chance(1, number, "a")).sum::<f64>() / 1000.0;
        // Standard error 0.0091.
        assert!((mean - 0.5).abs() < 0.03, "{mean}");
    }
}
