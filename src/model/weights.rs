//! All weights of a network, by name.

mod adapter;
mod file;
mod init;
mod low_rank;
mod named_weight;
mod owner;
mod parameter;
mod pretrained;

use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Device, Tensor, Var};
use rand_distr::{Distribution, StandardNormal, Uniform};

use crate::model::error::{ModelError, ModelResult};
use crate::model::random::{RandomPurpose, stream};
use crate::model::weights::adapter::AdapterRequest;
pub use crate::model::weights::adapter::{PeftFiles, module_parts};
pub use crate::model::weights::init::Init;
pub use crate::model::weights::low_rank::{
    AdaptedLayer, AdaptedProjection, LowRankOptions, LowRankSize, LowRankTargets, TaskUpdates, column_norms,
};
pub use crate::model::weights::named_weight::Weight;
use crate::model::weights::named_weight::elements;
pub use crate::model::weights::owner::WeightOwner;
use crate::model::weights::parameter::FrozenFlag;
pub use crate::model::weights::parameter::Parameter;
use crate::model::weights::pretrained::PretrainedRequest;

/// Maximum number of named tensors of a network. More are a mistake in the number of layers or experts, and
/// their names alone would fill the memory.
const MAX_TENSORS: usize = 1_000_000;

/// The weights of a network in order of creation.
#[derive(Debug)]
pub struct Weights {
    seed: u64,
    device: Device,
    /// Whether only shapes are kept, without values.
    shapes_only: bool,
    list: Vec<Weight>,
    /// Index of each weight in `list`.
    index_of: HashMap<String, usize>,
    /// Number of trainable parameters.
    parameters: usize,
    /// Names of shared weights by their `tie`.
    ties: BTreeMap<String, String>,
    vector_requests: Vec<VectorsRequest>,
    pretrained_requests: Vec<PretrainedRequest>,
    adapter_requests: Vec<AdapterRequest>,
    /// Whether weights created from now on are frozen.
    frozen: bool,
    /// The low-rank adaptation of dense layers created from now on.
    low_rank: Option<LowRankOptions>,
    /// For how many members of a network dense layers are built, if each gets its own.
    members: Option<usize>,
    /// Whose its updates are, if tasks have their own.
    task_updates: Option<TaskUpdates>,
    /// Names of the dense layers that were created while there was one.
    low_rank_targets: Vec<String>,
    /// The dense layers that were created while there was one.
    adapted_layers: Vec<AdaptedLayer>,
    /// Owner of weights created from now on.
    owner: WeightOwner,
    /// Whether heads of several tasks may share weights created from now on.
    shareable: bool,
    /// Whether layers created from now on may use existing weights once more.
    reusing: bool,
    /// `blocks_after` of weights created from now on.
    blocks_after: Option<usize>,
}

/// A request to initialize an embedding table with pretrained vectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorsRequest {
    /// Name of the embedding layer.
    pub layer: String,
    /// The part of the network the layer belongs to.
    pub owner: WeightOwner,
    /// Name of the table `[vocabulary, width]`.
    pub weight: String,
    /// File of the vectors.
    pub path: String,
}

/// A copy of the values of all weights, in host memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot(Vec<Vec<f32>>);

impl Weights {
    /// No weights yet; those to come are drawn from `seed`, by name, and live on `device`.
    pub fn new(seed: u64, device: &Device) -> Self {
        Self {
            seed,
            device: device.clone(),
            shapes_only: false,
            list: Vec::new(),
            index_of: HashMap::new(),
            parameters: 0,
            ties: BTreeMap::new(),
            vector_requests: Vec::new(),
            pretrained_requests: Vec::new(),
            adapter_requests: Vec::new(),
            frozen: false,
            low_rank: None,
            members: None,
            task_updates: None,
            low_rank_targets: Vec::new(),
            adapted_layers: Vec::new(),
            owner: WeightOwner::Body,
            shareable: false,
            reusing: false,
            blocks_after: None,
        }
    }

    /// Weights without values: a network of any size can be built with them, but not run.
    pub fn outline() -> Self {
        Self { shapes_only: true, ..Self::new(0, &Device::Cpu) }
    }

    /// The device of the tensors.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Sets for how many members dense layers are built from now on: `None` for one that all share.
    pub fn set_members(&mut self, members: Option<usize>) {
        self.members = members;
    }

    /// For how many members dense layers are built.
    pub fn members(&self) -> Option<usize> {
        self.members
    }

    /// Sets the owner of weights created from now on.
    pub fn set_owner(&mut self, owner: WeightOwner) {
        self.owner = owner;
    }

    /// Sets whether heads of several tasks may share weights created from now on; returns the old setting.
    pub fn allow_sharing(&mut self, shareable: bool) -> bool {
        std::mem::replace(&mut self.shareable, shareable)
    }

