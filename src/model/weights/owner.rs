//! Whose a weight is: said once, where it is made.

use crate::domain::name::InputName;

/// The part of a network that a weight belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightOwner {
    /// Of the inputs together: the table of all their categories.
    Inputs,
    /// One input's encoder.
    Input(InputName),
    /// What stands between inputs and heads; also of layers that are in no network.
    Body,
    /// The own layers and the head of a task, by its number.
    Task(usize),
    /// Several tasks' heads, which ask for the same weight.
    Heads,
}

impl WeightOwner {
    /// Does the weight stand before the body?
    pub fn is_of_inputs(&self) -> bool {
        match self {
            Self::Inputs | Self::Input(_) => true,
            Self::Body | Self::Task(_) | Self::Heads => false,
        }
    }

    /// Does the weight stand behind the body?
    pub fn is_of_tasks(&self) -> bool {
        match self {
            Self::Task(_) | Self::Heads => true,
            Self::Inputs | Self::Input(_) | Self::Body => false,
        }
    }
}
