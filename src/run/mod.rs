//! Executes runs: walks the plan's graph, replays cached stages and runs the others.

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
mod kept_columns;
pub mod layers;
pub mod lock;
pub mod machine;
pub mod memory;
mod metadata;
pub mod prediction;
mod preference;
pub mod pruning;
pub mod publish;
mod request;
mod sample_predictions;
mod scheduler;
mod search_rounds;
pub mod stage;
pub mod stage_status;
pub mod sweep_log;
mod table_contents;
pub mod text_generator;
mod weights;

pub use engine::execute;
pub use error::RunError;
pub use layers::{fitted, layers};
pub use request::{RunFailure, RunOutcome, RunRequest};
