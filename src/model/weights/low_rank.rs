//! Which dense layers are adapted by matrices of low rank while the network is built.

use std::collections::BTreeMap;

use candle_core::Tensor;

use crate::model::weights::Weights;

/// Low-rank adaptation of dense layers (LoRA, Hu et al. 2021, arXiv 2106.09685).
#[derive(Clone, Debug, PartialEq)]
pub struct LowRankOptions {
    /// What is adapted.
    pub targets: LowRankTargets,
    /// Dropout rate of the input of the update while training.
    pub dropout: f64,
    /// Whether each column has a magnitude that is trained apart from its direction (DoRA, Liu et al. 2024,
    /// arXiv 2402.09353).
    pub magnitude: bool,
    /// Whether the updates are frozen too.
    pub frozen: bool,
}

/// The adapted projections.
#[derive(Clone, Debug, PartialEq)]
pub enum LowRankTargets {
    /// Those with one of these names, such as `query`, in all layers.
    Projections {
        /// The names.
        names: Vec<String>,
        /// The size of every update.
        size: LowRankSize,
    },
    /// Those whose weights have these names, such as `trunk.0.pretrained.1.attention.input.query`.
    Weights(BTreeMap<String, LowRankSize>),
}

/// The size of an update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowRankSize {
    /// The rank.
    pub rank: usize,
    /// The factor: alpha / rank.
    pub scale: f64,
}

/// Whose the updates are that are created from now on, if tasks have some of their own.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskUpdates {
    /// A and B belong to the task.
    Own {
        /// The task's name.
        task: String,
    },
    /// MTL-LoRA (Yang et al. 2024, arXiv 2410.09437): A and several B are shared; the task has a matrix
    /// between them and mixes the B.
    Mixed {
        /// The task's name.
        task: String,
        /// Number of matrices B.
        ups: usize,
        /// The mixing weights are divided by it before their softmax.
        temperature: f64,
        /// Whether the task's matrix is a diagonal.
        diagonal: bool,
    },
}

impl TaskUpdates {
    /// The task's name.
    pub fn task(&self) -> &str {
        match self {
            Self::Own { task } | Self::Mixed { task, .. } => task,
        }
    }
}

/// A dense layer that was built while there was a low-rank adaptation: with its updates, if any.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptedLayer {
    /// Name of the layer, which the names of its weights start with.
    pub name: String,
    /// Number of input columns.
    pub width: usize,
    /// Its projections, side by side.
    pub projections: Vec<AdaptedProjection>,
    /// Dropout rate of the input of its updates.
    pub dropout: f64,
}

/// One projection of an [`AdaptedLayer`].
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptedProjection {
    /// What the names of its update's weights start with.
    pub name: String,
    /// Number of output columns.
    pub columns: usize,
    /// The size of its update; `None` if it has none.
    pub size: Option<LowRankSize>,
    /// Whether its columns have magnitudes.
    pub magnitude: bool,
}

impl Weights {
    /// Sets the low-rank adaptation of dense layers created from now on.
    pub fn set_low_rank(&mut self, options: Option<LowRankOptions>) {
        self.low_rank = options;
    }

    /// Sets whose the updates are that are created from now on.
    pub fn set_task_updates(&mut self, updates: Option<TaskUpdates>) {
        self.task_updates = updates;
    }

    /// Whose the updates are that are created now.
    pub fn task_updates(&self) -> Option<&TaskUpdates> {
        self.task_updates.as_ref()
    }

    /// The low-rank adaptation of dense layers.
    pub fn low_rank(&self) -> Option<&LowRankOptions> {
        self.low_rank.as_ref()
    }

    /// The size of the update of a projection called `target`, whose weights have the name `name`, if it is
    /// adapted.
    pub fn low_rank_size(&mut self, target: &str, name: &str) -> Option<LowRankSize> {
        let options = self.low_rank.as_ref()?;
        if !self.low_rank_targets.iter().any(|known| known == target) {
            self.low_rank_targets.push(target.to_owned());
        }
        match &options.targets {
            LowRankTargets::Projections { names, size } => {
                names.iter().any(|name| name == target).then_some(*size)
            }
            LowRankTargets::Weights(sizes) => sizes.get(name).copied(),
        }
    }

    /// The names of all projections that could be adapted so far.
    pub fn low_rank_targets(&self) -> &[String] {
        &self.low_rank_targets
    }

    /// Notes a dense layer that was built while there was a low-rank adaptation.
    pub fn add_adapted_layer(&mut self, layer: AdaptedLayer) {
        self.adapted_layers.push(layer);
    }

    /// All dense layers that were built while there was a low-rank adaptation.
    pub fn adapted_layers(&self) -> &[AdaptedLayer] {
        &self.adapted_layers
    }
}

/// The Euclidean norm of every column of a matrix `[in, out]`: `[out]`.
///
/// # Errors
/// Errors of candle.
pub fn column_norms(matrix: &Tensor) -> candle_core::Result<Tensor> {
    matrix.sqr()?.sum(0)?.sqrt()
}
