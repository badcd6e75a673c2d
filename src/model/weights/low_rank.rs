//! Which dense layers are adapted by matrices of low rank while the network is built.

use crate::model::weights::Weights;

/// Low-rank adaptation of dense layers (LoRA, Hu et al. 2021, arXiv 2106.09685).
#[derive(Clone, Debug, PartialEq)]
pub struct LowRankOptions {
    /// The rank of the update.
    pub rank: usize,
    /// The factor of the update: alpha / rank.
    pub scale: f64,
    /// Dropout rate of the input of the update while training.
    pub dropout: f64,
    /// Names of the adapted projections, such as `query`.
    pub targets: Vec<String>,
}

impl Weights {
    /// Sets the low-rank adaptation of dense layers created from now on.
    pub fn set_low_rank(&mut self, options: Option<LowRankOptions>) {
        self.low_rank = options;
    }

    /// The adaptation of a projection called `target`, if it is one of the targets.
    pub fn low_rank(&mut self, target: &str) -> Option<LowRankOptions> {
        let options = self.low_rank.as_ref()?;
        if !self.low_rank_targets.iter().any(|known| known == target) {
            self.low_rank_targets.push(target.to_owned());
        }
        options.targets.iter().any(|name| name == target).then(|| options.clone())
    }

    /// The names of all projections that could be adapted so far.
    pub fn low_rank_targets(&self) -> &[String] {
        &self.low_rank_targets
    }
}
