//! Estimates the memory of a training before it starts, and refuses what cannot fit, naming the largest part.
//!
//! Counted are the weights (twice: the best ones are kept), optimizer state and gradients, activations kept
//! for the backward pass, the encoded data, and the program itself. The estimate is within about a factor of
//! two of measurements; before the data is fitted, sizes that only the data determine count as their minimum.

mod limit;
pub(in crate::run) mod nominal;

use std::collections::HashMap;

use crate::domain::array::{Array, ArrayValues};
use crate::domain::bytes::Bytes;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::name::TaskName;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::domain::signature::Signature;
use crate::domain::table::Dataset;
use crate::model::config::NetworkConfig;
use crate::model::frozen_prefix::FrozenPrefixConfig;
use crate::model::network::Network;
use crate::model::network::outline::NetworkOutline;
use crate::model::part::NetworkPart;
use crate::model::weights::Weight;
use crate::plan::render::MemoryView;
use crate::plan::{Plan, Trial};
use crate::run::memory::limit::MemoryLimit;
use crate::spec::PipelineConfig;
use crate::train::parameter_groups::ParameterGroups;

/// Memory of the program before it loads data: code, threads, ONNX Runtime.
const PROGRAM: Bytes = Bytes(120_000_000);

/// The memory estimate of one training.
#[derive(Clone, Debug)]
pub struct MemoryEstimate {
    program: Bytes,
    weights: Bytes,
    optimizer: Bytes,
    activations: Bytes,
    data: Bytes,
    parts: Vec<MemoryPart>,
    /// Batch size.
    rows: usize,
}

/// The memory of one part of the network.
#[derive(Clone, Debug)]
struct MemoryPart {
    part: String,
    kind: &'static str,
    parameters: usize,
    /// Its weights, gradients and optimizer state.
    bytes: Bytes,
}

/// The sizes of the data that determine a training's memory.
#[derive(Clone, Copy, Debug)]
struct EpochLoad {
    /// Rows of a training batch and of a scoring batch.
    rows: usize,
    scored: usize,
    /// Steps of the longest row, and tokens of the longest target text.
    time: usize,
    target_tokens: usize,
    data: Bytes,
}

impl EpochLoad {
    /// The minimum, for a pipeline whose data is not read: one row of one step.
    const LEAST: Self = Self { rows: 1, scored: 1, time: 1, target_tokens: 1, data: Bytes(0) };

