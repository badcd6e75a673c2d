//! Values of weights from a pretrained model.

use std::sync::Arc;

use crate::model::error::{ModelError, ModelResult};
use crate::model::pretrained::{PretrainedFolder, WeightSource};
use crate::model::weights::Weights;

/// A request to initialize the weights of a layer with those of a pretrained model.
#[derive(Clone, Debug)]
pub(super) struct PretrainedRequest {
    /// Name of the layer, which the names of its weights start with.
    pub(super) layer: String,
    pub(super) folder: Arc<PretrainedFolder>,
    pub(super) sources: Vec<WeightSource>,
    /// What the names in the model may start with.
    pub(super) prefix: &'static str,
}

impl Weights {
    /// Requests the values of a pretrained model for the weights of a layer.
    pub fn request_pretrained(
        &mut self,
        layer: &str,
        folder: &Arc<PretrainedFolder>,
        sources: Vec<WeightSource>,
        prefix: &'static str,
    ) {
        // A layer whose weights are used once more has requested them; a head requests parts of its weights.
        if let Some(request) = self.pretrained_requests.iter_mut().find(|request| request.layer == layer) {
            let known = |source: &WeightSource| request.sources.iter().any(|known| known.ours == source.ours);
            let more: Vec<WeightSource> = sources.into_iter().filter(|source| !known(source)).collect();
            request.sources.extend(more);
            return;
        }
        let (layer, folder) = (layer.to_owned(), Arc::clone(folder));
        self.pretrained_requests.push(PretrainedRequest { layer, folder, sources, prefix });
    }

    /// The folder of the first pretrained model that a layer reads.
    pub fn pretrained_folder(&self) -> Option<&Arc<PretrainedFolder>> {
        self.pretrained_requests.first().map(|request| &request.folder)
    }

    /// Sets whether weights created from now on are frozen: they get no gradients and no updates. Returns the
    /// old setting.
    pub fn freeze_new(&mut self, frozen: bool) -> bool {
        std::mem::replace(&mut self.frozen, frozen)
    }

    /// Reads the requested values; of a low-rank adaptation too.
    ///
    /// # Errors
    /// A file changed since its header was read, or holds values that are not finite.
    pub fn set_pretrained(&self) -> ModelResult<()> {
        for request in &self.pretrained_requests {
            let failed = |source| ModelError::Pretrained { part: request.layer.clone(), source };
            for source in &request.sources {
                // A weight may be absent: a model without its last layers.
                let Some(weight) = self.named(&format!("{}.{}", request.layer, source.ours)) else {
                    continue;
                };
                let values = request.folder.values(source, request.prefix).map_err(failed)?;
                weight.var.set(&values.to_device(&self.device)?)?;
            }
        }
        self.set_adapters()
    }
}
