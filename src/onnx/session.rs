//! A model, loaded into ONNX Runtime and ready to run.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use ort::session::SessionInputValue;
use ort::value::{DynValue, Outlet, Tensor, TensorElementType, TensorRef, ValueType};

use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::onnx::error::OnnxError;
use crate::onnx::external::location;
use crate::onnx::runtime::OnnxRuntime;

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
    pub name: String,
    /// `None` for a type `mtl` neither feeds nor reads.
    pub element: Option<ElementType>,
    /// `None` for a dimension known only when the model runs.
    pub dims: Vec<Option<usize>>,
}

impl OnnxSession {
    /// Loads the model; as many threads as there are cores.
    pub fn open(runtime: &OnnxRuntime, path: &Path) -> Result<Self, OnnxError> {
        Self::open_with(runtime, path, 0)
    }

    /// Loads the model, to be run on `threads` threads; 0 for as many as there are cores.
    pub fn open_with(runtime: &OnnxRuntime, path: &Path, threads: usize) -> Result<Self, OnnxError> {
        let refused = |reason: String| OnnxError::Session { path: path.to_owned(), reason };
        // ONNX Runtime's own message for a missing file is a page long.
        let bytes = std::fs::read(path).map_err(OnnxError::file(path))?;
        if let Some(location) = location(&bytes).map_err(refused)? {
            return Err(OnnxError::External { path: path.to_owned(), location });
        }
        let environment = runtime.environment().ok_or_else(|| refused("it is not loaded".to_owned()))?;
        let mut builder = ort::session::Session::builder(environment)
            .map_err(|error| refused(error.to_string()))?
            .with_intra_threads(threads)
            .map_err(|error| refused(error.to_string()))?
            .with_inter_threads(1)
            .map_err(|error| refused(error.to_string()))?;
        let inner = builder.commit_from_memory(&bytes).map_err(|error| refused(error.to_string()))?;
        let inputs = inner.inputs().iter().map(port).collect();
        let outputs = inner.outputs().iter().map(port).collect();
        Ok(Self { inner, inputs, outputs, runtime: runtime.clone() })
    }

    pub fn inputs(&self) -> &[SessionPort] {
        &self.inputs
    }

    pub fn outputs(&self) -> &[SessionPort] {
        &self.outputs
    }

    /// What runs it.
    pub fn runtime(&self) -> &OnnxRuntime {
        &self.runtime
    }

    /// The model's own lines of metadata, by key.
    pub fn metadata(&self) -> Result<Vec<(String, String)>, OnnxError> {
        let metadata = self.inner.metadata().map_err(run_error)?;
        let mut keys = metadata.custom_keys().map_err(run_error)?;
        keys.sort();
        Ok(keys
            .into_iter()
            .filter_map(|key| {
                let value = metadata.custom(&key)?;
                Some((key, value))
            })
            .collect())
    }

    /// Runs the model on named inputs; gives all outputs in the model's order.
    pub fn run(&mut self, inputs: &[(String, Array)]) -> Result<Vec<(String, Array)>, OnnxError> {
        let known: HashSet<&str> = self.inputs.iter().map(|port| port.name.as_str()).collect();
        if let Some((name, _)) = inputs.iter().find(|(name, _)| !known.contains(name.as_str())) {
            let known = self.inputs.iter().map(|port| port.name.clone()).collect();
            return Err(OnnxError::UnknownInput { name: name.clone(), known });
        }
        let given: HashSet<&str> = inputs.iter().map(|(name, _)| name.as_str()).collect();
        if let Some(port) = self.inputs.iter().find(|port| !given.contains(port.name.as_str())) {
            return Err(OnnxError::MissingInput { name: port.name.clone() });
        }
        let fed = inputs
            .iter()
            .map(|(name, array)| Ok((Cow::Borrowed(name.as_str()), feed(array)?)))
            .collect::<Result<Vec<(Cow<str>, SessionInputValue)>, OnnxError>>()?;
        let given = self.inner.run(fed).map_err(run_error)?;
        self.outputs
            .iter()
            .map(|port| {
                let missing = || OnnxError::Run { reason: format!("it gave no output `{}`", port.name) };
                let value = given.get(&port.name).ok_or_else(missing)?;
                Ok((port.name.clone(), read(&port.name, value)?))
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

fn feed(array: &Array) -> Result<SessionInputValue<'_>, OnnxError> {
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

fn read(name: &str, value: &DynValue) -> Result<Array, OnnxError> {
    let values_of = |values_of: &dyn std::fmt::Debug| OnnxError::OutputType {
        name: name.to_owned(),
        found: format!("{values_of:?}"),
    };
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else {
        return Err(values_of(value.dtype()));
    };
    let shape: Vec<usize> = shape.iter().map(|&dim| dim.max(0) as usize).collect();
    if shape.is_empty() {
        // Whatever is asked of a model is asked for rows.
        return Err(values_of(value.dtype()));
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
        other => return Err(values_of(other)),
    };
    Ok(Array::new(&shape, values))
}
