//! `mtl predict MODEL ROWS --to FILE`: raw rows in, named answers and probabilities out.

use crate::cli::arguments::{AnswerFormat, Arguments, Predict};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{named, output, workspace};
use crate::report::number::count;
use crate::run::bundle::RawRows;
use crate::run::destination::{Destination, Form, INPUT};

pub fn perform(arguments: &Arguments, words: &Predict) -> Result<Exit, Error> {
    let to = Destination::of(words.to.as_deref(), words.format.map(AnswerFormat::form))?;
    let database = workspace::layout(arguments).database();
    to.check([(words.data.as_path(), INPUT), (database.as_path(), "the database of runs")])?;
    if let Destination::Output(form) = &to {
        output::check_binary(!form.is_text(), form.name())?;
    }
    let bundle = named::bundle(arguments, &words.model)?;
    to.check(bundle.learned_from().map(|file| (file, "a file that the model has learned from")))?;
    let say = |line: &str| output::tell(line);
    let (keep, told) = (&words.keep, &words.preference);
    let data = RawRows { file: words.data.clone(), table: words.table.clone(), prepared: words.prepared };
    let answers = bundle.predict(&data, keep, told, words.batch_size as usize, &say)?;
    let rows = count(answers.rows);
    match to {
        Destination::Output(form) => output::pipe(|out| answers.write(out, form))?,
        Destination::File(file, form) => {
            answers.save(&file, form)?;
            output::print(&format!("{rows} rows answered in {}", file.display()))?;
        }
    }
    Ok(Exit::Done)
}

impl AnswerFormat {
    fn form(self) -> Form {
        match self {
            Self::Csv => Form::Csv,
            Self::Tsv => Form::Tsv,
            Self::Jsonl => Form::Jsonl,
            Self::Parquet => Form::Parquet,
            Self::Arrow => Form::Arrow,
        }
    }
}
