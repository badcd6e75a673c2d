//! `mtl query "SQL"`: queries the results database, read-only. Rows are written as they are found.

use std::io::Read;

use crate::cli::arguments::{Arguments, QueryArguments, TableFormat};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{output, workspace};
use crate::report::query_output::{CsvOutput, JsonOutput, QueryWriter, TextOutput};
use crate::store;

pub fn perform(arguments: &Arguments, args: &QueryArguments) -> Result<ExitStatus, CliError> {
    let mut sql = args.sql.clone();
    if sql == "-" {
        sql.clear();
        std::io::stdin()
            .read_to_string(&mut sql)
            .map_err(|error| CliError::Failed(format!("cannot read standard input: {error}")))?;
    }
    let store = workspace::open_for_reading(&workspace::layout(arguments))?;
    let mut outcome = Ok(());
    output::pipe(|out| {
        let mut writer: Box<dyn QueryWriter> = match args.format {
            TableFormat::Table => Box::new(TextOutput::new(out, output::style(arguments.color))),
            TableFormat::Csv => Box::new(CsvOutput::new(out)),
            TableFormat::Json => Box::new(JsonOutput::new(out)),
        };
        match store.query_rows(&sql, &mut *writer) {
            Ok(()) => writer.end(),
            Err(store::StoreError::Output(error)) => Err(error),
            Err(error) => {
                // Rows found so far have already been written.
                outcome = Err(error);
                Ok(())
            }
        }
    })?;
    outcome?;
    Ok(ExitStatus::Done)
}
