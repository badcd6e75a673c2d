//! The best weights, scored on every split asked for.

use crate::domain::event::{Event, Observer};
use crate::domain::score::Score;
use crate::domain::table::Dataset;
use crate::model::network::Network;
use crate::plan::{Stage, Trial};
use crate::run::context::Context;
use crate::run::error::Error;
use crate::run::stage::{Keep, trained};
use crate::train::scoring::{LOSS, Scoring};

pub fn work(context: &Context, stage: &Stage, tape: &dyn Observer) -> Result<Keep, Error> {
    let dataset = context.dataset()?;
    let network = trained::network(context, stage, &dataset.signature)?;
    let scores = scores(context.trial(stage)?, &dataset, &network)?;
    let (trial, epoch) = (stage.trial.unwrap_or(1), trained::best_epoch(context, stage)?);
    tape.observe(&Event::Scored { trial, epoch, scores });
    Ok(Keep::Yes)
}

/// What every metric says of every task on the splits that the trial's words name.
pub fn scores(trial: &Trial, dataset: &Dataset, network: &Network) -> Result<Vec<Score>, Error> {
    let wanted = trial.metrics();
    let metrics = dataset.signature.tasks.iter().map(|task| {
        let own = wanted.iter().find(|(name, _)| *name == task.name);
        own.map(|(_, metrics)| metrics.clone()).unwrap_or_default()
    });
    let metrics: Vec<_> = metrics.collect();
    let texts: Vec<usize> = (0..metrics.len()).collect();
    let seed = trial.seed;
    let scoring = Scoring { dataset, network, metrics: &metrics, texts: &texts, seed };
    let mut scores = Vec::new();
    for split in &trial.pipeline.evaluate.splits {
        for table in &dataset.tables {
            let found = scoring.score(table, *split)?.into_iter().flat_map(|found| found.scores);
            // The loss is for choosing; what is reported are the metrics.
            scores.extend(found.filter(|score| score.metric != LOSS));
        }
    }
    Ok(scores)
}
