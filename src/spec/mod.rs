//! The pipeline file: settings, parsing, diagnostics and documentation. Only this module uses serde_yaml.

pub mod explain;
pub mod input;
pub mod objective;
pub mod parse;
pub mod pipeline;
pub mod pruning;
pub mod registry;
pub mod render;
pub mod schema;
pub(crate) mod sentence;
pub mod setting_address;
pub mod source;
pub mod sweep;
pub(crate) mod synonym;
pub mod task;
pub mod variant;
pub mod write;
pub(crate) mod yaml;

pub use input::InputConfig;
pub use parse::{read, read_source};
pub use pipeline::PipelineConfig;
pub use schema::schema;
pub use setting_address::SettingOverride;
pub use source::{PipelineText, TextLocation};
pub use sweep::SweepConfig;
pub use task::TaskConfig;
pub use write::write;
