//! Stage `evaluate`: scores the best weights on every split asked for.

use crate::domain::confusion::ConfusionMatrix;
use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, MetricReference, Observer, PreferenceScores};
use crate::domain::score::{Score, Split, TaskValue};
use crate::domain::signature::TaskSignature;
use crate::domain::table::Dataset;
use crate::domain::task_remark::{TaskRemark, list_names, merge};
use crate::evaluate::bootstrap::Bootstrap;
use crate::evaluate::metric::MetricConfig;
use crate::model::network::Network;
use crate::plan::{Stage, Trial};
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::stage::{StageOutput, features, trained};
use crate::train::scoring::{Evaluator, LOSS, TaskEvaluation};

pub fn run(context: &RunContext, stage: &Stage, event_log: &dyn Observer) -> Result<StageOutput, RunError> {
    let dataset = context.dataset()?;
    let mut network = trained::network(context, stage, &dataset.signature)?;
    if let Some(features) = features::read(context, stage)? {
        network.read_features(&features);
    }
    let FinalScores { scores, undefined, confusions } = scores(context.trial(stage)?, &dataset, &network)?;
    let (trial, epoch) = (stage.trial.unwrap_or(1), trained::best_epoch(context, stage)?);
    event_log.observe(&Event::Scored { trial, epoch, scores, confusions });
    for text in merge(&undefined) {
        event_log.observe(&Event::Note { stage: stage.clone().into(), severity: Severity::Warning, text });
    }
    let points = front(context.trial(stage)?, &dataset, &mut network)?;
    if !points.is_empty() {
        let reference = reference(context.trial(stage)?, &dataset);
        event_log.observe(&Event::FrontScored { trial, points, reference });
    }
    Ok(StageOutput::Keep)
}

/// What is computed of a trained network.
#[derive(Debug, Default)]
pub struct FinalScores {
    /// The scores of every task on the splits to evaluate.
    pub scores: Vec<Score>,
    /// Remarks about undefined scores.
    pub undefined: Vec<TaskRemark>,
    /// The confusion matrices.
    pub confusions: Vec<ConfusionMatrix>,
}

/// Scores every task on the splits to evaluate.
pub fn scores(trial: &Trial, dataset: &Dataset, network: &Network) -> Result<FinalScores, RunError> {
    let metrics = metrics(trial, dataset);
    let text_metrics: Vec<usize> = (0..metrics.len()).collect();
    let seed = trial.seed;
    let resamples = trial.pipeline.evaluate.bootstrap;
    let final_scores = Some(Bootstrap { resamples, seed });
    let evaluator =
        Evaluator { dataset, network, metrics: &metrics, texts: &text_metrics, seed, final_scores };
    let mut found = FinalScores::default();
    for split in &trial.pipeline.evaluate.splits {
        for table in dataset.tables.iter().filter(|table| !table.split(*split).is_empty()) {
            for evaluation in evaluator.score(table, *split)? {
                found.undefined.extend(undefined(&evaluation));
                found.confusions.extend(evaluation.confusions);
                // The loss is used for model selection only; it is not reported.
                let all = evaluation.scores.into_iter().chain(evaluation.of_known_classes);
                found.scores.extend(all.filter(|score| score.metric != LOSS));
            }
        }
    }
    Ok(found)
}

/// A remark about the undefined metrics of a task on a split.
fn undefined(evaluation: &TaskEvaluation) -> Option<TaskRemark> {
    let reason = evaluation.undefined.as_ref()?;
    let undefined: Vec<&Score> = evaluation.scores.iter().filter(|score| score.defined().is_none()).collect();
    let first = undefined.first()?;
    let metrics = undefined.iter().map(|score| score.metric.as_str());
    Some(TaskRemark {
        cause: "undefined metrics",
        task: first.task.to_string(),
        text: format!("{} undefined on {}, where {reason}", list_names(metrics), first.split),
        advice: "they have no value there and are left out of means and comparisons".to_owned(),
    })
}

/// The metrics of every task, in the signature's order.
pub(super) fn metrics(trial: &Trial, dataset: &Dataset) -> Vec<Vec<MetricConfig>> {
    let configured = trial.metrics();
    let metrics = dataset.signature.tasks.iter().map(|task| {
        let own = configured.iter().find(|(name, _)| *name == task.name);
        own.map(|(_, metrics)| metrics.clone()).unwrap_or_default()
    });
    metrics.collect()
}

/// The scores of a preference-conditioned network for several preferences, on validation and test rows.
/// Metrics of generated texts are left out: generating all texts that often would take longer than the
/// training.
fn front(trial: &Trial, dataset: &Dataset, network: &mut Network) -> Result<Vec<PreferenceScores>, RunError> {
    let metrics = without_texts(trial, dataset);
    let mut points = Vec::new();
    for vector in trial.preferences() {
        network.set_preference(std::slice::from_ref(&vector));
        let evaluator = Evaluator {
            dataset,
            network,
            metrics: &metrics,
            texts: &[],
            seed: trial.seed,
            final_scores: None,
        };
        let mut scores = Vec::new();
        for split in [Split::Valid, Split::Test] {
            for table in dataset.tables.iter().filter(|table| !table.split(split).is_empty()) {
                let evaluations = evaluator.score(table, split)?.into_iter();
                scores.extend(evaluations.flat_map(|evaluation| evaluation.scores));
            }
        }
        let shares = dataset.signature.tasks.iter().zip(&vector);
        let preference = shares.map(|(task, share)| TaskValue { task: task.name.clone(), value: *share });
        points.push(PreferenceScores { preference: preference.collect(), scores });
    }
    Ok(points)
}

/// The metrics of every task that need no generated texts.
fn without_texts(trial: &Trial, dataset: &Dataset) -> Vec<Vec<MetricConfig>> {
    let mut metrics = metrics(trial, dataset);
    metrics.iter_mut().for_each(|own| own.retain(|metric| !metric.view().needs_text()));
    metrics
}

/// The hypervolume's reference point, for each task's first metric, or its loss if it has none.
fn reference(trial: &Trial, dataset: &Dataset) -> Vec<MetricReference> {
    let metrics = without_texts(trial, dataset);
    let reference = trial.reference();
    let reference_of = |(task, metrics): (&TaskSignature, &Vec<MetricConfig>)| {
        let (_, value) = reference.iter().find(|(name, _)| **name == task.name)?;
        let metric = metrics.first().map_or_else(|| LOSS.to_owned(), MetricConfig::label);
        Some(MetricReference { task: task.name.clone(), metric, value: *value })
    };
    dataset.signature.tasks.iter().zip(&metrics).filter_map(reference_of).collect()
}
