//! A pipeline's settings as flat rows: dotted path, text, number.

use serde::Serialize;
use serde_json::Value;

use crate::domain::diagnostic::Path;

/// One leaf of the resolved pipeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConfigParameter {
    /// `train.optimizer.adamw.rate`, `trunk[0].dense.units`
    pub path: String,
    /// `None` when the pipeline says null.
    pub text: Option<String>,
    /// The value, when it is a number; true is 1 and false is 0.
    pub number: Option<f64>,
}

impl ConfigParameter {
    /// Parses a setting from the text of a sweep's choice.
    pub fn from_text(path: &str, text: &str) -> Self {
        let number = match text {
            "true" => Some(1.0),
            "false" => Some(0.0),
            other => other.parse().ok().filter(|number: &f64| number.is_finite()),
        };
        Self { path: path.to_owned(), text: Some(text.to_owned()), number }
    }
}

/// Returns every leaf, in the pipeline's order. An empty list or map is a leaf too: `[]`, `{}`.
pub fn flatten(value: &Value) -> Vec<ConfigParameter> {
    let mut leaves = Vec::new();
    descend(value, &Path::root(), &mut leaves);
    leaves
}

fn descend(value: &Value, path: &Path, leaves: &mut Vec<ConfigParameter>) {
    let (text, number) = match value {
        Value::Object(entries) if !entries.is_empty() => {
            return entries.iter().for_each(|(key, value)| descend(value, &path.key(key), leaves));
        }
        Value::Array(items) if !items.is_empty() => {
            let items = items.iter().enumerate();
            return items.for_each(|(index, value)| descend(value, &path.index(index), leaves));
        }
        Value::Null => (None, None),
        Value::Bool(flag) => (Some(flag.to_string()), Some(f64::from(u8::from(*flag)))),
        Value::Number(number) => (Some(number.to_string()), number.as_f64()),
        Value::String(text) => (Some(text.clone()), None),
        empty => (Some(empty.to_string()), None),
    };
    leaves.push(ConfigParameter { path: path.to_string(), text, number });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::store::parameter::{ConfigParameter, flatten};

    #[test]
    fn leaves_keep_their_address_and_type() {
        let leaves = flatten(&json!({
            "seed": 42,
            "trunk": [{"dense": {"units": 64, "bias": true}}, "batch_norm"],
            "weighting": "dwa",
            "rate": 1.0e-3,
            "clip_norm": null,
            "after": [],
        }));
        let rows: Vec<(&str, Option<&str>, Option<f64>)> =
            leaves.iter().map(|leaf| (leaf.path.as_str(), leaf.text.as_deref(), leaf.number)).collect();
        assert_eq!(
            rows,
            [
                ("seed", Some("42"), Some(42.0)),
                ("trunk[0].dense.units", Some("64"), Some(64.0)),
                ("trunk[0].dense.bias", Some("true"), Some(1.0)),
                ("trunk[1]", Some("batch_norm"), None),
                ("weighting", Some("dwa"), None),
                ("rate", Some("0.001"), Some(0.001)),
                ("clip_norm", None, None),
                ("after", Some("[]"), None),
            ]
        );
    }

    #[test]
    fn text_that_is_a_number_is_one() {
        assert_eq!(ConfigParameter::from_text("a", "1e-3").number, Some(0.001));
        assert_eq!(ConfigParameter::from_text("a", "true").number, Some(1.0));
        assert_eq!(ConfigParameter::from_text("a", "nan").number, None);
        assert_eq!(ConfigParameter::from_text("a", "adamw").number, None);
    }
}
