//! What becomes of a column that is no target: an input, or a comment that says why not.

use crate::data::profile::{ColumnKind, ColumnProfile, Pattern, TextProfile, WritingSystem};
use crate::run::draft::identity::{
    has_long_numbers, is_code, is_date_number, is_identifier_name, is_of_time, is_permutation,
};
use crate::run::draft::words::{comment_text, grouped, several};

/// A column, what becomes of it, and what is to be said of it.
pub struct DraftColumn {
    pub column: usize,
    pub column_use: ColumnUse,
    pub remarks: Vec<String>,
}

/// What becomes of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnUse {
    Input(DraftInputConfig),
    Out {
        why: String,
        /// What it would be if nothing else were left.
        instead: Option<DraftInputConfig>,
    },
}

/// An input's words, and a remark of its own.
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

/// Texts of at most so many values are categories, whatever they say.
const FEW: usize = 30;
/// A column with fewer values than this is nearly empty.
const LEAST_PRESENT: usize = 5;

/// Told from the column alone.
pub fn column_use(column: &ColumnProfile, rows: usize) -> ColumnUse {
    let present = column.present();
    if crate::domain::name::ColumnName::new(&column.name).is_none() {
        return ColumnUse::out("its name cannot be written in a pipeline: give it another");
    }
    match column.kind {
        _ if present == 0 => ColumnUse::out("it is empty"),
        ColumnKind::Time => time(),
        ColumnKind::List => list(column),
        ColumnKind::Bytes => ColumnUse::out("it holds bytes: pictures are read by the input kind `image`"),
        ColumnKind::Other => ColumnUse::out("no input kind reads what it holds"),
        ColumnKind::Text | ColumnKind::Boolean if is_mark(column) => ColumnUse::Input(category(column)),
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

/// Does a single word stand on some rows, and nothing on the others?
fn is_mark(column: &ColumnProfile) -> bool {
    let least = LEAST_PRESENT.max(column.rows / 200);
    column.distinct == 1 && column.missing >= least && column.present() >= least
}

fn time() -> ColumnUse {
    ColumnUse::out(
        "dates or times: `query` makes numbers of them, and `split: {time: {by: ...}}` tests on the latest rows",
    )
}

fn list(column: &ColumnProfile) -> ColumnUse {
    let Some(list) = column.list else { return ColumnUse::out("it holds lists") };
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
            remark: Some(format!("lists of {noun}, at most {longest}")),
        }),
    }
}

fn number(column: &ColumnProfile) -> ColumnUse {
    if column.infinite > 0 {
        return ColumnUse::out(format!("{} holds infinity", several(column.infinite, "row")));
    }
    let standardized = || {
        let yaml = match column.missing {
            0 => "standardize".to_owned(),
            _ => "{standardize: {missing: median, indicator: true}}".to_owned(),
        };
        let remark = (column.missing > 0).then(|| {
            format!("{} of {} missing: the median stands in", grouped(column.missing), grouped(column.rows))
        });
        DraftInputConfig { yaml, remark }
    };
    let whole = column.kind == ColumnKind::Whole || column.is_whole;
    if !whole {
        return ColumnUse::Input(standardized());
    }
    let present = column.present();
    let all_different = column.distinct * 100 >= present * 98;
    if all_different && column.is_running && present > 10 && !is_of_time(&column.name) {
        return ColumnUse::excluded_unless_only("it counts the rows".to_owned(), standardized());
    }
    if all_different
        && (is_identifier_name(&column.name) || is_first(column) || is_permutation(column))
        && present > 10
    {
        let count = several(column.distinct, "different number");
        return ColumnUse::excluded_unless_only(
            format!("it names rows: {count} on {}", several(present, "row")),
            standardized(),
        );
    }
    if all_different && has_long_numbers(column) && present > 10 {
        let why = "long numbers, nearly all different, as of accounts or telephones".to_owned();
        return ColumnUse::excluded_unless_only(why, standardized());
    }
    if is_date_number(column) {
        return ColumnUse::out("numbers that are dates (year, month, day): `query` makes amounts of them");
    }
    if is_identifier_name(&column.name) && column.distinct > 50 && column.frequent[0] > 0 {
        return group(column);
    }
    if is_code(&column.name)
        && column.distinct <= 1000
        && column.distinct > 2
        && column.distinct * 4 < present
    {
        let mut config = category(column);
        config.remark = Some(format!("{}, taken for codes by its name", several(column.distinct, "value")));
        return ColumnUse::Input(config);
    }
    ColumnUse::Input(standardized())
}

