//! Decides how a draft uses a column that is not a target: as an input, or left out with a reason.

use crate::data::profile::{ColumnKind, ColumnProfile, Pattern, TextProfile, WritingSystem};
use crate::run::draft::formatting::{comment_text, grouped, several};
use crate::run::draft::identity::{
    has_long_numbers, is_code, is_date_number, is_identifier_name, is_of_time, is_permutation,
};

/// A column, how it is used, and remarks for the user.
pub struct DraftColumn {
    pub column: usize,
    pub column_use: ColumnUse,
    pub remarks: Vec<String>,
}

/// How a column is used.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnUse {
    Input(DraftInputConfig),
    /// Left out, as a comment with the reason.
    Out {
        why: String,
        /// The input to use if no other column is left.
        instead: Option<DraftInputConfig>,
    },
}

/// An input's settings as YAML, and a remark.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftInputConfig {
    pub yaml: String,
    pub remark: Option<String>,
}

impl ColumnUse {
    pub fn out(why: impl Into<String>) -> Self {
        Self::Out { why: why.into(), instead: None }
    }

    fn excluded_unless_only(why: String, config: DraftInputConfig) -> Self {
        Self::Out { why, instead: Some(config) }
    }
}

/// Texts with at most this many distinct values are categories, whatever they contain.
const FEW: usize = 30;
/// A column with fewer values than this counts as empty.
const LEAST_PRESENT: usize = 5;

/// Decides from the column alone.
pub fn column_use(column: &ColumnProfile, rows: usize) -> ColumnUse {
    let present = column.present();
    if crate::domain::name::ColumnName::new(&column.name).is_none() {
        return ColumnUse::out("its name cannot be used in a pipeline; rename the column");
    }
    match column.kind {
        _ if present == 0 => ColumnUse::out("it is empty"),
        ColumnKind::Time => time(),
        ColumnKind::List => list(column),
        ColumnKind::Bytes => ColumnUse::out("it contains bytes; images need the input kind `image`"),
        ColumnKind::Other => ColumnUse::out("no input kind supports its type"),
        ColumnKind::Text | ColumnKind::Boolean if is_flag(column) => ColumnUse::Input(category(column)),
        _ if column.distinct == 1 => {
            let value = column.values.first().map_or("", |(value, _)| value);
            match column.missing {
                0 => ColumnUse::out(format!("it is {} on every row", comment_text(value))),
                missing => {
                    ColumnUse::out(format!("it is {} or missing ({missing} of {rows})", comment_text(value)))
                }
            }
        }
        _ if present < LEAST_PRESENT.max(rows / 200) => {
            ColumnUse::out(format!("only {} of {} have a value", grouped(present), several(rows, "row")))
        }
        ColumnKind::Boolean => ColumnUse::Input(category(column)),
        ColumnKind::Text => text(column),
        ColumnKind::Whole | ColumnKind::Number => number(column),
    }
}

/// Whether one value marks some rows and all others are missing.
fn is_flag(column: &ColumnProfile) -> bool {
    let least = LEAST_PRESENT.max(column.rows / 200);
    column.distinct == 1 && column.missing >= least && column.present() >= least
}

fn time() -> ColumnUse {
    ColumnUse::out(
        "dates or times: convert them to numbers in `query`; `split: {time: {by: ...}}` puts the latest rows \
         into the test split",
    )
}

fn list(column: &ColumnProfile) -> ColumnUse {
    let Some(list) = column.list else { return ColumnUse::out("it contains lists") };
    let longest = list.longest;
    let length = longest.clamp(1, 512);
    let (yaml, noun) = match list.numbers {
        true => {
            (format!("{{series: {{length: {length}, encoder: [{{gru: 32}}, {{pool: mean}}]}}}}"), "numbers")
        }
        false => (
            format!("{{tokens: {{length: {length}, encoder: [{{embedding: 32}}, {{pool: mean}}]}}}}"),
            "texts",
        ),
    };
    match longest {
        0 => ColumnUse::out("all its lists are empty"),
        _ => ColumnUse::Input(DraftInputConfig {
            yaml,
            remark: Some(format!("lists of {noun}, at most {longest} elements")),
        }),
    }
}

