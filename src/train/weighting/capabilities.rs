//! What a weighting declares before it is built: what it balances and what it needs to see.

/// What a weighting balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capabilities {
    /// Losses: it returns the weights of their sum.
    Losses,
    /// Losses, weighted by a preference vector that the network also receives as an input.
    Preference,
    /// Gradients.
    Gradients(GradientCapabilities),
    /// Losses first, then the gradients of the weighted losses.
    LossesAndGradients(GradientCapabilities),
}

/// What a gradient method needs, and what its weights apply to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GradientCapabilities {
    /// What it must see of the gradients.
    pub view: GradientView,
    /// Where the gradients are taken.
    pub location: GradientLocation,
    /// Do its weights also apply to the task-specific layers?
    pub weights_heads: bool,
}

/// What a gradient method sees of the tasks' gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GradientView {
    /// Their dot products: it returns weights of the tasks' own gradients, which can be averaged over steps.
    DotProducts {
        /// Number of independent parts of each batch whose gradients are compared; 1 for the whole batch.
        parts: usize,
    },
    /// The full gradients: it may replace them.
    FullGradients,
}

/// What the gradients are taken with respect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GradientLocation {
    /// The shared weights.
    Weights,
    /// The shared weights, or the shared representation that all tasks read.
    WeightsOrRepresentation,
    /// The last shared layer alone, or the shared representation that all tasks read.
    LastLayerOrRepresentation,
}

impl GradientCapabilities {
    /// Dot products of the gradients of the shared weights; heads are not weighted.
    pub const DOT_PRODUCTS: Self = Self {
        view: GradientView::DotProducts { parts: 1 },
        location: GradientLocation::Weights,
        weights_heads: false,
    };

    /// Full gradients of the shared weights; heads are not weighted.
    pub const WHOLE: Self = Self { view: GradientView::FullGradients, ..Self::DOT_PRODUCTS };

    /// The same, with gradients at the shared representation allowed too.
    pub const fn or_at_representation(self) -> Self {
        Self { location: GradientLocation::WeightsOrRepresentation, ..self }
    }

    /// May the gradients be taken at the shared representation?
    pub fn supports_representation(&self) -> bool {
        match self.location {
            GradientLocation::Weights => false,
            GradientLocation::WeightsOrRepresentation | GradientLocation::LastLayerOrRepresentation => true,
        }
    }

    /// Number of independent parts each batch is split into.
    pub fn parts(&self) -> usize {
        match self.view {
            GradientView::DotProducts { parts } => parts,
            GradientView::FullGradients => 1,
        }
    }
}

impl Capabilities {
    /// Does the weighting weight the losses?
    pub fn weights_losses(&self) -> bool {
        match self {
            Self::Losses | Self::Preference | Self::LossesAndGradients(_) => true,
            Self::Gradients(_) => false,
        }
    }

    /// The needs of its gradient method; `None` where it has none.
    pub fn gradients(&self) -> Option<GradientCapabilities> {
        match self {
            Self::Gradients(capabilities) | Self::LossesAndGradients(capabilities) => Some(*capabilities),
            Self::Losses | Self::Preference => None,
        }
    }
}
