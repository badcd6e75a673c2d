//! The registry of input kinds: an input column, fitted on training rows, becomes a tensor.

pub mod category;
pub mod encode;
pub mod image;
mod image_format;
pub mod min_max;
mod missing_number;
pub mod number;
pub mod one_hot;
pub mod piecewise;
mod pixels;
mod precision;
mod preprocess;
pub mod quantile;
mod quantiles;
pub(in crate::data) mod registered;
pub mod robust;
mod scale;
pub mod series;
pub mod standardize;
mod statistics;
pub mod text;
mod text_pair;
mod token;
pub mod tokens;
mod value_type;
mod vocabulary;
mod word_input;

use std::path::Path;

use crate::data::cells::Cells;
use crate::data::error::DataError;
pub use crate::data::feature::encode::encode;
pub(in crate::data) use crate::data::feature::image_format::{
    ImageFormat, collect_or_first_error, decode_image, decode_images,
};
pub use crate::data::feature::missing_number::MissingNumber;
pub(in crate::data) use crate::data::feature::pixels::holds_images;
pub(in crate::data) use crate::data::feature::precision::{
    display_number, integer_precision_loss, precision_loss,
};
pub(in crate::data) use crate::data::feature::registered::encode_known as encode_registered;
pub use crate::data::feature::registered::{AnyInputKind, Encoder, InputKind};
pub(in crate::data) use crate::data::feature::scale::{raw_numbers, refuse_beyond};
pub(in crate::data) use crate::data::feature::statistics::Statistics;
pub(in crate::data) use crate::data::feature::text_pair::{
    encode as encode_pairs, to_array as pairs_to_array,
};
pub(in crate::data) use crate::data::feature::token::{pad_tokens, truncate_rows};
pub use crate::data::feature::value_type::SOME_SIZE;
pub(in crate::data) use crate::data::feature::word_input::count_lost as lost_words;
use crate::data::frame::Frame;
use crate::data::note::DataNote;
use crate::domain::array::{Array, ElementType};
use crate::domain::choice_config::kinds;
use crate::domain::signature::Encoding;

kinds! {
    /// How an input column becomes a tensor.
    pub open enum FeatureConfig: "input kind" adds dyn AnyInputKind {
        Number: "number" => number::NumberConfig,
        Standardize: "standardize" => standardize::StandardizeConfig,
        MinMax: "min_max" => min_max::MinMaxConfig,
        Robust: "robust" => robust::RobustConfig,
        Quantile: "quantile" => quantile::QuantileConfig,
        Piecewise: "piecewise" => piecewise::PiecewiseConfig,
        Category: "category" => category::CategoryConfig,
        OneHot: "one_hot" => one_hot::OneHotConfig,
        Text: "text" => text::TextInputConfig,
        Tokens: "tokens" => tokens::TokensConfig,
        Series: "series" => series::SeriesConfig,
        Image: "image" => image::ImageConfig,
    }
}

/// The cells of an input in one table, and the rows that are used for fitting.
pub(in crate::data) struct FeaturePart<'a> {
    pub frame: &'a Frame,
    pub cells: Cells,
    /// The cells of the second column of an input of pairs.
    pub second: Option<Cells>,
    /// Target columns of tasks that share the tokenizer of this input.
    pub written: Vec<Cells>,
    pub train: &'a [u32],
    /// Rows whose raw values are kept.
    pub sample: &'a [u32],
    /// The folder that paths are relative to.
    pub base: &'a Path,
}

/// A fitted input: its encoding, and the encoded rows of each table.
pub(in crate::data) struct Feature {
    pub raw: ElementType,
    pub encoding: Encoding,
    /// The encoded rows of each table.
    pub encoded: Vec<Array>,
    /// The raw sample rows of each table in the format of model inputs: `[rows, 1]`, or padded sequences.
    pub samples: Vec<Array>,
    pub notes: Vec<DataNote>,
}

impl FeatureConfig {
    /// Fits on training rows, and encodes every row of every part.
    pub(in crate::data) fn fit(&self, name: &str, parts: &[FeaturePart<'_>]) -> Result<Feature, DataError> {
        match self {
            Self::Number(config) => config.fit(name, parts),
            Self::Standardize(config) => config.fit(name, parts),
            Self::MinMax(config) => config.fit(name, parts),
            Self::Robust(config) => config.fit(name, parts),
            Self::Quantile(config) => config.fit(name, parts),
            Self::Piecewise(config) => config.fit(name, parts),
            Self::Category(config) => config.fit(name, parts),
            Self::OneHot(config) => config.fit(name, parts),
            Self::Text(config) => config.fit(name, parts),
            Self::Tokens(config) => config.fit(name, parts),
            Self::Series(config) => config.fit(name, parts),
            Self::Image(config) => config.fit(name, parts),
            Self::Registered(kind) => registered::fit(kind, name, parts),
        }
    }
}
