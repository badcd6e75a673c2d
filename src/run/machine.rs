//! What this machine has for a run: devices, threads, ONNX Runtime.

use std::path::PathBuf;

use serde::Serialize;

use crate::onnx::runtime::{OnnxRuntime, RuntimeSearch};
use crate::spec::PipelineConfig;

/// ONNX Runtime, where it was found.
#[derive(Clone, Debug, Serialize)]
pub struct RuntimeInfo {
    pub version: String,
    pub path: PathBuf,
    pub how: &'static str,
}

/// A device and, when it cannot be used, why.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceState {
    pub name: String,
    pub problem: Option<String>,
}

/// Looks for ONNX Runtime; fetches it only when asked to.
pub fn runtime(fetch: bool, say: &dyn Fn(&str)) -> Result<RuntimeInfo, String> {
    let mut search = RuntimeSearch::everywhere(say);
    search.offline |= !fetch;
    OnnxRuntime::find(&search)
        .map(|result| RuntimeInfo { version: result.version, path: result.path, how: result.how.text() })
        .map_err(|error| error.to_string())
}

/// The devices this build knows.
pub fn devices() -> Vec<DeviceState> {
    let states = crate::model::devices().into_iter();
    states.map(|(name, problem)| DeviceState { name, problem }).collect()
}

/// Which kernels are taken, and with which instructions: `fused, avx2`.
pub fn kernels() -> Result<String, String> {
    crate::model::kernel::choice::choice().map(|choice| choice.describe())
}

/// Threads that tensors are computed with.
pub fn threads() -> usize {
    crate::model::threads()
}

/// The device a pipeline's tensors will live on: `auto` resolved.
pub fn device(pipeline: &PipelineConfig) -> String {
    let choice = &pipeline.train.device;
    crate::model::device(choice)
        .map_or_else(|_| choice.to_string(), |result| crate::model::device::describe(&result))
}
