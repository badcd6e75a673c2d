//! Detects columns of identifiers and other texts with a fixed pattern, such as dates or file names.

/// A pattern that at least nine of ten texts of a column match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Dates and times.
    Date,
    /// UUIDs.
    Uuid,
    /// Hexadecimal digests.
    Hash,
    /// Email addresses.
    Email,
    /// Phone numbers.
    Phone,
    /// Web addresses.
    Url,
    /// Names of image files.
    Image,
    /// Names of other files.
    File,
    /// A number with a currency sign, a unit or thousands separators, which is not parsed as a number.
    Amount,
}

impl Pattern {
    /// A name for messages, in the plural.
    pub fn display_name(self) -> &'static str {
        match self {
            Self::Date => "dates or times",
            Self::Uuid => "UUIDs",
            Self::Hash => "hashes",
            Self::Email => "e-mail addresses",
            Self::Phone => "telephone numbers",
            Self::Url => "web addresses",
            Self::Image => "names of image files",
            Self::File => "names of files",
            Self::Amount => "numbers with a unit, a sign or thousands separators",
        }
    }
}

/// The number of texts in the sample.
const SAMPLE: usize = 1000;

type Test = fn(&str) -> bool;

/// The pattern of a column's distinct texts, if at least nine of ten match one.
pub(super) fn detect(texts: &[(String, usize)]) -> Option<Pattern> {
    let step = texts.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<&str> = texts.iter().step_by(step).map(|(text, _)| text.trim()).collect();
    let tests: [(Pattern, Test); 9] = [
        (Pattern::Date, is_date),
        (Pattern::Uuid, is_uuid),
        (Pattern::Hash, is_hash),
        (Pattern::Email, is_email),
        (Pattern::Url, is_url),
        (Pattern::Image, is_picture),
        (Pattern::File, is_file),
        (Pattern::Phone, is_phone),
        (Pattern::Amount, is_amount),
    ];
    let most = |test: Test| sample.iter().filter(|text| test(text)).count() * 10 >= sample.len() * 9;
    let matching = tests.into_iter().find(|(_, test)| !sample.is_empty() && most(*test));
    matching.map(|(pattern, _)| pattern)
}

/// The text split into runs of digits, of letters, and of other characters.
fn runs(text: &str) -> Vec<&str> {
    let class =
        |letter: char| if letter.is_ascii_digit() { 0 } else { 1 + u8::from(!letter.is_alphanumeric()) };
    let mut runs = Vec::new();
    let mut start = 0;
    let mut last = None;
    for (index, letter) in text.char_indices() {
        if last.is_some_and(|last| last != class(letter)) {
            runs.push(&text[start..index]);
            start = index;
        }
        last = Some(class(letter));
    }
    runs.push(&text[start..]);
    runs
}

/// A date, a time of day, or both, in any common format; or a year with a month.
fn is_date(text: &str) -> bool {
    if text.len() > 40 {
        return false;
    }
    let runs = runs(text);
    let numbers: Vec<&str> =
        runs.iter().copied().filter(|run| run.as_bytes().first().is_some_and(u8::is_ascii_digit)).collect();
    let words: Vec<String> = runs
        .iter()
        .filter(|run| run.starts_with(char::is_alphabetic))
        .map(|run| run.to_lowercase())
        .collect();
    let signs: String = runs.iter().filter(|run| !run.starts_with(char::is_alphanumeric)).copied().collect();
    let is_known = |word: &String| is_month(word) || ZONES.contains(&word.as_str()) || is_weekday(word);
    let months = words.iter().filter(|word| is_month(word)).count();
    if !words.iter().all(is_known) || !signs.chars().all(|sign| " -/.:,+".contains(sign)) {
        return false;
    }
    let value = |index: usize| numbers.get(index).and_then(|number| number.parse::<u32>().ok());
    let (Some(first), second, third) = (value(0), value(1), value(2)) else { return false };
    let year = |number: Option<u32>, index: usize| {
        number.is_some_and(|number| (1000..3000).contains(&number)) && numbers[index].len() == 4
    };
    let day = |number: Option<u32>| number.is_some_and(|number| (1..=31).contains(&number));
    let between = runs.get(1).map_or("", |run| run.trim());
    match numbers.len() {
        _ if months > 0 => numbers.len() <= 6,
        2 if between == "-" || between == "/" => {
            year(Some(first), 0) && second.is_some_and(|m| (1..=12).contains(&m))
        }
        2..=4 if between == ":" => first < 25 && second.is_some_and(|minutes| minutes < 60),
        3..=8 if between == "-" || between == "/" || between == "." => {
            let short = |index: usize| numbers.get(index).is_some_and(|number| number.len() <= 2);
            year(Some(first), 0) && day(second) && day(third)
                || day(Some(first)) && day(second) && (year(third, 2) || short(2) && between != ".")
                || between == "." && is_time(&numbers)
        }
        _ => false,
    }
}

/// `18.00.00`
fn is_time(numbers: &[&str]) -> bool {
    let below = |index: usize, limit: u32| {
        let number: &&str = &numbers[index];
        number.len() == 2 && number.parse::<u32>().is_ok_and(|number| number < limit)
    };
    numbers.len() == 3 && below(0, 25) && below(1, 60) && below(2, 60)
}

const ZONES: [&str; 8] = ["t", "z", "utc", "gmt", "am", "pm", "st", "th"];

fn is_month(word: &str) -> bool {
    let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let whole = [
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
        "september",
        "sept",
        "october",
        "november",
        "december",
    ];
    months.contains(&word) || whole.contains(&word)
}