    /// Sets whether layers created from now on may use existing weights once more: those of the same name.
    /// Returns the old setting.
    pub fn reuse(&mut self, reusing: bool) -> bool {
        std::mem::replace(&mut self.reusing, reusing)
    }

    /// Sets [`Weight::blocks_after`] of weights created from now on; returns the old setting, which a layer
    /// restores after its last block.
    pub fn set_blocks_after(&mut self, blocks: Option<usize>) -> Option<usize> {
        std::mem::replace(&mut self.blocks_after, blocks)
    }

    /// Creates a trainable tensor; weight decay applies if it has two or more dimensions. An error if there
    /// are too many tensors, or a shared weight exists with another shape.
    pub fn variable(&mut self, name: &str, shape: &[usize], init: Init) -> ModelResult<Var> {
        self.add(name, shape, init, true, shape.len() >= 2)
    }

    /// Like [`Self::variable`], returned as a [`Parameter`].
    pub fn parameter(&mut self, name: &str, shape: &[usize], init: Init) -> ModelResult<Parameter> {
        self.variable(name, shape, init)?;
        self.handle(name)
    }

    /// Like [`Self::buffer`], returned as a [`Parameter`].
    pub fn statistic(&mut self, name: &str, shape: &[usize], init: Init) -> ModelResult<Parameter> {
        self.buffer(name, shape, init)?;
        self.handle(name)
    }

    fn handle(&self, name: &str) -> ModelResult<Parameter> {
        let missing = || candle_core::Error::msg(format!("there is no weight `{name}`"));
        Ok(self.existing(name).ok_or_else(missing)?)
    }

    /// An existing weight, to be used by one more layer.
    pub fn existing(&self, name: &str) -> Option<Parameter> {
        let Weight { name, var, trainable, frozen, .. } = self.named(name)?;
        let (name, var, frozen) = (name.clone(), var.clone(), frozen.clone());
        Some(Parameter { name, var, trainable: *trainable, frozen })
    }

    /// Creates a trainable one-dimensional tensor of several concatenated matrices. Weight decay applies.
    pub fn packed(&mut self, name: &str, count: usize, values: Vec<f32>) -> ModelResult<Var> {
        self.add(name, &[count], Init::Given(values), true, true)
    }

    /// Creates a running statistic: a tensor that is saved, but not trained.
    pub fn buffer(&mut self, name: &str, shape: &[usize], init: Init) -> ModelResult<Var> {
        self.add(name, shape, init, false, false)
    }

    /// Zeros in place of an omitted weight, for example a bias; neither trained nor saved.
    pub fn zeros(&self, count: usize) -> ModelResult<Tensor> {
        let count = if self.shapes_only { 0 } else { count };
        Ok(Tensor::zeros(count, DType::F32, &self.device)?)
    }

    /// The weight shared as `tie`, if it exists already.
    pub fn tied(&self, tie: &str) -> Option<&Weight> {
        self.named(self.ties.get(tie)?)
    }

    fn named(&self, name: &str) -> Option<&Weight> {
        self.index_of.get(name).map(|index| &self.list[*index])
    }

    /// Registers the weight `name` to be shared as `tie`.
    pub fn tie(&mut self, tie: &str, name: &str) {
        self.ties.insert(tie.to_owned(), name.to_owned());
    }

    /// Requests pretrained vectors for the embedding table `weight`.
    pub fn request_vectors(&mut self, layer: &str, weight: &str, path: &str) {
        let [layer, weight, path] = [layer, weight, path].map(str::to_owned);
        self.vector_requests.push(VectorsRequest { layer, owner: self.owner.clone(), weight, path });
    }

    /// The requests for pretrained vectors, in order of creation.
    pub fn vector_requests(&self) -> &[VectorsRequest] {
        &self.vector_requests
    }

    /// Overwrites the rows of `tokens` in the table `[vocabulary, width]` called `name` by `rows`,
    /// `[tokens, width]`.
    /// An error if there is no such table, a token is not in the vocabulary, or the width differs.
    pub fn set_rows(&self, name: &str, tokens: &[u32], rows: &[f32]) -> ModelResult<()> {
        let wrong = |reason: &str| ModelError::Shape { part: name.to_owned(), reason: reason.to_owned() };
        let weight = self.named(name);
        let var = &weight.ok_or_else(|| wrong("is not a weight"))?.var;
        let (size, width) = var.dims2()?;
        if rows.len() != tokens.len() * width || tokens.iter().any(|token| *token as usize >= size) {
            return Err(wrong("does not have the size of the pretrained vectors"));
        }
        let mut values = host(var)?;
        for (token, row) in tokens.iter().zip(rows.chunks_exact(width)) {
            values[*token as usize * width..][..width].copy_from_slice(row);
        }
        set(var, values)
    }

