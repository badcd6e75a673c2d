//! Validates a card. Cards may come from anywhere, so their content is checked before it is used.

mod signature;

use std::collections::HashSet;

use crate::domain::number::Tolerance;
use crate::domain::shape::Shape;
use crate::domain::signature::{Encoding, InputSignature, PREFERENCE};
use crate::domain::task::{FittedTarget, TagScheme};
use crate::onnx::bundle_file::{
    ADAPTER, BundleFile, BundleRole, MODEL, adapter_members, data_member, members,
};
use crate::onnx::card::{CARD, HASHED, ModelCard, ModelSample};
use crate::onnx::sample::SampleColumn;

/// The largest size of a card, in bytes.
pub const LARGEST: u64 = 1 << 29;

/// Checks that a model of `mtl` can have this card.
///
/// # Errors
/// The first problem, as a message.
pub fn validate(card: &ModelCard) -> Result<(), String> {
    if Tolerance::new(card.tolerance).is_none() {
        return Err(format!("the tolerance is {:?}, expected {}", card.tolerance, Tolerance::EXPECTED));
    }
    signature::validate(&card.signature)?;
    preference(card)?;
    transitions(card)?;
    sample(card)?;
    if card.format >= HASHED { files(card) } else { Ok(()) }
}

/// One weight for each task, or none.
fn preference(card: &ModelCard) -> Result<(), String> {
    let (shares, tasks) = (&card.preference, &card.signature.tasks);
    if shares.is_empty() {
        return Ok(());
    }
    let valid = shares.values().all(|share| share.is_finite() && *share >= 0.0);
    if !valid || shares.values().sum::<f64>() <= 0.0 || !shares.values().sum::<f64>().is_finite() {
        return Err("the preference weights must be numbers >= 0 with a positive sum".to_owned());
    }
    match shares.keys().eq(tasks.iter().map(|task| &task.name)) {
        true => Ok(()),
        false => Err("the tasks of the preference are not those of the model".to_owned()),
    }
}

/// Transition scores for the classes of tagging tasks.
fn transitions(card: &ModelCard) -> Result<(), String> {
    let mut seen = HashSet::new();
    for (task, transitions) in &card.transitions {
        let target = card.signature.task(task).map(|task| &task.target);
        let Some(FittedTarget::Tagging { classes, .. }) = target else {
            return Err(format!("transitions of `{task}`, which is not a tagging task"));
        };
        let count = classes.len();
        let sizes = [
            (&transitions.start, count),
            (&transitions.end, count),
            (&transitions.between, count.saturating_mul(count)),
        ];
        if sizes.iter().any(|(scores, count)| scores.len() != *count) || !seen.insert(task) {
            return Err(format!(
                "the transitions of `{task}` must have one score per class ({count} classes)"
            ));
        }
        if sizes.iter().any(|(scores, _)| scores.iter().any(|score| score.is_nan())) {
            return Err(format!("the transitions of `{task}` contain NaN"));
        }
    }
    let needs_transitions = |target: &FittedTarget| match target {
        FittedTarget::Tagging { crf, scheme, .. } => {
            *crf || matches!(scheme, TagScheme::Bio | TagScheme::Bioes)
        }
        _ => false,
    };
    let hashed = card.format >= HASHED;
    let mut tasks = card.signature.tasks.iter().filter(|task| hashed && needs_transitions(&task.target));
    match tasks.find(|task| !seen.contains(&task.name)) {
        Some(task) => Err(format!("task `{}` has no transitions", task.name)),
        None => Ok(()),
    }
}

/// Every sample column fills its shape, has the same number of rows, and belongs to the model.
fn sample(card: &ModelCard) -> Result<(), String> {
    let ModelSample { inputs, outputs } = &card.sample;
    let columns = || inputs.iter().chain(outputs);
    if let Some(column) = columns().find(|column| column.array().is_none()) {
        return Err(format!("sample `{}` does not fill its shape", column.name));
    }
    let rows = columns().next().map_or(0, SampleColumn::rows);
    if let Some(other) = columns().find(|column| column.rows() != rows) {
        return Err(format!("sample `{}` has {} rows, the others have {rows}", other.name, other.rows()));
    }
    for columns in [inputs, outputs] {
        let mut seen = HashSet::new();
        if let Some(duplicate) = columns.iter().find(|column| !seen.insert(&column.name)) {
            return Err(format!("duplicate sample `{}`", duplicate.name));
        }
    }
    if rows == 0 && card.format >= HASHED {
        return Err("its sample has no rows".to_owned());
    }
    let input = |name: &str| card.signature.inputs.iter().find(|input| input.name.as_str() == name);
    let is_preference = |name: &str| name == PREFERENCE && !card.preference.is_empty();
    for column in inputs {
        match input(&column.name) {
            Some(input) if !fits(input, column) => {
                return Err(format!(
                    "sample `{}` does not have the shape and type of the input",
                    column.name
                ));
            }
            None if !is_preference(&column.name) => {
                return Err(format!("sample `{}` is not an input of the model", column.name));
            }
            _ => {}
        }
    }
    for (name, texts) in &card.texts {
        let target = card.signature.task(name).map(|task| &task.target);
        let Some(tokenizer) = target.and_then(FittedTarget::output_tokenizer) else {
            return Err(format!("texts of `{name}`, which is not a text task"));
        };
        if texts.len() != rows {
            return Err(format!("`{name}` has {} texts for {rows} sample rows", texts.len()));
        }
        if texts.iter().flatten().any(|token| *token as usize >= tokenizer.size) {
            return Err(format!(
                "a text of `{name}` has tokens outside of its vocabulary of {}",
                tokenizer.size
            ));
        }
    }
    match card.answers.iter().find(|column| column.rows() != rows || column.array().is_none()) {
        Some(other) => Err(format!("the predictions `{}` do not have {rows} rows", other.name)),
        None => Ok(()),
    }
}

