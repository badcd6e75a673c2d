//! Texts that often mark a missing value: the defaults of pandas (`na_values` of `read_csv`, pandas 2.3) and
//! a few more. They cause a warning and are never read as missing: `NA` may be Namibia.

/// Compared case-insensitively.
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

/// Compared exactly. Lower-case `none` is an ordinary class: no complaint, no private insurance.
const MARKS: [&str; 10] = ["None", "NONE", "?", "??", "-", "--", "---", ".", "..", "-1.#QNAN"];

/// Does the text look like a missing value?
pub fn looks_missing(text: &str) -> bool {
    let text = text.trim();
    MARKS.contains(&text) || (text.len() <= 16 && WORDS.contains(&text.to_lowercase().as_str()))
}

/// Numbers that mark a missing value in many files.
const NUMBERS: [f64; 10] =
    [-9.0, -99.0, -999.0, -9999.0, -99999.0, 999.0, 9999.0, 99999.0, 999_999.0, -999_999.0];

/// Is the number one that marks a missing value in many files?
pub fn is_missing_code(number: f64) -> bool {
    NUMBERS.contains(&number)
}

#[cfg(test)]
mod tests {
    use crate::domain::missing_word::{is_missing_code, looks_missing};

    #[test]
    fn defaults_of_pandas_look_missing() {
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
        assert!(
            is_missing_code(-999.0)
                && is_missing_code(9999.0)
                && !is_missing_code(0.0)
                && !is_missing_code(100.0)
        );
    }
}
