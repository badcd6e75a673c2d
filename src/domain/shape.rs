//! The shape of one row of a tensor inside the network, the batch dimension left out.

/// What a layer takes and gives for one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `[batch, width]`
    Vector { width: usize },
    /// `[batch, time]` token numbers, with a mask beside them; an embedding makes a sequence of them
    Tokens { vocabulary: usize },
    /// `[batch, time, width]`, with a mask `[batch, time]` beside it
    Sequence { width: usize },
    /// `[batch, channels, height, width]`
    Image { channels: usize, height: usize, width: usize },
}

impl Shape {
    pub fn vector(width: usize) -> Self {
        Self::Vector { width }
    }

    /// The last dimension: what a dense layer projects from.
    pub fn width(&self) -> usize {
        match *self {
            Self::Vector { width } | Self::Sequence { width } | Self::Image { width, .. } => width,
            Self::Tokens { .. } => 1,
        }
    }

    /// The same shape with another last dimension.
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
