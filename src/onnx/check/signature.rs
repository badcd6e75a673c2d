//! Can a model have these inputs and tasks? What is here is trusted by all who read rows and name answers.

use std::collections::HashSet;
use std::hash::Hash;

use crate::domain::array::ElementType;
use crate::domain::number::{Fraction, TextLength};
use crate::domain::shape::Shape;
use crate::domain::signature::{Encoding, InputSignature, Keys, Signature, TaskSignature};
use crate::domain::task::{FittedTarget, LabelLevel};
use crate::domain::tokenizer::Tokenizer;

/// The most classes, or tokens of a vocabulary.
const WIDEST: usize = 1 << 28;
/// The most numbers of one row's picture.
const LARGEST: usize = u32::MAX as usize;

pub fn fault(signature: &Signature) -> Result<(), String> {
    let Signature { inputs, tasks, .. } = signature;
    if tasks.is_empty() {
        return Err("it has no tasks".to_owned());
    }
    if inputs.is_empty() {
        return Err("it has no inputs".to_owned());
    }
    let names = inputs.iter().map(|input| input.name.as_str());
    if let Some(name) = twice(names.chain(tasks.iter().map(|task| task.name.as_str()))) {
        return Err(format!("two inputs or tasks are called `{name}`"));
    }
    for input in inputs {
        encoding(input).map_err(|fault| format!("input `{}`: {fault}", input.name))?;
    }
    let steps =
        |input: &InputSignature| matches!(input.encoding, Encoding::Tokens { .. } | Encoding::Series { .. });
    for task in tasks {
        target(task).map_err(|fault| format!("task `{}`: {fault}", task.name))?;
        let tags = matches!(task.target, FittedTarget::Tagging { .. });
        if tags && !inputs.iter().any(steps) {
            return Err(format!("task `{}` has tags, and no input has steps", task.name));
        }
    }
    Ok(())
}

fn twice<T: Hash + Eq + Copy>(all: impl IntoIterator<Item = T>) -> Option<T> {
    let mut seen = HashSet::new();
    all.into_iter().find(|one| !seen.insert(*one))
}

fn encoding(input: &InputSignature) -> Result<(), String> {
    let fed = match &input.encoding {
        Encoding::Scale { center, scale, fill, .. } => {
            units(&[*center], &[*scale])?;
            if !fill.is_finite() {
                return Err(format!("a missing value would be {fill}"));
            }
            &[ElementType::Float32, ElementType::Float64][..]
        }
        Encoding::Code { keys, width } => {
            within("embedding", *width)?;
            self::keys(keys)?
        }
        Encoding::OneHot { keys } => self::keys(keys)?,
        Encoding::Tokens { tokenizer: own, length, .. } => {
            tokenizer(own)?;
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
                return Err(format!("its {channels} channels have not one mean and deviation each"));
            }
            let wide = |numbers: &[f32]| numbers.iter().map(|number| f64::from(*number)).collect::<Vec<_>>();
            units(&wide(mean), &wide(deviation))?;
            &[ElementType::Uint8][..]
        }
        Encoding::Registered { shape, .. } => {
            match *shape {
                Shape::Vector { width } | Shape::Sequence { width } => within("width", width)?,
                Shape::Image { channels, height, width } => product(&[channels, height, width])?,
                Shape::Tokens { .. } => return Err(format!("numbers cannot be {shape}")),
            }
            &[ElementType::Float32][..]
        }
    };
    match fed.contains(&input.raw) {
        true => Ok(()),
        false => Err(format!("it cannot be fed as {:?}", input.raw)),
    }
}

