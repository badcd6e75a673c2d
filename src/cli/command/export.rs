//! `mtl export RUN --to DIR`: writes the model bundle, `model.onnx` and `mtl.json`.

use crate::cli::arguments::{Arguments, ExportArguments};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{output, run_selector, workspace};
use crate::domain::name::TaskName;
use crate::domain::score::Score;
use crate::store::record::ScoreRecord;

pub fn perform(arguments: &Arguments, args: &ExportArguments) -> Result<ExitStatus, CliError> {
    let layout = workspace::layout(arguments);
    let store = workspace::open_for_reading(&layout)?;
    let (run, number, bundle) = run_selector::model(&layout, &store, &args.run)?;
    let scores = store.scores(&run)?.into_iter().filter(|score| score.trial == number);
    let scores = scores.filter_map(score).collect();
    bundle.write(&args.to, &run, scores)?;
    let folder = args.to.display();
    output::print(&format!(
        "exported {run} to {folder}\nnext: mtl predict {folder} rows.csv --to predictions.csv"
    ))?;
    Ok(ExitStatus::Done)
}

/// Converts a recorded score for the model card; undefined scores are omitted.
fn score(record: ScoreRecord) -> Option<Score> {
    let ScoreRecord { task, split, metric, value, direction, rows, low, high, .. } = record;
    Some(Score {
        task: TaskName::new(task)?,
        split,
        metric,
        value: value?,
        direction,
        rows,
        interval: low.zip(high).map(|(low, high)| [low, high]),
    })
}
