//! The help line of each data error: what to write instead.

use crate::data::error::DataError;
use crate::data::error::suspicion::{no_header_help, non_number_help, unknown_column_help};
use crate::data::phrases::{list, suggest};
use crate::domain::missing_word::looks_missing;

impl DataError {
    /// The offending labels that look like a missing value, such as `n/a`.
    fn missing_words(&self) -> Vec<&str> {
        let labels: Vec<&String> = match self {
            Self::NotBinary { values, .. } | Self::NoOrder { values, .. } => values.iter().collect(),
            Self::NotInOrder { value, .. } | Self::NotLabel { value, .. } => vec![value],
            Self::BadTag { tag, .. } => vec![tag],
            _ => Vec::new(),
        };
        labels.into_iter().map(String::as_str).filter(|text| looks_missing(text)).collect()
    }

    /// What to write instead.
    pub fn help(&self) -> Option<String> {
        let words = self.missing_words();
        if !words.is_empty() {
            let listed: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
            return Some(format!(
                "{} looks like a missing label: if so, write `missing: [{}]` in the csv source",
                list(&words.iter().map(ToString::to_string).collect::<Vec<_>>()),
                listed.join(", ")
            ));
        }
        let help = match self {
            Self::UnknownColumn { column, known, .. } => return Some(suggest(column, known)),
            Self::UnknownColumns { columns, known, .. } => {
                return unknown_column_help(columns.first()?, known);
            }
            Self::HeadingOfNumbers { first, .. } => return Some(no_header_help(first)),
            Self::ExcelSeparator { line, found, .. } => {
                let separator =
                    found.chars().nth(4).map(|character| format!(", separator: {:?}", character.to_string()));
                let separator = separator.unwrap_or_default();
                return Some(format!(
                    "write `skip_rows: {line}{separator}` in the csv source, or delete the line"
                ));
            }
            Self::NotNumber { samples, .. } => return Some(non_number_help(samples)),
            Self::Ragged { cause: Some(cause), .. } => return Some(cause.clone()),
            Self::BadJson { help, .. } => return help.map(str::to_owned),
            Self::BadHeading { name, .. } if name.contains('\t') => {
                "it contains tabs: write `separator: \"\\t\"` in the csv source"
            }
            Self::BadHeading { .. } | Self::DuplicateHeading { .. } => {
                "write `header: false` and `skip_rows: 1`, and list the column names under `columns`"
            }
            Self::UnknownPositive { positive, values, .. } => return Some(suggest(positive, values)),
            Self::UnmappedSplit { known, .. } => return Some(format!("mapped values: {}", list(known))),
            Self::NotInOrder { value, order, .. } => return Some(suggest(value, order)),
            Self::NoOrder { values, .. } => {
                return Some(format!("name the classes from lowest to highest; found {}", list(values)));
            }
            Self::NotUtf8 { .. } => {
                "save the file as UTF-8, or convert it: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW"
            }
            Self::Nul { .. } => "the file is damaged or of another kind; write it again as UTF-8 text",
            Self::NotText { likeness, .. } => likeness.help,
            Self::Separator { .. } => {
                "quote it, for example `separator: \";\"`, and write a tab as `\"\\t\"`"
            }
            Self::Quote { .. } => "write `quote: none` if quotes in the file are ordinary characters",
            Self::AllSkipped { .. } => "skip only the lines before the header",
            Self::QueryReads { .. } => {
                "join the tables into one file first; for tasks on another table, add that table under `data`"
            }
            Self::QueryTooDeep { .. } => "compute these columns beforehand and store them in the file",
            Self::TooLarge { .. } => {
                "the limit is half of the free memory; set the environment variable MTL_DATA_MEMORY for \
                 another, for example `MTL_DATA_MEMORY=64GB`"
            }
            Self::FileNotFound { .. } => "paths are relative to the pipeline file",
            Self::Ragged { .. } => "put fields that contain the separator in double quotes",
            Self::Truncated { .. } => "the file is probably truncated; download or write it again",
            Self::OpenQuote { .. } => {
                "the file may be truncated; if quotes are ordinary characters, such as inches, write `quote: \
                 none`"
            }
            Self::AfterQuote { .. } => {
                "double a quote inside a quoted field (\"\"); if quotes are ordinary characters, write \
                 `quote: none`"
            }
            Self::ColumnsBesideHeader => "write `header: false`, or use `rename`",
            Self::WrongType { wanted: "a number", .. } => {
                "convert it to a number in the `query`, for example `date_part('year', day) as year`"
            }
            Self::WrongType { wanted: "a picture" | "an image", .. } => {
                "for one column per pixel write `query: select *, concat_ws(' ', pixel0, pixel1, ...) as \
                 picture from self` with all column names, and the input \
                 `picture: {image: {height: 28, width: 28}}`; for image files use the source `images`"
            }
            Self::Pixels { .. } => {
                "write `image: {height: 28, width: 28}`; if the column contains file names, write \
                 `source: {images: {path: FOLDER, labels: rows.csv, column: NAME}}`"
            }
            Self::WrongType { .. } => "convert it to text or a number in the `query`",
            Self::Infinite { .. } => "replace the value or drop these rows in the `query`",
            Self::OutsideFloat32 { .. } => {
                "`standardize` it; otherwise take its logarithm or drop these rows in the `query`"
            }
            Self::Missing { .. } => "allow missing values with `missing`, or drop these rows in the `query`",
            Self::TooManyValues { .. } => "use `category`, or a larger `minimum`",
            Self::NoKeys { .. } => "lower `minimum`",
            Self::AllMissing { .. } => "remove the column, or check the `query` and the split",
            Self::OneClass { .. } => {
                "one class cannot be learned; use another split, such as `stratified`, or remove the task"
            }
            Self::NotBinary { .. } => "use `multiclass`, or reduce the column to two values in the `query`",
            Self::NotLabel { .. } => "write 0 or 1, true or false, or leave unknown labels empty",
            Self::StratumTooSmall { .. } => "merge or drop it in the `query`, or use another split",
            Self::SplitFractions { .. } => "lower `valid` or `test`; the remaining rows are for training",
            Self::OneColumn { .. } => {
                "use `multilabel` for several columns of 0 and 1, or one task per column"
            }
            Self::TagCount { .. } => "write one tag per token; a row without any tag is unlabelled",
            Self::BadTag { .. } => {
                "correct the data, or write `scheme: none`, which treats every tag as an independent class"
            }
            Self::NoTokens => {
                "write `inputs: {words: tokens}` for a column `words` of tokens, with a pretrained model's \
                 tokenizer `tokens: {tokenizer: {pretrained: FOLDER}}`, or `text: {tokenizer: character}` \
                 for one tag per character"
            }
            Self::NotOneText { .. } => {
                "write the input as `text: {tokenizer: ...}` without `pair`, and without tagging tasks"
            }
            Self::MissingColumn { .. } => {
                "add the column with `rename` or `query`; only number and category inputs may be missing \
                 from a table"
            }
            Self::NoRoom { special, .. } => return Some(format!("write at least `length: {}`", special + 1)),
            Self::AlreadyTokenized { .. } => {
                "use the input kind `tokens`, whose `tokenizer` splits each word by itself, or the \
                 tokenizer `word`, `character` or `jieba`"
            }
            Self::Split(error) => return error.help(),
            Self::Image(error) => return error.help().map(str::to_owned),
            Self::Vectors(error) => return error.help(),
            Self::Reading(error) => return error.help(),
            Self::Registered(error) => return error.help().map(str::to_owned),
            Self::Store { .. } => "rebuild it with `--fresh`",
            _ => return None,
        };
        Some(help.to_owned())
    }
}
