//! Where answers go: a file, or the standard output. What cannot be written is said before any row is
//! answered.

use std::io::{Error as IoError, Write};
use std::path::{Path, PathBuf};

pub use crate::data::raw::AnswerFileFormat;
use crate::data::raw::{AnswerColumn, WRITTEN, save, write};
use crate::disk::whole_file::{folder, may_write_in, same_file};
use crate::run::error::RunError;

/// Answers to rows, ready to be written.
pub struct PredictedTable {
    pub rows: usize,
    pub columns: Vec<(String, AnswerColumn)>,
}

/// Where they go, and in what form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerDestination {
    Output(AnswerFileFormat),
    /// A file, and whether it is compressed.
    File(PathBuf, (AnswerFileFormat, bool)),
}

/// Names of the standard output.
const OUTPUT: [&str; 3] = ["-", "/dev/stdout", "/dev/fd/1"];

impl AnswerDestination {
    /// The place a user names, `None` and `-` being the standard output; `form` where one is named too.
    pub fn parse(to: Option<&Path>, form: Option<AnswerFileFormat>) -> Result<Self, RunError> {
        let Some(to) = to.filter(|to| !OUTPUT.iter().any(|name| to.to_str() == Some(name))) else {
            return Ok(Self::Output(form.unwrap_or(AnswerFileFormat::Csv)));
        };
        let message = AnswerFileFormat::of_ending(to);
        let form = match (form, message) {
            (Some(form), Some((message, packed))) if form == message => (form, packed),
            (Some(form), Some((message, _))) => {
                let (form, message) = (form.name(), message.name());
                return refuse(format!(
                    "`{}` ends as {message} does, and --format says {form}",
                    to.display()
                ));
            }
            (Some(form), None) => (form, false),
            (None, Some(message)) => message,
            (None, None) => return refuse(unknown(to)),
        };
        Ok(Self::File(to.to_owned(), form))
    }

    /// Refuses what would fail or destroy something: `read` are files that must stay as they are, and what
    /// they are.
    pub fn check<'a>(&self, read: impl IntoIterator<Item = (&'a Path, &'a str)>) -> Result<(), RunError> {
        let Self::File(to, _) = self else { return Ok(()) };
        let shown = to.display();
        if to.is_dir() || to.as_os_str().is_empty() || shown.to_string().ends_with(std::path::MAIN_SEPARATOR)
        {
            let inside = to.join("answers.csv");
            return refuse(format!("`{shown}` is a folder; name a file, such as `{}`", inside.display()));
        }
        for (file, what) in read {
            if same_file(to, file) {
                let beside = answers_path(to);
                return refuse(format!(
                    "`{shown}` is {what}, and the answers would take its place; write them to another file, such as `{}`{}",
                    beside.display(),
                    if what == INPUT { ", with --keep all for the rows beside their answers" } else { "" }
                ));
            }
        }
        if to.exists() && !to.is_file() {
            return refuse(format!("`{shown}` is no ordinary file; `--to -` writes to the standard output"));
        }
        let folder = folder(to);
        if !folder.is_dir() {
            let shown = folder.display();
            return refuse(match folder.exists() {
                true => format!("`{shown}` is a file, and no folder to write in"),
                false => {
                    format!("there is no folder `{shown}` to write in; make it first: mkdir -p '{shown}'")
                }
            });
        }
        may_write_in(folder).map_err(RunError::io("write in", folder))
    }
}

/// What the rows to be answered are called where they would be destroyed.
pub const INPUT: &str = "the file of the rows themselves";

fn refuse<T>(what: String) -> Result<T, RunError> {
    Err(RunError::Destination(what))
}

fn unknown(to: &Path) -> String {
    if to.is_dir() || to.as_os_str().is_empty() {
        let inside = to.join("answers.csv");
        return format!("`{}` is a folder; name a file, such as `{}`", to.display(), inside.display());
    }
    format!(
        "`{}`: answers are written as {WRITTEN}; use one of these endings, name the form by --format, or write \
         to the standard output: --to -",
        to.display()
    )
}

/// `rows.csv` -> `rows.answers.csv`
fn answers_path(file: &Path) -> PathBuf {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (stem, ending) = name.split_once('.').unwrap_or((&name, "csv"));
    file.with_file_name(format!("{stem}.answers.{ending}"))
}

impl PredictedTable {
    /// Writes a file, whole or not at all.
    pub fn save(&self, file: &Path, form: (AnswerFileFormat, bool)) -> Result<(), RunError> {
        Ok(save(file, form, &self.columns)?)
    }

    /// Writes them wherever bytes go.
    pub fn write(&self, to: impl Write, form: AnswerFileFormat) -> Result<(), IoError> {
        write(to, form, &self.columns)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{AnswerDestination, AnswerFileFormat, INPUT};

    fn describe(to: &Path, form: Option<AnswerFileFormat>, data: &Path) -> String {
        let result = AnswerDestination::parse(Some(to), form).and_then(|to| to.check([(data, INPUT)]));
        result.map_or_else(|error| error.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn nothing_is_destroyed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["rows.csv", "old.csv"] {
            std::fs::write(path(name), "a\n1\n").expect("written");
        }
        std::fs::create_dir(path("out.csv")).expect("made");
        std::fs::hard_link(path("rows.csv"), path("hard.csv")).expect("linked");
        let rows = path("rows.csv");
        for name in ["rows.csv", "./rows.csv", "out.csv/../rows.csv", "hard.csv"] {
            let result = describe(&path(name), None, &rows);
            assert!(result.contains("is the file of the rows themselves"), "{name}: {result}");
            assert!(result.contains(".answers.csv`"), "{name}: {result}");
        }
        for (name, what) in [
            ("old.csv", "fine"),
            ("new.csv", "fine"),
            ("new.csv.gz", "fine"),
            ("out.csv", "is a folder; name a file, such as `"),
            ("none/a.csv", "mkdir -p"),
            ("rows.csv/a.csv", "is a file, and no folder"),
            ("a.txt", "answers are written as .csv, .tsv, .jsonl (each also with .gz), .parquet or .arrow"),
            ("a", "--format"),
        ] {
            let result = describe(&path(name), None, &rows);
            assert!(result.contains(what), "{name}: {result}");
        }
        assert_eq!(describe(&path("a.txt"), Some(AnswerFileFormat::Csv), &rows), "fine");
        let result = describe(&path("a.csv"), Some(AnswerFileFormat::Jsonl), &rows);
        assert!(result.ends_with("ends as csv does, and --format says jsonl"), "{result}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("read").count(), 4, "nothing is left behind");
    }

    #[test]
    fn the_standard_output_has_several_names() {
        for to in [None, Some("-"), Some("/dev/stdout")] {
            let to = to.map(Path::new);
            assert_eq!(
                AnswerDestination::parse(to, None).expect("fine"),
                AnswerDestination::Output(AnswerFileFormat::Csv)
            );
            assert_eq!(
                AnswerDestination::parse(to, Some(AnswerFileFormat::Tsv)).expect("fine"),
                AnswerDestination::Output(AnswerFileFormat::Tsv)
            );
        }
    }
}
