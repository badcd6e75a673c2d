//! Validates a signature: readers of rows and writers of predictions rely on it.

use std::collections::HashSet;
use std::hash::Hash;

use crate::domain::array::ElementType;
use crate::domain::number::{Fraction, TextLength};
use crate::domain::piecewise::PiecewiseFeatures;
use crate::domain::shape::Shape;
use crate::domain::signature::{Encoding, InputSignature, Keys, Signature, TaskSignature};
use crate::domain::task::{FittedTarget, LabelLevel};
use crate::domain::tokenizer::Tokenizer;

/// The largest number of classes or tokens of a vocabulary.
const WIDEST: usize = 1 << 28;
/// The largest number of elements of one row's image.
const LARGEST: usize = u32::MAX as usize;

pub fn validate(signature: &Signature) -> Result<(), String> {
    let Signature { inputs, tasks, .. } = signature;
    if tasks.is_empty() {
        return Err("it has no tasks".to_owned());
    }
    if inputs.is_empty() {
        return Err("it has no inputs".to_owned());
    }
    let names = inputs.iter().map(|input| input.name.as_str());
    if let Some(name) = duplicate(names.chain(tasks.iter().map(|task| task.name.as_str()))) {
        return Err(format!("duplicate input or task name `{name}`"));
    }
    for input in inputs {
        encoding(input).map_err(|reason| format!("input `{}`: {reason}", input.name))?;
    }
    let is_sequence =
        |input: &InputSignature| matches!(input.encoding, Encoding::Tokens { .. } | Encoding::Series { .. });
    for task in tasks {
        target(task).map_err(|reason| format!("task `{}`: {reason}", task.name))?;
        let is_tagging = matches!(task.target, FittedTarget::Tagging { .. });
        if is_tagging && !inputs.iter().any(is_sequence) {
            return Err(format!("task `{}` is tagging, but no input is a sequence", task.name));
        }
    }
    Ok(())
}

fn duplicate<T: Hash + Eq + Copy>(all: impl IntoIterator<Item = T>) -> Option<T> {
    let mut seen = HashSet::new();
    all.into_iter().find(|item| !seen.insert(*item))
}

fn encoding(input: &InputSignature) -> Result<(), String> {
    let elements = match &input.encoding {
        Encoding::Scale { center, scale, fill, .. } => {
            units(&[*center], &[*scale])?;
            if !fill.is_finite() {
                return Err(format!("the fill value is {fill}"));
            }
            &[ElementType::Float32, ElementType::Float64][..]
        }
        Encoding::Piecewise { edges, features, fill, .. } => {
            within("number of edges", edges.len())?;
            let increasing = edges.len() > 1 && edges.windows(2).all(|two| two[0] < two[1]);
            let finite = |numbers: &[f64]| numbers.iter().all(|number| number.is_finite());
            if !increasing || !finite(edges) || !fill.is_finite() {
                return Err(
                    "its edges must be at least two increasing numbers, and the fill value one".to_owned()
                );
            }
            if let PiecewiseFeatures::Values(values) = features
                && (values.len() != edges.len() || !finite(values))
            {
                return Err(format!("its {} edges need a number each, found {}", edges.len(), values.len()));
            }
            &[ElementType::Float32, ElementType::Float64][..]
        }
        Encoding::Code { keys, width } => {
            within("embedding", *width)?;
            self::keys(keys)?
        }
        Encoding::OneHot { keys } => self::keys(keys)?,
        Encoding::Tokens { tokenizer: config, length, .. } => {
            tokenizer(config)?;
            within("length", *length)?;
            &[ElementType::Int64][..]
        }
        Encoding::Series { center, scale, length } => {
            units(center, scale)?;
            within("length", *length)?;
            &[ElementType::Float32, ElementType::Float64][..]
        }
        Encoding::Image { channels, height, width, mean, deviation, .. } => {
            product(&[*channels, *height, *width])?;
            if !matches!(channels, 1 | 3) || mean.len() != *channels || deviation.len() != *channels {
                return Err(format!(
                    "its {channels} channels must be 1 or 3, with a mean and a deviation each"
                ));
            }
            let wide = |numbers: &[f32]| numbers.iter().map(|number| f64::from(*number)).collect::<Vec<_>>();
            units(&wide(mean), &wide(deviation))?;
            &[ElementType::Uint8][..]
        }
        Encoding::Registered { shape, .. } => {
            match *shape {
                Shape::Vector { width } | Shape::Sequence { width } => within("width", width)?,
                Shape::Image { channels, height, width } => product(&[channels, height, width])?,
                Shape::Tokens { .. } => {
                    return Err(format!("registered inputs cannot have the shape {shape}"));
                }
            }
            &[ElementType::Float32][..]
        }
    };
    match elements.contains(&input.raw) {
        true => Ok(()),
        false => Err(format!("its element type cannot be {:?}", input.raw)),
    }
}

