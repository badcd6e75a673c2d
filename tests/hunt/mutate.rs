//! Mutations of corpus files that get past the first checks.
//!
//! Everything depends on one random seed, so every input is reproducible.

use mtl::onnx::seal::sealed;
use mtl::spec::registry::REGISTRIES;
use serde_json::{Map, Value, json};

use super::dice::Dice;
use super::target::Target;

/// Critical numbers, and texts that are not numbers.
const NUMBERS: [&str; 30] = [
    "0",
    "-0",
    "1",
    "-1",
    "2",
    "3",
    "0.5",
    "1e-9",
    "1e30",
    "-1e30",
    "1e308",
    "1e999",
    "4294967295",
    "4294967296",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "-9223372036854775808",
    "1000000000",
    "65536",
    "NaN",
    ".nan",
    ".inf",
    "-.inf",
    "inf",
    "0x10",
    "007",
    "1_000",
    "3.0",
];

/// Critical texts.
const TEXTS: [&str; 26] = [
    "",
    " ",
    "~",
    "null",
    "true",
    "no",
    "[]",
    "{}",
    "[",
    "}",
    "\"",
    "'",
    "../../x",
    "/etc/passwd",
    "a\u{0}b",
    "\u{feff}",
    "\u{202e}abc",
    "e\u{301}",
    "👩‍👩‍👧",
    "\u{10ffff}",
    "-",
    "*a",
    "&a b",
    "!!binary aGk=",
    "<<",
    "con",
];

/// Mutates a seed.
pub fn mutated(target: Target, seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seeds[dice.below(seeds.len())].clone();
    let times = 1 + dice.below(3) + if dice.one_in(4) { dice.below(12) } else { 0 };
    for _ in 0..times {
        let other = &seeds[dice.below(seeds.len())];
        bytes = match target {
            Target::Settings => {
                if dice.one_in(12) {
                    binary(bytes, other, dice)
                } else {
                    yaml(&bytes, other, dice)
                }
            }
            Target::Card | Target::Tokenizer => {
                if dice.one_in(12) {
                    binary(bytes, other, dice)
                } else {
                    json_text(&bytes, dice)
                }
            }
            Target::Checkpoint | Target::Dataset => headed(target, bytes, other, dice),
            Target::Query | Target::Sql => {
                if dice.one_in(16) {
                    binary(bytes, other, dice)
                } else {
                    tokens(&bytes, other, dice)
                }
            }
            Target::Csv | Target::Rows | Target::Conll | Target::Vectors => {
                if dice.one_in(8) {
                    binary(bytes, other, dice)
                } else {
                    lines(&bytes, other, dice)
                }
            }
            Target::Jsonl => match dice.below(4) {
                0 => lines(&bytes, other, dice),
                1 => binary(bytes, other, dice),
                _ => json_lines(&bytes, dice),
            },
            Target::Idx | Target::Parquet | Target::Arrow | Target::Picture => binary(bytes, other, dice),
        };
        bytes.truncate(1 << 17);
    }
    if dice.one_in(3) { bytes } else { seal(target, bytes) }
}

fn text(dice: &mut Dice) -> String {
    match dice.below(8) {
        0..=2 => dice.choose(&NUMBERS).to_owned(),
        3..=5 => dice.choose(&TEXTS).to_owned(),
        6 => "x".repeat(1 << dice.below(14)),
        _ => {
            let registry = &REGISTRIES[dice.below(REGISTRIES.len())];
            registry.examples()[dice.below(registry.examples().len())].1.to_owned()
        }
    }
}

/// A name or an example from any registry.
fn word(dice: &mut Dice) -> String {
    let registry = &REGISTRIES[dice.below(REGISTRIES.len())];
    let (name, example) = registry.examples()[dice.below(registry.examples().len())];
    if dice.one_in(2) { name.to_owned() } else { example.to_owned() }
}

