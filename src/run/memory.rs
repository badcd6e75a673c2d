//! How much memory a training takes, told before it is taken: what cannot fit is refused, and where it stands
//! is named.
//!
//! Counted are the weights (and the best of them, kept aside), what the optimizer keeps of each and its
//! gradients, what the layers keep of a batch for the way back, the encoded data, and the program itself. It
//! is an estimate, within about a factor of two of what is measured; before the data is fitted the sizes that
//! only the data know count the least they can be.

mod limit;
mod nominal;

use std::collections::HashMap;

use crate::domain::array::{Array, ArrayValues};
use crate::domain::bytes::Bytes;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::shape::Shape;
use crate::domain::signature::Signature;
use crate::domain::table::Dataset;
use crate::model::network::Network;
use crate::model::network::outline::NetworkOutline;
use crate::model::part::NetworkPart;
use crate::plan::render::MemoryView;
use crate::plan::{Plan, Trial};
use crate::run::memory::limit::MemoryLimit;
use crate::spec::PipelineConfig;

/// What the program takes before it has any data: itself, its threads, ONNX Runtime.
const PROGRAM: Bytes = Bytes(120_000_000);

/// What one training takes.
#[derive(Clone, Debug)]
pub struct MemoryEstimate {
    program: Bytes,
    weights: Bytes,
    optimizer: Bytes,
    activations: Bytes,
    data: Bytes,
    pieces: Vec<MemoryPart>,
    /// Rows of a batch.
    rows: usize,
}

/// What one part of the network takes.
#[derive(Clone, Debug)]
struct MemoryPart {
    part: String,
    kind: &'static str,
    parameters: usize,
    /// Its weights with all that is kept for each of them.
    bytes: Bytes,
}

/// How much of the data a training has before it.
#[derive(Clone, Copy, Debug)]
struct EpochLoad {
    /// Rows of a batch, and those scored at once.
    rows: usize,
    scored: usize,
    /// Steps of the longest row, and tokens of the longest text to be written.
    time: usize,
    written: usize,
    data: Bytes,
}

impl EpochLoad {
    /// Of a pipeline whose data nobody has read: one row of one step.
    const LEAST: Self = Self { rows: 1, scored: 1, time: 1, written: 1, data: Bytes(0) };

    fn from_dataset(pipeline: &PipelineConfig, dataset: &Dataset) -> Self {
        let rows = dataset.tables.iter().map(|table| table.train.len()).max().unwrap_or(0);
        let tables = || dataset.tables.iter();
        let inputs = || tables().flat_map(|table| table.inputs.iter().map(|(_, array)| array));
        let targets = || tables().flat_map(|table| table.targets.iter().map(|(_, array)| array));
        // As many as the network finds comfortable.
        let scored =
            if inputs().any(|array| array.shape.len() > 2 || array.offsets.is_some()) { 256 } else { 4096 };
        Self {
            rows: rows.min(pipeline.train.batch_size.get()).max(1),
            scored: rows.min(scored).max(1),
            time: inputs().map(longest).max().unwrap_or(1),
            written: targets().map(longest).max().unwrap_or(1),
            // The table it was made of, at 64 bits a cell, is still there while the run goes on.
            data: inputs().chain(targets()).map(held).sum::<Bytes>().times(3),
        }
    }
}

/// Steps of the longest row.
fn longest(array: &Array) -> usize {
    match array.offsets {
        Some(_) => (0..array.rows()).map(|row| array.length(row)).max().unwrap_or(1).max(1),
        None => 1,
    }
}

/// What an array takes.
fn held(array: &Array) -> Bytes {
    let values = match &array.values {
        ArrayValues::F32(values) => Bytes::floats(values.len()),
        ArrayValues::U32(values) => Bytes::floats(values.len()),
        ArrayValues::F64(values) => Bytes(8).times(values.len()),
        ArrayValues::I64(values) => Bytes(8).times(values.len()),
        ArrayValues::U8(values) => Bytes(values.len() as u64),
        ArrayValues::Text(values) => values.iter().map(|text| Bytes(24 + text.len() as u64)).sum(),
    };
    values + Bytes::floats(array.offsets.as_ref().map_or(0, Vec::len))
}

impl MemoryEstimate {
    fn from_outline(pipeline: &PipelineConfig, outline: &NetworkOutline, load: EpochLoad) -> Self {
        let gradient_method =
            pipeline.weighting.0.iter().any(|choice| choice.view().capabilities().gradients().is_some());
        let config = &pipeline.train.gradients;
        let compared = (gradient_method || config.observe) && !config.by_layer;
        let gradients = if compared { pipeline.tasks.len().max(1) } else { 1 };
        let kept = pipeline.train.optimizer.view().moments() + gradients;
        let piece = |part: &NetworkPart| MemoryPart {
            part: part.name.clone(),
            kind: part.kind,
            parameters: part.parameters,
            bytes: Bytes::floats(part.parameters).times(2 + kept),
        };
        let numbers = numbers(outline, load);
        let learning =
            Bytes(8).times(load.rows).times(numbers.iter().copied().fold(0, usize::saturating_add));
        let read = outline.parts.iter().filter(|part| part.name.starts_with("input."));
        let read = read.map(|part| elements(part.shape)).fold(0, usize::saturating_add);
        let widest = numbers.iter().copied().max().unwrap_or(0);
        let scoring = Bytes(4).times(load.scored).times(read.saturating_mul(2).saturating_add(widest));
        Self {
            program: PROGRAM,
            weights: Bytes::floats(outline.parameters).times(2),
            optimizer: Bytes::floats(outline.parameters).times(kept),
            activations: learning.max(scoring),
            data: load.data,
            pieces: outline.parts.iter().map(piece).collect(),
            rows: load.rows,
        }
    }

