//! All numbers of a network, by name: what is trained, saved, restored and counted.

mod init;
mod owner;
mod parameter;

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use candle_core::{DType, Device, Tensor, Var};
use rand_distr::{Distribution, StandardNormal, Uniform};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::disk::whole_file::write_whole;
use crate::model::error::{ModelError, ModelResult};
use crate::model::random::{RandomPurpose, stream};
pub use crate::model::weights::init::Init;
pub use crate::model::weights::owner::WeightOwner;
pub use crate::model::weights::parameter::Parameter;

/// Named tensors of one network: beyond this somebody wrote a number of layers or experts that was meant
/// otherwise, and their names alone would fill the memory.
const MOST_WEIGHTS: usize = 1_000_000;

/// One named tensor.
#[derive(Clone, Debug)]
pub struct Weight {
    pub name: String,
    pub owner: WeightOwner,
    pub shape: Vec<usize>,
    pub var: Var,
    /// Changed by the optimizer; otherwise a running statistic.
    pub trainable: bool,
    /// Does weight decay apply? To matrices and embeddings; not to biases and norms.
    pub decay: bool,
}

impl Weight {
    pub fn count(&self) -> usize {
        elements(&self.shape)
    }
}

/// How many numbers there are of a shape; the most there can be where nobody could count them.
fn elements(shape: &[usize]) -> usize {
    shape.iter().fold(1, |product: usize, side| product.saturating_mul(*side))
}

/// The weights of a network in the order they were made.
#[derive(Debug)]
pub struct Weights {
    seed: u64,
    device: Device,
    /// Only shapes are kept: nothing is drawn, and no memory is taken for it.
    shapes_only: bool,
    list: Vec<Weight>,
    /// Each weight's place in the list.
    places: HashMap<String, usize>,
    /// Trainable numbers so far.
    count: usize,
    /// Names under which parts share a weight, and that weight's own name.
    ties: BTreeMap<String, String>,
    wishes: Vec<VectorsRequest>,
    /// Whose the next weights are.
    owner: WeightOwner,
    /// Are they of several tasks' heads instead?
    shareable: bool,
}

/// A table of token vectors that shall begin with vectors learned elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorsRequest {
    /// The layer that asks for them, and whose it is.
    pub layer: String,
    pub owner: WeightOwner,
    /// The table `[vocabulary, width]`.
    pub weight: String,
    pub path: String,
}

/// The values of all weights at one moment, in host memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot(Vec<Vec<f32>>);

impl Weights {
    pub fn new(seed: u64, device: &Device) -> Self {
        Self {
            seed,
            device: device.clone(),
            shapes_only: false,
            list: Vec::new(),
            places: HashMap::new(),
            count: 0,
            ties: BTreeMap::new(),
            wishes: Vec::new(),
            owner: WeightOwner::Body,
            shareable: false,
        }
    }

