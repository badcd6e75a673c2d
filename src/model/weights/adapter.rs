//! LoRA updates of pretrained layers, from and to the files of Hugging Face's peft.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use candle_core::{DType, Tensor};
use safetensors::tensor::{Dtype, TensorView};

use crate::model::error::{ModelError, ModelResult};
use crate::model::pretrained::peft_adapter::{ADAPTER_PREFIX, ADAPTER_SUFFIXES};
use crate::model::pretrained::peft_settings::{PeftModule, peft_config};
use crate::model::pretrained::{AdapterUpdate, ModulePart, PeftAdapter, PretrainedFolder, WeightSource};
use crate::model::weights::low_rank::{AdaptedLayer, AdaptedProjection, column_norms};
use crate::model::weights::pretrained::PretrainedRequest;
use crate::model::weights::{Weights, host};

/// A request to initialize the updates of a layer with those of an adapter.
#[derive(Clone, Debug)]
pub(super) struct AdapterRequest {
    /// Name of the layer, which the names of its weights start with.
    layer: String,
    adapter: Arc<PeftAdapter>,
    updates: Vec<AdapterUpdate>,
}

/// The files of an adapter as peft reads them.
#[derive(Clone, Debug, PartialEq)]
pub struct PeftFiles {
    /// The pretrained layer that it belongs to, such as `trunk.0.pretrained`.
    pub layer: String,
    /// Content of `adapter_config.json`.
    pub config: String,
    /// Content of `adapter_model.safetensors`.
    pub weights: Vec<u8>,
}

/// The matrices of a module that becomes part of an adapter's file.
struct ModuleMatrices {
    module: PeftModule,
    /// `[rank, in]`
    a: Tensor,
    /// `[out, rank]`
    b: Tensor,
    /// `[out]`
    magnitude: Option<Tensor>,
}

/// The modules of a pretrained model that the projections of a layer's dense layers compute. `prefix` is what
/// the names in the model may begin with. A dense layer that is none of its modules, nor a part of one, is
/// left out if it has no updates.
///
/// # Errors
/// A dense layer with updates is no module: which one.
pub fn module_parts(
    layer: &str,
    adapted: &[AdaptedLayer],
    sources: &[WeightSource],
    folder: &PretrainedFolder,
    prefix: &str,
) -> Result<Vec<ModulePart>, String> {
    let mut all: Vec<(&AdaptedLayer, Vec<ModulePart>)> = Vec::new();
    let mut columns: HashMap<String, usize> = HashMap::new();
    for dense in adapted {
        let parts = parts_of(layer, dense, sources, folder, prefix).unwrap_or_default();
        for part in &parts {
            *columns.entry(part.module.clone()).or_default() += part.columns;
        }
        all.push((dense, parts));
    }
    let mut known = Vec::new();
    for (dense, parts) in all {
        // All columns of a module belong to one of our projections, or it is not known what it is.
        let is_whole = |part: &ModulePart| columns.get(&part.module) == Some(&part.units);
        match !parts.is_empty() && parts.iter().all(is_whole) {
            true => known.extend(parts),
            false if dense.projections.iter().any(|own| own.size.is_some()) => {
                return Err(format!(
                    "`{}` is no module of the pretrained model, nor a part of one",
                    dense.name
                ));
            }
            false => {}
        }
    }
    Ok(known)
}

/// The modules that the projections of a dense layer compute; `None` if there are none.
fn parts_of(
    layer: &str,
    dense: &AdaptedLayer,
    sources: &[WeightSource],
    folder: &PretrainedFolder,
    prefix: &str,
) -> Option<Vec<ModulePart>> {
    let name = dense.name.strip_prefix(layer)?.strip_prefix('.')?;
    let source = sources.iter().find(|source| source.ours == format!("{name}.weight"))?;
    let total: usize = dense.projections.iter().map(|projection| projection.columns).sum();
    let is_packed = source.theirs.len() == 1;
    if !is_packed && source.theirs.len() != dense.projections.len() {
        return None;
    }
    let mut first = 0;
    let mut parts = Vec::with_capacity(dense.projections.len());
    for (index, projection) in dense.projections.iter().enumerate() {
        let columns = projection.columns;
        let theirs = &source.theirs[if is_packed { 0 } else { index }];
        let units = if is_packed { total } else { columns };
        let whole = WeightSource { theirs: vec![theirs.clone()], ..source.clone() };
        if folder.shape(&whole, prefix).ok()? != [dense.width, units] {
            return None;
        }
        let module = theirs.strip_suffix(".weight")?.to_owned();
        let own = projection.name.strip_prefix(layer)?.strip_prefix('.')?.to_owned();
        parts.push(ModulePart { module, first, columns, units, width: dense.width, own });
        first = if is_packed { first + columns } else { 0 };
    }
    Some(parts)
}

