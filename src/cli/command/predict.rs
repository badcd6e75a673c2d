//! `mtl predict MODEL ROWS --to FILE`: raw rows in, named answers and probabilities out.

use std::io::Read;
use std::path::Path;

use crate::cli::arguments::{AnswerFormat, Arguments, PredictArguments};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{output, run_selector, workspace};
use crate::report::number::count;
use crate::run::bundle::RawRows;
use crate::run::destination::{AnswerDestination, AnswerFileFormat, INPUT};

pub fn perform(arguments: &Arguments, args: &PredictArguments) -> Result<ExitStatus, CliError> {
    let to = AnswerDestination::parse(args.to.as_deref(), args.format.map(AnswerFormat::form))?;
    let database = workspace::layout(arguments).database();
    to.check([(args.data.as_path(), INPUT), (database.as_path(), "the database of runs")])?;
    if let AnswerDestination::Output(form) = &to {
        output::check_binary(!form.is_text(), form.name())?;
    }
    let bundle = run_selector::bundle(arguments, &args.model)?;
    to.check(bundle.learned_from().map(|file| (file, "a file that the model has learned from")))?;
    let say = |line: &str| output::print_error(line);
    let (keep, preference) = (&args.keep, &args.preference);
    let pipe = from_pipe(&args.data)?;
    let file = pipe.as_ref().map_or_else(|| args.data.clone(), |folder| folder.path().join(PIPED));
    let data = RawRows { file, table: args.table.clone(), prepared: args.prepared };
    let answers = bundle.predict(&data, keep, preference, args.batch_size as usize, &say)?;
    let rows = count(answers.rows);
    match to {
        AnswerDestination::Output(form) => output::pipe(|out| answers.write(out, form))?,
        AnswerDestination::File(file, form) => {
            answers.save(&file, form)?;
            output::print(&format!("{rows} rows answered in {}", file.display()))?;
        }
    }
    Ok(ExitStatus::Done)
}

/// What rows from a pipe are called while they are read.
const PIPED: &str = "standard-input";

/// Rows that come through a pipe (`-`, `/dev/stdin`, `<(...)`) are looked at more than once: they go into a
/// file first, which goes with the folder.
fn from_pipe(data: &Path) -> Result<Option<tempfile::TempDir>, CliError> {
    let mut rows: Box<dyn Read> = match data.to_str() {
        Some("-") => Box::new(std::io::stdin().lock()),
        _ if is_pipe(data) => Box::new(std::fs::File::open(data).map_err(CliError::io("read", data))?),
        _ => return Ok(None),
    };
    let folder = tempfile::tempdir().map_err(CliError::io("write in", &std::env::temp_dir()))?;
    let path = folder.path().join(PIPED);
    let copied = std::fs::File::create(&path).and_then(|mut file| std::io::copy(&mut rows, &mut file));
    copied.map_err(CliError::io("write", &path))?;
    Ok(Some(folder))
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_: &Path) -> bool {
    false
}

impl AnswerFormat {
    fn form(self) -> AnswerFileFormat {
        match self {
            Self::Csv => AnswerFileFormat::Csv,
            Self::Tsv => AnswerFileFormat::Tsv,
            Self::Jsonl => AnswerFileFormat::Jsonl,
            Self::Parquet => AnswerFileFormat::Parquet,
            Self::Arrow => AnswerFileFormat::Arrow,
        }
    }
}
