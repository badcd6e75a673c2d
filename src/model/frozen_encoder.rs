//! Computes the features of an input: the output of its frozen layers for every row, in evaluation mode.

use std::path::Path;

use candle_core::{DType, Device, Tensor};

use crate::domain::array::Array;
use crate::domain::signature::{Encoding, Signature};
use crate::model::activations::Activations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::feature_file::{FeatureFile, FeatureForm};
use crate::model::frozen_prefix::FrozenPrefixConfig;
use crate::model::layer::pretrained::CacheConfig;
use crate::model::layer::stack::Stack;
use crate::model::mode::Mode;
use crate::model::raw::feed;
use crate::model::weights::{WeightOwner, Weights};

/// Rows of a forward pass.
const BATCH: usize = 64;

/// The largest 16-bit float.
const LARGEST_F16: f32 = 65_504.0;

/// How the computation of features ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodingEnd {
    /// The file is complete.
    Done,
    /// It was stopped on request.
    Stopped,
}

/// The frozen layers of an input, with their pretrained weights.
pub struct FrozenEncoder {
    config: FrozenPrefixConfig,
    encoding: Encoding,
    encoder: Stack,
    trunk: Stack,
    device: Device,
}

impl FrozenEncoder {
    /// Builds the layers and reads their weights.
    ///
    /// # Errors
    /// The signature does not have the input, a layer does not accept its input, or a file of a pretrained
    /// model cannot be read.
    pub fn build(config: &FrozenPrefixConfig, signature: &Signature, device: &Device) -> ModelResult<Self> {
        let input = signature.inputs.iter().find(|input| input.name == config.input);
        let input = input.ok_or_else(|| ModelError::Input {
            input: config.input.clone(),
            reason: "is missing".to_owned(),
        })?;
        // The seed does not matter: every weight is pretrained.
        let mut weights = Weights::new(0, device);
        weights.set_owner(WeightOwner::Input(input.name.clone()));
        let name = format!("input.{}", input.name);
        let encoder = Stack::build(&name, &config.encoder, input.encoding.shape(), &mut weights)?;
        weights.set_owner(WeightOwner::Body);
        let trunk = Stack::build("trunk", &config.trunk, encoder.output(), &mut weights)?;
        weights.set_pretrained()?;
        let (config, encoding, device) = (config.clone(), input.encoding.clone(), device.clone());
        Ok(Self { config, encoding, encoder, trunk, device })
    }

    /// Computes the features of all rows of the input's encoded `array` and writes them to a new file at
    /// `path`. Rows of similar length are computed together. `may_go_on` is asked before every batch, with
    /// the number of finished rows.
    ///
    /// # Errors
    /// The array does not fit the encoding, a number is too large for 16 bits, or the file cannot be written.
    pub fn write_features(
        &self,
        array: &Array,
        path: &Path,
        may_go_on: &mut dyn FnMut(usize) -> bool,
    ) -> ModelResult<EncodingEnd> {
        let mut order: Vec<u32> = (0..array.rows() as u32).collect();
        order.sort_by_key(|row| array.length(*row as usize));
        let mut file = None;
        for (number, batch) in order.chunks(BATCH).enumerate() {
            if !may_go_on(number * BATCH) {
                return Ok(EncodingEnd::Stopped);
            }
            let y = self.forward(&array.gather(batch))?;
            if file.is_none() {
                file = Some(self.create(array, path, &y)?);
            }
            let Some(file) = &file else { continue };
            let bytes = self.numbers(&y.x)?;
            let size = bytes.len() / batch.len();
            for (position, row) in batch.iter().enumerate() {
                let of_row = &bytes[position * size..][..size];
                // Padding comes last.
                let written = match &y.mask {
                    Some(mask) => {
                        let (real, all) = (mask.lengths[position] as usize, y.x.dim(1)?);
                        &of_row[..size / all.max(1) * real]
                    }
                    None => of_row,
                };
                file.write(*row as usize, written)?;
            }
        }
        let file = match file {
            Some(file) => file,
            None => {
                let numbers = self.config.numbers;
                let empty = FeatureForm { rows: 0, sizes: Vec::new(), is_ragged: false, numbers };
                FeatureFile::create(path, empty, &[])?
            }
        };
        file.finish()?;
        Ok(EncodingEnd::Done)
    }

    /// The file for features like `y`, those of the first batch.
    fn create(&self, array: &Array, path: &Path, y: &Activations) -> ModelResult<FeatureFile> {
        let is_ragged = y.mask.is_some();
        let form = FeatureForm {
            rows: array.rows(),
            sizes: y.x.dims()[if is_ragged { 2 } else { 1 }..].to_vec(),
            is_ragged,
            numbers: self.config.numbers,
        };
        // Frozen layers keep the steps of a sequence; the file refuses a row of another length.
        let lengths = (0..array.rows()).map(|row| array.length(row) as u32).filter(|_| is_ragged);
        FeatureFile::create(path, form, &lengths.collect::<Vec<_>>())
    }

    /// The bytes of all numbers, in the type in which they are kept.
    fn numbers(&self, x: &Tensor) -> ModelResult<Vec<u8>> {
        let mut bytes = Vec::new();
        let x = match self.config.numbers {
            CacheConfig::F16 => {
                let largest = x.flatten_all()?.abs()?.max(0)?.to_scalar::<f32>()?;
                if largest > LARGEST_F16 {
                    let reason = format!(
                        "has features up to {largest:.0}, and 16-bit floats end at {LARGEST_F16}: write \
                         `cache: f32`"
                    );
                    return Err(ModelError::Input { input: self.config.input.clone(), reason });
                }
                x.to_dtype(DType::F16)?
            }
            CacheConfig::F32 | CacheConfig::None => x.clone(),
        };
        x.write_bytes(&mut bytes)?;
        Ok(bytes)
    }

    fn forward(&self, rows: &Array) -> ModelResult<Activations> {
        let wrong = |reason| ModelError::Input { input: self.config.input.clone(), reason };
        let x = feed(&self.encoding, rows, &self.device)?.map_err(wrong)?;
        let mode = Mode::evaluate();
        self.trunk.forward(&self.encoder.forward(&x, &mode)?, &mode)
    }
}
