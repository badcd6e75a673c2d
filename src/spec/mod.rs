//! What did the user write? Alone in naming serde_yaml.

pub mod input;
pub mod pipeline;
pub mod task;