/// A projection that is a part of a module, with what it belongs to.
#[derive(Clone, Copy)]
struct OwnPart<'a> {
    part: &'a ModulePart,
    dense: &'a AdaptedLayer,
    projection: &'a AdaptedProjection,
    /// The first of its columns in our dense layer.
    local: usize,
}

impl Weights {
    /// Requests the values of an adapter's updates for those of a layer.
    pub fn request_adapter(&mut self, layer: &str, adapter: &Arc<PeftAdapter>, updates: Vec<AdapterUpdate>) {
        let (layer, adapter) = (layer.to_owned(), Arc::clone(adapter));
        self.adapter_requests.push(AdapterRequest { layer, adapter, updates });
    }

    /// Sets magnitudes to the norms of the pretrained columns, and updates to those of adapters.
    pub(super) fn set_adapters(&self) -> ModelResult<()> {
        for dense in &self.adapted_layers {
            let mut first = 0;
            for projection in &dense.projections {
                if projection.magnitude {
                    let weight = self.value(&format!("{}.weight", dense.name))?;
                    let columns = weight.narrow(1, first, projection.columns)?;
                    self.set_update(&projection.name, "lora_magnitude", &column_norms(&columns)?)?;
                }
                first += projection.columns;
            }
        }
        for request in &self.adapter_requests {
            for update in &request.updates {
                let failed = |source| ModelError::Pretrained { part: request.layer.clone(), source };
                let (a, b, magnitude) = request.adapter.values(update).map_err(failed)?;
                let own = format!("{}.{}", request.layer, update.part.own);
                self.set_update(&own, "lora_a", &a)?;
                self.set_update(&own, "lora_b", &b)?;
                if let Some(magnitude) = magnitude {
                    self.set_update(&own, "lora_magnitude", &magnitude)?;
                }
            }
        }
        Ok(())
    }

    fn set_update(&self, own: &str, part: &str, values: &Tensor) -> ModelResult<()> {
        let name = format!("{own}.{part}");
        let missing = || candle_core::Error::msg(format!("there is no weight `{name}`"));
        let weight = self.named(&name).ok_or_else(missing)?;
        Ok(weight.var.set(&values.to_device(&self.device)?)?)
    }

    fn value(&self, name: &str) -> ModelResult<Tensor> {
        let missing = || candle_core::Error::msg(format!("there is no weight `{name}`"));
        Ok(self.named(name).ok_or_else(missing)?.var.as_detached_tensor())
    }

    /// The updates of every pretrained layer that has some, as files of peft.
    ///
    /// # Errors
    /// A projection is no module of the pretrained model.
    pub fn peft_files(&self) -> ModelResult<Vec<PeftFiles>> {
        let mut all = Vec::new();
        for request in &self.pretrained_requests {
            let prefix = format!("{}.", request.layer);
            let own: Vec<AdaptedLayer> =
                self.adapted_layers.iter().filter(|dense| dense.name.starts_with(&prefix)).cloned().collect();
            if own.iter().flat_map(|dense| &dense.projections).any(|projection| projection.size.is_some()) {
                all.push(self.peft_files_of(request, &own)?);
            }
        }
        Ok(all)
    }