fn keys(keys: &Keys) -> Result<&'static [ElementType], String> {
    within("count of values", keys.len().max(1))?;
    let (again, fed) = match keys {
        Keys::Text(keys) => (twice(keys).is_some(), &[ElementType::Text][..]),
        Keys::Int(keys) => (twice(keys).is_some(), &[ElementType::Int64][..]),
    };
    if again { Err("a value stands there twice".to_owned()) } else { Ok(fed) }
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
            within("count of labels", labels.len())?;
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
        FittedTarget::Tagging { classes, counts, .. } => some(classes, counts.len())?,
        FittedTarget::Segmentation { classes, counts, height, width } => {
            some(classes, counts.len())?;
            product(&[*height, *width, classes.len()])?;
        }
        FittedTarget::PixelRegression { height, width, center, scale } => {
            product(&[*height, *width])?;
            units(&[*center], &[*scale])?;
        }
        FittedTarget::Text { tokenizer: own, length, .. }
        | FittedTarget::LanguageModel { tokenizer: own, length, .. } => {
            tokenizer(own)?;
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
        LabelLevel::Row => within("count of answers", task.target.answers()),
    }
}

/// Different classes, two or more, each counted.
fn names(classes: &[String], counts: usize) -> Result<(), String> {
    if classes.len() < 2 {
        return Err(format!("it has {} class, expected two or more", classes.len()));
    }
    some(classes, counts)
}

