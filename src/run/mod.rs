//! Do it, in order: the plan's graph is walked, what is cached is told again, what is missing is made.

pub mod answer;
mod answer_columns;
mod answered;
pub mod artifact;
pub mod bundle;
pub mod context;
pub mod destination;
pub mod draft;
pub mod engine;
pub mod error;
pub mod event_log;
pub mod execute_stage;
pub mod files;
pub mod generation;
pub mod inspect;
pub mod layers;
pub mod lock;
pub mod machine;
pub mod memory;
mod preference;
pub mod pruning;
pub mod publish;
mod request;
mod scheduler;
mod search_rounds;
pub mod stage;
pub mod stage_status;
pub mod sweep_log;
mod table_contents;
pub mod text_generator;
mod warm_start;
mod weights;

pub use engine::execute;
pub use error::RunError;
pub use layers::{fitted, layers};
pub use request::{RunFailure, RunOutcome, RunRequest};