    /// Initial values, which depend only on the seed and the name; empty if only shapes are kept.
    pub fn draw(&self, name: &str, count: usize, init: &Init) -> Vec<f32> {
        if self.shapes_only {
            return Vec::new();
        }
        let mut random = stream(self.seed, RandomPurpose::Weights, name);
        match init {
            Init::Zeros => vec![0.0; count],
            Init::Ones => vec![1.0; count],
            Init::Given(values) => values.clone(),
            Init::Uniform(bound) => match Uniform::new_inclusive(-bound, *bound) {
                Ok(range) => range.sample_iter(random).take(count).collect(),
                Err(_) => vec![0.0; count],
            },
            Init::Normal(deviation) => (0..count)
                .map(|_| {
                    let z: f32 = StandardNormal.sample(&mut random);
                    z * deviation
                })
                .collect(),
        }
    }

    fn add(
        &mut self,
        name: &str,
        shape: &[usize],
        init: Init,
        trainable: bool,
        decay: bool,
    ) -> ModelResult<Var> {
        if let Some(known) = self.named(name) {
            debug_assert!(
                self.reusing || known.owner == WeightOwner::Heads && self.shareable,
                "two weights have the name {name}"
            );
            if known.shape != shape {
                let known = &known.shape;
                let reason =
                    format!("is shared by tasks that need different shapes: {known:?} and {shape:?}");
                return Err(ModelError::Shape { part: name.to_owned(), reason });
            }
            return Ok(known.var.clone());
        }
        if self.list.len() >= MAX_TENSORS {
            return Err(ModelError::TooManyWeights { part: name.to_owned(), count: self.list.len() + 1 });
        }
        let var = match self.shapes_only {
            true => Var::zeros(0, DType::F32, &self.device)?,
            false => {
                let values = self.draw(name, elements(shape), &init);
                Var::from_tensor(&Tensor::from_vec(values, shape, &self.device)?)?
            }
        };
        let frozen = FrozenFlag::default();
        if trainable && self.frozen {
            frozen.set();
        }
        let trainable = trainable && !self.frozen;
        if trainable {
            self.parameters = self.parameters.saturating_add(elements(shape));
        }
        self.index_of.insert(name.to_owned(), self.list.len());
        let (name, shape) = (name.to_owned(), shape.to_vec());
        let owner = if self.shareable { WeightOwner::Heads } else { self.owner.clone() };
        let blocks_after = self.blocks_after;
        self.list.push(Weight {
            name,
            owner,
            shape,
            var: var.clone(),
            trainable,
            decay,
            blocks_after,
            frozen,
        });
        Ok(var)
    }

    /// All weights in order of creation.
    pub fn iter(&self) -> impl Iterator<Item = &Weight> {
        self.list.iter()
    }

    /// The weights that the optimizer updates, in order of creation.
    pub fn trainable(&self) -> impl Iterator<Item = &Weight> {
        self.list.iter().filter(|weight| weight.trainable)
    }

    /// Number of trainable parameters; saturates at `usize::MAX`.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Copies the current values.
    pub fn snapshot(&self) -> ModelResult<Snapshot> {
        self.list.iter().map(|weight| host(&weight.var)).collect::<ModelResult<_>>().map(Snapshot)
    }

    /// Restores a snapshot of these weights.
    pub fn restore(&self, snapshot: &Snapshot) -> ModelResult<()> {
        for (weight, values) in self.list.iter().zip(&snapshot.0) {
            set(&weight.var, values.clone())?;
        }
        Ok(())
    }

    /// Freezes the weights that `selects` chooses.
    pub fn freeze(&mut self, selects: impl Fn(&Weight) -> bool) {
        for weight in self.list.iter_mut().filter(|weight| selects(weight)) {
            weight.trainable = false;
            weight.frozen.set();
        }
        self.parameters = self.trainable().map(Weight::count).fold(0, usize::saturating_add);
    }

    /// Sets all weights of the layer called `name` to 0.
    pub fn clear(&self, name: &str) -> ModelResult<()> {
        if self.shapes_only {
            return Ok(());
        }
        let owned =
            |weight: &&Weight| weight.name.strip_prefix(name).is_some_and(|suffix| suffix.starts_with('.'));
        self.list.iter().filter(owned).try_for_each(|weight| set(&weight.var, vec![0.0; weight.count()]))
    }
}

/// Copies a tensor's values to host memory, row-major.
pub fn host(tensor: &Tensor) -> ModelResult<Vec<f32>> {
    Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}

fn set(var: &Var, values: Vec<f32>) -> ModelResult<()> {
    Ok(var.set(&Tensor::from_vec(values, var.dims(), var.device())?)?)
}

#[cfg(test)]
mod tests;