fn yaml(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let (text_of, others) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(other));
    let mut all: Vec<String> = text_of.lines().map(str::to_owned).collect();
    if all.is_empty() {
        all.push(String::new());
    }
    let at = dice.below(all.len());
    match dice.below(11) {
        0 => drop(all.remove(at)),
        1 => all.insert(at, all[dice.below(all.len())].clone()),
        2 => {
            let to = dice.below(all.len());
            all.swap(at, to);
        }
        3 => all[at] = format!("{}{}", " ".repeat(dice.below(6)), all[at].trim_start()),
        // Replaces a value after the last colon, or a number.
        4 | 5 => {
            let new = if dice.one_in(2) { text(dice) } else { word(dice) };
            let line = all[at].clone();
            all[at] = match line.rfind(": ") {
                Some(place) => format!("{}: {new}", &line[..place]),
                None => format!("{line} {new}"),
            };
        }
        6 | 7 => all[at] = number_changed(&all[at], dice),
        // Replaces a word by one from the registries or from the file.
        8 => {
            let new = match dice.one_in(2) {
                true => word(dice),
                false => a_word(&text_of, dice),
            };
            all[at] = word_changed(&all[at], &new, dice);
        }
        9 => {
            let strangers: Vec<&str> = others.lines().collect();
            if !strangers.is_empty() {
                let from = dice.below(strangers.len());
                let block = strangers[from..].iter().take(1 + dice.below(6)).map(|line| (*line).to_owned());
                all.splice(at..at, block);
            }
        }
        _ => {
            let indent = all[at].len() - all[at].trim_start().len();
            let names = [
                "sweep",
                "weighting",
                "sharing",
                "evaluate",
                "export",
                "train",
                "seed",
                "head",
                "kind",
                "metrics",
                "from",
                "loss",
            ];
            let name = dice.choose(&names);
            let value = if dice.one_in(2) { word(dice) } else { text(dice) };
            all.insert(at, format!("{}{name}: {value}", " ".repeat(indent)));
        }
    }
    (all.join("\n") + "\n").into_bytes()
}

fn a_word(text: &str, dice: &mut Dice) -> String {
    let words: Vec<&str> = text
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() { String::new() } else { words[dice.below(words.len())].to_owned() }
}

fn word_changed(line: &str, new: &str, dice: &mut Dice) -> String {
    let old = a_word(line, dice);
    if old.is_empty() { format!("{line}{new}") } else { line.replacen(&old, new, 1) }
}

/// Replaces one of a line's numbers.
fn number_changed(line: &str, dice: &mut Dice) -> String {
    let starts: Vec<usize> = line
        .char_indices()
        .filter(|(at, letter)| {
            letter.is_ascii_digit() && !line[..*at].ends_with(|before: char| before.is_alphanumeric())
        })
        .map(|(at, _)| at)
        .collect();
    let Some(at) = (!starts.is_empty()).then(|| starts[dice.below(starts.len())]) else {
        return line.to_owned();
    };
    let length = line[at..].find(|letter: char| !"0123456789.e".contains(letter)).unwrap_or(line.len() - at);
    format!("{}{}{}", &line[..at], dice.choose(&NUMBERS), &line[at + length..])
}

fn lines(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut all: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let at = dice.below(all.len());
    let separators: [&[u8]; 8] = [b",", b";", b"\t", b" ", b"|", b"\"", b"\r", b"\r\n"];
    match dice.below(9) {
        0 => drop(all.remove(at)),
        1 => all.insert(at, all[dice.below(all.len())].clone()),
        // Replaces a field.
        2..=4 => {
            let separator = separators[dice.below(5)][0];
            let mut fields: Vec<Vec<u8>> =
                all[at].split(|byte| *byte == separator).map(<[u8]>::to_vec).collect();
            let field = dice.below(fields.len());
            match dice.below(4) {
                0 => drop(fields.remove(field)),
                1 => fields.insert(field, text(dice).into_bytes()),
                _ => fields[field] = text(dice).into_bytes(),
            }
            all[at] = fields.join(&separator);
        }
        5 => {
            let place = dice.below(all[at].len() + 1);
            let what = separators[dice.below(separators.len())].to_vec();
            all[at].splice(place..place, what);
        }
        6 => {
            let (old, new) = (separators[dice.below(5)][0], separators[dice.below(5)][0]);
            all.iter_mut().flatten().filter(|byte| **byte == old).for_each(|byte| *byte = new);
        }
        7 => {
            let strangers: Vec<&[u8]> = other.split(|byte| *byte == b'\n').collect();
            all.insert(at, strangers[dice.below(strangers.len())].to_vec());
        }
        _ => {
            let end = separators[6 + dice.below(2)];
            return all.join(end);
        }
    }
    all.join(&b'\n')
}

fn json_lines(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut all: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let at = dice.below(all.len());
    all[at] = json_text(&all[at], dice);
    all.join(&b'\n')
}

fn json_text(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(mut value) => {
            json_value(&mut value, dice);
            serde_json::to_vec(&value).expect("JSON")
        }
        Err(_) => binary(bytes.to_vec(), bytes, dice),
    }
}

/// Mutates one node of a JSON tree.
fn json_value(root: &mut Value, dice: &mut Dice) {
    let count = nodes(root);
    let mut left = dice.below(count);
    if let Some(node) = nth(root, &mut left) {
        json_node(node, dice);
    }
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(entries) => entries.values().map(nodes).sum(),
        _ => 0,
    }
}

fn nth<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, left)),
        Value::Object(entries) => entries.values_mut().find_map(|item| nth(item, left)),
        _ => None,
    }
}

