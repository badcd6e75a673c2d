//! Preference vectors, evenly spaced on the simplex (Das and Dennis, "Normal-boundary intersection", SIAM J.
//! Optim. 1998): every share is a multiple of 1 / (N - 1), so that N vectors along each edge make C(N + K -
//! 2, K - 1) vectors for K tasks. A sweep trains one trial per vector; a network that reads its preference
//! (`cosmos`) is scored for each vector.

use serde_json::{Map, Value, json};

use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::plan::sweep::MAX_TRIALS;
use crate::spec::pipeline::PipelineConfig;
use crate::spec::sweep::{ChoicesConfig, SweepConfig};
use crate::spec::variant::address;
use crate::train::config::{CosmosConfig, WeightingConfig};

const WEIGHTING: &str = "preference";

/// Default limits: vectors along an edge, and vectors in total.
const DEFAULT_POINTS: usize = 11;
const DEFAULT_VECTORS: usize = 66;

/// Maximum number of vectors that can be configured.
const MAX_VECTORS: usize = 1_000;

/// The settings of `cosmos`, and their path.
pub(crate) fn cosmos(pipeline: &PipelineConfig) -> Option<(Path, &CosmosConfig)> {
    let choices = &pipeline.weighting.0;
    choices.iter().enumerate().find_map(|(index, choice)| {
        let WeightingConfig::Cosmos(config) = choice else { return None };
        let path = Path::from_key("weighting");
        let path = if choices.len() == 1 { path } else { path.index(index) };
        Some((path.key(choice.name()), config))
    })
}

/// The default number of vectors along an edge.
pub(crate) fn default_points(tasks: usize) -> usize {
    (2..=DEFAULT_POINTS).rev().find(|points| vector_count(tasks, *points) <= DEFAULT_VECTORS).unwrap_or(2)
}

/// Checks the number of vectors along an edge that the network is scored for.
pub(crate) fn check_front(tasks: usize, points: usize, path: Path) -> Option<Diagnostic> {
    if points < 2 {
        let message = "`front` needs at least 2 vectors per edge; found 1";
        return Some(Diagnostic::error("cosmos-front", path, message).help("for two tasks: 11"));
    }
    let count = vector_count(tasks, points);
    (count > MAX_VECTORS).then(|| {
        let message = format!("`front` makes {count} vectors; the limit is {MAX_VECTORS}");
        Diagnostic::error("cosmos-front", path, message).help("use fewer vectors per edge")
    })
}

/// Returns the sweep with its preference vectors added to its space, if it has `preferences`.
pub(crate) fn expanded(pipeline: &PipelineConfig, sweep: &SweepConfig) -> SweepConfig {
    let mut sweep = sweep.clone();
    let (Some(points), Some(address)) = (sweep.preferences.take(), vector_address(pipeline)) else {
        return sweep;
    };
    let tasks: Vec<String> = pipeline.tasks.keys().map(ToString::to_string).collect();
    let named = |shares: Vec<f64>| -> Value {
        tasks.iter().cloned().zip(shares.into_iter().map(|share| json!(share))).collect::<Map<_, _>>().into()
    };
    let vectors = simplex(tasks.len(), points.get()).into_iter().map(named).collect();
    sweep.space.insert(address, ChoicesConfig::List(vectors));
    sweep
}

/// The setting path of the vector of `weighting: preference`, if it is used.
fn vector_address(pipeline: &PipelineConfig) -> Option<String> {
    let choices = &pipeline.weighting.0;
    let index = choices.iter().position(|choice| choice.name() == WEIGHTING)?;
    Some(match choices.len() {
        1 => format!("weighting.{WEIGHTING}.vector"),
        _ => format!("weighting[{index}].{WEIGHTING}.vector"),
    })
}

