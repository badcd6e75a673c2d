//! Properties of this machine: devices, kernels, threads, ONNX Runtime.

use std::path::PathBuf;

use serde::Serialize;

use crate::onnx::runtime::{OnnxRuntime, RuntimeSearch};
use crate::spec::PipelineConfig;

/// The ONNX Runtime that was found.
#[derive(Clone, Debug, Serialize)]
pub struct RuntimeInfo {
    /// Version of the library.
    pub version: String,
    /// Path of the library.
    pub path: PathBuf,
    /// How it was found.
    pub how: &'static str,
}

/// A device, and why it cannot be used if so.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceState {
    /// Name of the device.
    pub name: String,
    /// Why it cannot be used.
    pub problem: Option<String>,
}

/// Searches for ONNX Runtime; downloads it only if `fetch`.
///
/// # Errors
/// A message that lists the places searched.
pub fn runtime(fetch: bool, notify: &dyn Fn(&str)) -> Result<RuntimeInfo, String> {
    let mut search = RuntimeSearch::everywhere(notify);
    search.offline |= !fetch;
    OnnxRuntime::find(&search)
        .map(|found| RuntimeInfo { version: found.version, path: found.path, how: found.how.text() })
        .map_err(|error| error.to_string())
}

/// The devices of this build.
pub fn devices() -> Vec<DeviceState> {
    let states = crate::model::devices().into_iter();
    states.map(|(name, problem)| DeviceState { name, problem }).collect()
}

/// The kernels in use and their instruction set: `fused, avx2`.
pub fn kernels() -> Result<String, String> {
    crate::model::kernel::choice::choice().map(|choice| choice.describe())
}

/// The number of threads for tensor operations.
pub fn threads() -> usize {
    crate::model::threads()
}

/// The device that a pipeline's tensors use, with `auto` resolved.
pub fn device(pipeline: &PipelineConfig) -> String {
    let choice = &pipeline.train.device;
    crate::model::device(choice)
        .map_or_else(|_| choice.to_string(), |device| crate::model::device::describe(&device))
}
