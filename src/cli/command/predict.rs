//! `mtl predict MODEL ROWS --to FILE`: raw rows in, named answers and probabilities out.

use crate::cli::arguments::{Arguments, Predict};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{output, workspace};
use crate::report::number::count;
use crate::run::bundle::RawRows;

pub fn perform(arguments: &Arguments, words: &Predict) -> Result<Exit, Error> {
    let bundle = workspace::bundle(arguments, &words.model)?;
    let say = |line: &str| output::tell(line);
    let (keep, told) = (&words.keep, &words.preference);
    let data = RawRows { file: words.data.clone(), table: words.table.clone(), prepared: words.prepared };
    let rows = bundle.predict(&data, &words.to, keep, told, words.batch_size as usize, &say)?;
    output::print(&format!("{} rows answered in {}", count(rows), words.to.display()))?;
    Ok(Exit::Done)
}