/// Checks `sweep.preferences`.
pub(crate) fn check(pipeline: &PipelineConfig, sweep: &SweepConfig) -> Vec<Diagnostic> {
    let Some(points) = sweep.preferences else { return Vec::new() };
    let path = Path::from_key("sweep").key("preferences");
    let error = |message: String, help: &str| {
        vec![Diagnostic::error("preferences", path.clone(), message).help(help)]
    };
    if cosmos(pipeline).is_some() {
        let message = "`preferences` cannot be combined with `cosmos`, which trains one network for all \
                       preferences";
        let help = "remove `preferences`; `cosmos.front` sets for how many preferences the network is scored";
        return error(message.to_owned(), help);
    }
    let Some(own) = vector_address(pipeline) else {
        let help = "write `weighting: {preference: {by: tchebycheff}}`";
        return error("`preferences` needs `weighting: preference`".to_owned(), help);
    };
    if pipeline.tasks.len() < 2 {
        return error("`preferences` needs at least 2 tasks".to_owned(), "remove `preferences`");
    }
    if points.get() < 2 {
        let message = "`preferences` needs at least 2 vectors per edge; found 1";
        return error(message.to_owned(), "for two tasks: 5");
    }
    let count = vector_count(pipeline.tasks.len(), points.get());
    if count > MAX_TRIALS {
        let message = format!("`preferences` makes {count} vectors; the limit is {MAX_TRIALS}");
        return error(message, "use fewer vectors per edge");
    }
    let overlaps = |name: &&String| {
        let (path, own) = (address(name).unwrap_or_default(), address(&own).unwrap_or_default());
        own.starts_with(&path) || path.starts_with(&own)
    };
    match sweep.space.keys().find(overlaps) {
        Some(name) => error(
            format!("`preferences` and `space.{name}` both set the preference vectors"),
            "remove one of the two",
        ),
        None => Vec::new(),
    }
}

/// The number of vectors, C(points + tasks - 2, tasks - 1); `usize::MAX` if it is above a million.
fn vector_count(tasks: usize, points: usize) -> usize {
    let mut count = 1_usize;
    for k in 1..tasks {
        count = count.saturating_mul(points - 1 + k) / k;
        if count > 1_000_000 {
            return usize::MAX;
        }
    }
    count
}

/// All vectors of `tasks` shares that are multiples of 1 / (points - 1) and sum to 1, in descending
/// lexicographic order.
pub(crate) fn simplex(tasks: usize, points: usize) -> Vec<Vec<f64>> {
    let parts = points.saturating_sub(1).max(1);
    // Rounded to six digits for readability; the weighting normalizes the sum to 1.
    let share = |part: usize| (part as f64 / parts as f64 * 1e6).round() / 1e6;
    let mut prefixes: Vec<(Vec<f64>, usize)> = vec![(Vec::new(), parts)];
    for _ in 1..tasks {
        let extended = |(shares, left): &(Vec<f64>, usize)| -> Vec<(Vec<f64>, usize)> {
            let (shares, left) = (shares.clone(), *left);
            let longer = move |part: usize| ([shares.as_slice(), &[share(part)]].concat(), left - part);
            (0..=left).rev().map(longer).collect()
        };
        prefixes = prefixes.iter().flat_map(extended).collect();
    }
    prefixes.into_iter().map(|(shares, left)| [shares, vec![share(left)]].concat()).collect()
}

#[cfg(test)]
mod tests {
    use crate::plan::preference::{default_points, simplex, vector_count};

    #[test]
    fn vectors_are_evenly_spaced() {
        assert_eq!(simplex(2, 3), [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]);
        assert_eq!(simplex(1, 3), [[1.0]]);
        // pymoo 0.6.2:
        //   len(get_reference_directions("das-dennis", 3, n_partitions=4)) -> 15
        //   len(get_reference_directions("das-dennis", 4, n_partitions=12)) -> 455
        let three = simplex(3, 5);
        assert_eq!((three.len(), simplex(4, 13).len()), (15, 455));
        assert!(three.iter().all(|shares| (shares.iter().sum::<f64>() - 1.0).abs() < 1e-5));
        for (tasks, points) in [(1, 4), (2, 2), (3, 5), (4, 13), (5, 4)] {
            assert_eq!(vector_count(tasks, points), simplex(tasks, points).len(), "{tasks} {points}");
        }
        assert_eq!(vector_count(40, 90), usize::MAX);
        // 11, 66, 56, 35 and 56 vectors; for 90 tasks one per task.
        assert_eq!([2, 3, 4, 5, 6, 90].map(default_points), [11, 11, 6, 4, 4, 2]);
    }
}
