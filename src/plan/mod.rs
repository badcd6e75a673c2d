//! What does the pipeline mean, and can it work? Alone in naming petgraph and blake3.

pub mod baseline;
pub mod check;
pub(crate) mod combination;
pub mod content;
pub mod default;
pub mod extension;
pub mod fingerprint;
pub mod graph;
pub mod meaning;
pub(crate) mod preference;
pub mod render;
pub mod resolve;
pub mod search;
pub mod stage;
pub mod sweep;
pub(crate) mod tpe;
pub mod trial;

pub use content::Contents;
pub use meaning::{Plan, PlannedTask};
pub use resolve::resolve;
pub use stage::{Artifact, Stage, Work};
pub use trial::Trial;