fn json_node(node: &mut Value, dice: &mut Dice) {
    let numbers = [
        json!(0),
        json!(-1),
        json!(1),
        json!(2),
        json!(1e300),
        json!(-1e300),
        json!(1e-300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1_000_000_000_000_u64),
        json!(u32::MAX),
        json!(0.5),
        json!(1_000_000),
    ];
    let other = match dice.below(6) {
        0 => Value::Null,
        1 => json!(dice.one_in(2)),
        2 => Value::Array(Vec::new()),
        3 => Value::Object(Map::new()),
        4 => Value::String(text(dice)),
        _ => numbers[dice.below(numbers.len())].clone(),
    };
    match node {
        Value::Array(items) if !items.is_empty() && !dice.one_in(5) => {
            let at = dice.below(items.len());
            match dice.below(4) {
                0 => drop(items.remove(at)),
                1 => items.insert(at, items[dice.below(items.len())].clone()),
                2 => {
                    let to = dice.below(items.len());
                    items.swap(at, to);
                }
                _ => items.truncate(at),
            }
        }
        Value::Object(entries) if !entries.is_empty() && !dice.one_in(5) => {
            let key = entries.keys().nth(dice.below(entries.len())).cloned().unwrap_or_default();
            match dice.below(3) {
                0 => drop(entries.shift_remove(&key)),
                1 => {
                    let value = entries.shift_remove(&key).unwrap_or_default();
                    entries.insert(text(dice), value);
                }
                _ => {
                    let to = entries.keys().nth(dice.below(entries.len())).cloned().unwrap_or_default();
                    let value = entries[&key].clone();
                    entries.insert(to, value);
                }
            }
        }
        Value::Number(_) if !dice.one_in(6) => *node = numbers[dice.below(numbers.len())].clone(),
        Value::String(old) if !dice.one_in(4) => {
            let new = if dice.one_in(2) { text(dice) } else { word_changed(old, &text(dice), dice) };
            *node = Value::String(new);
        }
        _ => *node = other,
    }
}

/// Drops, doubles, swaps, replaces and parenthesizes SQL tokens.
fn tokens(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let cut = |bytes: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut all: Vec<String> = Vec::new();
        for letter in text.chars() {
            match all.last_mut() {
                Some(last)
                    if letter.is_alphanumeric()
                        && last.ends_with(|c: char| c.is_alphanumeric() || c == '_') =>
                {
                    last.push(letter)
                }
                _ => all.push(letter.to_string()),
            }
        }
        all
    };
    let (mut all, others) = (cut(bytes), cut(other));
    if all.is_empty() {
        return b"select 1".to_vec();
    }
    const WORDS: [&str; 34] = [
        "select",
        "*",
        "from",
        "self",
        "where",
        "group by",
        "order by",
        "limit",
        "age",
        "hours",
        "work",
        "rich",
        "'",
        "\"",
        "(",
        ")",
        ",",
        "null",
        "is null",
        "case when 1 then 2 end",
        "cast(age as int)",
        "count(*)",
        "sum(hours)",
        "union all",
        "join self on 1=1",
        "read_csv('plain.csv')",
        "--",
        "/*",
        "in (1,2)",
        "like '%a'",
        "over (order by age)",
        "-",
        "/ 0",
        "as rich",
    ];
    let at = dice.below(all.len());
    match dice.below(8) {
        0 => drop(all.remove(at)),
        1 => all.insert(at, all[dice.below(all.len())].clone()),
        2 => {
            let to = dice.below(all.len());
            all.swap(at, to);
        }
        3 => all[at] = dice.choose(&NUMBERS).to_owned(),
        4 | 5 => all.insert(at, format!(" {} ", dice.choose(&WORDS))),
        6 => {
            let deep = 1 << dice.below(9);
            all[at] = format!("{}{}{}", "(".repeat(deep), all[at], ")".repeat(deep));
        }
        _ => {
            let from = dice.below(others.len());
            all.splice(at..at, others[from..].iter().take(12).cloned());
        }
    }
    all.concat().into_bytes()
}