fn text(column: &ColumnProfile) -> ColumnUse {
    let (present, distinct) = (column.present(), column.distinct);
    let nearly_all = distinct * 10 >= present * 9;
    match column.pattern {
        Some(Pattern::Date) => return time(),
        Some(pattern @ Pattern::Picture) if distinct > FEW || nearly_all => {
            let how = "`source: {images: {path: FOLDER, labels: FILE, column: NAME}}` reads them";
            return ColumnUse::out(format!("{}: {how}", pattern.display_name()));
        }
        Some(pattern @ Pattern::Amount) if distinct > FEW => {
            let example = column.values.first().map_or("", |(value, _)| value);
            return ColumnUse::out(format!(
                "{}, such as {}: write plain numbers",
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
        return ColumnUse::out(names(column));
    }
    let is_prose = column.prose.filter(|prose| is_prose(prose, column));
    if let Some(prose) = is_prose.filter(|_| distinct > FEW || nearly_all && present > 10) {
        return ColumnUse::Input(prose_words(&prose, column));
    }
    if mostly_numbers(column) {
        let unknown = column.values.iter().find(|(text, _)| text.parse::<f64>().is_err());
        let unknown = unknown.map_or("", |(text, _)| text);
        return ColumnUse::out(format!(
            "numbers among which {} stands: correct such cells, or name them in the source's `missing`",
            comment_text(unknown)
        ));
    }
    if is_identifier_name(&column.name) && distinct > 50 && !nearly_all {
        return group(column);
    }
    if distinct <= FEW.min(present / 2).max(2) {
        return ColumnUse::Input(category(column));
    }
    if nearly_all {
        return ColumnUse::out(names(column));
    }
    match category(column) {
        config if column.frequent[least(column)] > 0 => ColumnUse::Input(config),
        _ => ColumnUse::out(format!(
            "{} texts on {}: too few rows of each",
            grouped(distinct),
            several(present, "row")
        )),
    }
}

/// The first column without a heading, where tables have their row names.
fn is_first(column: &ColumnProfile) -> bool {
    column.name == "column_1"
}

fn names(column: &ColumnProfile) -> String {
    format!(
        "it names rows: {} different texts on {}",
        grouped(column.distinct),
        several(column.present(), "row")
    )
}

/// A learned embedding; values of few rows count as one.
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
    let (minimum, kept) = ([2, 5, 20][least], column.frequent[least]);
    if kept == column.distinct {
        return DraftInputConfig { yaml: "category".to_owned(), remark: Some(values) };
    }
    let remark =
        format!("{values}; {} stand on at least {minimum} rows, all others count as unseen", grouped(kept));
    DraftInputConfig { yaml: format!("{{category: {{minimum: {minimum}}}}}"), remark: Some(remark) }
}

/// Which of 2, 5 and 20 rows a value must have: few where there are few rows.
fn least(column: &ColumnProfile) -> usize {
    match column.present() {
        0..=999 => 0,
        1000..=99_999 => usize::from(column.frequent[1] > 0),
        _ => {
            if column.frequent[2] > 0 {
                2
            } else {
                usize::from(column.frequent[1] > 0)
            }
        }
    }
}

/// Names of things that each stand on several rows.
fn group(column: &ColumnProfile) -> ColumnUse {
    let rows = column.present() as f64 / column.distinct.max(1) as f64;
    let count = several(column.distinct, "value");
    group_of(
        column,
        format!("it names groups of rows: {count}, {rows:.1} rows each, would be learned by heart"),
    )
}

fn group_of(column: &ColumnProfile, why: String) -> ColumnUse {
    ColumnUse::excluded_unless_only(why, category(column))
}

/// Several words to a text, of which some come again elsewhere.
fn is_prose(prose: &TextProfile, column: &ColumnProfile) -> bool {
    let various = column.distinct * 5 >= column.present() || column.distinct > 1000;
    let long = match prose.script {
        WritingSystem::Blanks => prose.words_per_text >= 3.0 && prose.several >= 0.6,
        _ => prose.words_per_text >= 5.0,
    };
    long && various && (prose.repeated >= 0.3 || prose.words_per_text >= 8.0)
}

fn prose_words(prose: &TextProfile, column: &ColumnProfile) -> DraftInputConfig {
    let length = ((prose.long * 5 / 4).div_ceil(8) * 8).clamp(16, 256);
    let minimum = if column.present() < 1000 { 1 } else { 2 };
    let (tokenizer, noun) = match prose.script {
        WritingSystem::Blanks => (format!("{{word: {{vocabulary: 20000, minimum: {minimum}}}}}"), "words"),
        WritingSystem::Chinese => {
            (format!("{{jieba: {{vocabulary: 20000, minimum: {minimum}}}}}"), "characters")
        }
        WritingSystem::Unspaced => ("character".to_owned(), "characters"),
    };
    let yaml = format!(
        "{{text: {{tokenizer: {tokenizer}, length: {length}, encoder: [{{embedding: 64}}, {{dropout: 0.3}}, {{pool: mean}}]}}}}"
    );
    let remark = format!(
        "{} different texts of {:.0} {noun}",
        grouped(column.distinct),
        prose.words_per_text.max(1.0)
    );
    DraftInputConfig { yaml, remark: Some(remark) }
}

/// Numbers but for a few cells?
fn mostly_numbers(column: &ColumnProfile) -> bool {
    let number = |text: &str| text.parse::<f64>().is_ok() && !text.starts_with("00");
    let seen: usize = column.values.iter().map(|(_, rows)| rows).sum();
    let numbers: usize = column.values.iter().filter(|(text, _)| number(text)).map(|(_, rows)| rows).sum();
    column.distinct > FEW && numbers * 10 >= seen * 9 && numbers < seen
}
