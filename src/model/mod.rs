//! The multi-task network. Only this module and `train` use candle.

pub mod activation;
pub mod activations;
pub mod autograd;
pub mod config;
pub mod cut;
pub mod device;
pub mod error;
pub mod feature_file;
pub mod feature_store;
pub mod frozen_encoder;
pub mod frozen_prefix;
pub mod generation;
pub mod head;
pub mod input;
pub mod interpolation;
pub mod kernel;
pub mod labels;
pub mod layer;
pub mod loss;
pub mod mode;
pub mod module;
pub mod network;
pub mod ops;
pub mod order;
pub mod part;
pub mod prediction;
pub mod preference;
pub mod pretrained;
pub mod random;
pub mod raw;
pub mod sharing;
pub mod tabm;
pub mod weights;

pub use device::{DeviceConfig, device, devices, threads};
pub use error::{ModelError, ModelResult};
