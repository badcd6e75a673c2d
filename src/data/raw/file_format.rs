//! The formats of predictions files, chosen by file extension.

use std::path::Path;

/// The format of a predictions file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PredictionFileFormat {
    /// Comma-separated values.
    Csv,
    /// Tab-separated values.
    Tsv,
    /// One JSON object per line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
    /// An Apache Arrow IPC file.
    Arrow,
}

/// The file extensions of each format; the first is the usual one.
const EXTENSIONS: [(PredictionFileFormat, &[&str]); 5] = [
    (PredictionFileFormat::Csv, &[".csv"]),
    (PredictionFileFormat::Tsv, &[".tsv"]),
    (PredictionFileFormat::Jsonl, &[".jsonl", ".ndjson"]),
    (PredictionFileFormat::Parquet, &[".parquet", ".pq"]),
    (PredictionFileFormat::Arrow, &[".arrow", ".feather", ".ipc"]),
];

/// The supported extensions, for messages.
pub const WRITTEN: &str = ".csv, .tsv, .jsonl (each also with .gz), .parquet or .arrow";

impl PredictionFileFormat {
    /// The format for a file's extension, and whether to compress it with gzip. `None` for other extensions.
    pub fn from_extension(file: &Path) -> Option<(Self, bool)> {
        let name = file.to_string_lossy().to_lowercase();
        let gzip = name.ends_with(".gz");
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        let matches = |extensions: &[&str]| extensions.iter().any(|extension| plain.ends_with(extension));
        let (format, _) = EXTENSIONS.into_iter().find(|(_, extensions)| matches(extensions))?;
        // Parquet and Arrow compress their own buffers.
        (format.is_text() || !gzip).then_some((format, gzip))
    }

    /// The name, as in `--format`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// Is it a text format, which a terminal can show?
    pub fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv | Self::Jsonl)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::data::raw::PredictionFileFormat;
    use crate::data::source::source_from_extension;

    #[test]
    fn every_format_that_is_written_can_be_read() {
        for (name, format) in [
            ("a.csv", Some((PredictionFileFormat::Csv, false))),
            ("a.b/A.CSV", Some((PredictionFileFormat::Csv, false))),
            (".tsv.gz", Some((PredictionFileFormat::Tsv, true))),
            ("a.jsonl", Some((PredictionFileFormat::Jsonl, false))),
            ("a.ndjson.gz", Some((PredictionFileFormat::Jsonl, true))),
            ("a.pq", Some((PredictionFileFormat::Parquet, false))),
            ("a.feather", Some((PredictionFileFormat::Arrow, false))),
            ("a.txt", None),
            ("a.parquet.gz", None),
            ("a.csv.zst", None),
            ("a.json", None),
            ("a.xlsx", None),
            ("csv", None),
            ("a", None),
        ] {
            assert_eq!(PredictionFileFormat::from_extension(Path::new(name)), format, "{name}");
            assert!(
                format.is_none() || source_from_extension(Path::new(name)).is_ok(),
                "{name} cannot be read"
            );
        }
    }
}
