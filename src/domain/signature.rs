//! Inputs and outputs of a model, known once preprocessing has been fitted.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::array::ElementType;
use crate::domain::augmentation::Augmentation;
use crate::domain::image_resize::{ResizeConfig, ResizeFilter};
use crate::domain::name::{ColumnName, InputName, TableName, TaskName};
use crate::domain::piecewise::PiecewiseFeatures;
use crate::domain::shape::Shape;
use crate::domain::table_schema::TableSchema;
use crate::domain::task::FittedTarget;
use crate::domain::tokenizer::{Tokenizer, TruncationSide};

/// Inputs and outputs of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    /// The inputs in the order of the pipeline.
    pub inputs: Vec<InputSignature>,
    /// The tasks in the order of the pipeline.
    pub tasks: Vec<TaskSignature>,
    /// How the rows of each table were read. Empty in models of earlier versions.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub readings: IndexMap<TableName, TableSchema>,
}

/// One input: its raw values and their encoding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputSignature {
    /// Name of the input.
    pub name: InputName,
    /// Element type of the raw values, fed as `[rows, 1]`; 64-bit floats where 32 bits would lose significant
    /// digits. A missing number is NaN, a missing text is "", a missing whole number is [`MISSING_INT`].
    pub raw: ElementType,
    /// From raw values to what the network reads.
    pub encoding: Encoding,
    /// `missing: error`: rows without a value are refused, also in predictions.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Name of the preference input of an exported model.
pub const PREFERENCE: &str = "preference";

/// The raw whole number that marks a missing value.
pub const MISSING_INT: i64 = i64::MIN;

/// The raw whole number that marks a value of another type, such as `A7` when all training values were whole
/// numbers.
pub const UNSEEN_INT: i64 = i64::MIN + 1;

/// How a raw value is encoded for the network; its statistics come from the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Encoding {
    /// Replaces NaN by `fill`, then computes (x - center) / scale, all in 64 bits; with `indicator` a second
    /// column is 1 if the value was missing, else 0. 32-bit floats `[rows, 1 or 2]`.
    Scale {
        /// Subtracted.
        center: f64,
        /// Divisor.
        scale: f64,
        /// Value of missing cells.
        fill: f64,
        /// Whether a second feature tells missing cells: 1, others 0.
        indicator: bool,
    },
    /// Replaces NaN by `fill`, then computes the position among `edges`
    /// ([`piecewise`](crate::domain::piecewise)), or the value there, in 64 bits; with `indicator` as above.
    /// 32-bit floats `[rows, 1 or 2]`, of which the network reads the `features`.
    Piecewise {
        /// The edges of the bins, increasing; at least two.
        edges: Vec<f64>,
        /// What the network reads.
        features: PiecewiseFeatures,
        /// Value of missing cells.
        fill: f64,
        /// Whether a last feature tells missing cells: 1, others 0.
        indicator: bool,
    },
    /// 0 for a value not in `keys`, else 1 + its index. Codes `[rows]`. The raw marker of a missing value is
    /// looked up like any other value.
    Code {
        /// The known values.
        keys: Keys,
        /// Width of the embedding.
        width: usize,
    },
    /// Like `Code`, but one column per key that is 1 for the value's own key; all 0 for a value not in
    /// `keys`. Floats `[rows, keys]`.
    OneHot {
        /// The known values.
        keys: Keys,
    },
    /// Token numbers, truncated to `length` tokens at `side`; sequences of codes. Fed as whole numbers
    /// `[rows, time]`, padded with the tokenizer's `pad`; with a `plane` as `[rows, time, 2]`: the token and
    /// its second number, 0 at padding.
    Tokens {
        /// The fitted tokenizer.
        tokenizer: Tokenizer,
        /// Maximum number of tokens.
        length: usize,
        /// The end that is truncated.
        side: TruncationSide,
        /// What a second number of each token says; `None`: a token is one number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plane: Option<TokenPlane>,
    },
    /// (x - center) / scale in each column, in 64 bits, truncated to `length` steps; sequences of 32-bit
    /// floats. Fed as floats `[rows, time, width]`, padded with NaN.
    Series {
        /// Subtracted, per feature.
        center: Vec<f64>,
        /// Divisor, per feature.
        scale: Vec<f64>,
        /// Maximum number of steps.
        length: usize,
    },
    /// (x / 255 - mean) / deviation of each channel. Fed and stored as bytes `[rows, channels, height,
    /// width]`. `augment` transforms training images first. Transparent images are composed onto a background
    /// of brightness `background`; the `range` of 16-bit images is mapped to 0..=255.
    Image {
        /// 1 (grey) or 3 (red, green, blue).
        channels: usize,
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
        /// Mean of each channel, from 0 to 1.
        mean: Vec<f32>,
        /// Standard deviation of each channel.
        deviation: Vec<f32>,
        /// Augmentations of training images, in order.
        #[serde(default)]
        augment: Vec<Augmentation>,
        /// Byte behind transparent pixels.
        #[serde(default = "white")]
        background: u8,
        /// The 16-bit values that become 0 and 255.
        #[serde(default = "full")]
        range: [u16; 2],
        /// How images are brought to `height` and `width`.
        #[serde(default)]
        resize: ResizeConfig,
        /// How they are resized.
        #[serde(default)]
        filter: ResizeFilter,
    },
    /// The output of an input kind registered by the crate `origin`, computed before the model is fed from
    /// its `settings` and its `fitted` state: 32-bit floats `[rows, ...]` of this shape, sequences padded
    /// with NaN.
    Registered {
        /// Name of the input kind.
        name: String,
        /// Name and version of the crate that registered it.
        origin: String,
        /// Its settings.
        settings: Value,
        /// What it learned from the training rows.
        fitted: Value,
        /// Shape of an encoded row.
        shape: Shape,
    },
}