    pub fn total(&self) -> Bytes {
        [self.program, self.weights, self.optimizer, self.activations, self.data].into_iter().sum()
    }

    fn view(&self, complete: bool) -> MemoryView {
        MemoryView {
            total: self.total(),
            program: self.program,
            weights: self.weights,
            optimizer: self.optimizer,
            activations: self.activations,
            data: self.data,
            complete,
        }
    }
}

/// Numbers of one row of one step.
fn elements(shape: Shape) -> usize {
    match shape {
        Shape::Image { channels, height, width } => channels.saturating_mul(height).saturating_mul(width),
        other => other.width(),
    }
}

/// Numbers that each part keeps of one row for the way back: what it gives, and what every matrix in it
/// gives.
fn numbers(outline: &NetworkOutline, load: EpochLoad) -> Vec<usize> {
    let indices: HashMap<&str, usize> =
        outline.parts.iter().enumerate().map(|(index, part)| (part.name.as_str(), index)).collect();
    let mut inner = vec![0_usize; outline.parts.len()];
    for (name, shape) in &outline.weights {
        let [_, width] = shape.as_slice() else { continue };
        let mut owner = name.as_str();
        while let Some(end) = owner.rfind('.') {
            owner = &owner[..end];
            if let Some(index) = indices.get(owner) {
                inner[*index] = inner[*index].saturating_add(*width);
                break;
            }
        }
    }
    let of = |(part, inner): (&NetworkPart, usize)| {
        let writes = matches!(part.kind, "text" | "language_model");
        let cells = match part.shape {
            _ if writes => load.written,
            Shape::Sequence { .. } | Shape::Tokens { .. } => load.time,
            Shape::Vector { .. } | Shape::Image { .. } => 1,
        };
        // The loss of written tokens is taken a piece of the vocabulary at a time: it is not kept.
        let vocabulary = if writes { part.shape.width() } else { 0 };
        let given = elements(part.shape).saturating_sub(vocabulary);
        given.saturating_add(inner.saturating_sub(vocabulary)).saturating_mul(cells)
    };
    outline.parts.iter().zip(inner).map(of).collect()
}

/// What of a pipeline's trainings cannot fit, as far as its words alone tell.
pub fn refused(plan: &Plan) -> Option<Diagnostic> {
    let limit = MemoryLimit::from_setting(plan.memory)?;
    let mut before: Option<&PipelineConfig> = None;
    plan.trials.iter().find_map(|trial| {
        // Trials that differ in their seed alone take the same.
        if before.replace(&trial.pipeline) == Some(&trial.pipeline) {
            return None;
        }
        let signature = nominal::signature(&trial.pipeline);
        match of_words(trial, &signature) {
            Ok(estimate) => limit::refused(&trial.pipeline, &estimate, limit),
            Err(crate::model::ModelError::TooManyWeights { part, count }) => {
                Some(limit::too_many(&trial.pipeline, &part, count))
            }
            // What cannot be built of the least sizes may be with others; building says what is wrong.
            Err(_) => None,
        }
    })
}

fn of_words(trial: &Trial, signature: &Signature) -> Result<MemoryEstimate, crate::model::ModelError> {
    let mut network = trial.network();
    // Some losses hold their words against the number of classes, which only the data know.
    network.tasks.iter_mut().for_each(|task| task.loss = None);
    let outline = Network::outline(&network, signature)?;
    Ok(MemoryEstimate::from_outline(&trial.pipeline, &outline, EpochLoad::LEAST))
}

/// The same of one training whose data is there.
pub fn refused_fitted(plan: &Plan, trial: &Trial, dataset: &Dataset) -> Option<Diagnostic> {
    let limit = MemoryLimit::from_setting(plan.memory)?;
    match Network::outline(&trial.network(), &dataset.signature) {
        Ok(outline) => {
            let estimate = MemoryEstimate::from_outline(
                &trial.pipeline,
                &outline,
                EpochLoad::from_dataset(&trial.pipeline, dataset),
            );
            limit::refused(&trial.pipeline, &estimate, limit)
        }
        Err(crate::model::ModelError::TooManyWeights { part, count }) => {
            Some(limit::too_many(&trial.pipeline, &part, count))
        }
        // Building the network says what is wrong with it.
        Err(_) => None,
    }
}

/// The estimate for people: of the first trial, with its data where that is fitted.
pub fn view(plan: &Plan, dataset: Option<&Dataset>) -> Option<MemoryView> {
    let trial = plan.trials.first()?;
    let Some(dataset) = dataset else {
        let signature = nominal::signature(&trial.pipeline);
        return Some(of_words(trial, &signature).ok()?.view(false));
    };
    let outline = Network::outline(&trial.network(), &dataset.signature).ok()?;
    Some(
        MemoryEstimate::from_outline(
            &trial.pipeline,
            &outline,
            EpochLoad::from_dataset(&trial.pipeline, dataset),
        )
        .view(true),
    )
}
