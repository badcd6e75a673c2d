//! Do it, in order: the plan's graph is walked, what is cached is told again, what is missing is made.

pub mod answer;
mod answered;
pub mod artifact;
pub mod author;
mod board;
pub mod bundle;
pub mod context;
pub mod course;
pub mod destination;
pub mod draft;
pub mod engine;
pub mod error;
pub mod files;
pub mod generation;
pub mod inspect;
mod kept;
pub mod layers;
pub mod lock;
pub mod machine;
pub mod memory;
mod own;
pub mod perform;
pub mod place;
mod preference;
pub mod pruning;
mod reads;
mod request;
mod round;
pub mod stage;
pub mod standing;
pub mod tape;
mod weights;

pub use engine::execute;
pub use error::Error;
pub use layers::{fitted, layers};
pub use request::{Failure, Outcome, Request};
