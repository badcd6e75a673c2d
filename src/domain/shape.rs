//! Shapes of tensors inside the network, without the batch dimension.

/// The input or output shape of a layer for one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `[batch, width]`
    Vector {
        /// Number of features.
        width: usize,
    },
    /// `[batch, time]` token numbers, with a mask `[batch, time]`; an embedding turns it into a sequence
    Tokens {
        /// Number of different tokens.
        vocabulary: usize,
    },
    /// `[batch, time, width]`, with a mask `[batch, time]`
    Sequence {
        /// Number of features per step.
        width: usize,
    },
    /// `[batch, channels, height, width]`
    Image {
        /// Number of channels.
        channels: usize,
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
    },
}

impl Shape {
    /// A vector of `width` features.
    pub fn vector(width: usize) -> Self {
        Self::Vector { width }
    }

    /// The size of the last dimension; the input width of a dense layer.
    pub fn width(&self) -> usize {
        match *self {
            Self::Vector { width } | Self::Sequence { width } | Self::Image { width, .. } => width,
            Self::Tokens { .. } => 1,
        }
    }

    /// The same shape with another size of the last dimension.
    pub fn with_width(self, width: usize) -> Self {
        match self {
            Self::Vector { .. } => Self::Vector { width },
            Self::Sequence { .. } => Self::Sequence { width },
            Self::Tokens { vocabulary } => Self::Tokens { vocabulary },
            Self::Image { channels, height, .. } => Self::Image { channels, height, width },
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Vector { width } => write!(f, "[{width}]"),
            Self::Sequence { width } => write!(f, "[time, {width}]"),
            Self::Tokens { vocabulary } => write!(f, "[time] tokens of {vocabulary}"),
            Self::Image { channels, height, width } => write!(f, "[{channels}, {height}, {width}]"),
        }
    }
}