fn number(column: &ColumnProfile) -> ColumnUse {
    if column.infinite > 0 {
        return ColumnUse::out(format!("infinite values in {}", several(column.infinite, "row")));
    }
    let standardized = || {
        let yaml = match column.missing {
            0 => "standardize".to_owned(),
            _ => "{standardize: {missing: median, indicator: true}}".to_owned(),
        };
        let remark = (column.missing > 0).then(|| {
            format!("{} of {} missing, filled with the median", grouped(column.missing), grouped(column.rows))
        });
        DraftInputConfig { yaml, remark }
    };
    let whole = column.kind == ColumnKind::Whole || column.is_whole;
    if !whole {
        return ColumnUse::Input(standardized());
    }
    let present = column.present();
    let all_different = column.distinct * 100 >= present * 98;
    if all_different && column.is_sequence && present > 10 && !is_of_time(&column.name) {
        return ColumnUse::excluded_unless_only("it numbers the rows".to_owned(), standardized());
    }
    if all_different
        && (is_identifier_name(&column.name) || is_first(column) || is_permutation(column))
        && present > 10
    {
        let count = several(column.distinct, "different number");
        return ColumnUse::excluded_unless_only(
            format!("it identifies rows: {count} on {}", several(present, "row")),
            standardized(),
        );
    }
    if all_different && has_long_numbers(column) && present > 10 {
        let why = "long numbers, nearly all different, such as account or telephone numbers".to_owned();
        return ColumnUse::excluded_unless_only(why, standardized());
    }
    if is_date_number(column) {
        return ColumnUse::out("numbers that encode dates (YYYYMMDD): convert them in `query`");
    }
    if is_identifier_name(&column.name) && column.distinct > 50 && column.frequent_counts[0] > 0 {
        return group(column);
    }
    if is_code(&column.name)
        && column.distinct <= 1000
        && column.distinct > 2
        && column.distinct * 4 < present
    {
        let mut config = category(column);
        config.remark =
            Some(format!("{}, treated as codes because of its name", several(column.distinct, "value")));
        return ColumnUse::Input(config);
    }
    ColumnUse::Input(standardized())
}

fn text(column: &ColumnProfile) -> ColumnUse {
    let (present, distinct) = (column.present(), column.distinct);
    let nearly_all = distinct * 10 >= present * 9;
    match column.pattern {
        Some(Pattern::Date) => return time(),
        Some(pattern @ Pattern::Image) if distinct > FEW || nearly_all => {
            let fix = "`source: {images: {path: FOLDER, labels: FILE, column: NAME}}` reads them";
            return ColumnUse::out(format!("{}: {fix}", pattern.display_name()));
        }
        Some(pattern @ Pattern::Amount) if distinct > FEW => {
            let example = column.values.first().map_or("", |(value, _)| value);
            return ColumnUse::out(format!(
                "{}, such as {}: convert them to plain numbers",
                pattern.display_name(),
                comment_text(example)
            ));
        }
        Some(pattern) if distinct > FEW && !matches!(pattern, Pattern::Amount) => {
            let why =
                format!("{}, {} on {}", pattern.display_name(), grouped(distinct), several(present, "row"));
            return match nearly_all {
                true => ColumnUse::out(why),
                false => group_of(column, why),
            };
        }
        _ => {}
    }
    if nearly_all && (is_identifier_name(&column.name) || is_first(column)) && present > 10 {
        return ColumnUse::out(identifies_rows(column));
    }
    let is_prose = column.text.filter(|prose| is_prose(prose, column));
    if let Some(prose) = is_prose.filter(|_| distinct > FEW || nearly_all && present > 10) {
        return ColumnUse::Input(text_input(&prose, column));
    }
    if mostly_numbers(column) {
        let other = column.values.iter().find(|(text, _)| text.parse::<f64>().is_err());
        let other = other.map_or("", |(text, _)| text);
        return ColumnUse::out(format!(
            "numbers, except {}: correct these cells or list them in the source's `missing`",
            comment_text(other)
        ));
    }
    if is_identifier_name(&column.name) && distinct > 50 && !nearly_all {
        return group(column);
    }
    if distinct <= FEW.min(present / 2).max(2) {
        return ColumnUse::Input(category(column));
    }
    if nearly_all {
        return ColumnUse::out(identifies_rows(column));
    }
    match category(column) {
        config if column.frequent_counts[least(column)] > 0 => ColumnUse::Input(config),
        _ => ColumnUse::out(format!(
            "{} different texts on {}: too few rows per text",
            grouped(distinct),
            several(present, "row")
        )),
    }
}

