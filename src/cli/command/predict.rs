//! `mtl predict MODEL ROWS --to FILE`: predictions and probabilities for raw rows.

use std::io::Read;
use std::path::Path;

use crate::cli::arguments::{Arguments, PredictArguments, PredictionFormat};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{output, run_selector, workspace};
use crate::report::number::count;
use crate::run::bundle::RawRows;
use crate::run::destination::{INPUT, PredictionDestination, PredictionFileFormat};

pub fn perform(arguments: &Arguments, args: &PredictArguments) -> Result<ExitStatus, CliError> {
    let to =
        PredictionDestination::parse(args.to.as_deref(), args.format.map(PredictionFormat::file_format))?;
    let database = workspace::layout(arguments).database();
    to.check([(args.data.as_path(), INPUT), (database.as_path(), "the results database")])?;
    if let PredictionDestination::Output(format) = &to {
        output::check_binary(!format.is_text(), format.name())?;
    }
    let bundle = run_selector::bundle(arguments, &args.model)?;
    to.check(bundle.training_files().map(|file| (file, "a file that the model was trained on")))?;
    let note = |line: &str| output::print_error(line);
    let (keep, preference) = (&args.keep, &args.preference);
    let pipe = copy_of_pipe(&args.data)?;
    let file = pipe.as_ref().map_or_else(|| args.data.clone(), |folder| folder.path().join(PIPED));
    let data = RawRows { file, table: args.table.clone(), prepared: args.prepared };
    let predictions = bundle.predict(&data, keep, preference, args.batch_size as usize, &note)?;
    let rows = count(predictions.rows);
    match to {
        PredictionDestination::Output(format) => output::pipe(|out| predictions.write(out, format))?,
        PredictionDestination::File(file, format) => {
            predictions.save(&file, format)?;
            output::print(&format!("wrote predictions of {rows} rows to {}", file.display()))?;
        }
    }
    Ok(ExitStatus::Done)
}

/// File name of rows that are read from a pipe.
const PIPED: &str = "standard-input";

/// Copies rows from a pipe (`-`, `/dev/stdin`, `<(...)`) to a temporary file, because they are read several
/// times. The file is removed with the folder.
fn copy_of_pipe(data: &Path) -> Result<Option<tempfile::TempDir>, CliError> {
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

impl PredictionFormat {
    fn file_format(self) -> PredictionFileFormat {
        match self {
            Self::Csv => PredictionFileFormat::Csv,
            Self::Tsv => PredictionFileFormat::Tsv,
            Self::Jsonl => PredictionFileFormat::Jsonl,
            Self::Parquet => PredictionFileFormat::Parquet,
            Self::Arrow => PredictionFileFormat::Arrow,
        }
    }
}
