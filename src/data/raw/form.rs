//! What a file of answers is written as, told by its ending or by its name.

use std::path::Path;

/// The form of a file of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFileFormat {
    Csv,
    Tsv,
    Jsonl,
    Parquet,
    Arrow,
}

/// The endings of each form; the first is the usual one.
const ENDINGS: [(AnswerFileFormat, &[&str]); 5] = [
    (AnswerFileFormat::Csv, &[".csv"]),
    (AnswerFileFormat::Tsv, &[".tsv"]),
    (AnswerFileFormat::Jsonl, &[".jsonl", ".ndjson"]),
    (AnswerFileFormat::Parquet, &[".parquet", ".pq"]),
    (AnswerFileFormat::Arrow, &[".arrow", ".feather", ".ipc"]),
];

/// What may be written, for people.
pub const WRITTEN: &str = ".csv, .tsv, .jsonl (each also with .gz), .parquet or .arrow";

impl AnswerFileFormat {
    /// The form that a file's ending tells, and whether it is to be compressed.
    pub fn of_ending(file: &Path) -> Option<(Self, bool)> {
        let name = file.to_string_lossy().to_lowercase();
        let packed = name.ends_with(".gz");
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        let is = |endings: &&[&str]| endings.iter().any(|ending| plain.ends_with(ending));
        let (form, _) = ENDINGS.into_iter().find(|(_, endings)| is(endings))?;
        // The other two are compressed inside.
        (form.is_text() || !packed).then_some((form, packed))
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// Can a terminal show it?
    pub fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv | Self::Jsonl)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::data::raw::AnswerFileFormat;
    use crate::data::source::of_ending;

    #[test]
    fn an_ending_tells_a_form_that_can_be_read_again() {
        for (name, form) in [
            ("a.csv", Some((AnswerFileFormat::Csv, false))),
            ("a.b/A.CSV", Some((AnswerFileFormat::Csv, false))),
            (".tsv.gz", Some((AnswerFileFormat::Tsv, true))),
            ("a.jsonl", Some((AnswerFileFormat::Jsonl, false))),
            ("a.ndjson.gz", Some((AnswerFileFormat::Jsonl, true))),
            ("a.pq", Some((AnswerFileFormat::Parquet, false))),
            ("a.feather", Some((AnswerFileFormat::Arrow, false))),
            ("a.txt", None),
            ("a.parquet.gz", None),
            ("a.csv.zst", None),
            ("a.json", None),
            ("a.xlsx", None),
            ("csv", None),
            ("a", None),
        ] {
            assert_eq!(AnswerFileFormat::of_ending(Path::new(name)), form, "{name}");
            assert!(form.is_none() || of_ending(Path::new(name)).is_ok(), "{name} cannot be read");
        }
    }
}
