//! What becomes of a column that is no target: an input, or a comment that says why not.

use crate::data::profile::{ColumnKind, ColumnProfile, Pattern, Prose, Script};
use crate::run::draft::identity::{
    has_long_numbers, is_code, is_date_number, is_of_time, is_permutation, names_a_thing,
};
use crate::run::draft::words::{grouped, several, shown};

/// A column, what becomes of it, and what is to be said of it.
pub struct Entry {
    pub column: usize,
    pub place: Place,
    pub remarks: Vec<String>,
}

/// What becomes of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    Input(Words),
    Out {
        why: String,
        /// What it would be if nothing else were left.
        instead: Option<Words>,
    },
}

/// An input's words, and a remark of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    pub yaml: String,
    pub remark: Option<String>,
}

impl Place {
    pub fn out(why: impl Into<String>) -> Self {
        Self::Out { why: why.into(), instead: None }
    }

    fn out_unless_alone(why: String, words: Words) -> Self {
        Self::Out { why, instead: Some(words) }
    }
}

/// Texts of at most so many values are categories, whatever they say.
const FEW: usize = 30;
/// A column with fewer values than this is nearly empty.
const LEAST_PRESENT: usize = 5;

/// Told from the column alone.
pub fn place(column: &ColumnProfile, rows: usize) -> Place {
    let present = column.present();
    if crate::domain::name::ColumnName::new(&column.name).is_none() {
        return Place::out("its name cannot be written in a pipeline: give it another");
    }
    match column.kind {
        _ if present == 0 => Place::out("it is empty"),
        ColumnKind::Time => time(),
        ColumnKind::List => list(column),
        ColumnKind::Bytes => Place::out("it holds bytes: pictures are read by the input kind `image`"),
        ColumnKind::Other => Place::out("no input kind reads what it holds"),
        ColumnKind::Text | ColumnKind::Boolean if is_mark(column) => Place::Input(category(column)),
        _ if column.distinct == 1 => {
            let value = column.values.first().map_or("", |(value, _)| value);
            match column.missing {
                0 => Place::out(format!("it is {} on every row", shown(value))),
                missing => Place::out(format!("it is {} or missing ({missing} of {rows})", shown(value))),
            }
        }
        _ if present < LEAST_PRESENT.max(rows / 200) => {
            Place::out(format!("only {} of {} have a value", grouped(present), several(rows, "row")))
        }
        ColumnKind::Boolean => Place::Input(category(column)),
        ColumnKind::Text => text(column),
        ColumnKind::Whole | ColumnKind::Number => number(column),
    }
}

/// Does a single word stand on some rows, and nothing on the others?
fn is_mark(column: &ColumnProfile) -> bool {
    let least = LEAST_PRESENT.max(column.rows / 200);
    column.distinct == 1 && column.missing >= least && column.present() >= least
}

fn time() -> Place {
    Place::out(
        "dates or times: `query` makes numbers of them, and `split: {time: {by: ...}}` tests on the latest rows",
    )
}

fn list(column: &ColumnProfile) -> Place {
    let Some(list) = column.list else { return Place::out("it holds lists") };
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
        0 => Place::out("all its lists are empty"),
        _ => Place::Input(Words { yaml, remark: Some(format!("lists of {noun}, at most {longest}")) }),
    }
}

fn number(column: &ColumnProfile) -> Place {
    if column.infinite > 0 {
        return Place::out(format!("{} holds infinity", several(column.infinite, "row")));
    }
    let standardized = || {
        let yaml = match column.missing {
            0 => "standardize".to_owned(),
            _ => "{standardize: {missing: median, indicator: true}}".to_owned(),
        };
        let remark = (column.missing > 0).then(|| {
            format!("{} of {} missing: the median stands in", grouped(column.missing), grouped(column.rows))
        });
        Words { yaml, remark }
    };
    let whole = column.kind == ColumnKind::Whole || column.is_whole;
    if !whole {
        return Place::Input(standardized());
    }
    let present = column.present();
    let all_different = column.distinct * 100 >= present * 98;
    if all_different && column.is_running && present > 10 && !is_of_time(&column.name) {
        return Place::out_unless_alone("it counts the rows".to_owned(), standardized());
    }
    if all_different
        && (names_a_thing(&column.name) || is_first(column) || is_permutation(column))
        && present > 10
    {
        let count = several(column.distinct, "different number");
        return Place::out_unless_alone(
            format!("it names rows: {count} on {}", several(present, "row")),
            standardized(),
        );
    }
    if all_different && has_long_numbers(column) && present > 10 {
        let why = "long numbers, nearly all different, as of accounts or telephones".to_owned();
        return Place::out_unless_alone(why, standardized());
    }
    if is_date_number(column) {
        return Place::out("numbers that are dates (year, month, day): `query` makes amounts of them");
    }
    if names_a_thing(&column.name) && column.distinct > 50 && column.frequent[0] > 0 {
        return group(column);
    }
    if is_code(&column.name)
        && column.distinct <= 1000
        && column.distinct > 2
        && column.distinct * 4 < present
    {
        let mut words = category(column);
        words.remark = Some(format!("{}, taken for codes by its name", several(column.distinct, "value")));
        return Place::Input(words);
    }
    Place::Input(standardized())
}