/// Whether it is the first column of a table without a header, where row names often are.
fn is_first(column: &ColumnProfile) -> bool {
    column.name == "column_1"
}

fn identifies_rows(column: &ColumnProfile) -> String {
    format!(
        "it identifies rows: {} different texts on {}",
        grouped(column.distinct),
        several(column.present(), "row")
    )
}

/// A category input, which learns an embedding; rare values count as unseen.
fn category(column: &ColumnProfile) -> DraftInputConfig {
    let missing = match column.missing {
        0 => String::new(),
        some => format!(", {} of {} missing", grouped(some), grouped(column.rows)),
    };
    let values = format!("{}{missing}", several(column.distinct, "value"));
    if column.distinct <= FEW {
        return DraftInputConfig { yaml: "category".to_owned(), remark: Some(values) };
    }
    let least = least(column);
    let (minimum, kept) = ([2, 5, 20][least], column.frequent_counts[least]);
    if kept == column.distinct {
        return DraftInputConfig { yaml: "category".to_owned(), remark: Some(values) };
    }
    let remark =
        format!("{values}; {} occur on at least {minimum} rows, the others count as unseen", grouped(kept));
    DraftInputConfig { yaml: format!("{{category: {{minimum: {minimum}}}}}"), remark: Some(remark) }
}

/// The index into [2, 5, 20] of the least number of rows of a value: smaller for smaller tables.
fn least(column: &ColumnProfile) -> usize {
    match column.present() {
        0..=999 => 0,
        1000..=99_999 => usize::from(column.frequent_counts[1] > 0),
        _ if column.frequent_counts[2] > 0 => 2,
        _ => usize::from(column.frequent_counts[1] > 0),
    }
}

/// A column that identifies things which occur on several rows.
fn group(column: &ColumnProfile) -> ColumnUse {
    let rows = column.present() as f64 / column.distinct.max(1) as f64;
    let count = several(column.distinct, "value");
    group_of(
        column,
        format!("it identifies groups of rows ({count}, {rows:.1} rows each): the model would memorize them"),
    )
}

fn group_of(column: &ColumnProfile, why: String) -> ColumnUse {
    ColumnUse::excluded_unless_only(why, category(column))
}

/// Whether the texts have several words each, some of which occur in other texts.
fn is_prose(prose: &TextProfile, column: &ColumnProfile) -> bool {
    let various = column.distinct * 5 >= column.present() || column.distinct > 1000;
    let long = match prose.script {
        WritingSystem::Spaced => prose.words_per_text >= 3.0 && prose.multi_word_share >= 0.6,
        _ => prose.words_per_text >= 5.0,
    };
    long && various && (prose.repeated_share >= 0.3 || prose.words_per_text >= 8.0)
}

fn text_input(prose: &TextProfile, column: &ColumnProfile) -> DraftInputConfig {
    let length = ((prose.words_p98 * 5 / 4).div_ceil(8) * 8).clamp(16, 256);
    let minimum = if column.present() < 1000 { 1 } else { 2 };
    let (tokenizer, noun) = match prose.script {
        WritingSystem::Spaced => (format!("{{word: {{vocabulary: 20000, minimum: {minimum}}}}}"), "words"),
        WritingSystem::Chinese => {
            (format!("{{jieba: {{vocabulary: 20000, minimum: {minimum}}}}}"), "characters")
        }
        WritingSystem::Unspaced => ("character".to_owned(), "characters"),
    };
    let yaml = format!(
        "{{text: {{tokenizer: {tokenizer}, length: {length}, \
         encoder: [{{embedding: 64}}, {{dropout: 0.3}}, {{pool: mean}}]}}}}"
    );
    let remark = format!(
        "{} different texts of {:.0} {noun}",
        grouped(column.distinct),
        prose.words_per_text.max(1.0)
    );
    DraftInputConfig { yaml, remark: Some(remark) }
}

/// Whether all but a few cells are numbers.
fn mostly_numbers(column: &ColumnProfile) -> bool {
    let number = |text: &str| text.parse::<f64>().is_ok() && !text.starts_with("00");
    let seen: usize = column.values.iter().map(|(_, rows)| rows).sum();
    let numbers: usize = column.values.iter().filter(|(text, _)| number(text)).map(|(_, rows)| rows).sum();
    column.distinct > FEW && numbers * 10 >= seen * 9 && numbers < seen
}
