//! The best weights, scored on every split asked for.

use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, FrontPoint, Observer, Reference};
use crate::domain::remark::{Remark, merged, names};
use crate::domain::score::{Score, Split, TaskValue};
use crate::domain::signature::TaskSignature;
use crate::domain::table::Dataset;
use crate::evaluate::metric::MetricSpec;
use crate::model::network::Network;
use crate::plan::{Stage, Trial};
use crate::run::context::Context;
use crate::run::error::Error;
use crate::run::stage::{Keep, trained};
use crate::train::scoring::{Found, LOSS, Scoring};

pub fn work(context: &Context, stage: &Stage, tape: &dyn Observer) -> Result<Keep, Error> {
    let dataset = context.dataset()?;
    let mut network = trained::network(context, stage, &dataset.signature)?;
    let (scores, undefined) = scores(context.trial(stage)?, &dataset, &network)?;
    let (trial, epoch) = (stage.trial.unwrap_or(1), trained::best_epoch(context, stage)?);
    tape.observe(&Event::Scored { trial, epoch, scores });
    for text in merged(&undefined) {
        tape.observe(&Event::Note { stage: stage.clone().into(), severity: Severity::Warning, text });
    }
    let points = front(context.trial(stage)?, &dataset, &mut network)?;
    if !points.is_empty() {
        let reference = reference(context.trial(stage)?, &dataset);
        tape.observe(&Event::FrontScored { trial, points, reference });
    }
    Ok(Keep::Yes)
}

/// What every metric says of every task on the splits that the trial's words name, and which are undefined there.
pub fn scores(
    trial: &Trial,
    dataset: &Dataset,
    network: &Network,
) -> Result<(Vec<Score>, Vec<Remark>), Error> {
    let metrics = metrics(trial, dataset);
    let texts: Vec<usize> = (0..metrics.len()).collect();
    let seed = trial.seed;
    let scoring = Scoring { dataset, network, metrics: &metrics, texts: &texts, seed };
    let (mut scores, mut remarks) = (Vec::new(), Vec::new());
    for split in &trial.pipeline.evaluate.splits {
        for table in dataset.tables.iter().filter(|table| !table.split(*split).is_empty()) {
            for found in scoring.score(table, *split)? {
                remarks.extend(undefined(&found));
                // The loss is for choosing; what is reported are the metrics.
                let own = found.scores.into_iter().chain(found.of_known_classes);
                scores.extend(own.filter(|score| score.metric != LOSS));
            }
        }
    }
    Ok((scores, remarks))
}

/// Which metrics of a task are undefined on a split, and why.
fn undefined(found: &Found) -> Option<Remark> {
    let reason = found.undefined.as_ref()?;
    let lacking: Vec<&Score> = found.scores.iter().filter(|score| score.defined().is_none()).collect();
    let first = lacking.first()?;
    let metrics = lacking.iter().map(|score| score.metric.as_str());
    Some(Remark {
        cause: "metrics that are undefined",
        task: first.task.to_string(),
        said: format!("{} undefined on {}, where {reason}", names(metrics), first.split),
        advice: "they have no number there, and are in no mean and no comparison".to_owned(),
    })
}

/// Every task's metrics, in the signature's order.
fn metrics(trial: &Trial, dataset: &Dataset) -> Vec<Vec<MetricSpec>> {
    let wanted = trial.metrics();
    let metrics = dataset.signature.tasks.iter().map(|task| {
        let own = wanted.iter().find(|(name, _)| *name == task.name);
        own.map(|(_, metrics)| metrics.clone()).unwrap_or_default()
    });
    metrics.collect()
}

/// What a network that reads its preference scores for each of several, on validation and test rows. Metrics of written
/// texts are left out: to write all texts that often would take longer than the training.
fn front(trial: &Trial, dataset: &Dataset, network: &mut Network) -> Result<Vec<FrontPoint>, Error> {
    let metrics = without_texts(trial, dataset);
    let mut points = Vec::new();
    for vector in trial.preferences() {
        network.prefer(std::slice::from_ref(&vector));
        let scoring = Scoring { dataset, network, metrics: &metrics, texts: &[], seed: trial.seed };
        let mut scores = Vec::new();
        for split in [Split::Valid, Split::Test] {
            for table in dataset.tables.iter().filter(|table| !table.split(split).is_empty()) {
                scores.extend(scoring.score(table, split)?.into_iter().flat_map(|found| found.scores));
            }
        }
        let shares = dataset.signature.tasks.iter().zip(&vector);
        let preference = shares.map(|(task, share)| TaskValue { task: task.name.clone(), value: *share });
        points.push(FrontPoint { preference: preference.collect(), scores });
    }
    Ok(points)
}

fn without_texts(trial: &Trial, dataset: &Dataset) -> Vec<Vec<MetricSpec>> {
    let mut metrics = metrics(trial, dataset);
    metrics.iter_mut().for_each(|own| own.retain(|metric| !metric.view().needs_text()));
    metrics
}

/// Up to where the hypervolume reaches, of each task's first metric; of its loss where it has none.
fn reference(trial: &Trial, dataset: &Dataset) -> Vec<Reference> {
    let metrics = without_texts(trial, dataset);
    let given = trial.reference();
    let of_task = |(task, metrics): (&TaskSignature, &Vec<MetricSpec>)| {
        let (_, value) = given.iter().find(|(name, _)| **name == task.name)?;
        let metric = metrics.first().map_or_else(|| LOSS.to_owned(), MetricSpec::label);
        Some(Reference { task: task.name.clone(), metric, value: *value })
    };
    dataset.signature.tasks.iter().zip(&metrics).filter_map(of_task).collect()
}
