//! Initialization of weights.

/// Initial values of a weight.
#[derive(Clone, Debug, PartialEq)]
pub enum Init {
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
    /// U(-bound, bound)
    Uniform(f32),
    /// N(0, deviation²)
    Normal(f32),
    /// These values, row-major.
    Given(Vec<f32>),
}

impl Init {
    /// The default of PyTorch's `nn.Linear` for weight and bias: U(-1 / sqrt(fan_in), 1 / sqrt(fan_in)).
    pub fn fan_in(width: usize) -> Self {
        Self::Uniform(1.0 / (width as f32).sqrt())
    }
}
