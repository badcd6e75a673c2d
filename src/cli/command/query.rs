//! `mtl query "SQL"`: the results database, read-only. Rows go out as they are found.

use std::io::Read;

use crate::cli::arguments::{Arguments, Query, TableFormat};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{output, workspace};
use crate::report::answer::{Answer, Csv, Json, Text};
use crate::store;

pub fn perform(arguments: &Arguments, words: &Query) -> Result<Exit, Error> {
    let mut sql = words.sql.clone();
    if sql == "-" {
        sql.clear();
        std::io::stdin()
            .read_to_string(&mut sql)
            .map_err(|error| Error::Failed(format!("cannot read standard input: {error}")))?;
    }
    let store = workspace::open_for_reading(&workspace::layout(arguments))?;
    let mut asked = Ok(());
    output::pipe(|out| {
        let mut answer: Box<dyn Answer> = match words.format {
            TableFormat::Table => Box::new(Text::new(out, output::style(arguments.color))),
            TableFormat::Csv => Box::new(Csv::new(out)),
            TableFormat::Json => Box::new(Json::new(out)),
        };
        match store.ask(&sql, &mut *answer) {
            Ok(()) => answer.end(),
            Err(store::Error::Answer(error)) => Err(error),
            Err(error) => {
                // What was found until then has gone out.
                asked = Err(error);
                Ok(())
            }
        }
    })?;
    asked?;
    Ok(Exit::Done)
}
