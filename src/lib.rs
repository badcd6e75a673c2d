//! `mtl`: a declarative experiment runner for multi-task learning.
//!
//! Modules only import modules on a lower level. `ARCHITECTURE.md` describes the structure, and
//! `tests/tidy.rs` checks it. The program is [`cli::main`]; three things are of use to other crates.
//!
//! A pipeline becomes a plan, or diagnostics with a line and a column; neither reads data:
//!
//! ```
//! let text = "
//! data: {rows: {source: {csv: {path: rows.csv}}, split: {random: {valid: 0.1, test: 0.2}}}}
//! inputs: {age: standardize}
//! trunk: [{dense: {units: 8, activation: relu}}]
//! tasks: {income: {target: income, kind: binary}, hours: {target: hours, kind: regression}}
//! ";
//! let source = mtl::spec::PipelineText::new(text.as_bytes(), "rows.yaml", &[]);
//! let pipeline = mtl::spec::read_source(&source).expect("a valid pipeline");
//! let (plan, warnings) = mtl::plan::resolve(&pipeline, "rows").expect("a valid plan");
//! assert_eq!((plan.trials.len(), plan.stages().count(), warnings.len()), (1, 7, 0));
//!
//! let wrong = text.replace("standardize", "standardise");
//! let source = mtl::spec::PipelineText::new(wrong.as_bytes(), "rows.yaml", &[]);
//! let problems = mtl::spec::read_source(&source).expect_err("a misspelled input kind");
//! assert_eq!(problems[0].message, "unknown input kind `standardise`");
//! assert_eq!(source.diagnostic_location(&problems[0]).map(|place| place.line), Some(3));
//! ```
//!
//! The results database answers SQL, read-only (`docs/database.md` describes its tables):
//!
//! ```
//! use mtl::store::ResultsDatabase;
//! use mtl::store::query::SqlValue;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let runs = folder.path().join("mtl.db");
//! // `runs/mtl.db` of an experiment. `open` creates a missing one, `open_read_only` does not.
//! let database = ResultsDatabase::open(&runs)?;
//! let result = database.query("SELECT count(*) AS finished FROM runs WHERE state = 'finished'")?;
//! assert_eq!(result.columns, ["finished"]);
//! assert_eq!(result.rows, [[SqlValue::Integer(0)]]);
//! # Ok(())
//! # }
//! ```
//!
//! A layer of another crate is settings, the shape of its output, its weights, and one description over
//! [`model::ops::Ops`], which trains and is exported. `examples/` has whole programs, also for inputs,
//! metrics and weightings:
//!
//! ```
//! use mtl::domain::{choice_config::Settings, shape::Shape};
//! use mtl::model::activations::Activations;
//! use mtl::model::layer::activation::Activation;
//! use mtl::model::layer::{BuildLayer, Layer, LayerConfig, Module, vector};
//! use mtl::model::ops::Ops;
//! use mtl::model::weights::{Init, Parameter, Weights};
//! use mtl::model::ModelResult;
//!
//! /// A gate on each feature: y = x * sigmoid(x W), W `[width, width]`.
//! #[derive(Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! struct GateConfig {}
//!
//! impl Settings for GateConfig {
//!     const EXAMPLE: &'static str = "gate";
//! }
//!
//! impl BuildLayer for GateConfig {
//!     fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
//!         vector(input).map(Shape::vector)
//!     }
//!
//!     fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
//!         let shape = [input.width(), input.width()];
//!         Ok(Box::new(Gate(weights.parameter(&format!("{name}.weight"), &shape, Init::fan_in(shape[0]))?)))
//!     }
//! }
//!
//! struct Gate(Parameter);
//!
//! impl Layer for Gate {
//!     fn apply<O: Ops>(
//!         &self,
//!         ops: &mut O,
//!         x: &Activations<O::Value>,
//!     ) -> ModelResult<Activations<O::Value>> {
//!         let gate = ops.linear(&x.x, &self.0, None, Activation::Sigmoid)?;
//!         Ok(x.with(ops.mul(&x.x, &gate)?))
//!     }
//! }
//!
//! // As a program: mtl::cli::main_with(|| LayerConfig::register::<GateConfig>("gate", "my_crate 0.1.0"))
//! LayerConfig::register::<GateConfig>("gate", "my_crate 0.1.0").expect("a new name");
//! assert_eq!(mtl::spec::explain::explain("gate")[0].kind, "a layer");
//! ```

#![warn(missing_docs, rustdoc::broken_intra_doc_links)]

pub mod cli; // command line and terminal output
pub mod data; // tables to batches
pub mod decode; // logits to predictions
pub mod disk; // atomic file operations
pub mod domain; // types shared by all modules
pub mod evaluate; // metrics
pub mod model; // the multi-task network
pub mod onnx; // export and verification
pub mod plan; // validated pipelines as graphs of stages
pub mod report; // results as text, tables and plots
pub mod run; // execution of stages
pub mod spec; // parsing of pipeline files
pub mod store; // the results database
pub mod train; // optimization and task balancing
