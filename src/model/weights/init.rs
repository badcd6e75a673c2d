//! How a weight begins.

#[derive(Clone, Debug, PartialEq)]
pub enum Init {
    Zeros,
    Ones,
    /// Evenly between -bound and bound.
    Uniform(f32),
    /// Normal with mean 0 and this deviation.
    Normal(f32),
    Given(Vec<f32>),
}

impl Init {
    /// What PyTorch's `nn.Linear` begins with, weight and bias: evenly within 1 / sqrt(fan_in).
    pub fn fan_in(width: usize) -> Self {
        Self::Uniform(1.0 / (width as f32).sqrt())
    }
}
