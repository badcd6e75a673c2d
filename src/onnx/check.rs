//! Is a card one that a model of `mtl` can have? Cards come from anywhere: what a card promises is checked
//! before anything is made by it.

mod signature;

use std::collections::HashSet;

use crate::domain::number::Tolerance;
use crate::domain::shape::Shape;
use crate::domain::signature::{Encoding, InputSignature, PREFERENCE};
use crate::domain::task::{FittedTarget, TagScheme};
use crate::onnx::bundle_file::{BundleFile, BundleRole, MODEL, members};
use crate::onnx::card::{CARD, HASHED, ModelCard, ModelSample};
use crate::onnx::sample::SampleColumn;

/// The most bytes of a card.
pub const LARGEST: u64 = 1 << 29;

/// What is wrong with a card, if anything is.
pub fn fault(card: &ModelCard) -> Result<(), String> {
    if Tolerance::new(card.tolerance).is_none() {
        return Err(format!("the tolerance is {:?}, expected {}", card.tolerance, Tolerance::EXPECTED));
    }
    signature::fault(&card.signature)?;
    preference(card)?;
    transitions(card)?;
    sample(card)?;
    if card.format >= HASHED { files(card) } else { Ok(()) }
}

/// One share for each task, if any.
fn preference(card: &ModelCard) -> Result<(), String> {
    let (shares, tasks) = (&card.preference, &card.signature.tasks);
    if shares.is_empty() {
        return Ok(());
    }
    let sound = shares.values().all(|share| share.is_finite() && *share >= 0.0);
    if !sound || shares.values().sum::<f64>() <= 0.0 || !shares.values().sum::<f64>().is_finite() {
        return Err("the shares of the preference are not numbers of 0 or more, one of them more".to_owned());
    }
    match shares.keys().eq(tasks.iter().map(|task| &task.name)) {
        true => Ok(()),
        false => Err("the preference names other tasks than the model has".to_owned()),
    }
}

/// Scores for the classes of tasks of tags.
fn transitions(card: &ModelCard) -> Result<(), String> {
    let mut seen = HashSet::new();
    for (task, own) in &card.transitions {
        let target = card.signature.task(task).map(|task| &task.target);
        let Some(FittedTarget::Tagging { classes, .. }) = target else {
            return Err(format!("transitions are of `{task}`, which is no task of tags"));
        };
        let count = classes.len();
        let fits = [(&own.start, count), (&own.end, count), (&own.between, count.saturating_mul(count))];
        if fits.iter().any(|(scores, count)| scores.len() != *count) || !seen.insert(task) {
            return Err(format!("the transitions of `{task}` are not one score for each of {count} classes"));
        }
        if fits.iter().any(|(scores, _)| scores.iter().any(|score| score.is_nan())) {
            return Err(format!("the transitions of `{task}` are no numbers"));
        }
    }
    let decides = |target: &FittedTarget| match target {
        FittedTarget::Tagging { crf, scheme, .. } => {
            *crf || matches!(scheme, TagScheme::Bio | TagScheme::Bioes)
        }
        _ => false,
    };
    let hashed = card.format >= HASHED;
    let mut lacking = card.signature.tasks.iter().filter(|task| hashed && decides(&task.target));
    match lacking.find(|task| !seen.contains(&task.name)) {
        Some(task) => Err(format!("task `{}` has no transitions", task.name)),
        None => Ok(()),
    }
}

