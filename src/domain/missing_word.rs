//! Words that people write where nobody knows: what pandas reads as missing unless told otherwise
//! (`na_values` of `read_csv`, pandas 2.3), and a few more. They are told, never taken for missing: `NA` may
//! be Namibia.

/// Whatever their case.
const WORDS: [&str; 17] = [
    "#n/a",
    "#n/a n/a",
    "#na",
    "<na>",
    "n/a",
    "na",
    "nan",
    "-nan",
    "null",
    "n.a.",
    "missing",
    "unknown",
    "not available",
    "undefined",
    "-1.#ind",
    "1.#ind",
    "1.#qnan",
];

/// As they stand. Without capitals `none` is a class like any other: no complaint, no private insurance.
const MARKS: [&str; 10] = ["None", "NONE", "?", "??", "-", "--", "---", ".", "..", "-1.#QNAN"];

/// Does a text look like a missing value that nobody has named as one?
pub fn looks_missing(text: &str) -> bool {
    let text = text.trim();
    MARKS.contains(&text) || (text.len() <= 16 && WORDS.contains(&text.to_lowercase().as_str()))
}

/// Numbers that stand for a missing one in many files.
const NUMBERS: [f64; 10] =
    [-9.0, -99.0, -999.0, -9999.0, -99999.0, 999.0, 9999.0, 99999.0, 999_999.0, -999_999.0];

/// Is it one of the numbers that stand for a missing one in many files?
pub fn is_code(number: f64) -> bool {
    NUMBERS.contains(&number)
}

#[cfg(test)]
mod tests {
    use crate::domain::missing_word::{is_code, looks_missing};

    #[test]
    fn what_pandas_reads_as_missing_looks_so() {
        // sorted(pandas._libs.parsers.STR_NA_VALUES - {""}), pandas 2.3
        let pandas = [
            "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
            "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
        ];
        for word in pandas.into_iter().chain(["?", "-", " na ", "Missing", "unknown"]) {
            assert!(looks_missing(word), "{word}");
        }
        for word in ["", "none", "a", "nano", "Nan Goldin", "0", "-1", "no", "minus -"] {
            assert!(!looks_missing(word), "{word}");
        }
        assert!(is_code(-999.0) && is_code(9999.0) && !is_code(0.0) && !is_code(100.0));
    }
}