    fn peft_files_of(&self, request: &PretrainedRequest, layers: &[AdaptedLayer]) -> ModelResult<PeftFiles> {
        let wrong = |reason: String| ModelError::Shape { part: request.layer.clone(), reason };
        let parts = module_parts(&request.layer, layers, &request.sources, &request.folder, request.prefix)
            .map_err(wrong)?;
        let mut own: Vec<OwnPart> = Vec::new();
        let mut transposed = BTreeSet::new();
        for dense in layers {
            let mut local = 0;
            for projection in &dense.projections {
                let is_own =
                    |part: &&ModulePart| projection.name == format!("{}.{}", request.layer, part.own);
                if let Some(part) = parts.iter().find(is_own) {
                    own.push(OwnPart { part, dense, projection, local });
                }
                local += projection.columns;
            }
            let weight = format!("{}.weight", dense.name);
            let is_own = |own: &&WeightSource| format!("{}.{}", request.layer, own.ours) == weight;
            transposed.extend(request.sources.iter().find(is_own).map(|own| own.transposed));
        }
        let mut modules: Vec<ModuleMatrices> = Vec::new();
        let mut seen = BTreeSet::new();
        for first in own.iter().filter(|own| seen.insert(own.part.module.as_str())) {
            let same = own.iter().filter(|own| own.part.module == first.part.module);
            let mut same: Vec<OwnPart> = same.copied().collect();
            same.sort_by_key(|own| own.part.first);
            modules.extend(self.matrices(&same)?);
        }
        let infos: Vec<PeftModule> = modules.iter().map(|own| own.module.clone()).collect();
        let base = request.folder.path.file_name().map(|name| name.to_string_lossy().into_owned());
        let dropout = layers.first().map_or(0.0, |dense| dense.dropout);
        let use_dora = modules.iter().any(|own| own.magnitude.is_some());
        // `nn.Linear` holds [out, in]; GPT-2's `Conv1D` [in, out].
        let fan_in_fan_out = transposed.contains(&false);
        let config = peft_config(&base.unwrap_or_default(), &infos, dropout, use_dora, fan_in_fan_out);
        let config = serde_json::to_string_pretty(&config).map_err(|error| wrong(error.to_string()))?;
        Ok(PeftFiles { layer: request.layer.clone(), config: config + "\n", weights: serialized(&modules)? })
    }

    /// The matrices of one module; `None` without updates. If several of our projections are parts of it, its
    /// rank is the sum of theirs, and B has zeros where a row of A belongs to another part.
    fn matrices(&self, parts: &[OwnPart]) -> ModelResult<Option<ModuleMatrices>> {
        let sizes = || parts.iter().filter_map(|own| own.projection.size);
        let rank: usize = sizes().map(|size| size.rank).sum();
        let (Some(scale), Some(first)) = (sizes().next().map(|size| size.scale), parts.first()) else {
            return Ok(None);
        };
        let (mut downs, mut ups, mut magnitudes, mut row) = (Vec::new(), Vec::new(), Vec::new(), 0);
        let has_magnitudes = parts.iter().any(|own| own.projection.magnitude);
        for own in parts {
            let (columns, name) = (own.part.columns, &own.projection.name);
            let zeros = |count: usize| Tensor::zeros((columns, count), DType::F32, &self.device);
            match own.projection.size {
                Some(size) => {
                    // Parts may differ in their factors; the file has one for the module.
                    let factor = size.scale / scale;
                    downs.push(self.value(&format!("{name}.lora_a"))?.t()?);
                    let b = self.value(&format!("{name}.lora_b"))?.t()?.affine(factor, 0.0)?;
                    ups.push(Tensor::cat(&[zeros(row)?, b, zeros(rank - row - size.rank)?], 1)?);
                    row += size.rank;
                }
                None => ups.push(zeros(rank)?),
            }
            if has_magnitudes {
                magnitudes.push(match own.projection.magnitude {
                    true => self.value(&format!("{name}.lora_magnitude"))?,
                    // Columns without an update keep their norms.
                    false => {
                        let weight = self.value(&format!("{}.weight", own.dense.name))?;
                        column_norms(&weight.narrow(1, own.local, columns)?)?
                    }
                });
            }
        }
        let magnitude = if has_magnitudes { Some(Tensor::cat(&magnitudes, 0)?) } else { None };
        let (a, b) = (Tensor::cat(&downs, 0)?, Tensor::cat(&ups, 0)?);
        let module = PeftModule { name: first.part.module.clone(), rank, scale };
        Ok(Some(ModuleMatrices { module, a, b, magnitude }))
    }
}

/// The content of `adapter_model.safetensors`.
fn serialized(modules: &[ModuleMatrices]) -> ModelResult<Vec<u8>> {
    let mut contents = Vec::new();
    for own in modules {
        let named = |suffix: &str| format!("{ADAPTER_PREFIX}{}{suffix}", own.module.name);
        let [a, b, magnitude] = ADAPTER_SUFFIXES.map(named);
        let tensors = [(a, Some(&own.a)), (b, Some(&own.b)), (magnitude, own.magnitude.as_ref())];
        for (name, tensor) in tensors {
            let Some(tensor) = tensor else { continue };
            let bytes: Vec<u8> = host(tensor)?.into_iter().flat_map(f32::to_le_bytes).collect();
            contents.push((name, tensor.dims().to_vec(), bytes));
        }
    }
    let failed = |error: safetensors::SafeTensorError| ModelError::from(candle_core::Error::wrap(error));
    let mut views = Vec::with_capacity(contents.len());
    for (name, shape, bytes) in &contents {
        views.push((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(failed)?));
    }
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(metadata)).map_err(failed)
}