/// Whether a sample column has the shape and type of the input.
fn fits(input: &InputSignature, column: &SampleColumn) -> bool {
    let element = column.array().map(|array| array.element_type());
    let shape_fits = match (&input.encoding, column.shape.get(1..).unwrap_or_default()) {
        (Encoding::Tokens { plane: None, .. }, [_]) | (Encoding::Tokens { plane: Some(_), .. }, [_, 2]) => {
            true
        }
        (Encoding::Series { center, .. }, [_, width]) => *width == center.len(),
        (Encoding::Image { channels, height, width, .. }, [c, h, w]) => {
            [c, h, w] == [channels, height, width]
        }
        (Encoding::Registered { shape, .. }, dims) => match (*shape, dims) {
            (Shape::Vector { width }, [w]) => *w == width,
            (Shape::Sequence { width }, [_, w]) => *w == width,
            (Shape::Image { channels, height, width }, dims) => dims == [channels, height, width],
            _ => false,
        },
        (
            Encoding::Scale { .. }
            | Encoding::Piecewise { .. }
            | Encoding::Code { .. }
            | Encoding::OneHot { .. },
            [1],
        ) => true,
        _ => false,
    };
    shape_fits && element == Some(input.raw)
}

/// The card lists exactly the files that the signature requires, each once.
fn files(card: &ModelCard) -> Result<(), String> {
    let same = |a: &BundleFile, b: &BundleFile| {
        let is_named = a.part != BundleRole::Adapter || a.name == b.name;
        (a.part, &a.owner) == (b.part, &b.owner) && is_named
    };
    let mut required = members(&card.signature);
    let adapters = card.files.iter().filter(|file| file.part == BundleRole::Adapter);
    let adapters: HashSet<&str> = adapters.map(|file| file.name.as_str()).collect();
    if !adapters.is_empty() {
        if adapters != HashSet::from(ADAPTER) {
            return Err(format!("an adapter has the files {} and {}", ADAPTER[0], ADAPTER[1]));
        }
        required.extend(adapter_members());
    }
    if let Some(missing) =
        required.iter().find(|member| card.files.iter().filter(|file| same(file, member)).count() != 1)
    {
        return Err(format!("it must list one {}", description(missing)));
    }
    let mut names = HashSet::from([CARD.to_owned()]);
    let graphs =
        || card.files.iter().filter(|file| matches!(file.part, BundleRole::Model | BundleRole::Decoder));
    let is_data = |file: &BundleFile| {
        let own = |graph: &BundleFile| data_member(graph).is_some_and(|data| data.name == file.name);
        file.part == BundleRole::Data && graphs().any(|graph| graph.owner == file.owner && own(graph))
    };
    for file in &card.files {
        if !is_data(file) && !required.iter().any(|member| same(file, member)) {
            return Err(format!("it lists a file `{}` that does not belong to the model", file.name));
        }
        if !names.insert(file.name.folded()) {
            return Err(format!("duplicate file name `{}`", file.name));
        }
        if (file.part == BundleRole::Model) != (file.name.as_str() == MODEL) {
            return Err(format!("the model's file must be called `{MODEL}`"));
        }
        let is_hash = file.sha256.len() == 64 && file.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hash {
            return Err(format!("the hash of `{}` is invalid", file.name));
        }
    }
    Ok(())
}

fn description(member: &BundleFile) -> String {
    let part = match member.part {
        BundleRole::Model => "model",
        BundleRole::Decoder => "decoder",
        BundleRole::Data => "file of weights",
        BundleRole::Tokenizer => "tokenizer",
        BundleRole::Adapter => "adapter",
    };
    member.owner.as_ref().map_or_else(|| part.to_owned(), |owner| format!("{part} of `{owner}`"))
}