fn white() -> u8 {
    u8::MAX
}

fn full() -> [u16; 2] {
    [0, u16::MAX]
}

/// What the second number of each token says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenPlane {
    /// 1 at the first piece of each word, else 0. The model's steps are pieces; a tagging task has a label
    /// for each word.
    Words {
        /// Separates the words of a text that is not a list; if empty, each character is a word.
        separator: String,
    },
    /// The segment, as the tokenizer's template of pairs says: 0 or 1. A row is the text of the input's own
    /// column and that of another one; truncation shortens the longer text first.
    Segments {
        /// The column of the second text.
        column: ColumnName,
    },
}

/// The known values of a category, in the order of their codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keys {
    /// Strings.
    Text(Vec<String>),
    /// Integers.
    Int(Vec<i64>),
}

impl Keys {
    /// Number of known values.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(keys) => keys.len(),
            Self::Int(keys) => keys.len(),
        }
    }

    /// Whether there are no known values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Encoding {
    /// Numbers that a table keeps of a cell, where they are fewer than the network reads: the bins of a
    /// number follow from its position.
    pub fn stored_width(&self) -> usize {
        match self {
            Self::Piecewise { indicator, .. } => 1 + usize::from(*indicator),
            other => other.shape().width(),
        }
    }

    /// The shape of one row after embedding, which is the input of the network.
    pub fn shape(&self) -> Shape {
        match self {
            Self::Scale { indicator, .. } => Shape::vector(1 + usize::from(*indicator)),
            Self::Piecewise { edges, features: PiecewiseFeatures::Bins, indicator, .. } => {
                Shape::vector(edges.len().saturating_sub(1) + usize::from(*indicator))
            }
            Self::Piecewise { indicator, .. } => Shape::vector(1 + usize::from(*indicator)),
            Self::Code { width, .. } => Shape::vector(*width),
            Self::OneHot { keys } => Shape::vector(keys.len()),
            Self::Tokens { tokenizer, .. } => Shape::Tokens { vocabulary: tokenizer.size },
            Self::Series { center, .. } => Shape::Sequence { width: center.len() },
            Self::Image { channels, height, width, .. } => {
                Shape::Image { channels: *channels, height: *height, width: *width }
            }
            Self::Registered { shape, .. } => *shape,
        }
    }
}

/// The outputs of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskSignature {
    /// Name of the task.
    pub name: TaskName,
    /// The table with its labels.
    pub table: TableName,
    /// The fitted target.
    pub target: FittedTarget,
}

impl TaskSignature {
    /// The ONNX output of logits `[rows, logits]`; for regression, standardized values.
    pub fn logits_output(&self) -> String {
        format!("{}_logits", self.name)
    }

    /// The ONNX output of probabilities or of values in the target's unit, `[rows, answers]`.
    pub fn prediction_output(&self) -> String {
        self.name.to_string()
    }
}

impl Signature {
    /// The signature of the task `name`.
    pub fn task(&self, name: &TaskName) -> Option<&TaskSignature> {
        self.tasks.iter().find(|task| task.name == *name)
    }
}
