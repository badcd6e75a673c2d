//! Display names of swept choices in tables: as short as possible while still unique.
//!
//! `{"mmoe":{"experts":8,"layers":[...]}}` becomes `mmoe` if no other choice has that name, otherwise the
//! name with the settings that differ: `mmoe (experts 8)`. A vector such as `{"income":0.3,"stars":0.7}`
//! becomes `income 0.3, stars 0.7`.

use indexmap::IndexSet;
use serde_json::Value;

/// Returns one name per value; equal values have equal names, different values different names.
pub fn display_names(values: &[String]) -> Vec<String> {
    // Thousands of trials may have few distinct values.
    let distinct: IndexSet<&String> = values.iter().collect();
    let names = distinct_names(&distinct.iter().map(|value| (*value).clone()).collect::<Vec<_>>());
    let name = |value: &String| distinct.get_index_of(value).map_or_else(String::new, |at| names[at].clone());
    values.iter().map(name).collect()
}

/// A unique name for each of several distinct values.
fn distinct_names(values: &[String]) -> Vec<String> {
    let choices: Vec<Option<(String, Value)>> = values.iter().map(|value| choice(value)).collect();
    let name = |at: usize| choices[at].as_ref().map_or(values[at].as_str(), |(name, _)| name);
    let of_name = |at: usize| (0..values.len()).filter(move |other| name(*other) == name(at));
    let short_name = |at: usize| {
        let Some((own, settings)) = &choices[at] else {
            return plain_map(&values[at]).unwrap_or_else(|| values[at].clone());
        };
        if of_name(at).count() == 1 {
            return own.clone();
        }
        let others: Vec<Vec<(String, String)>> = of_name(at)
            .map(|other| choices[other].as_ref().map_or_else(Vec::new, |(_, settings)| leaves(settings)))
            .collect();
        let differs = |leaf: &&(String, String)| !others.iter().all(|other| other.contains(leaf));
        let differing: Vec<String> = leaves(settings)
            .iter()
            .filter(differs)
            .map(|(path, value)| format!("{} {value}", path.rsplit('.').next().unwrap_or(path)))
            .collect();
        match differing.is_empty() {
            true => own.clone(),
            false => format!("{own} ({})", differing.join(", ")),
        }
    };
    let short: Vec<String> = (0..values.len()).map(short_name).collect();
    let ambiguous = |at: usize| (0..values.len()).any(|other| other != at && short[other] == short[at]);
    (0..values.len()).map(|at| if ambiguous(at) { values[at].clone() } else { short[at].clone() }).collect()
}

/// Name and settings of a choice written as a one-key map.
fn choice(value: &str) -> Option<(String, Value)> {
    let Ok(Value::Object(map)) = serde_json::from_str(value) else { return None };
    let mut entries = map.into_iter();
    let (name, settings) = entries.next()?;
    entries.next().is_none().then_some((name, settings))
}

/// A map of two or more plain values as `key value, key value`.
fn plain_map(value: &str) -> Option<String> {
    let Ok(Value::Object(map)) = serde_json::from_str(value) else { return None };
    let is_plain = |value: &Value| !value.is_object() && !value.is_array();
    let text = |(key, value): (&String, &Value)| {
        format!("{key} {}", value.as_str().map_or(value.to_string(), str::to_owned))
    };
    (map.len() > 1 && map.values().all(is_plain)).then(|| map.iter().map(text).collect::<Vec<_>>().join(", "))
}

/// Every leaf value with its path.
fn leaves(value: &Value) -> Vec<(String, String)> {
    let below = |key: String, value: &Value| {
        let under = |(path, leaf): (String, String)| match path.is_empty() {
            true => (key.clone(), leaf),
            false => (format!("{key}.{path}"), leaf),
        };
        leaves(value).into_iter().map(under).collect::<Vec<_>>()
    };
    match value {
        Value::Object(map) => map.iter().flat_map(|(key, value)| below(key.clone(), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(at, item)| below(format!("[{at}]"), item)).collect()
        }
        Value::String(text) => vec![(String::new(), text.clone())],
        plain => vec![(String::new(), plain.to_string())],
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::choice::display_names;

    fn names(values: &[&str]) -> Vec<String> {
        display_names(&values.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn names_are_as_short_as_is_unique() {
        let cgc = r#"{"cgc":{"shared":4,"layers":[{"dense":{"units":16}}]}}"#;
        let one = r#"{"mmoe":{"experts":1,"layers":[{"dense":{"units":128,"activation":"relu"}}]}}"#;
        let eight = r#"{"mmoe":{"experts":8,"layers":[{"dense":{"units":16,"activation":"relu"}}]}}"#;
        assert_eq!(names(&["hard", cgc, "hard"]), ["hard", "cgc", "hard"]);
        assert_eq!(
            names(&[one, cgc, eight, "0.001"]),
            ["mmoe (experts 1, units 128)", "cgc", "mmoe (experts 8, units 16)", "0.001"]
        );
        // A map of plain values is written out; lists and ambiguous names stay unchanged.
        assert_eq!(names(&["[1,2]", r#"{"a":0.3,"b":"x"}"#]), ["[1,2]", "a 0.3, b x"]);
        assert_eq!(names(&["a 1, b 2", r#"{"a":1,"b":2}"#]), ["a 1, b 2", r#"{"a":1,"b":2}"#]);
        assert_eq!(names(&["dwa", r#"{"dwa":{"temperature":2.0}}"#]), ["dwa", "dwa (temperature 2.0)"]);
    }
}
