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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use candle_core::{DType, Device};
    use serde_json::json;

    use crate::domain::array::{Array, ArrayValues, ElementType};
    use crate::domain::name::InputName;
    use crate::domain::signature::{Encoding, InputSignature, Signature};
    use crate::domain::text::Tokenizer;
    use crate::domain::tokenizer::{Segmenter, TruncationSide};
    use crate::model::feature_file::FeatureFile;
    use crate::model::frozen_encoder::{EncodingEnd, FrozenEncoder};
    use crate::model::frozen_prefix::FrozenPrefixConfig;
    use crate::model::kernel::reference_check::near;
    use crate::model::layer::LayerConfig;
    use crate::model::layer::pretrained::CacheConfig;
    use crate::model::layer::pretrained::model_cell::ModelFolders;

    /// The hidden states of transformers' `BertModel` in evaluation mode, as `tests/pretrained/make.py` wrote
    /// them.
    #[test]
    fn features_are_the_hidden_states_of_transformers() {
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained");
        let expected = candle_core::safetensors::load(base.join("bert/expected.safetensors"), &Device::Cpu);
        let expected = expected.expect("expected values");
        let integers = |name: &str| -> Vec<u32> {
            let values = expected[name].flatten_all().and_then(|values| values.to_dtype(DType::U32));
            values.and_then(|values| values.to_vec1()).expect("integers")
        };
        let (tokens, lengths) = (integers("input_ids"), integers("lengths"));
        let rows = tokens.chunks(tokens.len() / lengths.len()).zip(&lengths);
        let tokens: Vec<u32> = rows.flat_map(|(row, length)| row[..*length as usize].to_vec()).collect();
        let mut offsets = vec![0];
        lengths.iter().for_each(|length| offsets.push(offsets[offsets.len() - 1] + length));
        let array = Array::ragged(&[], ArrayValues::U32(tokens), offsets);

        let json = String::new();
        let (unknown, begin, end, leading, trailing) = (None, None, None, 0, 0);
        let segmenter = Segmenter::None;
        let tokenizer =
            Tokenizer { segmenter, json, size: 60, pad: 0, unknown, begin, end, leading, trailing };
        let name = InputName::new("text").expect("a name");
        let encoding = Encoding::Tokens { tokenizer, length: 12, side: TruncationSide::Head, plane: None };
        let input = InputSignature { name: name.clone(), raw: ElementType::Text, encoding, required: false };
        let signature = Signature { inputs: vec![input], tasks: vec![], readings: Default::default() };
        let layer = json!({"pretrained": {"path": "bert", "freeze": "all"}});
        let layer: LayerConfig = serde_json::from_value(layer).expect("a layer");
        let LayerConfig::Pretrained(config) = &layer else { panic!("a pretrained layer") };
        config.read(&ModelFolders::in_folder(&base)).expect("a model");
        let (encoder, trunk, numbers) = (vec![], vec![layer], CacheConfig::F32);
        let prefix = FrozenPrefixConfig { input: name, encoder, trunk, numbers };

        let encoder = FrozenEncoder::build(&prefix, &signature, &Device::Cpu).expect("an encoder");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("features");
        let stopped = encoder.write_features(&array, &path, &mut |_| false).expect("nothing");
        assert_eq!(stopped, EncodingEnd::Stopped);
        let end = encoder.write_features(&array, &path, &mut |_| true).expect("features");
        assert_eq!(end, EncodingEnd::Done);
        let features = FeatureFile::open(&path).expect("features");
        let found = features.gather(&[0, 1, 2], &Device::Cpu).expect("features");
        let hidden = found.mask_padding().expect("hidden states");
        assert_eq!(hidden.dims(), expected["hidden"].dims());
        near("hidden", &hidden, &expected["hidden"], 1e-5);
    }
}
