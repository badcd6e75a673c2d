//! `mtl export RUN --to DIR`: the bundle that any program can use: `model.onnx` and `mtl.json`.

use crate::cli::arguments::{Arguments, Export};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{named, output, workspace};
use crate::domain::name::TaskName;
use crate::domain::score::Score;
use crate::store::record::ScoreRecord;

pub fn perform(arguments: &Arguments, words: &Export) -> Result<Exit, Error> {
    let layout = workspace::layout(arguments);
    let store = workspace::open_for_reading(&layout)?;
    let (run, number, bundle) = named::model(&layout, &store, &words.run)?;
    let scores = store.scores(&run)?.into_iter().filter(|score| score.trial == number);
    let scores = scores.filter_map(score).collect();
    bundle.write(&words.to, &run, scores)?;
    let folder = words.to.display();
    output::print(&format!("{run} is in {folder}\nnext: mtl predict {folder} ROWS.csv --to ANSWERS.csv"))?;
    Ok(Exit::Done)
}

/// A recorded score as the card tells it; what is undefined is left out.
fn score(record: ScoreRecord) -> Option<Score> {
    let ScoreRecord { task, split, metric, value, direction, rows, .. } = record;
    Some(Score { task: TaskName::new(task)?, split, metric, value: value?, direction, rows })
}