fn text(column: &ColumnProfile) -> Place {
    let (present, distinct) = (column.present(), column.distinct);
    let nearly_all = distinct * 10 >= present * 9;
    match column.pattern {
        Some(Pattern::Date) => return time(),
        Some(pattern @ Pattern::Picture) if distinct > FEW || nearly_all => {
            let how = "`source: {images: {path: FOLDER, labels: FILE, column: NAME}}` reads them";
            return Place::out(format!("{}: {how}", pattern.noun()));
        }
        Some(pattern @ Pattern::Amount) if distinct > FEW => {
            let example = column.values.first().map_or("", |(value, _)| value);
            return Place::out(format!(
                "{}, such as {}: write plain numbers",
                pattern.noun(),
                shown(example)
            ));
        }
        Some(pattern) if distinct > FEW && !matches!(pattern, Pattern::Amount) => {
            let why = format!("{}, {} on {}", pattern.noun(), grouped(distinct), several(present, "row"));
            return match nearly_all {
                true => Place::out(why),
                false => group_of(column, why),
            };
        }
        _ => {}
    }
    if nearly_all && (names_a_thing(&column.name) || is_first(column)) && present > 10 {
        return Place::out(names(column));
    }
    let is_prose = column.prose.filter(|prose| is_prose(prose, column));
    if let Some(prose) = is_prose.filter(|_| distinct > FEW || nearly_all && present > 10) {
        return Place::Input(prose_words(&prose, column));
    }
    if mostly_numbers(column) {
        let strange = column.values.iter().find(|(text, _)| text.parse::<f64>().is_err());
        let strange = strange.map_or("", |(text, _)| text);
        return Place::out(format!(
            "numbers among which {} stands: correct such cells, or name them in the source's `missing`",
            shown(strange)
        ));
    }
    if names_a_thing(&column.name) && distinct > 50 && !nearly_all {
        return group(column);
    }
    if distinct <= FEW.min(present / 2).max(2) {
        return Place::Input(category(column));
    }
    if nearly_all {
        return Place::out(names(column));
    }
    match category(column) {
        words if column.frequent[least(column)] > 0 => Place::Input(words),
        _ => Place::out(format!(
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
fn category(column: &ColumnProfile) -> Words {
    let missing = match column.missing {
        0 => String::new(),
        some => format!(", {} of {} missing", grouped(some), grouped(column.rows)),
    };
    let values = format!("{}{missing}", several(column.distinct, "value"));
    if column.distinct <= FEW {
        return Words { yaml: "category".to_owned(), remark: Some(values) };
    }
    let least = least(column);
    let (minimum, kept) = ([2, 5, 20][least], column.frequent[least]);
    if kept == column.distinct {
        return Words { yaml: "category".to_owned(), remark: Some(values) };
    }
    let remark =
        format!("{values}; {} stand on at least {minimum} rows, all others count as unseen", grouped(kept));
    Words { yaml: format!("{{category: {{minimum: {minimum}}}}}"), remark: Some(remark) }
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
fn group(column: &ColumnProfile) -> Place {
    let rows = column.present() as f64 / column.distinct.max(1) as f64;
    let count = several(column.distinct, "value");
    group_of(
        column,
        format!("it names groups of rows: {count}, {rows:.1} rows each, would be learned by heart"),
    )
}

fn group_of(column: &ColumnProfile, why: String) -> Place {
    Place::out_unless_alone(why, category(column))
}

/// Several words to a text, of which some come again elsewhere.
fn is_prose(prose: &Prose, column: &ColumnProfile) -> bool {
    let various = column.distinct * 5 >= column.present() || column.distinct > 1000;
    let long = match prose.script {
        Script::Blanks => prose.words >= 3.0 && prose.several >= 0.6,
        _ => prose.words >= 5.0,
    };
    long && various && (prose.repeated >= 0.3 || prose.words >= 8.0)
}

fn prose_words(prose: &Prose, column: &ColumnProfile) -> Words {
    let length = ((prose.long * 5 / 4).div_ceil(8) * 8).clamp(16, 256);
    let minimum = if column.present() < 1000 { 1 } else { 2 };
    let (tokenizer, noun) = match prose.script {
        Script::Blanks => (format!("{{word: {{vocabulary: 20000, minimum: {minimum}}}}}"), "words"),
        Script::Chinese => (format!("{{jieba: {{vocabulary: 20000, minimum: {minimum}}}}}"), "characters"),
        Script::Unspaced => ("character".to_owned(), "characters"),
    };
    let yaml = format!(
        "{{text: {{tokenizer: {tokenizer}, length: {length}, encoder: [{{embedding: 64}}, {{dropout: 0.3}}, {{pool: mean}}]}}}}"
    );
    let remark =
        format!("{} different texts of {:.0} {noun}", grouped(column.distinct), prose.words.max(1.0));
    Words { yaml, remark: Some(remark) }
}

/// Numbers but for a few cells?
fn mostly_numbers(column: &ColumnProfile) -> bool {
    let number = |text: &str| text.parse::<f64>().is_ok() && !text.starts_with("00");
    let seen: usize = column.values.iter().map(|(_, rows)| rows).sum();
    let numbers: usize = column.values.iter().filter(|(text, _)| number(text)).map(|(_, rows)| rows).sum();
    column.distinct > FEW && numbers * 10 >= seen * 9 && numbers < seen
}
