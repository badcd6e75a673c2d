//! Validates and resolves pipelines into plans. Only this module uses petgraph and blake3.

pub mod baseline;
pub mod check;
pub(crate) mod combined_check;
pub mod content_cache;
pub mod default;
pub mod extension;
pub mod features;
pub mod fingerprint;
pub mod graph;
mod image_preprocess;
pub(crate) mod preference;
pub mod render;
pub mod resolve;
pub mod resolved_plan;
pub mod search;
pub mod stage;
pub mod sweep;
mod tokenizer_check;
pub(crate) mod tpe;
pub mod trial;

pub use content_cache::ContentCache;
pub use resolve::resolve;
pub use resolved_plan::{Plan, PlannedTask};
pub use stage::{ArtifactKind, Stage, Work};
pub use trial::Trial;