fn keys(keys: &Keys) -> Result<&'static [ElementType], String> {
    within("number of values", keys.len().max(1))?;
    let (is_duplicate, elements) = match keys {
        Keys::Text(keys) => (duplicate(keys).is_some(), &[ElementType::Text][..]),
        Keys::Int(keys) => (duplicate(keys).is_some(), &[ElementType::Int64][..]),
    };
    if is_duplicate { Err("duplicate category value".to_owned()) } else { Ok(elements) }
}

fn target(task: &TaskSignature) -> Result<(), String> {
    match &task.target {
        FittedTarget::Binary { classes, threshold, .. } => {
            names(classes, 2)?;
            share(*threshold)?;
        }
        FittedTarget::Multiclass { classes, counts } | FittedTarget::Ordinal { classes, counts } => {
            names(classes, counts.len())?;
        }
        FittedTarget::Multilabel { labels, positives, threshold, .. } => {
            share(*threshold)?;
            within("number of labels", labels.len())?;
            if labels.len() != positives.len() {
                return Err(format!("{} labels have {} counts", labels.len(), positives.len()));
            }
        }
        FittedTarget::Regression { columns, center, scale } => {
            if columns.len() != center.len() {
                return Err(format!("{} columns have {} centers", columns.len(), center.len()));
            }
            units(center, scale)?;
        }
        FittedTarget::Tagging { classes, counts, .. } => classes_and_counts(classes, counts.len())?,
        FittedTarget::Segmentation { classes, counts, height, width } => {
            classes_and_counts(classes, counts.len())?;
            product(&[*height, *width, classes.len()])?;
        }
        FittedTarget::PixelRegression { height, width, center, scale } => {
            product(&[*height, *width])?;
            units(&[*center], &[*scale])?;
        }
        FittedTarget::Text { tokenizer: config, length, .. }
        | FittedTarget::LanguageModel { tokenizer: config, length, .. } => {
            tokenizer(config)?;
            if TextLength::new(*length).is_none() {
                return Err(format!(
                    "its texts have up to {length} tokens, expected {}",
                    TextLength::EXPECTED
                ));
            }
        }
    }
    match task.target.label_level() {
        LabelLevel::Pixel { .. } | LabelLevel::Step => Ok(()),
        LabelLevel::Row => within("number of predictions", task.target.prediction_width()),
    }
}

/// At least two distinct classes, each with a count.
fn names(classes: &[String], counts: usize) -> Result<(), String> {
    if classes.len() < 2 {
        return Err(format!("it has {} classes, expected at least 2", classes.len()));
    }
    classes_and_counts(classes, counts)
}

fn classes_and_counts(classes: &[String], counts: usize) -> Result<(), String> {
    within("number of classes", classes.len())?;
    if let Some(name) = duplicate(classes) {
        return Err(format!("duplicate class `{name}`"));
    }
    match classes.len() == counts {
        true => Ok(()),
        false => Err(format!("{} classes have {counts} counts", classes.len())),
    }
}

fn share(threshold: f64) -> Result<(), String> {
    match Fraction::new(threshold) {
        Some(_) => Ok(()),
        None => Err(format!("its threshold is {threshold}, expected a number from 0 to 1")),
    }
}

/// Finite centers, and as many finite positive scales.
fn units(center: &[f64], scale: &[f64]) -> Result<(), String> {
    within("number of values", center.len())?;
    if center.len() != scale.len() {
        return Err(format!("{} centers have {} scales", center.len(), scale.len()));
    }
    let usable = |scale: &f64| scale.is_finite() && *scale > 0.0;
    match center.iter().all(|center| center.is_finite()) && scale.iter().all(usable) {
        true => Ok(()),
        false => Err("its center and scale must be finite, and the scale greater than 0".to_owned()),
    }
}

fn tokenizer(config: &Tokenizer) -> Result<(), String> {
    within("vocabulary", config.size)?;
    let special = [Some(config.pad), config.unknown, config.begin, config.end];
    match special.into_iter().flatten().find(|token| *token as usize >= config.size) {
        Some(token) => Err(format!("token {token} is outside of its vocabulary of {}", config.size)),
        None => Ok(()),
    }
}

/// Checks the product of image dimensions.
fn product(sizes: &[usize]) -> Result<(), String> {
    let all = sizes.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
    match all.filter(|all| (1..=LARGEST).contains(all)) {
        Some(_) => Ok(()),
        None => Err(format!("its size is {sizes:?}, expected 1 to {LARGEST} elements")),
    }
}

