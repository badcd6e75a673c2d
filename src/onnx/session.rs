//! Sessions: models loaded into ONNX Runtime.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use ort::session::SessionInputValue;
use ort::value::{DynValue, Outlet, Tensor, TensorElementType, TensorRef, ValueType};

use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::onnx::error::OnnxError;
use crate::onnx::external::locations;
use crate::onnx::runtime::OnnxRuntime;
use crate::onnx::write::data_path;

/// A loaded model.
#[derive(Debug)]
pub struct OnnxSession {
    inner: ort::session::Session,
    inputs: Vec<SessionPort>,
    outputs: Vec<SessionPort>,
    runtime: OnnxRuntime,
}

/// An input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPort {
    /// Name in the graph.
    pub name: String,
    /// `None` for element types that `mtl` does not use.
    pub element: Option<ElementType>,
    /// `None` for dynamic dimensions.
    pub dims: Vec<Option<usize>>,
}

impl OnnxSession {
    /// Loads a model, to run on all cores.
    ///
    /// # Errors
    /// If the file cannot be read, refers to external data, or is refused by ONNX Runtime.
    pub fn open(runtime: &OnnxRuntime, path: &Path) -> Result<Self, OnnxError> {
        Self::open_with(runtime, path, 0)
    }

    /// As [`Self::open`], to run on `threads` threads; 0 for all cores.
    pub fn open_with(runtime: &OnnxRuntime, path: &Path, threads: usize) -> Result<Self, OnnxError> {
        let invalid = |reason: String| OnnxError::Session { path: path.to_owned(), reason };
        // ONNX Runtime's own message for a missing file is very long.
        let bytes = std::fs::read(path).map_err(OnnxError::file(path))?;
        let data = data_path(path);
        let external = locations(&bytes).map_err(invalid)?;
        let is_own = |location: &&String| data.file_name().is_some_and(|name| name == location.as_str());
        if let Some(location) = external.iter().find(|location| !is_own(location)) {
            return Err(OnnxError::ExternalData { path: path.to_owned(), location: location.clone() });
        }
        if !external.is_empty() && !data.is_file() {
            return Err(OnnxError::MissingData { path: path.to_owned(), data });
        }
        let environment =
            runtime.environment().ok_or_else(|| invalid("ONNX Runtime is not loaded".to_owned()))?;
        let mut builder = ort::session::Session::builder(environment)
            .map_err(|error| invalid(error.to_string()))?
            .with_intra_threads(threads)
            .map_err(|error| invalid(error.to_string()))?
            .with_inter_threads(1)
            .map_err(|error| invalid(error.to_string()))?;
        // External data is found beside the file.
        let inner = match external.is_empty() {
            true => builder.commit_from_memory(&bytes),
            false => builder.commit_from_file(path),
        };
        let inner = inner.map_err(|error| invalid(error.to_string()))?;
        let inputs = inner.inputs().iter().map(port).collect();
        let outputs = inner.outputs().iter().map(port).collect();
        Ok(Self { inner, inputs, outputs, runtime: runtime.clone() })
    }

    /// The inputs of the model.
    pub fn inputs(&self) -> &[SessionPort] {
        &self.inputs
    }

    /// The outputs of the model.
    pub fn outputs(&self) -> &[SessionPort] {
        &self.outputs
    }

    /// The ONNX Runtime that runs the model.
    pub fn runtime(&self) -> &OnnxRuntime {
        &self.runtime
    }

    /// The metadata inside the model, sorted by key.
    pub fn metadata(&self) -> Result<Vec<(String, String)>, OnnxError> {
        let metadata = self.inner.metadata().map_err(run_error)?;
        let mut keys = metadata.custom_keys().map_err(run_error)?;
        keys.sort();
        Ok(keys.into_iter().filter_map(|key| metadata.custom(&key).map(|value| (key, value))).collect())
    }

