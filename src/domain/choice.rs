//! What a swept choice is called in a table: as short as tells it from the others.
//!
//! `{"mmoe":{"experts":8,"layers":[...]}}` is `mmoe` when no other choice has that name, else the name with
//! the settings in which those of its name differ: `mmoe (experts 8)`. A vector such as
//! `{"income":0.3,"stars":0.7}` is `income 0.3, stars 0.7`.

use indexmap::IndexSet;
use serde_json::Value;

/// One name per value; the same values have the same name, different ones different names.
pub fn called(values: &[String]) -> Vec<String> {
    // A thousand trials may vary by two choices.
    let distinct: IndexSet<&String> = values.iter().collect();
    let names = distinct_names(&distinct.iter().map(|value| (*value).clone()).collect::<Vec<_>>());
    let name = |value: &String| distinct.get_index_of(value).map_or_else(String::new, |at| names[at].clone());
    values.iter().map(name).collect()
}

/// A name for each of several values that differ.
fn distinct_names(values: &[String]) -> Vec<String> {
    let read: Vec<Option<(String, Value)>> = values.iter().map(|value| choice(value)).collect();
    let name = |at: usize| read[at].as_ref().map_or(values[at].as_str(), |(name, _)| name);
    let of_name = |at: usize| (0..values.len()).filter(move |other| name(*other) == name(at));
    let one = |at: usize| {
        let Some((own, settings)) = &read[at] else {
            return several(&values[at]).unwrap_or_else(|| values[at].clone());
        };
        if of_name(at).count() == 1 {
            return own.clone();
        }
        let others: Vec<Vec<(String, String)>> = of_name(at)
            .map(|other| read[other].as_ref().map_or_else(Vec::new, |(_, its)| leaves(its)))
            .collect();
        let differs = |leaf: &&(String, String)| !others.iter().all(|other| other.contains(leaf));
        let message: Vec<String> = leaves(settings)
            .iter()
            .filter(differs)
            .map(|(path, value)| format!("{} {value}", path.rsplit('.').next().unwrap_or(path)))
            .collect();
        match message.is_empty() {
            true => own.clone(),
            false => format!("{own} ({})", message.join(", ")),
        }
    };
    let short: Vec<String> = (0..values.len()).map(one).collect();
    let unclear = |at: usize| (0..values.len()).any(|other| other != at && short[other] == short[at]);
    (0..values.len()).map(|at| if unclear(at) { values[at].clone() } else { short[at].clone() }).collect()
}

/// A choice with settings of its own: its name, and they.
fn choice(value: &str) -> Option<(String, Value)> {
    let Ok(Value::Object(map)) = serde_json::from_str(value) else { return None };
    let mut entries = map.into_iter();
    let (name, settings) = entries.next()?;
    entries.next().is_none().then_some((name, settings))
}

/// Plain values by name, two or more.
fn several(value: &str) -> Option<String> {
    let Ok(Value::Object(map)) = serde_json::from_str(value) else { return None };
    let is_plain = |value: &Value| !value.is_object() && !value.is_array();
    let text = |(key, value): (&String, &Value)| {
        format!("{key} {}", value.as_str().map_or(value.to_string(), str::to_owned))
    };
    (map.len() > 1 && map.values().all(is_plain)).then(|| map.iter().map(text).collect::<Vec<_>>().join(", "))
}

/// Every plain value inside, by its path.
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
    use crate::domain::choice::called;

    fn names(values: &[&str]) -> Vec<String> {
        called(&values.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn as_short_as_tells_them_apart() {
        let cgc = r#"{"cgc":{"shared":4,"layers":[{"dense":{"units":16}}]}}"#;
        let one = r#"{"mmoe":{"experts":1,"layers":[{"dense":{"units":128,"activation":"relu"}}]}}"#;
        let eight = r#"{"mmoe":{"experts":8,"layers":[{"dense":{"units":16,"activation":"relu"}}]}}"#;
        assert_eq!(names(&["hard", cgc, "hard"]), ["hard", "cgc", "hard"]);
        assert_eq!(
            names(&[one, cgc, eight, "0.001"]),
            ["mmoe (experts 1, units 128)", "cgc", "mmoe (experts 8, units 16)", "0.001"]
        );
        // A vector is its parts; a list, and a name that means two things, stay as they are.
        assert_eq!(names(&["[1,2]", r#"{"a":0.3,"b":"x"}"#]), ["[1,2]", "a 0.3, b x"]);
        assert_eq!(names(&["a 1, b 2", r#"{"a":1,"b":2}"#]), ["a 1, b 2", r#"{"a":1,"b":2}"#]);
        assert_eq!(names(&["dwa", r#"{"dwa":{"temperature":2.0}}"#]), ["dwa", "dwa (temperature 2.0)"]);
    }
}
