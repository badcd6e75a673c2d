//! Where answers go: a file, or the standard output. What cannot be written is said before any row is answered.

use std::io::{Error as IoError, Write};
use std::path::{Path, PathBuf};

pub use crate::data::raw::Form;
use crate::data::raw::{AnswerColumn, WRITTEN, save, write};
use crate::disk::whole_file::{folder, may_write_in, same_file};
use crate::run::error::Error;

/// Answers to rows, ready to be written.
pub struct Answers {
    pub rows: usize,
    pub columns: Vec<(String, AnswerColumn)>,
}

/// Where they go, and in what form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Output(Form),
    /// A file, and whether it is compressed.
    File(PathBuf, (Form, bool)),
}

/// Names of the standard output.
const OUTPUT: [&str; 3] = ["-", "/dev/stdout", "/dev/fd/1"];

impl Destination {
    /// The place a user names, `None` and `-` being the standard output; `form` where one is named too.
    pub fn of(to: Option<&Path>, form: Option<Form>) -> Result<Self, Error> {
        let Some(to) = to.filter(|to| !OUTPUT.iter().any(|name| to.to_str() == Some(name))) else {
            return Ok(Self::Output(form.unwrap_or(Form::Csv)));
        };
        let told = Form::of_ending(to);
        let form = match (form, told) {
            (Some(form), Some((told, packed))) if form == told => (form, packed),
            (Some(form), Some((told, _))) => {
                let (form, told) = (form.name(), told.name());
                return refuse(format!("`{}` ends as {told} does, and --format says {form}", to.display()));
            }
            (Some(form), None) => (form, false),
            (None, Some(told)) => told,
            (None, None) => return refuse(unknown(to)),
        };
        Ok(Self::File(to.to_owned(), form))
    }

    /// Refuses what would fail or destroy something: `read` are files that must stay as they are, and what they are.
    pub fn check<'a>(&self, read: impl IntoIterator<Item = (&'a Path, &'a str)>) -> Result<(), Error> {
        let Self::File(to, _) = self else { return Ok(()) };
        let shown = to.display();
        if to.is_dir() || to.as_os_str().is_empty() || shown.to_string().ends_with(std::path::MAIN_SEPARATOR)
        {
            let inside = to.join("answers.csv");
            return refuse(format!("`{shown}` is a folder; name a file, such as `{}`", inside.display()));
        }
        for (file, what) in read {
            if same_file(to, file) {
                let beside = beside(to);
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
        may_write_in(folder).map_err(Error::io("write in", folder))
    }
}

/// What the rows to be answered are called where they would be destroyed.
pub const INPUT: &str = "the file of the rows themselves";

fn refuse<T>(what: String) -> Result<T, Error> {
    Err(Error::Destination(what))
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
fn beside(file: &Path) -> PathBuf {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (stem, ending) = name.split_once('.').unwrap_or((&name, "csv"));
    file.with_file_name(format!("{stem}.answers.{ending}"))
}

impl Answers {
    /// Writes a file, whole or not at all.
    pub fn save(&self, file: &Path, form: (Form, bool)) -> Result<(), Error> {
        Ok(save(file, form, &self.columns)?)
    }

    /// Writes them wherever bytes go.
    pub fn write(&self, to: impl Write, form: Form) -> Result<(), IoError> {
        write(to, form, &self.columns)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Destination, Form, INPUT};

    fn said(to: &Path, form: Option<Form>, data: &Path) -> String {
        let found = Destination::of(Some(to), form).and_then(|to| to.check([(data, INPUT)]));
        found.map_or_else(|error| error.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn nothing_is_destroyed() {
        let place = tempfile::tempdir().expect("a folder");
        let path = |name: &str| place.path().join(name);
        for name in ["rows.csv", "old.csv"] {
            std::fs::write(path(name), "a\n1\n").expect("written");
        }
        std::fs::create_dir(path("out.csv")).expect("made");
        std::fs::hard_link(path("rows.csv"), path("hard.csv")).expect("linked");
        let rows = path("rows.csv");
        for name in ["rows.csv", "./rows.csv", "out.csv/../rows.csv", "hard.csv"] {
            let found = said(&path(name), None, &rows);
            assert!(found.contains("is the file of the rows themselves"), "{name}: {found}");
            assert!(found.contains(".answers.csv`"), "{name}: {found}");
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
            let found = said(&path(name), None, &rows);
            assert!(found.contains(what), "{name}: {found}");
        }
        assert_eq!(said(&path("a.txt"), Some(Form::Csv), &rows), "fine");
        let found = said(&path("a.csv"), Some(Form::Jsonl), &rows);
        assert!(found.ends_with("ends as csv does, and --format says jsonl"), "{found}");
        assert_eq!(std::fs::read_dir(place.path()).expect("read").count(), 4, "nothing is left behind");
    }

    #[test]
    fn the_standard_output_has_several_names() {
        for to in [None, Some("-"), Some("/dev/stdout")] {
            let to = to.map(Path::new);
            assert_eq!(Destination::of(to, None).expect("fine"), Destination::Output(Form::Csv));
            assert_eq!(Destination::of(to, Some(Form::Tsv)).expect("fine"), Destination::Output(Form::Tsv));
        }
    }
}
