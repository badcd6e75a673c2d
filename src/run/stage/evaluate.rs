//! The best weights, scored on every split asked for.

use crate::domain::event::{Event, Observer};
use crate::evaluate::Answers;
use crate::plan::Stage;
use crate::run::context::Context;
use crate::run::error::Error;
use crate::run::stage::{Keep, trained};

/// Rows per forward pass: bounds memory, changes no number.
const BATCH: usize = 4096;

pub fn work(context: &Context, stage: &Stage, tape: &dyn Observer) -> Result<Keep, Error> {
    let dataset = context.dataset()?;
    let network = trained::network(context, stage, &dataset.signature)?;
    let metrics = context.plan.metrics();
    let mut scores = Vec::new();
    for split in &context.plan.pipeline.evaluate.splits {
        for table in &dataset.tables {
            let rows = table.split(*split);
            for (task, prediction) in network.predict(table, rows, BATCH)? {
                let Some(signature) = dataset.signature.task(&task) else { continue };
                let Some(truth) = table.target(&task) else { continue };
                let truth = truth.gather(rows);
                let answers = Answers {
                    target: &signature.target,
                    truth: truth.as_f32().unwrap_or_default(),
                    answers: prediction.answers.as_f32().unwrap_or_default(),
                    rows: rows.len(),
                };
                let wanted = metrics.iter().find(|(name, _)| *name == task).map(|(_, list)| list.as_slice());
                scores.extend(crate::evaluate::evaluate(&task, *split, wanted.unwrap_or_default(), &answers));
            }
        }
    }
    let (trial, epoch) = (stage.trial.unwrap_or(1), trained::best_epoch(context, stage)?);
    tape.observe(&Event::Scored { trial, epoch, scores });
    Ok(Keep::Yes)
}