/// Truncates, flips, doubles and overwrites bytes, also those that look like lengths.
fn binary(mut bytes: Vec<u8>, other: &[u8], dice: &mut Dice) -> Vec<u8> {
    if bytes.is_empty() {
        return other.to_vec();
    }
    // Lengths are at the start, footers at the end.
    let at = match dice.below(4) {
        0 => dice.below(bytes.len().min(64)),
        1 => bytes.len() - 1 - dice.below(bytes.len().min(64)),
        _ => dice.below(bytes.len()),
    };
    let length = (1 + dice.below(16)).min(bytes.len() - at);
    match dice.below(9) {
        0 => bytes.truncate(at),
        1 => bytes[at] ^= 1 << dice.below(8),
        2 => bytes[at] = dice.next() as u8,
        3 => drop(bytes.drain(at..at + length)),
        4 => {
            let piece = bytes[at..at + length].to_vec();
            bytes.splice(at..at, piece);
        }
        5 => {
            let value: u64 = [
                0,
                1,
                0x7f,
                0xff,
                0x7fff_ffff,
                0xffff_ffff,
                0x7fff_ffff_ffff_ffff,
                u64::MAX,
                1 << 31,
                1 << 40,
            ][dice.below(10)];
            let width = [1, 2, 4, 8][dice.below(4)].min(bytes.len() - at);
            let number = if dice.one_in(2) { value.to_le_bytes() } else { value.swap_bytes().to_le_bytes() };
            let from = if number[0] == 0 && value != 0 { 8 - width } else { 0 };
            bytes[at..at + width].copy_from_slice(&number[from..from + width]);
        }
        6 => bytes[at..at + length].fill([0, 0xff, b' ', b'\n'][dice.below(4)]),
        7 if !other.is_empty() => {
            let from = dice.below(other.len());
            let piece: Vec<u8> = other[from..].iter().take(1 + dice.below(200)).copied().collect();
            bytes.splice(at..at, piece);
        }
        _ => {
            let piece = text(dice).into_bytes();
            bytes.splice(at..at, piece);
        }
    }
    bytes
}

/// Start and length of a file's JSON header, if the format has one.
fn header(target: Target, bytes: &[u8]) -> Option<(usize, usize)> {
    let begins = match target {
        Target::Checkpoint => 20,
        Target::Dataset => 16,
        _ => return None,
    };
    let length = u64::from_le_bytes(bytes.get(begins - 8..begins)?.try_into().ok()?);
    let length = usize::try_from(length).ok()?;
    (begins.checked_add(length)? <= bytes.len()).then_some((begins, length))
}

/// Mutates the JSON header or the binary part of a file.
fn headed(target: Target, mut bytes: Vec<u8>, other: &[u8], dice: &mut Dice) -> Vec<u8> {
    match header(target, &bytes) {
        Some((begins, length)) if !dice.one_in(4) => {
            let new = json_text(&bytes[begins..begins + length], dice);
            bytes[begins - 8..begins].copy_from_slice(&(new.len() as u64).to_le_bytes());
            bytes.splice(begins..begins + length, new);
            bytes
        }
        _ => binary(bytes, other, dice),
    }
}

/// Recomputes the checksums of a mutated file, as an attacker would, so that it gets past their check.
pub fn seal(target: Target, mut bytes: Vec<u8>) -> Vec<u8> {
    match (target, header(target, &bytes)) {
        (Target::Checkpoint, Some(_)) if bytes.len() > 28 => {
            let end = bytes.len() - 8;
            let sum = checkpoint_sum(&bytes[..end]);
            bytes[end..].copy_from_slice(&sum.to_le_bytes());
        }
        (Target::Dataset, Some((begins, length))) if bytes.len() >= begins + length + 16 => {
            let (from, to) = (begins + length, bytes.len() - 16);
            let start = dataset_sum(0, &bytes[begins..from]);
            let sum = bytes[from..to].chunks(1 << 20).fold(start, dataset_sum);
            bytes[to..to + 8].copy_from_slice(&((to - from) as u64).to_le_bytes());
            bytes[to + 8..].copy_from_slice(&sum.to_le_bytes());
        }
        (Target::Card, _) => {
            // The card's own hash is on a separate line; a card that is not JSON has none.
            if let Ok(Value::Object(mut card)) = serde_json::from_slice(&bytes) {
                let hashed = card.shift_remove("sha256").is_some();
                let text = serde_json::to_string_pretty(&card).expect("JSON") + "\n";
                bytes = if hashed { sealed(&text) } else { text }.into_bytes();
            }
        }
        _ => {}
    }
    bytes
}

/// As `train/checkpoint.rs` describes it.
fn checkpoint_sum(bytes: &[u8]) -> u64 {
    let add = |state: u64, word: u64| (state ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    let mut state = 0xcbf2_9ce4_8422_2325;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = add(state, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    add(add(state, u64::from_le_bytes(last)), rest.len() as u64)
}

/// As `data/store/payload.rs` describes it.
fn dataset_sum(start: u64, bytes: &[u8]) -> u64 {
    let mix = |sum: u64, word: u64| (sum.rotate_left(29) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (words, rest) = bytes.as_chunks::<8>();
    let sum = words.iter().fold(start ^ bytes.len() as u64, |sum, word| mix(sum, u64::from_le_bytes(*word)));
    let sum = rest.iter().fold(sum, |sum, byte| mix(sum, u64::from(*byte)));
    sum ^ (sum >> 32)
}
