//! The combinations of a sweep: all of them, or some drawn at random.

use serde_json::{Value, json};

use crate::domain::diagnostic::Path;
use crate::spec::pipeline::PipelineConfig;
use crate::spec::sweep::{ChoicesConfig, RangeConfig, SweepConfig, SweepSearchConfig};
use crate::spec::variant::{SettingChange, address};

/// More trainings than anybody waits for.
pub(crate) const MOST_TRIALS: usize = 1000;

/// Draws that may repeat an earlier one before the space counts as used up.
pub(crate) const PATIENCE: u64 = 200;

/// One choice for one setting, and where it stands in the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SettingChoice {
    pub change: SettingChange,
    /// The setting it changes.
    pub path: Path,
    pub address: Path,
}

impl SettingChoice {
    /// A choice as it was made before.
    pub fn from_change(change: SettingChange) -> Self {
        let at_path = key(&change.address);
        Self { path: address(&change.address).unwrap_or_default(), change, address: at_path }
    }

    /// The address in the space that it stands under.
    pub fn key(&self) -> Path {
        key(&self.change.address)
    }

    /// ``weighting: {"dwa":{"temperature":1.0}}``
    pub fn describe(&self) -> String {
        format!("`{}: {}`", self.change.address, plain(&self.change.value))
    }
}

/// A choice as text: names bare, everything else as JSON, which is YAML too.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn key(address: &str) -> Path {
    Path::from_key("sweep").key("space").key(address)
}

fn pick(name: &str, value: Value, at_path: Path) -> SettingChoice {
    let path = address(name).unwrap_or_default();
    SettingChoice { change: SettingChange { address: name.to_owned(), value }, path, address: at_path }
}

/// Every listed choice and the ends of every range, each alone.
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

/// The combinations to train, in their order.
pub(crate) fn combinations(sweep: &SweepConfig, seed: u64) -> Vec<Vec<SettingChoice>> {
    match &sweep.search {
        SweepSearchConfig::Grid(_) => grid(sweep),
        SweepSearchConfig::Random(config) => random(sweep, seed, config.trials.get()),
        // The others are chosen by what comes of these.
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
        let longer = |begun: &Vec<SettingChoice>| {
            let begun = begun.clone();
            values.iter().enumerate().map(move |(i, value)| {
                let mut picks = begun.clone();
                picks.push(pick(name, value.clone(), key(name).index(i)));
                picks
            })
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// Draws are a function of seed, number and address: a longer search begins with the shorter one's, and
/// another address leaves the draws of the others as they were.
pub(crate) fn random(sweep: &SweepConfig, seed: u64, wanted: usize) -> Vec<Vec<SettingChoice>> {
    let mut all: Vec<Vec<SettingChoice>> = Vec::new();
    let (mut number, mut repeated) = (0, 0);
    while all.len() < wanted && repeated < PATIENCE {
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

/// The choice that stands at a place of a list.
pub(crate) fn choice(name: &str, choices: &ChoicesConfig, address: usize) -> SettingChoice {
    let value = match choices {
        ChoicesConfig::List(values) => values.get(address).cloned().unwrap_or_default(),
        ChoicesConfig::Range(_) => Value::Null,
    };
    pick(name, value, key(name).index(address))
}

/// The choice of a number that stands somewhere on the scale of its range: on the logarithm, where it has
/// one.
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

/// From 0 up to but not 1.
pub(crate) fn chance(seed: u64, number: u64, address: &str) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"sweep");
    hasher.update(&seed.to_le_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(address.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    // As many bits as a double has.
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The value at a share of a range, from 0 for its beginning to 1 for its end.
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

/// To four significant digits, so that a person can write it again.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use crate::plan::sweep::{chance, combinations, plain};
    use crate::spec::registry::read_words;
    use crate::spec::sweep::SweepConfig;

    fn sentences(text: &str) -> Vec<String> {
        let sweep: SweepConfig = read_words(text).expect("words");
        let picks = combinations(&sweep, 7);
        let output = |picks: &Vec<crate::plan::sweep::SettingChoice>| {
            picks.iter().map(|pick| plain(&pick.change.value)).collect::<Vec<_>>().join(" ")
        };
        picks.iter().map(output).collect()
    }

    #[test]
    fn a_grid_is_every_combination_and_the_last_address_is_the_fastest() {
        assert_eq!(
            sentences("{space: {a: [1, x], b.c: [0.5, {d: {e: 1}}]}}"),
            ["1 0.5", "1 {\"d\":{\"e\":1}}", "x 0.5", "x {\"d\":{\"e\":1}}"]
        );
        assert_eq!(sentences("{}"), [""], "no space: the pipeline itself");
    }

    #[test]
    fn draws_lie_in_their_range_are_repeatable_and_never_the_same() {
        let text = |trials: usize| {
            format!(
                "{{space: {{a: {{log: [1.0e-5, 0.1]}}, b: {{whole: [2, 4]}}}}, search: {{random: {trials}}}}}"
            )
        };
        let (few, many) = (sentences(&text(5)), sentences(&text(50)));
        assert_eq!(few, many[..5], "a longer search begins with the shorter one");
        assert_eq!(many.len(), 50);
        let numbers = |column: usize| -> Vec<f64> {
            many.iter().map(|line| line.split(' ').nth(column).unwrap().parse().unwrap()).collect()
        };
        assert!(numbers(0).iter().all(|value| (1e-5..=0.1).contains(value)));
        let below = numbers(0).iter().filter(|value| **value < 1e-3).count();
        assert!((15..=35).contains(&below), "half of the magnitudes lie below 0.001: {below}");
        assert!([2.0, 3.0, 4.0].iter().all(|whole| numbers(1).contains(whole)));
    }

    #[test]
    fn a_small_space_ends_a_random_search() {
        let mut all = sentences("{space: {a: [1, 2], b: [3, 4]}, search: {random: {trials: 100}}}");
        all.sort();
        assert_eq!(all, ["1 3", "1 4", "2 3", "2 4"]);
    }

    #[test]
    fn chances_are_even() {
        let mean = (0..1000).map(|number| chance(1, number, "a")).sum::<f64>() / 1000.0;
        // Standard error 0.0091.
        assert!((mean - 0.5).abs() < 0.03, "{mean}");
    }
}