    /// Weights of which the shapes alone are wanted: a network of any size can be laid out with them, and
    /// none can work.
    pub fn outline() -> Self {
        Self { shapes_only: true, ..Self::new(0, &Device::Cpu) }
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The weights that are made from now on are this one's.
    pub fn set_owner(&mut self, owner: WeightOwner) {
        self.owner = owner;
    }

    /// Says whether the weights that are made from now on may be asked for by other tasks too; gives what was
    /// said before.
    pub fn allow_sharing(&mut self, lent: bool) -> bool {
        std::mem::replace(&mut self.shareable, lent)
    }

    /// A trainable tensor. It decays if it has two dimensions or more.
    pub fn variable(&mut self, name: &str, shape: &[usize], init: Init) -> ModelResult<Var> {
        self.add(name, shape, init, true, shape.len() >= 2)
    }

    /// A trainable tensor for the part that it belongs to. It decays if it has two dimensions or more.
    pub fn parameter(&mut self, name: &str, shape: &[usize], init: Init) -> ModelResult<Parameter> {
        let var = self.variable(name, shape, init)?;
        Ok(Parameter { name: name.to_owned(), var, learns: true })
    }

    /// A running statistic for the part that it belongs to.
    pub fn statistic(&mut self, name: &str, shape: &[usize], init: Init) -> ModelResult<Parameter> {
        let var = self.buffer(name, shape, init)?;
        Ok(Parameter { name: name.to_owned(), var, learns: false })
    }

    /// A weight that was made before, for one more part.
    pub fn known(&self, name: &str) -> Option<Parameter> {
        let Weight { name, var, trainable, .. } = self.named(name)?;
        Some(Parameter { name: name.clone(), var: var.clone(), learns: *trainable })
    }

    /// A trainable tensor that holds several matrices one after the other, and decays.
    pub fn packed(&mut self, name: &str, count: usize, values: Vec<f32>) -> ModelResult<Var> {
        self.add(name, &[count], Init::Given(values), true, true)
    }

    /// A tensor that is saved but not trained: a running statistic.
    pub fn buffer(&mut self, name: &str, shape: &[usize], init: Init) -> ModelResult<Var> {
        self.add(name, shape, init, false, false)
    }

    /// What stands in place of weights that are left out, such as a bias: it is neither trained nor saved.
    pub fn zeros(&self, count: usize) -> ModelResult<Tensor> {
        let count = if self.shapes_only { 0 } else { count };
        Ok(Tensor::zeros(count, DType::F32, &self.device)?)
    }

    /// The weight that is shared as `tie`, once a part made it.
    pub fn tied(&self, tie: &str) -> Option<&Weight> {
        self.named(self.ties.get(tie)?)
    }

    fn named(&self, name: &str) -> Option<&Weight> {
        self.places.get(name).map(|index| &self.list[*index])
    }

    /// Shares the weight called `name` as `tie`.
    pub fn tie(&mut self, tie: &str, name: &str) {
        self.ties.insert(tie.to_owned(), name.to_owned());
    }

    /// Asks for vectors learned elsewhere.
    pub fn wish(&mut self, layer: &str, weight: &str, path: &str) {
        let [layer, weight, path] = [layer, weight, path].map(str::to_owned);
        self.wishes.push(VectorsRequest { layer, owner: self.owner.clone(), weight, path });
    }

    pub fn wishes(&self) -> &[VectorsRequest] {
        &self.wishes
    }

    /// Puts rows `[tokens, width]` into a table `[vocabulary, width]`, each at its token's number.
    pub fn put_rows(&self, name: &str, tokens: &[u32], rows: &[f32]) -> ModelResult<()> {
        let wrong = |reason: &str| ModelError::Shape { part: name.to_owned(), reason: reason.to_owned() };
        let weight = self.named(name);
        let var = &weight.ok_or_else(|| wrong("is no weight"))?.var;
        let (size, width) = var.dims2()?;
        if rows.len() != tokens.len() * width || tokens.iter().any(|token| *token as usize >= size) {
            return Err(wrong("cannot take vectors of another size"));
        }
        let mut values = host(var)?;
        for (token, row) in tokens.iter().zip(rows.chunks_exact(width)) {
            values[*token as usize * width..][..width].copy_from_slice(row);
        }
        set(var, values)
    }

    /// Initial values that depend on the seed and the name alone; none where shapes alone are wanted.
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
                known.owner == WeightOwner::Heads && self.shareable,
                "a weight's name is its own: {name}"
            );
            if known.shape != shape {
                let known = &known.shape;
                let reason =
                    format!("is shared, but {known:?} numbers for one task and {shape:?} for another");
                return Err(ModelError::Shape { part: name.to_owned(), reason });
            }
            return Ok(known.var.clone());
        }
        if self.list.len() >= MOST_WEIGHTS {
            return Err(ModelError::TooManyWeights { part: name.to_owned(), count: self.list.len() + 1 });
        }
        let var = match self.shapes_only {
            true => Var::zeros(0, DType::F32, &self.device)?,
            false => {
                let values = self.draw(name, elements(shape), &init);
                Var::from_tensor(&Tensor::from_vec(values, shape, &self.device)?)?
            }
        };
        if trainable {
            self.count = self.count.saturating_add(elements(shape));
        }
        self.places.insert(name.to_owned(), self.list.len());
        let (name, shape) = (name.to_owned(), shape.to_vec());
        let owner = if self.shareable { WeightOwner::Heads } else { self.owner.clone() };
        self.list.push(Weight { name, owner, shape, var: var.clone(), trainable, decay });
        Ok(var)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Weight> {
        self.list.iter()
    }

    pub fn trainable(&self) -> impl Iterator<Item = &Weight> {
        self.list.iter().filter(|weight| weight.trainable)
    }

    /// How many trainable numbers there are.
    pub fn parameters(&self) -> usize {
        self.count
    }

    /// The values as they are now.
    pub fn snapshot(&self) -> ModelResult<Snapshot> {
        self.list.iter().map(|weight| host(&weight.var)).collect::<ModelResult<_>>().map(Snapshot)
    }

    /// Puts a snapshot of these same weights back.
    pub fn restore(&self, snapshot: &Snapshot) -> ModelResult<()> {
        for (weight, values) in self.list.iter().zip(&snapshot.0) {
            set(&weight.var, values.clone())?;
        }
        Ok(())
    }

    /// Writes all weights as safetensors: beside the file, then in its place, so that a reader sees
    /// the old file or the new one whole.
    pub fn save(&self, path: &Path) -> ModelResult<()> {
        let mut views = Vec::with_capacity(self.list.len());
        let mut contents = Vec::with_capacity(self.list.len());
        for weight in &self.list {
            let bytes: Vec<u8> = host(&weight.var)?.into_iter().flat_map(f32::to_le_bytes).collect();
            contents.push((weight, bytes));
        }
        for (weight, bytes) in &contents {
            let view = TensorView::new(Dtype::F32, weight.var.dims().to_vec(), bytes)
                .map_err(|error| weights_error(path, format!("cannot be written: {error}")))?;
            views.push((weight.name.as_str(), view));
        }
        let bytes = safetensors::serialize(views, None)
            .map_err(|error| weights_error(path, format!("cannot be written: {error}")))?;
        write_whole(path, |file| file.write_all(&bytes)).map_err(|source| ModelError::File {
            doing: "write",
            path: path.to_owned(),
            source,
        })
    }

    /// Reads what `save` wrote for a network of the same build. Nothing changes if anything is wrong.
    pub fn load(&self, path: &Path) -> ModelResult<()> {
        let bytes = read(path)?;
        let file = SafeTensors::deserialize(&bytes)
            .map_err(|error| weights_error(path, format!("are damaged: {error}")))?;
        if let Some(name) = file.names().into_iter().find(|name| self.named(name).is_none()) {
            return Err(weights_error(path, format!("belong to another network: it has no `{name}`")));
        }
        self.take(path, &file, |_| true)
    }

    /// Reads those weights of another network's file whose names begin with one of `prefixes`: all that this
    /// network has of them, and of the same shapes. Nothing changes if anything is wrong.
    pub fn load_part(&self, path: &Path, prefixes: &[&str]) -> ModelResult<()> {
        let bytes = read(path)?;
        let file = SafeTensors::deserialize(&bytes)
            .map_err(|error| weights_error(path, format!("are damaged: {error}")))?;
        self.take(path, &file, |name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
    }

    /// Weights whose names begin with `prefix` learn no more.
    pub fn freeze(&mut self, prefix: &str) {
        self.list
            .iter_mut()
            .filter(|weight| weight.name.starts_with(prefix))
            .for_each(|w| w.trainable = false);
        self.count = self.trainable().map(Weight::count).fold(0, usize::saturating_add);
    }

    /// Makes all weights of the part called `name` 0.
    pub fn clear(&self, name: &str) -> ModelResult<()> {
        if self.shapes_only {
            return Ok(());
        }
        let owned =
            |weight: &&Weight| weight.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        self.list.iter().filter(owned).try_for_each(|weight| set(&weight.var, vec![0.0; weight.count()]))
    }

    fn take(&self, path: &Path, file: &SafeTensors, wanted: impl Fn(&str) -> bool) -> ModelResult<()> {
        let mut values = Vec::new();
        for weight in self.list.iter().filter(|weight| wanted(&weight.name)) {
            let view = file.tensor(&weight.name).map_err(|_| {
                weights_error(path, format!("belong to another network: `{}` is missing", weight.name))
            })?;
            if view.dtype() != Dtype::F32 || view.shape() != weight.var.dims() {
                let reason = format!(
                    "belong to another network: `{}` is {:?} {:?}, not {:?}",
                    weight.name,
                    view.dtype(),
                    view.shape(),
                    weight.var.dims()
                );
                return Err(weights_error(path, reason));
            }
            let floats = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            values.push((weight, floats.collect()));
        }
        values.into_iter().try_for_each(|(weight, values)| set(&weight.var, values))
    }
}

fn read(path: &Path) -> ModelResult<Vec<u8>> {
    std::fs::read(path).map_err(|source| ModelError::File { doing: "read", path: path.to_owned(), source })
}

/// A tensor's values in host memory, row-major.
pub fn host(tensor: &Tensor) -> ModelResult<Vec<f32>> {
    Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}

fn set(var: &Var, values: Vec<f32>) -> ModelResult<()> {
    Ok(var.set(&Tensor::from_vec(values, var.dims(), var.device())?)?)
}

fn weights_error(path: &Path, reason: String) -> ModelError {
    ModelError::Weights { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests;