/// Checks a number of classes, tokens or values.
fn within(what: &str, count: usize) -> Result<(), String> {
    match (1..=WIDEST).contains(&count) {
        true => Ok(()),
        false => Err(format!("its {what} is {count}, expected 1 to {WIDEST}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::validate;
    use crate::domain::signature::Signature;

    fn tokenizer() -> Value {
        json!({"segmenter": "none", "json": "{}", "size": 9, "pad": 0, "unknown": 1, "begin": 2, "end": 3})
    }

    fn signature() -> Value {
        let image = json!({
            "kind": "image", "channels": 3, "height": 4, "width": 4,
            "mean": [0.0, 0.0, 0.0], "deviation": [1.0, 1.0, 1.0]
        });
        let inputs = [
            (
                "age",
                "float32",
                json!({"kind": "scale", "center": 1.0, "scale": 2.0, "fill": 0.0, "indicator": false}),
            ),
            ("job", "text", json!({"kind": "one_hot", "keys": {"text": ["a", "b"]}})),
            (
                "words",
                "int64",
                json!({"kind": "tokens", "tokenizer": tokenizer(), "length": 8, "side": "head"}),
            ),
            ("steps", "float32", json!({"kind": "series", "center": [0.0], "scale": [1.0], "length": 8})),
            ("look", "uint8", image),
        ];
        let segmentation = json!({
            "kind": "segmentation", "classes": ["a", "b"], "counts": [1, 1], "height": 4, "width": 4
        });
        let tasks = [
            ("yes", json!({"kind": "binary", "classes": ["a", "b"], "counts": [1, 1], "threshold": 0.5})),
            ("level", json!({"kind": "ordinal", "classes": ["a", "b"], "counts": [1, 1]})),
            (
                "some",
                json!({
                    "kind": "multilabel", "labels": ["a"], "positives": [1], "present": [1],
                    "threshold": 0.5
                }),
            ),
            ("cost", json!({"kind": "regression", "columns": ["a"], "center": [0.0], "scale": [1.0]})),
            ("map", segmentation),
            (
                "tags",
                json!({"kind": "tagging", "classes": ["O"], "counts": [1], "scheme": "none", "crf": false}),
            ),
        ];
        let inputs =
            inputs.map(|(name, raw, encoding)| json!({"name": name, "raw": raw, "encoding": encoding}));
        let tasks = tasks.map(|(name, target)| json!({"name": name, "table": "t", "target": target}));
        json!({"inputs": inputs, "tasks": tasks})
    }

    fn validated(signature: Value) -> Result<(), String> {
        validate(&serde_json::from_value::<Signature>(signature).expect("a signature"))
    }

    #[test]
    fn invalid_signatures_are_refused() {
        assert_eq!(validated(signature()), Ok(()));
        for (pointer, value, expected) in [
            ("/inputs/0/encoding/scale", json!(0.0), "input `age`: its center and scale must be finite"),
            ("/inputs/0/raw", json!("text"), "its element type cannot be Text"),
            ("/inputs/1/name", json!("age"), "duplicate input or task name `age`"),
            ("/inputs/1/encoding/keys/text", json!(["a", "a"]), "duplicate category value"),
            ("/inputs/2/encoding/tokenizer/size", json!(0), "its vocabulary is 0"),
            ("/inputs/2/encoding/tokenizer/pad", json!(9), "token 9 is outside of its vocabulary of 9"),
            ("/inputs/2/encoding/length", json!(0), "its length is 0"),
            ("/inputs/3/encoding/center", json!([]), "its number of values is 0"),
            ("/inputs/3/encoding/center", json!([0.0, 1.0]), "2 centers have 1 scales"),
            ("/inputs/4/encoding/height", json!(u64::MAX), "its size is"),
            ("/inputs/4/encoding/height", json!(1 << 30), "its size is [3, 1073741824, 4]"),
            ("/inputs/4/encoding/channels", json!(2), "its 2 channels"),
            ("/inputs/4/encoding/mean", json!([0.0]), "its 3 channels"),
            ("/tasks", json!([]), "it has no tasks"),
            ("/inputs", json!([]), "it has no inputs"),
            ("/tasks/0/name", json!("age"), "duplicate input or task name `age`"),
            ("/tasks/0/target/threshold", json!(-0.1), "its threshold is -0.1"),
            ("/tasks/0/target/classes", json!(["a", "a"]), "duplicate class `a`"),
            ("/tasks/1/target/classes", json!([]), "it has 0 classes"),
            ("/tasks/1/target/counts", json!([1]), "2 classes have 1 counts"),
            ("/tasks/2/target/positives", json!([]), "1 labels have 0 counts"),
            ("/tasks/3/target/center", json!([0.0, 0.0]), "1 columns have 2 centers"),
            ("/tasks/3/target/scale", json!([-1.0]), "the scale greater than 0"),
            ("/tasks/4/target/width", json!(u64::MAX), "its size is"),
            ("/tasks/5/target/classes", json!([]), "its number of classes is 0"),
        ] {
            let mut changed = signature();
            *changed.pointer_mut(pointer).expect(pointer) = value;
            let error = validated(changed).expect_err(pointer);
            assert!(error.contains(expected), "{pointer}: {error}");
        }
        let mut rows = signature();
        rows["inputs"].as_array_mut().expect("inputs").retain(|input| input["name"] == "age");
        assert!(validated(rows).expect_err("no steps").contains("no input is a sequence"));
    }

    #[test]
    fn the_length_of_texts_is_limited() {
        let text = |length: u64| {
            let target = json!({
                "kind": "language_model", "tokenizer": tokenizer(), "length": length, "search": {"greedy": {}}
            });
            let mut changed = signature();
            changed["tasks"][0]["target"] = target;
            validated(changed)
        };
        assert_eq!(text(16_384), Ok(()));
        assert!(text(1_000_000).expect_err("too long").contains("up to 1000000 tokens"));
        assert!(text(0).is_err());
    }
}
