//! Owners of weights.

use crate::domain::name::InputName;

/// The part of a network that a weight belongs to, set where the weight is created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightOwner {
    /// All inputs: the tables of their categories.
    Inputs,
    /// One input's encoder.
    Input(InputName),
    /// The body between inputs and heads; also layers outside any network.
    Body,
    /// A task's own layers and output head, by the task's index.
    Task(usize),
    /// Output heads of several tasks that share the weight.
    Heads,
}

impl WeightOwner {
    /// Whether the weight is part of the inputs, before the body.
    pub fn is_of_inputs(&self) -> bool {
        match self {
            Self::Inputs | Self::Input(_) => true,
            Self::Body | Self::Task(_) | Self::Heads => false,
        }
    }

    /// Whether the weight is part of a head, after the body.
    pub fn is_of_tasks(&self) -> bool {
        match self {
            Self::Task(_) | Self::Heads => true,
            Self::Inputs | Self::Input(_) | Self::Body => false,
        }
    }
}
