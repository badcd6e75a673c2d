//! `mtl predict MODEL ROWS --to FILE`: raw rows in, named answers and probabilities out.

use std::io::Read;
use std::path::Path;

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
    let pipe = from_pipe(&words.data)?;
    let file = pipe.as_ref().map_or_else(|| words.data.clone(), |folder| folder.path().join(PIPED));
    let data = RawRows { file, table: words.table.clone(), prepared: words.prepared };
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

/// What rows from a pipe are called while they are read.
const PIPED: &str = "standard-input";

/// Rows that come through a pipe (`-`, `/dev/stdin`, `<(...)`) are looked at more than once: they go into a file first,
/// which goes with the folder.
fn from_pipe(data: &Path) -> Result<Option<tempfile::TempDir>, Error> {
    let mut rows: Box<dyn Read> = match data.to_str() {
        Some("-") => Box::new(std::io::stdin().lock()),
        _ if is_pipe(data) => Box::new(std::fs::File::open(data).map_err(Error::io("read", data))?),
        _ => return Ok(None),
    };
    let folder = tempfile::tempdir().map_err(Error::io("write in", &std::env::temp_dir()))?;
    let path = folder.path().join(PIPED);
    let copied = std::fs::File::create(&path).and_then(|mut file| std::io::copy(&mut rows, &mut file));
    copied.map_err(Error::io("write", &path))?;
    Ok(Some(folder))
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_: &Path) -> bool {
    false
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
