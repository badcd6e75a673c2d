//! `mtl query "SQL"`: the results database, read-only.

use std::io::Read;

use crate::cli::arguments::{Arguments, Query, TableFormat};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{output, workspace};
use crate::report::Answer;

pub fn perform(arguments: &Arguments, words: &Query) -> Result<Exit, Error> {
    let mut sql = words.sql.clone();
    if sql == "-" {
        sql.clear();
        std::io::stdin()
            .read_to_string(&mut sql)
            .map_err(|error| Error::Failed(format!("cannot read standard input: {error}")))?;
    }
    let store = workspace::open_existing(&workspace::layout(arguments))?;
    let answer = Answer::new(store.query(&sql)?);
    match words.format {
        TableFormat::Table => output::print(&answer.text(&output::style(arguments.color)))?,
        TableFormat::Csv => output::print(&answer.csv())?,
        TableFormat::Json => output::print_json(&answer.json())?,
    }
    Ok(Exit::Done)
}