    /// Runs the model on named inputs and returns all outputs in the model's order.
    ///
    /// # Errors
    /// If an input is missing, unknown or unsuitable, or ONNX Runtime fails.
    pub fn run(&mut self, inputs: &[(String, Array)]) -> Result<Vec<(String, Array)>, OnnxError> {
        let known: HashSet<&str> = self.inputs.iter().map(|port| port.name.as_str()).collect();
        if let Some((name, _)) = inputs.iter().find(|(name, _)| !known.contains(name.as_str())) {
            let known = self.inputs.iter().map(|port| port.name.clone()).collect();
            return Err(OnnxError::UnknownInput { name: name.clone(), known });
        }
        let names: HashSet<&str> = inputs.iter().map(|(name, _)| name.as_str()).collect();
        if let Some(port) = self.inputs.iter().find(|port| !names.contains(port.name.as_str())) {
            return Err(OnnxError::MissingInput { name: port.name.clone() });
        }
        let values = inputs
            .iter()
            .map(|(name, array)| Ok((Cow::Borrowed(name.as_str()), input_value(array)?)))
            .collect::<Result<Vec<(Cow<str>, SessionInputValue)>, OnnxError>>()?;
        let outputs = self.inner.run(values).map_err(run_error)?;
        self.outputs
            .iter()
            .map(|port| {
                let missing = || OnnxError::Run { reason: format!("the output `{}` is missing", port.name) };
                let value = outputs.get(&port.name).ok_or_else(missing)?;
                Ok((port.name.clone(), output_array(&port.name, value)?))
            })
            .collect()
    }
}

fn run_error(error: ort::Error) -> OnnxError {
    OnnxError::Run { reason: error.to_string() }
}

fn port(outlet: &Outlet) -> SessionPort {
    let (element, dims) = match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => {
            (element(*ty), shape.iter().map(|&dim| usize::try_from(dim).ok()).collect())
        }
        _ => (None, Vec::new()),
    };
    SessionPort { name: outlet.name().to_owned(), element, dims }
}

fn element(element: TensorElementType) -> Option<ElementType> {
    match element {
        TensorElementType::Float32 => Some(ElementType::Float32),
        TensorElementType::Float64 => Some(ElementType::Float64),
        TensorElementType::Int64 => Some(ElementType::Int64),
        TensorElementType::Uint32 => Some(ElementType::Uint32),
        TensorElementType::Uint8 => Some(ElementType::Uint8),
        TensorElementType::String => Some(ElementType::Text),
        _ => None,
    }
}

fn input_value(array: &Array) -> Result<SessionInputValue<'_>, OnnxError> {
    let shape = array.shape.as_slice();
    Ok(match &array.values {
        ArrayValues::F32(values) => {
            TensorRef::from_array_view((shape, values.as_slice())).map_err(run_error)?.into()
        }
        ArrayValues::F64(values) => {
            TensorRef::from_array_view((shape, values.as_slice())).map_err(run_error)?.into()
        }
        ArrayValues::I64(values) => {
            TensorRef::from_array_view((shape, values.as_slice())).map_err(run_error)?.into()
        }
        ArrayValues::U32(values) => {
            TensorRef::from_array_view((shape, values.as_slice())).map_err(run_error)?.into()
        }
        ArrayValues::U8(values) => {
            TensorRef::from_array_view((shape, values.as_slice())).map_err(run_error)?.into()
        }
        ArrayValues::Text(values) => {
            Tensor::from_string_array((shape, values.as_slice())).map_err(run_error)?.into()
        }
    })
}

fn output_array(name: &str, value: &DynValue) -> Result<Array, OnnxError> {
    let unsupported = |found: &dyn std::fmt::Debug| OnnxError::OutputType {
        name: name.to_owned(),
        found: format!("{found:?}"),
    };
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else {
        return Err(unsupported(value.dtype()));
    };
    let shape: Vec<usize> = shape.iter().map(|&dim| dim.max(0) as usize).collect();
    if shape.is_empty() {
        // `mtl` has no outputs without a row dimension.
        return Err(unsupported(value.dtype()));
    }
    let values = match ty {
        TensorElementType::Float32 => {
            ArrayValues::F32(value.try_extract_tensor::<f32>().map_err(run_error)?.1.to_vec())
        }
        TensorElementType::Float64 => {
            ArrayValues::F64(value.try_extract_tensor::<f64>().map_err(run_error)?.1.to_vec())
        }
        TensorElementType::Int64 => {
            ArrayValues::I64(value.try_extract_tensor::<i64>().map_err(run_error)?.1.to_vec())
        }
        other => return Err(unsupported(other)),
    };
    Ok(Array::new(&shape, values))
}