fn is_weekday(word: &str) -> bool {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    days.contains(&word) || days.iter().any(|day| word.starts_with(day)) && word.ends_with("day")
}

fn is_uuid(text: &str) -> bool {
    let plain = text.trim_matches(['{', '}']);
    let lengths: Vec<usize> = plain.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && plain.bytes().all(|letter| letter == b'-' || letter.is_ascii_hexdigit())
}

/// Hexadecimal or base64 characters, too many and too mixed for a word.
fn is_hash(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let hexadecimal = text.len() >= 12 && text.bytes().all(|letter| letter.is_ascii_hexdigit());
    let upper = text.bytes().any(|letter| letter.is_ascii_uppercase());
    let lower = text.bytes().any(|letter| letter.is_ascii_lowercase());
    let coded =
        |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'+' | b'/' | b'=' | b'_' | b'-');
    hexadecimal && digits > 0 && letters > 0
        || text.len() >= 20 && digits > 1 && upper && lower && text.bytes().all(coded)
}

fn is_email(text: &str) -> bool {
    let Some((name, domain)) = text.split_once('@') else { return false };
    !name.is_empty() && domain.contains('.') && !text.contains(char::is_whitespace) && !domain.contains('@')
}

fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let signs = text.bytes().all(|letter| letter.is_ascii_digit() || b" +-()/.x".contains(&letter));
    let groups =
        text.split(|letter: char| !letter.is_ascii_digit()).filter(|group| !group.is_empty()).count();
    let begins = text.starts_with(['+', '0', '(']) && digits < text.len();
    signs && (7..=15).contains(&digits) && groups <= 5 && (begins || groups > 2 && text.contains('-'))
}

fn is_url(text: &str) -> bool {
    ["http://", "https://", "ftp://", "www."].iter().any(|begin| text.to_lowercase().starts_with(begin))
}

fn ending(text: &str) -> Option<String> {
    let (name, ending) = text.rsplit_once('.')?;
    (!name.is_empty() && !ending.contains(' ')).then(|| ending.to_lowercase())
}

fn is_picture(text: &str) -> bool {
    let known = ["png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "webp", "dcm"];
    ending(text).is_some_and(|ending| known.contains(&ending.as_str()))
}

fn is_file(text: &str) -> bool {
    let known = [
        "wav", "mp3", "flac", "ogg", "mp4", "avi", "mov", "txt", "pdf", "csv", "tsv", "json", "xml", "html",
        "htm", "doc", "docx", "xls", "xlsx", "zip", "gz", "npy", "npz", "mat", "h5", "nii", "log", "dat",
        "bin", "py", "c",
    ];
    is_picture(text) || ending(text).is_some_and(|ending| known.contains(&ending.as_str()))
}

/// `$1,234.50`, `12 %`, `1,234`, `5 kg`: a number after signs, a unit and thousands separators are removed.
fn is_amount(text: &str) -> bool {
    let signs = ['$', '€', '£', '¥', '%', ' ', '+', '~', '<', '>'];
    let plain = text.trim_matches(signs);
    let unit = plain.trim_end_matches(char::is_alphabetic);
    let short = plain.len() - unit.len() <= 3 && plain.len() > unit.len();
    let number = if short { unit.trim_end() } else { plain }.replace([',', ' ', '\u{a0}', '\'', '_'], "");
    let digits = number.bytes().any(|letter| letter.is_ascii_digit());
    let leading = text.starts_with('0') && !text.starts_with("0.") && !text.starts_with("0,");
    digits && number != text && !leading && number.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use crate::data::profile::pattern::{Pattern, detect};

    fn pattern_of(texts: &[&str]) -> Option<Pattern> {
        detect(&texts.iter().map(|text| ((*text).to_owned(), 1)).collect::<Vec<_>>())
    }

    #[test]
    fn each_pattern_is_detected() {
        for (text, pattern) in [
            ("2024-02-29", Some(Pattern::Date)),
            ("2024-02-29T12:30:00.5Z", Some(Pattern::Date)),
            ("29.02.2024 9:35", Some(Pattern::Date)),
            ("2/29/24", Some(Pattern::Date)),
            ("9:35", Some(Pattern::Date)),
            ("18.00.00", Some(Pattern::Date)),
            ("Mar 3, 2020", Some(Pattern::Date)),
            ("3 March 2020", Some(Pattern::Date)),
            ("2020-05", Some(Pattern::Date)),
            ("550e8400-e29b-41d4-a716-446655440000", Some(Pattern::Uuid)),
            ("d41d8cd98f00b204e9800998ecf8427e", Some(Pattern::Hash)),
            ("ann@example.org", Some(Pattern::Email)),
            ("+43 (1) 123-4567", Some(Pattern::Phone)),
            ("+43 660 1022596", Some(Pattern::Phone)),
            ("555-123-4567", Some(Pattern::Phone)),
            ("2019-2020", None),
            ("1 234 567", Some(Pattern::Amount)),
            ("https://example.org/a", Some(Pattern::Url)),
            ("img/0001.PNG", Some(Pattern::Image)),
            ("a.wav", Some(Pattern::File)),
            ("$1,234.50", Some(Pattern::Amount)),
            ("12 %", Some(Pattern::Amount)),
            ("7.4 km", Some(Pattern::Amount)),
            ("male", None),
            ("B42", None),
            ("1.2.3.4.5.6.7.8.9.10", None),
            ("Vienna", None),
            ("may be", None),
            ("007", None),
            ("3-4", None),
            ("engineering", None),
        ] {
            assert_eq!(pattern_of(&[text]), pattern, "{text}");
        }
        assert_eq!(pattern_of(&["2020-01-01", "soon"]), None);
    }
}
