//! The device that tensors are stored and computed on.

use candle_core::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::error::{ModelError, ModelResult};

/// The compute device: `auto`, `cpu`, `cuda`, `cuda:N` or `metal`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeviceConfig {
    /// The first GPU that this build supports, else the CPU.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The CUDA device of this number, from 0.
    Cuda(usize),
    /// Apple's Metal.
    Metal,
}

impl std::fmt::Display for DeviceConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::Metal => f.write_str("metal"),
        }
    }
}

impl std::str::FromStr for DeviceConfig {
    type Err = String;

    fn from_str(text: &str) -> ModelResult<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            "metal" => Ok(Self::Metal),
            other => {
                other.strip_prefix("cuda:").and_then(|number| number.parse().ok()).map(Self::Cuda).ok_or_else(
                    || format!("unknown device `{other}`; expected auto, cpu, cuda, cuda:N or metal"),
                )
            }
        }
    }
}

impl Serialize for DeviceConfig {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> ModelResult<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceConfig {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> ModelResult<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for DeviceConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Device".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^(auto|cpu|metal|cuda(:[0-9]+)?)$"})
    }
}

/// Opens the chosen device.
///
/// # Errors
/// [`ModelError::Device`] if this build does not support the device, or the machine does not have it.
pub fn device(choice: &DeviceConfig) -> ModelResult<Device> {
    match *choice {
        DeviceConfig::Cpu => Ok(Device::Cpu),
        DeviceConfig::Cuda(number) => cuda(number),
        DeviceConfig::Metal => metal(),
        DeviceConfig::Auto => Ok(cuda(0).or_else(|_| metal()).unwrap_or(Device::Cpu)),
    }
}

/// Every device by name, with the reason if it is not available.
pub fn devices() -> Vec<(String, Option<String>)> {
    let choices = [DeviceConfig::Cpu, DeviceConfig::Cuda(0), DeviceConfig::Metal];
    let problem = |choice: &DeviceConfig| match device(choice) {
        Ok(_) => None,
        Err(ModelError::Device { reason, .. }) => Some(reason),
        Err(other) => Some(other.to_string()),
    };
    choices.iter().map(|choice| (choice.to_string(), problem(choice))).collect()
}

/// Name of a device: `cpu`, `cuda:0`, `metal`.
pub fn describe(device: &Device) -> String {
    match device.location() {
        candle_core::DeviceLocation::Cpu => "cpu".into(),
        candle_core::DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        candle_core::DeviceLocation::Metal { .. } => "metal".into(),
    }
}

/// Number of threads for CPU tensors.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

fn cuda(number: usize) -> ModelResult<Device> {
    if !cfg!(feature = "cuda") {
        return Err(refused(
            format!("cuda:{number}"),
            "this `mtl` was built without CUDA; build with `--features cuda`",
        ));
    }
    Device::new_cuda(number).map_err(|error| refused(format!("cuda:{number}"), &error.to_string()))
}

fn metal() -> ModelResult<Device> {
    if !cfg!(feature = "metal") {
        return Err(refused(
            "metal".into(),
            "this `mtl` was built without Metal; build with `--features metal`",
        ));
    }
    Device::new_metal(0).map_err(|error| refused("metal".into(), &error.to_string()))
}

fn refused(wanted: String, reason: &str) -> ModelError {
    // candle appends a backtrace after the first line.
    let reason = reason.lines().next().unwrap_or_default().to_owned();
    ModelError::Device { wanted, reason }
}

#[cfg(test)]
mod tests {
    use crate::model::device::{DeviceConfig, describe, device, devices};

    #[test]
    fn auto_always_finds_a_device() {
        assert!(device(&DeviceConfig::Auto).is_ok());
        assert_eq!(describe(&device(&DeviceConfig::Cpu).unwrap()), "cpu");
        assert_eq!(devices()[0], ("cpu".to_owned(), None));
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn an_unavailable_device_names_the_build_feature() {
        let error = device(&DeviceConfig::Cuda(1)).unwrap_err().to_string();
        assert_eq!(
            error,
            "device `cuda:1` is not available: this `mtl` was built without CUDA; \
             build with `--features cuda`"
        );
    }
}