/// Every column fills its shape, has as many rows as the others, and is of the model.
fn sample(card: &ModelCard) -> Result<(), String> {
    let ModelSample { inputs, outputs } = &card.sample;
    let columns = || inputs.iter().chain(outputs);
    if let Some(column) = columns().find(|column| column.array().is_none()) {
        return Err(format!("sample `{}` does not fill its shape", column.name));
    }
    let rows = columns().next().map_or(0, SampleColumn::rows);
    if let Some(other) = columns().find(|column| column.rows() != rows) {
        return Err(format!("sample `{}` has {} rows, and others have {rows}", other.name, other.rows()));
    }
    for columns in [inputs, outputs] {
        let mut seen = HashSet::new();
        if let Some(twice) = columns.iter().find(|column| !seen.insert(&column.name)) {
            return Err(format!("sample `{}` stands there twice", twice.name));
        }
    }
    if rows == 0 && card.format >= HASHED {
        return Err("its sample has no rows".to_owned());
    }
    let own = |name: &str| card.signature.inputs.iter().find(|input| input.name.as_str() == name);
    let is_preference = |name: &str| name == PREFERENCE && !card.preference.is_empty();
    for column in inputs {
        match own(&column.name) {
            Some(input) if !fits(input, column) => {
                return Err(format!("sample `{}` is not of the input's form", column.name));
            }
            None if !is_preference(&column.name) => {
                return Err(format!("sample `{}` is no input of the model", column.name));
            }
            _ => {}
        }
    }
    for (name, texts) in &card.texts {
        let target = card.signature.task(name).map(|task| &task.target);
        let Some(tokenizer) = target.and_then(FittedTarget::writes) else {
            return Err(format!("texts are of `{name}`, which is no task that writes"));
        };
        if texts.len() != rows {
            return Err(format!("`{name}` has {} texts for {rows} sample rows", texts.len()));
        }
        if texts.iter().flatten().any(|token| *token as usize >= tokenizer.size) {
            return Err(format!("a text of `{name}` has tokens beyond its {}", tokenizer.size));
        }
    }
    match card.answers.iter().find(|column| column.rows() != rows || column.array().is_none()) {
        Some(other) => Err(format!("the answers `{}` are not one for each of {rows} rows", other.name)),
        None => Ok(()),
    }
}

/// Is a column of the form in which the input is fed?
fn fits(input: &InputSignature, column: &SampleColumn) -> bool {
    let fed = column.array().map(|array| array.element_type());
    let form = match (&input.encoding, column.shape.get(1..).unwrap_or_default()) {
        (Encoding::Tokens { .. }, [_]) => true,
        (Encoding::Series { center, .. }, [_, width]) => *width == center.len(),
        (Encoding::Image { channels, height, width, .. }, [c, h, w]) => {
            [c, h, w] == [channels, height, width]
        }
        (Encoding::Registered { shape, .. }, form) => match (*shape, form) {
            (Shape::Vector { width }, [w]) => *w == width,
            (Shape::Sequence { width }, [_, w]) => *w == width,
            (Shape::Image { channels, height, width }, form) => form == [channels, height, width],
            _ => false,
        },
        (Encoding::Scale { .. } | Encoding::Code { .. } | Encoding::OneHot { .. }, [1]) => true,
        _ => false,
    };
    form && fed == Some(input.raw)
}

/// The files that the signature asks for, each once, and no other.
fn files(card: &ModelCard) -> Result<(), String> {
    let same = |a: &BundleFile, b: &BundleFile| (a.part, &a.owner) == (b.part, &b.owner);
    let wanted = members(&card.signature);
    if let Some(missing) =
        wanted.iter().find(|own| card.files.iter().filter(|file| same(file, own)).count() != 1)
    {
        return Err(format!("it does not name one {}", called(missing)));
    }
    let mut names = HashSet::from([CARD.to_owned()]);
    for file in &card.files {
        if !wanted.iter().any(|own| same(file, own)) {
            return Err(format!("it names a file `{}` that is none of the model", file.name));
        }
        if !names.insert(file.name.folded()) {
            return Err(format!("two files are called `{}`", file.name));
        }
        if (file.part == BundleRole::Model) != (file.name.as_str() == MODEL) {
            return Err(format!("it calls another file `{MODEL}` than the model"));
        }
        let digits = file.sha256.len() == 64 && file.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !digits {
            return Err(format!("the hash of `{}` is none", file.name));
        }
    }
    Ok(())
}

fn called(member: &BundleFile) -> String {
    let part = match member.part {
        BundleRole::Model => "model",
        BundleRole::Decoder => "decoder",
        BundleRole::Tokenizer => "tokenizer",
    };
    member.owner.as_ref().map_or_else(|| part.to_owned(), |of| format!("{part} of `{of}`"))
}
