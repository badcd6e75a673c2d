//! Where predictions are written: a file or standard output. A destination that cannot be written is refused
//! before any row is predicted.

use std::io::{Error as IoError, Write};
use std::path::{Path, PathBuf};

pub use crate::data::raw::PredictionFileFormat;
use crate::data::raw::{PredictionColumn, WRITTEN, save, write};
use crate::disk::whole_file::{may_write_in, parent_folder, same_file};
use crate::run::error::RunError;

/// Predictions of rows, ready to be written.
pub struct PredictedTable {
    /// Number of rows.
    pub rows: usize,
    /// Names and cells of the columns.
    pub columns: Vec<(String, PredictionColumn)>,
}

/// A destination and its file format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PredictionDestination {
    /// Standard output.
    Output(PredictionFileFormat),
    /// A file, its format, and whether it is compressed.
    File(PathBuf, (PredictionFileFormat, bool)),
}

/// Names of standard output.
const OUTPUT: [&str; 3] = ["-", "/dev/stdout", "/dev/fd/1"];

impl PredictionDestination {
    /// Parses the destination that a user gave; `None` and `-` mean standard output. `form` is the explicit
    /// format.
    ///
    /// # Errors
    /// If the file name's extension is unknown or contradicts `form`.
    pub fn parse(to: Option<&Path>, form: Option<PredictionFileFormat>) -> Result<Self, RunError> {
        let Some(to) = to.filter(|to| !OUTPUT.iter().any(|name| to.to_str() == Some(name))) else {
            return Ok(Self::Output(form.unwrap_or(PredictionFileFormat::Csv)));
        };
        let by_extension = PredictionFileFormat::from_extension(to);
        let form = match (form, by_extension) {
            (Some(form), Some((extension, compressed))) if form == extension => (form, compressed),
            (Some(form), Some((extension, _))) => {
                return refuse(format!(
                    "`{}` has the extension of {}, but --format is {}",
                    to.display(),
                    extension.name(),
                    form.name()
                ));
            }
            (Some(form), None) => (form, false),
            (None, Some(form)) => form,
            (None, None) => return refuse(unknown(to)),
        };
        Ok(Self::File(to.to_owned(), form))
    }

    /// Refuses destinations that would fail or destroy a file. `read` lists input files that must not be
    /// overwritten, each with a description.
    pub fn check<'a>(&self, read: impl IntoIterator<Item = (&'a Path, &'a str)>) -> Result<(), RunError> {
        let Self::File(to, _) = self else { return Ok(()) };
        let shown = to.display();
        if to.is_dir() || to.as_os_str().is_empty() || shown.to_string().ends_with(std::path::MAIN_SEPARATOR)
        {
            let inside = to.join("predictions.csv");
            return refuse(format!("`{shown}` is a folder; name a file, such as `{}`", inside.display()));
        }
        for (file, what) in read {
            if same_file(to, file) {
                let beside = predictions_path(to);
                return refuse(format!(
                    "`{shown}` is {what} and would be overwritten; write the predictions to another file, \
                     such as `{}`{}",
                    beside.display(),
                    if what == INPUT { ", with --keep all to include the rows" } else { "" }
                ));
            }
        }
        if to.exists() && !to.is_file() {
            return refuse(format!("`{shown}` is not a regular file; `--to -` writes to standard output"));
        }
        let folder = parent_folder(to);
        if !folder.is_dir() {
            let shown = folder.display();
            return refuse(match folder.exists() {
                true => format!("`{shown}` is a file, not a folder"),
                false => {
                    format!("the folder `{shown}` does not exist; create it with: mkdir -p '{shown}'")
                }
            });
        }
        may_write_in(folder).map_err(RunError::io("write in", folder))
    }
}

/// How the input file is described in errors.
pub const INPUT: &str = "the input file";

fn refuse<T>(reason: String) -> Result<T, RunError> {
    Err(RunError::Destination(reason))
}

fn unknown(to: &Path) -> String {
    if to.is_dir() || to.as_os_str().is_empty() {
        let inside = to.join("predictions.csv");
        return format!("`{}` is a folder; name a file, such as `{}`", to.display(), inside.display());
    }
    format!(
        "`{}`: predictions are written as {WRITTEN}; use one of these extensions, set --format, or write to \
         standard output with --to -",
        to.display()
    )
}

/// `rows.csv` -> `rows.predictions.csv`
fn predictions_path(file: &Path) -> PathBuf {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (stem, ending) = name.split_once('.').unwrap_or((&name, "csv"));
    file.with_file_name(format!("{stem}.predictions.{ending}"))
}

impl PredictedTable {
    /// Writes a file, as a whole or not at all.
    pub fn save(&self, file: &Path, form: (PredictionFileFormat, bool)) -> Result<(), RunError> {
        Ok(save(file, form, &self.columns)?)
    }

    /// Writes to any writer.
    pub fn write(&self, to: impl Write, form: PredictionFileFormat) -> Result<(), IoError> {
        write(to, form, &self.columns)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{INPUT, PredictionDestination, PredictionFileFormat};

    fn describe(to: &Path, form: Option<PredictionFileFormat>, data: &Path) -> String {
        let message = PredictionDestination::parse(Some(to), form).and_then(|to| to.check([(data, INPUT)]));
        message.map_or_else(|error| error.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn input_files_are_not_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["rows.csv", "old.csv"] {
            std::fs::write(path(name), "a\n1\n").expect("written");
        }
        std::fs::create_dir(path("out.csv")).expect("made");
        std::fs::hard_link(path("rows.csv"), path("hard.csv")).expect("linked");
        let rows = path("rows.csv");
        for name in ["rows.csv", "./rows.csv", "out.csv/../rows.csv", "hard.csv"] {
            let message = describe(&path(name), None, &rows);
            assert!(message.contains("is the input file"), "{name}: {message}");
            assert!(message.contains(".predictions.csv`"), "{name}: {message}");
        }
        for (name, what) in [
            ("old.csv", "fine"),
            ("new.csv", "fine"),
            ("new.csv.gz", "fine"),
            ("out.csv", "is a folder; name a file, such as `"),
            ("none/a.csv", "mkdir -p"),
            ("rows.csv/a.csv", "is a file, not a folder"),
            (
                "a.txt",
                "predictions are written as .csv, .tsv, .jsonl (each also with .gz), .parquet or .arrow",
            ),
            ("a", "--format"),
        ] {
            let message = describe(&path(name), None, &rows);
            assert!(message.contains(what), "{name}: {message}");
        }
        assert_eq!(describe(&path("a.txt"), Some(PredictionFileFormat::Csv), &rows), "fine");
        let message = describe(&path("a.csv"), Some(PredictionFileFormat::Jsonl), &rows);
        assert!(message.ends_with("has the extension of csv, but --format is jsonl"), "{message}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("read").count(), 4, "nothing is left behind");
    }

    #[test]
    fn standard_output_has_several_names() {
        for to in [None, Some("-"), Some("/dev/stdout")] {
            let to = to.map(Path::new);
            assert_eq!(
                PredictionDestination::parse(to, None).expect("fine"),
                PredictionDestination::Output(PredictionFileFormat::Csv)
            );
            assert_eq!(
                PredictionDestination::parse(to, Some(PredictionFileFormat::Tsv)).expect("fine"),
                PredictionDestination::Output(PredictionFileFormat::Tsv)
            );
        }
    }
}
