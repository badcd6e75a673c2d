//! Scores of an exported model with rounded weights: what the rounding costs each task.

use crate::data::raw::loaded_rows;
use crate::domain::event::{Event, ExportedScore};
use crate::domain::precision::Precision;
use crate::domain::score::{Score, Split};
use crate::domain::table::EncodedTable;
use crate::plan::{Stage, Trial, Work};
use crate::run::bundle::ModelBundle;
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::event_log::EventLog;
use crate::run::stage::evaluate::metrics;
use crate::run::stage::trained;
use crate::train::scoring::{Evaluator, LOSS};

/// The metrics of every task on the test rows (the first scored split if there are none), computed by ONNX
/// Runtime, beside those of the trained network. Losses, and metrics of tokens' probabilities, are not part
/// of the exported model. `notify` receives notes for the user.
///
/// # Errors
/// If the model cannot be run on the rows.
pub fn scores(
    context: &RunContext,
    stage: &Stage,
    bundle: &ModelBundle,
    notify: &dyn Fn(&str),
) -> Result<Vec<ExportedScore>, RunError> {
    let (trial, dataset) = (context.trial(stage)?, context.dataset()?);
    let network = trained::network(context, stage, &dataset.signature)?;
    let metrics = metrics(trial, &dataset);
    let evaluator = Evaluator {
        dataset: &dataset,
        network: &network,
        metrics: &metrics,
        texts: &[],
        seed: trial.seed,
        final_scores: None,
    };
    let mut model = bundle.measured(notify)?;
    let mut measured = Vec::new();
    for table in &dataset.tables {
        let Some(split) = measured_split(trial, table) else { continue };
        let raw = loaded_rows(&context.loaded(&table.name)?, &dataset.signature)?;
        let tasks = dataset.signature.tasks.iter().enumerate().filter(|(_, task)| task.table == table.name);
        let (generating, predicting): (Vec<_>, Vec<_>) =
            tasks.partition(|(_, task)| task.target.output_tokenizer().is_some());
        let predicting: Vec<usize> = predicting.into_iter().map(|(index, _)| index).collect();
        if !predicting.is_empty() {
            let predictions = model.predictions(&raw, table.split(split), &predicting)?;
            measured.extend(evaluator.score_predictions(table, split, &predictions)?);
        }
        for (index, task) in generating {
            let needs_text = metrics[index].iter().any(|metric| metric.view().needs_text());
            let Some(truth) = table.texts(&task.name).filter(|_| needs_text) else { continue };
            let rows = table.split(split).iter().copied().filter(|row| !truth[*row as usize].is_empty());
            let rows: Vec<u32> = rows.collect();
            if let Some(texts) = model.texts(&raw, &rows, task)? {
                measured.extend(evaluator.score_texts(table, split, index, &texts));
            }
        }
    }
    let trained = trained_scores(context, stage)?;
    let beside = |score: Score| {
        let same = |other: &&Score| {
            (&other.task, other.split, &other.metric) == (&score.task, score.split, &score.metric)
        };
        let trained = trained.iter().find(same).map(|score| score.value).filter(|value| value.is_finite());
        ExportedScore { score, trained }
    };
    let measured = measured.into_iter().filter(|score| score.metric != LOSS && score.defined().is_some());
    Ok(measured.map(beside).collect())
}

/// The test rows, or the first split that `evaluate` scores and that has rows.
fn measured_split(trial: &Trial, table: &EncodedTable) -> Option<Split> {
    let splits = &trial.pipeline.evaluate.splits;
    let mut in_order = splits.iter().filter(|split| **split == Split::Test).chain(splits);
    in_order.find(|split| !table.split(**split).is_empty()).copied()
}

/// The scores of the trained network, from the stage `evaluate`.
fn trained_scores(context: &RunContext, stage: &Stage) -> Result<Vec<Score>, RunError> {
    let evaluate = Stage::of_trial(Work::Evaluate, stage.trial.unwrap_or(1));
    let events = EventLog::read(&context.folder_of(&evaluate)?)?;
    let scores = events.into_iter().find_map(|event| match event {
        Event::Scored { scores, .. } => Some(scores),
        _ => None,
    });
    Ok(scores.unwrap_or_default())
}

/// A warning if scores are far worse than those of the trained network; `None` if not.
pub fn warning(precision: Precision, scores: &[ExportedScore]) -> Option<String> {
    let fallen = scores.iter().filter_map(|exported| {
        let (score, trained) = (&exported.score, exported.trained?);
        let change = exported.relative_change().filter(|_| exported.is_much_worse())?;
        Some(format!(
            "`{}` {} {:.4} instead of {trained:.4} ({:.1} %)",
            score.task,
            score.metric,
            score.value,
            100.0 * change
        ))
    });
    let fallen: Vec<String> = fallen.collect();
    let milder = match precision {
        Precision::Int8 => "f16 or f32",
        Precision::F16 | Precision::F32 => "f32",
    };
    (!fallen.is_empty()).then(|| {
        format!(
            "the exported model is much worse than the trained one: {}; write `export.onnx.precision: \
             {milder}`",
            fallen.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::warning;
    use crate::domain::event::ExportedScore;
    use crate::domain::name::TaskName;
    use crate::domain::precision::Precision;
    use crate::domain::score::{Direction, Score, Split};

    fn exported(direction: Direction, value: f64, trained: f64) -> ExportedScore {
        let (task, metric) = (TaskName::new("income").unwrap(), "auroc".to_owned());
        let score = Score { task, split: Split::Test, metric, value, direction, rows: 10, interval: None };
        ExportedScore { score, trained: Some(trained) }
    }

    #[test]
    fn only_a_fall_of_more_than_two_percent_is_warned_about() {
        use Direction::{Higher, Lower};
        for (direction, value, trained, warns) in [
            (Higher, 0.89, 0.90, false),
            (Higher, 0.88, 0.90, true),
            (Higher, 0.95, 0.90, false),
            (Lower, 9.0, 10.0, false),
            (Lower, 10.3, 10.0, true),
            (Lower, 0.0, 0.0, false),
            (Higher, 0.005, 0.012, false),
        ] {
            let text = warning(Precision::Int8, &[exported(direction, value, trained)]);
            assert_eq!(text.is_some(), warns, "{direction:?} {value} {trained}: {text:?}");
        }
        let text = warning(Precision::Int8, &[exported(Higher, 0.45, 0.9)]).unwrap();
        assert!(text.contains("`income` auroc 0.4500 instead of 0.9000 (-50.0 %)"), "{text}");
        assert!(text.ends_with("write `export.onnx.precision: f16 or f32`"), "{text}");
    }
}
