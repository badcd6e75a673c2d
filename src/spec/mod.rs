//! What did the user write? Alone in naming serde_yaml.

pub mod address;
pub mod explain;
pub mod input;
pub mod objective;
pub mod pipeline;
pub mod pruning;
pub mod read;
pub mod render;
pub mod schema;
pub(crate) mod sentence;
pub mod shelf;
pub mod source;
pub mod sweep;
pub(crate) mod synonym;
pub mod task;
pub mod variant;
pub mod write;
pub(crate) mod yaml;

pub use address::Override;
pub use input::InputSpec;
pub use pipeline::PipelineSpec;
pub use read::{read, read_source};
pub use schema::schema;
pub use source::{Place, Source};
pub use sweep::SweepSpec;
pub use task::TaskSpec;
pub use write::write;