fn some(classes: &[String], counts: usize) -> Result<(), String> {
    within("count of classes", classes.len())?;
    if let Some(name) = twice(classes) {
        return Err(format!("two classes are called `{name}`"));
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

/// Finite centers, and as many scales that can be divided by.
fn units(center: &[f64], scale: &[f64]) -> Result<(), String> {
    within("count of numbers", center.len())?;
    if center.len() != scale.len() {
        return Err(format!("{} centers have {} scales", center.len(), scale.len()));
    }
    let usable = |scale: &f64| scale.is_finite() && *scale > 0.0;
    match center.iter().all(|center| center.is_finite()) && scale.iter().all(usable) {
        true => Ok(()),
        false => Err("its center or scale is no number, or the scale is not greater than 0".to_owned()),
    }
}

fn tokenizer(own: &Tokenizer) -> Result<(), String> {
    within("vocabulary", own.size)?;
    let special = [Some(own.pad), own.unknown, own.begin, own.end];
    match special.into_iter().flatten().find(|token| *token as usize >= own.size) {
        Some(token) => Err(format!("token {token} is beyond its vocabulary of {}", own.size)),
        None => Ok(()),
    }
}

fn product(sizes: &[usize]) -> Result<(), String> {
    let all = sizes.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
    match all.filter(|all| (1..=LARGEST).contains(all)) {
        Some(_) => Ok(()),
        None => Err(format!("its size is {sizes:?}, expected 1 to {LARGEST} numbers")),
    }
}

fn within(what: &str, count: usize) -> Result<(), String> {
    match (1..=WIDEST).contains(&count) {
        true => Ok(()),
        false => Err(format!("its {what} is {count}, expected 1 to {WIDEST}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::fault;
    use crate::domain::signature::Signature;

    fn tokenizer() -> Value {
        json!({"segmenter": "none", "json": "{}", "size": 9, "pad": 0, "unknown": 1, "begin": 2, "end": 3})
    }

    fn signature() -> Value {
        json!({
            "inputs": [
                {"name": "age", "raw": "float32", "encoding": {"kind": "scale", "center": 1.0, "scale": 2.0, "fill": 0.0, "indicator": false}},
                {"name": "job", "raw": "text", "encoding": {"kind": "one_hot", "keys": {"text": ["a", "b"]}}},
                {"name": "words", "raw": "int64", "encoding": {"kind": "tokens", "tokenizer": tokenizer(), "length": 8, "side": "head"}},
                {"name": "steps", "raw": "float32", "encoding": {"kind": "series", "center": [0.0], "scale": [1.0], "length": 8}},
                {"name": "look", "raw": "uint8", "encoding": {"kind": "image", "channels": 3, "height": 4, "width": 4, "mean": [0.0, 0.0, 0.0], "deviation": [1.0, 1.0, 1.0]}},
            ],
            "tasks": [
                {"name": "yes", "table": "t", "target": {"kind": "binary", "classes": ["a", "b"], "counts": [1, 1], "threshold": 0.5}},
                {"name": "level", "table": "t", "target": {"kind": "ordinal", "classes": ["a", "b"], "counts": [1, 1]}},
                {"name": "some", "table": "t", "target": {"kind": "multilabel", "labels": ["a"], "positives": [1], "present": [1], "threshold": 0.5}},
                {"name": "cost", "table": "t", "target": {"kind": "regression", "columns": ["a"], "center": [0.0], "scale": [1.0]}},
                {"name": "map", "table": "t", "target": {"kind": "segmentation", "classes": ["a", "b"], "counts": [1, 1], "height": 4, "width": 4}},
                {"name": "tags", "table": "t", "target": {"kind": "tagging", "classes": ["O"], "counts": [1], "scheme": "none", "crf": false}},
            ],
        })
    }

    fn said(signature: Value) -> Result<(), String> {
        fault(&serde_json::from_value::<Signature>(signature).expect("a signature"))
    }

    #[test]
    fn what_no_model_can_have_is_told() {
        assert_eq!(said(signature()), Ok(()));
        for (index, value, expected) in [
            ("/inputs/0/encoding/scale", json!(0.0), "input `age`: its center or scale is no number"),
            ("/inputs/0/raw", json!("text"), "it cannot be fed as Text"),
            ("/inputs/1/name", json!("age"), "two inputs or tasks are called `age`"),
            ("/inputs/1/encoding/keys/text", json!(["a", "a"]), "a value stands there twice"),
            ("/inputs/2/encoding/tokenizer/size", json!(0), "its vocabulary is 0"),
            ("/inputs/2/encoding/tokenizer/pad", json!(9), "token 9 is beyond its vocabulary of 9"),
            ("/inputs/2/encoding/length", json!(0), "its length is 0"),
            ("/inputs/3/encoding/center", json!([]), "its count of numbers is 0"),
            ("/inputs/3/encoding/center", json!([0.0, 1.0]), "2 centers have 1 scales"),
            ("/inputs/4/encoding/height", json!(u64::MAX), "its size is"),
            ("/inputs/4/encoding/height", json!(1 << 30), "its size is [3, 1073741824, 4]"),
            ("/inputs/4/encoding/channels", json!(2), "its 2 channels"),
            ("/inputs/4/encoding/mean", json!([0.0]), "its 3 channels"),
            ("/tasks", json!([]), "it has no tasks"),
            ("/inputs", json!([]), "it has no inputs"),
            ("/tasks/0/name", json!("age"), "two inputs or tasks are called `age`"),
            ("/tasks/0/target/threshold", json!(-0.1), "its threshold is -0.1"),
            ("/tasks/0/target/classes", json!(["a", "a"]), "two classes are called `a`"),
            ("/tasks/1/target/classes", json!([]), "it has 0 class"),
            ("/tasks/1/target/counts", json!([1]), "2 classes have 1 counts"),
            ("/tasks/2/target/positives", json!([]), "1 labels have 0 counts"),
            ("/tasks/3/target/center", json!([0.0, 0.0]), "1 columns have 2 centers"),
            ("/tasks/3/target/scale", json!([-1.0]), "the scale is not greater than 0"),
            ("/tasks/4/target/width", json!(u64::MAX), "its size is"),
            ("/tasks/5/target/classes", json!([]), "its count of classes is 0"),
        ] {
            let mut changed = signature();
            *changed.pointer_mut(index).expect(index) = value;
            let result = said(changed).expect_err(index);
            assert!(result.contains(expected), "{index}: {result}");
        }
        let mut rows = signature();
        rows["inputs"].as_array_mut().expect("inputs").retain(|input| input["name"] == "age");
        assert!(said(rows).expect_err("no steps").contains("no input has steps"));
    }

    #[test]
    fn a_text_has_an_end() {
        let text = |length: u64| {
            let target = json!({"kind": "language_model", "tokenizer": tokenizer(), "length": length, "search": {"greedy": {}}});
            let mut own = signature();
            own["tasks"][0]["target"] = target;
            said(own)
        };
        assert_eq!(text(16_384), Ok(()));
        assert!(text(1_000_000).expect_err("too long").contains("up to 1000000 tokens"));
        assert!(text(0).is_err());
    }
}
