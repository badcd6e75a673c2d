//! Vectors of preference laid evenly on the simplex (Das and Dennis, "Normal-boundary intersection", SIAM J.
//! Optim. 1998): every share is a whole number of parts of one edge, so that N along each edge make C(N + K -
//! 2, K - 1) vectors of K tasks. A sweep trains a trial for each; a network that reads its preference
//! (`cosmos`) is scored for each.

use serde_json::{Map, Value, json};

use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::plan::sweep::MOST_TRIALS;
use crate::spec::pipeline::PipelineConfig;
use crate::spec::sweep::{ChoicesConfig, SweepConfig};
use crate::spec::variant::address;
use crate::train::config::{CosmosConfig, WeightingConfig};

const WEIGHTING: &str = "preference";

/// The most vectors along an edge, and the most vectors, where nobody says how many.
const ALONG: usize = 11;
const ENOUGH: usize = 66;

/// The most that anybody may ask for.
const MOST: usize = 1_000;

/// The words of a weighting whose network reads its preference, and their place.
pub(crate) fn cosmos(pipeline: &PipelineConfig) -> Option<(Path, &CosmosConfig)> {
    let choices = &pipeline.weighting.0;
    choices.iter().enumerate().find_map(|(index, choice)| {
        let WeightingConfig::Cosmos(config) = choice else { return None };
        let path = Path::from_key("weighting");
        let path = if choices.len() == 1 { path } else { path.index(index) };
        Some((path.key(choice.name()), config))
    })
}

/// How many vectors along an edge are enough for so many tasks.
pub(crate) fn along(tasks: usize) -> usize {
    (2..=ALONG).rev().find(|points| size(tasks, *points) <= ENOUGH).unwrap_or(2)
}

/// Checks how many vectors a front has.
pub(crate) fn check_front(tasks: usize, points: usize, path: Path) -> Option<Diagnostic> {
    if points < 2 {
        let message = "found 1, expected 2 or more vectors along an edge";
        return Some(Diagnostic::error("cosmos-front", path, message).help("for two tasks: 11"));
    }
    let count = size(tasks, points);
    (count > MOST).then(|| {
        let message = format!("the network would be scored for {count} vectors, expected at most {MOST}");
        Diagnostic::error("cosmos-front", path, message).help("lay fewer along each edge")
    })
}

/// The sweep with its vectors of preference listed in its space, where it asks for some.
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

/// Where the vector of the pipeline's weighting stands; `None` when it weighs by no preference.
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
        let message = "`cosmos` learns every preference in one trial: there is none to vary".to_owned();
        return error(
            message,
            "leave it out; `cosmos.front` says for how many the trained network is scored",
        );
    }
    let Some(own) = vector_address(pipeline) else {
        let help = "write `weighting: {preference: {by: tchebycheff}}`";
        return error("the weighting has no preference that could vary".to_owned(), help);
    };
    if pipeline.tasks.len() < 2 {
        return error("a preference among tasks needs two of them".to_owned(), "leave it out");
    }
    if points.get() < 2 {
        return error("found 1, expected 2 or more vectors along an edge".to_owned(), "for two tasks: 5");
    }
    let count = size(pipeline.tasks.len(), points.get());
    if count > MOST_TRIALS {
        let message = format!("these are {count} vectors, expected at most {MOST_TRIALS}");
        return error(message, "lay fewer along each edge");
    }
    let around = |name: &&String| {
        let (path, own) = (address(name).unwrap_or_default(), address(&own).unwrap_or_default());
        own.starts_with(&path) || path.starts_with(&own)
    };
    match sweep.space.keys().find(around) {
        Some(name) => error(format!("`{name}` varies the vectors too"), "keep one of the two"),
        None => Vec::new(),
    }
}

/// How many vectors there are: C(points + tasks - 2, tasks - 1), or more than anybody wants.
fn size(tasks: usize, points: usize) -> usize {
    let mut count = 1_usize;
    for k in 1..tasks {
        count = count.saturating_mul(points - 1 + k) / k;
        if count > 1_000_000 {
            return usize::MAX;
        }
    }
    count
}

/// All vectors of so many shares that sum to 1 in steps of one part of `points - 1`; the first share falls
/// first.
pub(crate) fn simplex(tasks: usize, points: usize) -> Vec<Vec<f64>> {
    let parts = points.saturating_sub(1).max(1);
    // To six digits, so that a person can read it; the weighting scales them to sum to 1.
    let share = |part: usize| (part as f64 / parts as f64 * 1e6).round() / 1e6;
    let mut begun: Vec<(Vec<f64>, usize)> = vec![(Vec::new(), parts)];
    for _ in 1..tasks {
        let next = |(shares, left): &(Vec<f64>, usize)| -> Vec<(Vec<f64>, usize)> {
            let (shares, left) = (shares.clone(), *left);
            let longer = move |part: usize| ([shares.as_slice(), &[share(part)]].concat(), left - part);
            (0..=left).rev().map(longer).collect()
        };
        begun = begun.iter().flat_map(next).collect();
    }
    begun.into_iter().map(|(shares, left)| [shares, vec![share(left)]].concat()).collect()
}

#[cfg(test)]
mod tests {
    use crate::plan::preference::{along, simplex, size};

    #[test]
    fn vectors_lie_evenly() {
        assert_eq!(simplex(2, 3), [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]);
        assert_eq!(simplex(1, 3), [[1.0]]);
        // pymoo 0.6.2: len(get_reference_directions("das-dennis", 3, n_partitions=4)) -> 15, with 4 tasks and
        // 12 parts 455
        let three = simplex(3, 5);
        assert_eq!((three.len(), simplex(4, 13).len()), (15, 455));
        assert!(three.iter().all(|shares| (shares.iter().sum::<f64>() - 1.0).abs() < 1e-5));
        for (tasks, points) in [(1, 4), (2, 2), (3, 5), (4, 13), (5, 4)] {
            assert_eq!(size(tasks, points), simplex(tasks, points).len(), "{tasks} {points}");
        }
        assert_eq!(size(40, 90), usize::MAX);
        // 11, 66, 56, 35 and 56 vectors; of many tasks each alone.
        assert_eq!([2, 3, 4, 5, 6, 90].map(along), [11, 11, 6, 4, 4, 2]);
    }
}
