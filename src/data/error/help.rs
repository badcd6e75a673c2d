//! What to do about a problem with data.

use crate::data::error::DataError;
use crate::data::error::suspicion::{no_heading, of_columns, of_texts};
use crate::data::phrases::{list, suggest};
use crate::domain::missing_word::looks_missing;

impl DataError {
    /// Labels in the way that look like missing ones.
    fn missing_words(&self) -> Vec<&str> {
        let types: Vec<&String> = match self {
            Self::NotBinary { values, .. } | Self::NoOrder { values, .. } => values.iter().collect(),
            Self::NotInOrder { value, .. } | Self::NotLabel { value, .. } => vec![value],
            Self::BadTag { tag, .. } => vec![tag],
            _ => Vec::new(),
        };
        types.into_iter().map(String::as_str).filter(|text| looks_missing(text)).collect()
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        let words = self.missing_words();
        if !words.is_empty() {
            let listed: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
            return Some(format!(
                "{} looks like a missing label: if it means that nobody knows, write `missing: [{}]` in the csv source",
                list(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()),
                listed.join(", ")
            ));
        }
        let help = match self {
            Self::UnknownColumn { column, known, .. } => return Some(suggest(column, known)),
            Self::UnknownColumns { columns, known, .. } => return of_columns(columns.first()?, known),
            Self::HeadingOfNumbers { first, .. } => return Some(no_heading(first)),
            Self::ExcelSeparator { line, found: types, .. } => {
                let separator = types.chars().nth(4).map(|one| format!(", separator: {:?}", one.to_string()));
                let separator = separator.unwrap_or_default();
                return Some(format!(
                    "write `skip_rows: {line}{separator}` in the csv source, or delete the line"
                ));
            }
            Self::NotNumber { samples, .. } => return Some(of_texts(samples)),
            Self::Ragged { cause: Some(cause), .. } => return Some(cause.clone()),
            Self::BadJson { help, .. } => return help.map(str::to_owned),
            Self::BadHeading { name, .. } if name.contains('\t') => {
                "tabs stand in it: write `separator: \"\\t\"` in the csv source"
            }
            Self::BadHeading { .. } | Self::DuplicateHeading { .. } => {
                "name the columns otherwise: `header: false`, `skip_rows: 1` and their names under `columns`"
            }
            Self::UnknownPositive { positive, values, .. } => return Some(suggest(positive, values)),
            Self::UnknownSplit { known, .. } => return Some(format!("its values may be {}", list(known))),
            Self::NotInOrder { value, order, .. } => return Some(suggest(value, order)),
            Self::NoOrder { values, .. } => {
                return Some(format!("name the classes from lowest to highest; found {}", list(values)));
            }
            Self::NotUtf8 { .. } => {
                "save the file as UTF-8, or convert it: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW"
            }
            Self::Nul { .. } => "the file is damaged or of another kind; write it again as UTF-8 text",
            Self::Unlike { likeness: guess, .. } => guess.help,
            Self::Separator { .. } => {
                "write it in quotes, such as `separator: \";\"`, and a tab as `\"\\t\"`"
            }
            Self::Quote { .. } => "write `quote: none` where a quote in the file is a character as any other",
            Self::AllSkipped { .. } => "skip only the lines before the line that names the columns",
            Self::QueryReads { .. } => {
                "join the tables before, into one file that the source names; tasks of another table have a table of their \
                 own under `data`"
            }
            Self::QueryTooDeep { .. } => "make such columns before, and write them into the file",
            Self::TooLarge { .. } => {
                "the limit is half of the memory that is free; the environment variable MTL_DATA_MEMORY sets another, such as \
                 `MTL_DATA_MEMORY=64GB`"
            }
            Self::Absent { .. } => "paths are relative to the pipeline file",
            Self::Ragged { .. } => "fields that hold the separator must stand in double quotes",
            Self::CutShort { .. } => "the file was probably not written to its end; fetch or write it again",
            Self::OpenQuote { .. } => {
                "the file may be cut short; where quotes in it are signs as any other, such as inches, write `quote: none`"
            }
            Self::AfterQuote { .. } => {
                "a quote inside a quoted field is doubled: \"\"; where quotes are signs as any other, write `quote: none`"
            }
            Self::ColumnsBesideHeader => "say `header: false`, or use `rename`",
            Self::WrongType { wanted: "a number", .. } => {
                "turn it into a number in the `query`, such as `date_part('year', day) as year`"
            }
            Self::WrongType { wanted: "a picture", .. } => {
                "of a column for each pixel the `query` makes one: `select *, concat_ws(' ', pixel0, pixel1, ...) as picture from self` \
                 with all their names, an input `picture: {image: {height: 28, width: 28}}`; files of pictures are read by the source `images`"
            }
            Self::Pixels { .. } => {
                "say `image: {height: 28, width: 28}`; where the column names files, read them by \
                 `source: {images: {path: FOLDER, labels: rows.csv, column: NAME}}`"
            }
            Self::WrongType { .. } => "turn it into text or a number in the `query`",
            Self::Infinite { .. } => "replace or drop such rows in the `query`",
            Self::BeyondFloats { .. } => {
                "`standardize` it where it is not; else take its logarithm, or drop such rows, in the `query`"
            }
            Self::Missing { .. } => "allow it by `missing`, or drop such rows in the `query`",
            Self::TooManyValues { .. } => "use `category`, or a larger `minimum`",
            Self::NoKeys { .. } => "lower `minimum`",
            Self::AllMissing { .. } => "leave the column out, or look at the `query` and the split",
            Self::OneClass { .. } => {
                "nothing can be learned of one class; use another split, such as `stratified`, or leave the task out"
            }
            Self::NotBinary { .. } => "use `multiclass`, or make two values of them in the `query`",
            Self::NotLabel { .. } => "a label is 0 or 1, true or false, or empty where unknown",
            Self::TooFewOfStratum { .. } => "merge or drop it in the `query`, or use another split",
            Self::Shares { .. } => "valid + test must be less than 1",
            Self::OneColumn { .. } => {
                "use `multilabel` for several columns of 0 and 1, or one task per column"
            }
            Self::TagCount { .. } => "every token has one tag; a row without any tag is unlabelled",
            Self::BadTag { .. } => {
                "correct the data, or use `scheme: none`, where a tag is a class and no more"
            }
            Self::NoTokens => {
                "write `inputs: {words: tokens}` for a column `words` of tokens, or `text: {tokenizer: character}` for tags of characters"
            }
            Self::LackingColumn { .. } => {
                "give it a column of that name by `rename` or `query`; numbers and categories alone may be missing"
            }
            Self::AlreadyCut { .. } => "read it by `tokens`, or use `word`, `character` or `jieba`",
            Self::Split(error) => return error.help(),
            Self::Picture(error) => return error.help().map(str::to_owned),
            Self::Vectors(error) => return error.help(),
            Self::Reading(error) => return error.help(),
            Self::Registered(error) => return error.help().map(str::to_owned),
            Self::Store { .. } => "it is made again by `--fresh`",
            _ => return None,
        };
        Some(help.to_owned())
    }
}