    fn of(trial: &Trial, dataset: &Dataset) -> Self {
        let rows = dataset.tables.iter().map(|table| table.train.len()).max().unwrap_or(0);
        let tables = || dataset.tables.iter();
        let inputs = || tables().flat_map(|table| table.inputs.iter().map(|(_, array)| array));
        let targets = || tables().flat_map(|table| table.targets.iter().map(|(_, array)| array));
        // The scoring batch size of the network.
        let scored =
            if inputs().any(|array| array.shape.len() > 2 || array.offsets.is_some()) { 256 } else { 4096 };
        let time = inputs().map(longest).max().unwrap_or(1);
        // Batches of the longest rows need the most memory.
        let train = &trial.pipeline.train;
        let tokens = train.batch_tokens.map_or(usize::MAX, Count::get);
        let limit = train.batch_size.get().min(tokens / time);
        Self {
            rows: rows.min(limit).max(1),
            scored: rows.min(scored).max(1),
            time,
            target_tokens: targets().map(longest).max().unwrap_or(1),
            // The table it was made from stays in memory during the run, with 64 bits per cell.
            data: inputs().chain(targets()).map(array_bytes).sum::<Bytes>().times(3),
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

/// The memory of an array.
fn array_bytes(array: &Array) -> Bytes {
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

/// The outline of a trial's network.
struct TrialOutline {
    network: NetworkOutline,
    /// The number of frozen parameters of each part: they need neither gradients nor optimizer state.
    frozen: Vec<usize>,
    /// Parts whose output is computed once, before the training.
    computed: Vec<String>,
}

/// Number of values of a weight.
fn count((_, shape): &(String, Vec<usize>)) -> usize {
    shape.iter().fold(1, |count: usize, side| count.saturating_mul(*side))
}

/// Number of values of a part's weights, trained or not. Looked up only if there are untrained ones:
/// parts and weights may be tens of thousands.
fn values_of(outline: &NetworkOutline, part: &NetworkPart, all: usize) -> usize {
    if all == outline.parameters {
        return part.parameters;
    }
    let own = outline.weights.iter().filter(|(name, _)| part.owns(name));
    own.map(count).fold(0, usize::saturating_add)
}

impl MemoryEstimate {
    fn new(pipeline: &PipelineConfig, trial: &TrialOutline, load: EpochLoad) -> Self {
        let TrialOutline { network: outline, frozen, computed } = trial;
        let gradient_method =
            pipeline.weighting.0.iter().any(|choice| choice.view().capabilities().gradients().is_some());
        let config = &pipeline.train.gradients;
        let per_task = (gradient_method || config.observe) && !config.by_layer;
        let gradients = if per_task { pipeline.tasks.len().max(1) } else { 1 };
        // With accumulation, the sum of earlier batches is kept beside the gradient of the current one.
        let sum = usize::from(pipeline.train.accumulate.get() > 1);
        let states = pipeline.train.optimizer.view().moments() + gradients + sum;
        let trained = |all: usize, frozen: usize| Bytes::floats(all.saturating_sub(frozen)).times(states);
        let all = outline.weights.iter().map(count).fold(0, usize::saturating_add);
        let memory_part = |(part, frozen): (&NetworkPart, &usize)| MemoryPart {
            part: part.name.clone(),
            kind: part.kind,
            parameters: part.parameters,
            bytes: Bytes::floats(values_of(outline, part, all)).times(2) + trained(part.parameters, *frozen),
        };
        let all_frozen = frozen.iter().copied().fold(0, usize::saturating_add);
        let checkpoints = pipeline.train.gradient_checkpointing;
        let activations = activations_per_row(outline, computed, load, checkpoints);
        // Each member of a network has its own activations of a row; scoring takes fewer rows instead.
        let members = pipeline.tabm.as_ref().map_or(1, |tabm| tabm.members.get());
        let rows = load.rows.saturating_mul(members);
        let training = Bytes(8).times(rows).times(activations.iter().copied().fold(0, usize::saturating_add));
        let inputs = outline.parts.iter().filter(|part| part.name.starts_with("input."));
        let input_elements = inputs.map(|part| elements(part.shape)).fold(0, usize::saturating_add);
        let widest = activations.iter().copied().max().unwrap_or(0);
        let scoring =
            Bytes(4).times(load.scored).times(input_elements.saturating_mul(2).saturating_add(widest));
        Self {
            program: PROGRAM,
            weights: Bytes::floats(all).times(2),
            optimizer: trained(outline.parameters, all_frozen),
            activations: training.max(scoring),
            data: load.data,
            parts: outline.parts.iter().zip(frozen).map(memory_part).collect(),
            rows: load.rows,
        }
    }

    /// The sum of all parts.
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

/// The number of elements of one row and step.
fn elements(shape: Shape) -> usize {
    match shape {
        Shape::Image { channels, height, width } => channels.saturating_mul(height).saturating_mul(width),
        other => other.width(),
    }
}

/// The number of activations per row that each part keeps for the backward pass: its output, and the output
/// of each of its matrices; none if its output is `computed` before the training. With gradient checkpointing
/// (`checkpoints`), the input of each transformer block, and the matrices of one block at a time.
fn activations_per_row(
    outline: &NetworkOutline,
    computed: &[String],
    load: EpochLoad,
    checkpoints: bool,
) -> Vec<usize> {
    let indices: HashMap<&str, usize> =
        outline.parts.iter().enumerate().map(|(index, part)| (part.name.as_str(), index)).collect();
    let mut inner = vec![0_usize; outline.parts.len()];
    let mut blocks: HashMap<(usize, &str), usize> = HashMap::new();
    for (name, shape) in &outline.weights {
        let [_, width] = shape.as_slice() else { continue };
        let mut owner = name.as_str();
        while let Some(end) = owner.rfind('.') {
            owner = &owner[..end];
            if let Some(index) = indices.get(owner) {
                let block = name[owner.len() + 1..].split('.').next().unwrap_or_default();
                let has_blocks =
                    checkpoints && matches!(outline.parts[*index].kind, "transformer" | "pretrained");
                let sum = match has_blocks && block.parse::<usize>().is_ok() {
                    true => blocks.entry((*index, block)).or_default(),
                    false => &mut inner[*index],
                };
                *sum = sum.saturating_add(*width);
                break;
            }
        }
    }
    for (index, part) in outline.parts.iter().enumerate() {
        let own = || blocks.iter().filter(|((owner, _), _)| *owner == index).map(|(_, sum)| *sum);
        let inputs = elements(part.shape).saturating_mul(own().count());
        inner[index] = inner[index].saturating_add(own().max().unwrap_or(0)).saturating_add(inputs);
    }
    let activations = |(part, inner): (&NetworkPart, usize)| {
        if computed.contains(&part.name) {
            return 0;
        }
        let generates = matches!(part.kind, "text" | "language_model");
        let cells = match part.shape {
            _ if generates => load.target_tokens,
            Shape::Sequence { .. } | Shape::Tokens { .. } => load.time,
            Shape::Vector { .. } | Shape::Image { .. } => 1,
        };
        // The loss of generated tokens is computed in chunks of the vocabulary, which are not kept.
        let vocabulary = if generates { part.shape.width() } else { 0 };
        let output = elements(part.shape).saturating_sub(vocabulary);
        output.saturating_add(inner.saturating_sub(vocabulary)).saturating_mul(cells)
    };
    outline.parts.iter().zip(inner).map(activations).collect()
}

/// The first trial that cannot fit into memory, as far as the pipeline alone determines.
pub fn memory_error(plan: &Plan) -> Option<Diagnostic> {
    let limit = MemoryLimit::from_setting(plan.memory)?;
    let mut previous: Option<&PipelineConfig> = None;
    plan.trials.iter().find_map(|trial| {
        // Trials that differ only in their seed need the same memory.
        if previous.replace(&trial.pipeline) == Some(&trial.pipeline) {
            return None;
        }
        let signature = nominal::signature(&trial.pipeline);
        match unfitted_estimate(trial, &signature) {
            Ok(estimate) => limit::memory_error(&trial.pipeline, &estimate, limit),
            Err(crate::model::ModelError::TooManyWeights { part, count }) => {
                Some(limit::too_many(&trial.pipeline, &part, count))
            }
            // A network that cannot be built with minimal sizes may be valid with the real ones.
            Err(_) => None,
        }
    })
}

fn unfitted_estimate(
    trial: &Trial,
    signature: &Signature,
) -> Result<MemoryEstimate, crate::model::ModelError> {
    let mut network = trial.network();
    // Some losses check their settings against the number of classes, which only the data determine.
    network.tasks.iter_mut().for_each(|task| task.loss = None);
    Ok(MemoryEstimate::new(&trial.pipeline, &outline(trial, &network, signature)?, EpochLoad::LEAST))
}

/// Outlines the network of a trial.
fn outline(
    trial: &Trial,
    config: &NetworkConfig,
    signature: &Signature,
) -> Result<TrialOutline, crate::model::ModelError> {
    let network = Network::shapes_only(config, signature)?;
    let outline = network.as_outline();
    let computed = trial.frozen_prefixes().iter().flat_map(FrozenPrefixConfig::parts).collect();
    let train = &trial.pipeline.train;
    let earlier: Vec<&str> =
        train.start_from.iter().flat_map(|start| &start.freeze).map(|part| part.prefix()).collect();
    if train.freeze.is_empty() && earlier.is_empty() {
        let frozen = vec![0; outline.parts.len()];
        return Ok(TrialOutline { network: outline, frozen, computed });
    }
    let tasks: Vec<TaskName> = signature.tasks.iter().map(|task| task.name.clone()).collect();
    let groups = ParameterGroups::new(train, &tasks);
    let is_frozen = |weight: &&Weight| {
        groups.is_frozen(weight) || earlier.iter().any(|prefix| weight.name.starts_with(prefix))
    };
    let frozen: Vec<&Weight> = network.weights().trainable().filter(is_frozen).collect();
    let of_part = |part: &NetworkPart| {
        let own = frozen.iter().filter(|weight| part.owns(&weight.name));
        own.map(|weight| weight.count()).fold(0, usize::saturating_add)
    };
    let frozen = outline.parts.iter().map(of_part).collect();
    Ok(TrialOutline { network: outline, frozen, computed })
}

/// The diagnostic of a training that cannot fit into memory, with the fitted data.
pub fn refused_fitted(plan: &Plan, trial: &Trial, dataset: &Dataset) -> Option<Diagnostic> {
    let limit = MemoryLimit::from_setting(plan.memory)?;
    match outline(trial, &trial.network(), &dataset.signature) {
        Ok(outline) => {
            let estimate = MemoryEstimate::new(&trial.pipeline, &outline, EpochLoad::of(trial, dataset));
            limit::memory_error(&trial.pipeline, &estimate, limit)
        }
        Err(crate::model::ModelError::TooManyWeights { part, count }) => {
            Some(limit::too_many(&trial.pipeline, &part, count))
        }
        // Building the network reports what is wrong with it.
        Err(_) => None,
    }
}

/// The estimate of the first trial for display, with its data if that is fitted.
pub fn view(plan: &Plan, dataset: Option<&Dataset>) -> Option<MemoryView> {
    let trial = plan.trials.first()?;
    let Some(dataset) = dataset else {
        let signature = nominal::signature(&trial.pipeline);
        return Some(unfitted_estimate(trial, &signature).ok()?.view(false));
    };
    let outline = outline(trial, &trial.network(), &dataset.signature).ok()?;
    Some(MemoryEstimate::new(&trial.pipeline, &outline, EpochLoad::of(trial, dataset)).view(true))
}

#[cfg(test)]
mod tests {
    use crate::plan::Trial;
    use crate::run::memory::{MemoryEstimate, nominal, unfitted_estimate};

    fn estimate(train: &str) -> MemoryEstimate {
        estimate_of(&format!(
            "data: {{t: {{source: {{csv: x.csv}}}}}}\ninputs: {{a: number}}\n\
             trunk: [{{dense: 100}}, {{dense: 100}}]\ntasks: {{y: {{kind: binary, target: y}}}}\n{train}"
        ))
    }

    fn estimate_of(text: &str) -> MemoryEstimate {
        let (pipeline, _) = crate::spec::read(text, std::path::Path::new("x.yaml"), &[]).expect("a pipeline");
        let signature = nominal::signature(&pipeline);
        let trial = Trial { number: 1, seed: 1, choices: Vec::new(), pipeline };
        unfitted_estimate(&trial, &signature).expect("an estimate")
    }

    /// Layers of 200, 10,100 and 101 parameters in 4 bytes; adamw keeps 2 moments and 1 gradient.
    #[test]
    fn frozen_weights_need_neither_gradients_nor_moments() {
        let all = estimate("");
        assert_eq!((all.weights.0, all.optimizer.0), (2 * 4 * 10_401, 3 * 4 * 10_401));
        let frozen = estimate("train: {freeze: [\"trunk.1.*\"]}");
        assert_eq!((frozen.weights.0, frozen.optimizer.0), (2 * 4 * 10_401, 3 * 4 * 301));
        assert_eq!(frozen.parts[2].bytes.0, 2 * 4 * 10_100);
        let accumulated = estimate("train: {accumulate: 4}");
        assert_eq!(accumulated.optimizer.0, 4 * 4 * 10_401);
    }

    /// Per row and step, in values: per block 24 + 8 + 32 + 8 of its matrices; with checkpoints those of one
    /// block, and 8 of each block's input.
    #[test]
    fn checkpoints_keep_the_inputs_of_blocks() {
        let activations = |train: &str| {
            let text = format!(
                "data: {{t: {{source: {{csv: x.csv}}}}}}\ninputs: {{a: {{text: {{}}}}}}\n\
                 trunk:\n- embedding: 8\n- transformer: {{layers: 6, heads: 2, hidden: 32}}\n- pool: mean\n\
                 tasks: {{y: {{kind: binary, target: y}}}}\n{train}"
            );
            estimate_of(&text).activations.0
        };
        let (kept, recomputed) = (activations(""), activations("train: {gradient_checkpointing: true}"));
        // In 8 bytes: the values and their gradients.
        assert_eq!(kept - recomputed, 8 * (6 * 72 - (72 + 6 * 8)));
    }
}
