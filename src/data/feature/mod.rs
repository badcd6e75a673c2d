//! The shelf of features: one input column, fitted on training rows, becomes a tensor.

pub mod category;
mod digits;
pub mod encode;
pub mod image;
pub mod min_max;
mod nature;
pub mod number;
pub mod one_hot;
mod pixels;
pub(in crate::data) mod registered;
mod scale;
pub mod series;
pub mod standardize;
mod statistics;
pub mod text;
mod token;
pub mod tokens;
mod vocabulary;

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::cells::Cells;
use crate::data::error::Error;
pub(in crate::data) use crate::data::feature::digits::{lost, lost_whole, shown};
pub use crate::data::feature::encode::encode;
pub(in crate::data) use crate::data::feature::image::{Look, picture, pictures, whole};
pub use crate::data::feature::nature::SOME_SIZE;
pub(in crate::data) use crate::data::feature::pixels::holds_pictures;
pub(in crate::data) use crate::data::feature::registered::known as encode_registered;
pub use crate::data::feature::registered::{Encoder, InputKind, InputWords};
pub(in crate::data) use crate::data::feature::scale::{raw, refuse_beyond};
pub(in crate::data) use crate::data::feature::statistics::Statistics;
pub(in crate::data) use crate::data::feature::token::{fed, kept};
use crate::data::frame::Frame;
use crate::data::note::Note;
use crate::domain::array::{Array, ElementType};
use crate::domain::kinds::kinds;
use crate::domain::signature::Encoding;

kinds! {
    /// How an input column becomes a tensor.
    pub open enum FeatureSpec: "input kind" adds dyn InputWords {
        Number: "number" => number::NumberSpec,
        Standardize: "standardize" => standardize::StandardizeSpec,
        MinMax: "min_max" => min_max::MinMaxSpec,
        Category: "category" => category::CategorySpec,
        OneHot: "one_hot" => one_hot::OneHotSpec,
        Text: "text" => text::TextInputSpec,
        Tokens: "tokens" => tokens::TokensSpec,
        Series: "series" => series::SeriesSpec,
        Image: "image" => image::ImageSpec,
    }
}

/// What stands in for a missing number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingNumber {
    /// The mean of the training rows.
    #[default]
    Mean,
    /// The median of the training rows.
    Median,
    /// 0, before any scaling.
    Zero,
    /// Refuse: name the file and row.
    Error,
}

/// One table's cells of an input, and the rows of it that may be learned from.
pub(in crate::data) struct Part<'a> {
    pub frame: &'a Frame,
    pub cells: Cells,
    /// Columns that tasks write in this input's tokens.
    pub written: Vec<Cells>,
    pub train: &'a [u32],
    /// Rows to be kept raw.
    pub sample: &'a [u32],
    /// The folder that paths are relative to.
    pub base: &'a Path,
}

/// An input, fitted: how raw values become what the network reads, and that for each table.
pub(in crate::data) struct Feature {
    pub raw: ElementType,
    pub encoding: Encoding,
    /// The encoded rows of each table.
    pub encoded: Vec<Array>,
    /// The raw sample rows of each table, as a model is fed them: `[rows, 1]`, or sequences filled up.
    pub samples: Vec<Array>,
    pub notes: Vec<Note>,
}

impl FeatureSpec {
    /// Fits on training rows, and encodes every row of every part.
    pub(in crate::data) fn fit(&self, name: &str, parts: &[Part<'_>]) -> Result<Feature, Error> {
        match self {
            Self::Number(spec) => spec.fit(name, parts),
            Self::Standardize(spec) => spec.fit(name, parts),
            Self::MinMax(spec) => spec.fit(name, parts),
            Self::Category(spec) => spec.fit(name, parts),
            Self::OneHot(spec) => spec.fit(name, parts),
            Self::Text(spec) => spec.fit(name, parts),
            Self::Tokens(spec) => spec.fit(name, parts),
            Self::Series(spec) => spec.fit(name, parts),
            Self::Image(spec) => spec.fit(name, parts),
            Self::Registered(kind) => registered::fit(kind, name, parts),
        }
    }
}
