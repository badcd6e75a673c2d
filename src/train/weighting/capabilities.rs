//! What a weighting's words say of it, before it is built: what it balances, and what it needs to see for
//! that.

/// What a weighting balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capabilities {
    /// Losses: it gives the weights of their sum.
    Losses,
    /// Losses, by a preference that the network is told too.
    Preference,
    /// Gradients.
    Gradients(GradientCapabilities),
    /// Losses, and then the gradients of what it weighed.
    LossesAndGradients(GradientCapabilities),
}

/// What a gradient method looks at, and what its answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GradientCapabilities {
    pub sees: GradientView,
    pub location: GradientLocation,
    /// Do its weights hold for the tasks' own layers too?
    pub heads: bool,
}

/// What it needs of the tasks' gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GradientView {
    /// Their dot products: its answer is weights of the tasks' own gradients, which can be averaged over
    /// steps.
    DotProducts {
        /// Independent parts of each batch whose gradients it compares; 1: the whole batch.
        parts: usize,
    },
    /// All their numbers: it may put other gradients in their place.
    Whole,
}

/// Of what it can take gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GradientLocation {
    /// Of the shared weights.
    Weights,
    /// Of the shared weights, or of the point that all tasks read.
    WeightsOrPoint,
    /// Of the last shared layer alone, or of the point that all tasks read.
    LastLayerOrPoint,
}

impl GradientCapabilities {
    pub const DOT_PRODUCTS: Self = Self {
        sees: GradientView::DotProducts { parts: 1 },
        location: GradientLocation::Weights,
        heads: false,
    };

    pub const WHOLE: Self = Self { sees: GradientView::Whole, ..Self::DOT_PRODUCTS };

    /// The same, where the gradients may be of the point that all tasks read.
    pub const fn or_at_point(self) -> Self {
        Self { location: GradientLocation::WeightsOrPoint, ..self }
    }

    /// May it look at the point that all tasks read?
    pub fn may_be_at_point(&self) -> bool {
        match self.location {
            GradientLocation::Weights => false,
            GradientLocation::WeightsOrPoint | GradientLocation::LastLayerOrPoint => true,
        }
    }

    /// Independent parts that each batch is split into.
    pub fn parts(&self) -> usize {
        match self.sees {
            GradientView::DotProducts { parts } => parts,
            GradientView::Whole => 1,
        }
    }
}

impl Capabilities {
    pub fn weighs_losses(&self) -> bool {
        match self {
            Self::Losses | Self::Preference | Self::LossesAndGradients(_) => true,
            Self::Gradients(_) => false,
        }
    }

    /// What it says of its gradient method; `None` where it has none.
    pub fn gradients(&self) -> Option<GradientCapabilities> {
        match self {
            Self::Gradients(capabilities) | Self::LossesAndGradients(capabilities) => Some(*capabilities),
            Self::Losses | Self::Preference => None,
        }
    }
}
