//! What a weighting's words say of it, before it is built: what it balances, and what it needs to see for that.

/// What a weighting balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claims {
    /// Losses: it gives the weights of their sum.
    Losses,
    /// Losses, by a preference that the network is told too.
    ToldPreference,
    /// Gradients.
    Gradients(GradientClaims),
    /// Losses, and then the gradients of what it weighed.
    LossesAndGradients(GradientClaims),
}

/// What a gradient method looks at, and what its answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GradientClaims {
    pub sees: Seen,
    pub place: Place,
    /// Do its weights hold for the tasks' own layers too?
    pub heads: bool,
}

/// What it needs of the tasks' gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Their dot products: its answer is weights of the tasks' own gradients, which can be averaged over steps.
    DotProducts {
        /// Independent parts of each batch whose gradients it compares; 1: the whole batch.
        parts: usize,
    },
    /// All their numbers: it may put other gradients in their place.
    Whole,
}

/// Of what it can take gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Of the shared weights.
    Weights,
    /// Of the shared weights, or of the point that all tasks read.
    WeightsOrPoint,
    /// Of the last shared layer alone, or of the point that all tasks read.
    LastLayerOrPoint,
}

impl GradientClaims {
    pub const DOT_PRODUCTS: Self =
        Self { sees: Seen::DotProducts { parts: 1 }, place: Place::Weights, heads: false };

    pub const WHOLE: Self = Self { sees: Seen::Whole, ..Self::DOT_PRODUCTS };

    /// The same, where the gradients may be of the point that all tasks read.
    pub const fn or_at_point(self) -> Self {
        Self { place: Place::WeightsOrPoint, ..self }
    }

    /// May it look at the point that all tasks read?
    pub fn may_be_at_point(&self) -> bool {
        match self.place {
            Place::Weights => false,
            Place::WeightsOrPoint | Place::LastLayerOrPoint => true,
        }
    }

    /// Independent parts that each batch is split into.
    pub fn parts(&self) -> usize {
        match self.sees {
            Seen::DotProducts { parts } => parts,
            Seen::Whole => 1,
        }
    }
}

impl Claims {
    pub fn weighs_losses(&self) -> bool {
        match self {
            Self::Losses | Self::ToldPreference | Self::LossesAndGradients(_) => true,
            Self::Gradients(_) => false,
        }
    }

    /// What it says of its gradient method; `None` where it has none.
    pub fn gradients(&self) -> Option<GradientClaims> {
        match self {
            Self::Gradients(claims) | Self::LossesAndGradients(claims) => Some(*claims),
            Self::Losses | Self::ToldPreference => None,
        }
    }
}
