//! The best weights, scored on every split asked for.

use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, MetricReference, Observer, PreferenceScores};
use crate::domain::score::{Score, Split, TaskValue};
use crate::domain::signature::TaskSignature;
use crate::domain::table::Dataset;
use crate::domain::task_remark::{TaskRemark, merged, names};
use crate::evaluate::metric::MetricConfig;
use crate::model::network::Network;
use crate::plan::{Stage, Trial};
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::stage::{StageOutput, trained};
use crate::train::scoring::{Evaluator, LOSS, TaskEvaluation};

pub fn work(context: &RunContext, stage: &Stage, event_log: &dyn Observer) -> Result<StageOutput, RunError> {
    let dataset = context.dataset()?;
    let mut network = trained::network(context, stage, &dataset.signature)?;
    let (scores, undefined) = scores(context.trial(stage)?, &dataset, &network)?;
    let (trial, epoch) = (stage.trial.unwrap_or(1), trained::best_epoch(context, stage)?);
    event_log.observe(&Event::Scored { trial, epoch, scores });
    for text in merged(&undefined) {
        event_log.observe(&Event::Note { stage: stage.clone().into(), severity: Severity::Warning, text });
    }
    let points = front(context.trial(stage)?, &dataset, &mut network)?;
    if !points.is_empty() {
        let reference = reference(context.trial(stage)?, &dataset);
        event_log.observe(&Event::FrontScored { trial, points, reference });
    }
    Ok(StageOutput::Yes)
}

/// What every metric says of every task on the splits that the trial's words name, and which are undefined
/// there.
pub fn scores(
    trial: &Trial,
    dataset: &Dataset,
    network: &Network,
) -> Result<(Vec<Score>, Vec<TaskRemark>), RunError> {
    let metrics = metrics(trial, dataset);
    let texts: Vec<usize> = (0..metrics.len()).collect();
    let seed = trial.seed;
    let scoring = Evaluator { dataset, network, metrics: &metrics, texts: &texts, seed };
    let (mut scores, mut remarks) = (Vec::new(), Vec::new());
    for split in &trial.pipeline.evaluate.splits {
        for table in dataset.tables.iter().filter(|table| !table.split(*split).is_empty()) {
            for result in scoring.score(table, *split)? {
                remarks.extend(undefined(&result));
                // The loss is for choosing; what is reported are the metrics.
                let own = result.scores.into_iter().chain(result.of_known_classes);
                scores.extend(own.filter(|score| score.metric != LOSS));
            }
        }
    }
    Ok((scores, remarks))
}

/// Which metrics of a task are undefined on a split, and why.
fn undefined(result: &TaskEvaluation) -> Option<TaskRemark> {
    let reason = result.undefined.as_ref()?;
    let lacking: Vec<&Score> = result.scores.iter().filter(|score| score.defined().is_none()).collect();
    let first = lacking.first()?;
    let metrics = lacking.iter().map(|score| score.metric.as_str());
    Some(TaskRemark {
        cause: "metrics that are undefined",
        task: first.task.to_string(),
        text: format!("{} undefined on {}, where {reason}", names(metrics), first.split),
        advice: "they have no number there, and are in no mean and no comparison".to_owned(),
    })
}

/// Every task's metrics, in the signature's order.
fn metrics(trial: &Trial, dataset: &Dataset) -> Vec<Vec<MetricConfig>> {
    let wanted = trial.metrics();
    let metrics = dataset.signature.tasks.iter().map(|task| {
        let own = wanted.iter().find(|(name, _)| *name == task.name);
        own.map(|(_, metrics)| metrics.clone()).unwrap_or_default()
    });
    metrics.collect()
}

/// What a network that reads its preference scores for each of several, on validation and test rows. Metrics
/// of written texts are left out: to write all texts that often would take longer than the training.
fn front(trial: &Trial, dataset: &Dataset, network: &mut Network) -> Result<Vec<PreferenceScores>, RunError> {
    let metrics = without_texts(trial, dataset);
    let mut points = Vec::new();
    for vector in trial.preferences() {
        network.prefer(std::slice::from_ref(&vector));
        let scoring = Evaluator { dataset, network, metrics: &metrics, texts: &[], seed: trial.seed };
        let mut scores = Vec::new();
        for split in [Split::Valid, Split::Test] {
            for table in dataset.tables.iter().filter(|table| !table.split(split).is_empty()) {
                scores.extend(scoring.score(table, split)?.into_iter().flat_map(|result| result.scores));
            }
        }
        let shares = dataset.signature.tasks.iter().zip(&vector);
        let preference = shares.map(|(task, share)| TaskValue { task: task.name.clone(), value: *share });
        points.push(PreferenceScores { preference: preference.collect(), scores });
    }
    Ok(points)
}

fn without_texts(trial: &Trial, dataset: &Dataset) -> Vec<Vec<MetricConfig>> {
    let mut metrics = metrics(trial, dataset);
    metrics.iter_mut().for_each(|own| own.retain(|metric| !metric.view().needs_text()));
    metrics
}

/// Up to where the hypervolume reaches, of each task's first metric; of its loss where it has none.
fn reference(trial: &Trial, dataset: &Dataset) -> Vec<MetricReference> {
    let metrics = without_texts(trial, dataset);
    let given = trial.reference();
    let of_task = |(task, metrics): (&TaskSignature, &Vec<MetricConfig>)| {
        let (_, value) = given.iter().find(|(name, _)| **name == task.name)?;
        let metric = metrics.first().map_or_else(|| LOSS.to_owned(), MetricConfig::label);
        Some(MetricReference { task: task.name.clone(), metric, value: *value })
    };
    dataset.signature.tasks.iter().zip(&metrics).filter_map(of_task).collect()
}
