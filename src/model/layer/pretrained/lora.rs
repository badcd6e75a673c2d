//! Settings of low-rank adaptation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::number::{Count, Positive, Rate};
use crate::model::weights::{LowRankOptions, LowRankSize, LowRankTargets};

/// Low-rank adaptation of a pretrained model (LoRA, Hu et al. 2021, arXiv 2106.09685): a projection x W + b
/// becomes x W + b + alpha / rank x A B with A `[in, rank]` and B `[rank, out]`, of which only A and B are
/// trained. The exported model has the sum W + alpha / rank A B: it is as fast as the pretrained one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoraConfig {
    /// The rank of an update. Default 8.
    pub rank: Count,
    /// The update is multiplied by alpha / rank. Default: the rank.
    pub alpha: Option<Positive>,
    /// Dropout rate of the update's input. Default 0.
    pub dropout: Rate,
    /// The adapted projections: query, key, value, output (of attention), up, down (of the feed-forward
    /// network), and gate where it is gated. Default query and value.
    pub targets: Vec<String>,
    /// Divides by the square root of the rank instead (rsLoRA, Kalajdzievski 2023, arXiv 2312.03732).
    /// Default false.
    pub rank_stabilized: bool,
    /// Trains the magnitude of every column apart from its direction (DoRA, Liu et al. 2024,
    /// arXiv 2402.09353): with V = W + alpha / rank A B the projection is m / |V| (x V) + b, where |V| are
    /// the norms of V's columns, through which nothing is differentiated, and m `[out]` begins with those of
    /// W. Costs the norms of all columns in every step. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub dora: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Default for LoraConfig {
    fn default() -> Self {
        Self {
            rank: Count::constant(8),
            alpha: None,
            dropout: Rate::constant(0.0),
            targets: ["query", "value"].map(str::to_owned).to_vec(),
            rank_stabilized: false,
            dora: false,
        }
    }
}

impl LoraConfig {
    /// The same as plain data.
    pub fn options(&self) -> LowRankOptions {
        let rank = self.rank.get() as f64;
        let alpha = self.alpha.map_or(rank, Positive::get);
        let divisor = if self.rank_stabilized { rank.sqrt() } else { rank };
        let size = LowRankSize { rank: self.rank.get(), scale: alpha / divisor };
        LowRankOptions {
            targets: LowRankTargets::Projections { names: self.targets.clone(), size },
            dropout: self.dropout.get(),
            magnitude: self.dora,
            frozen: false,
        }
    }
}
