//! What goes into a model and what comes out, known once the data has been fitted.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::array::ElementType;
use crate::domain::augmentation::Augmentation;
use crate::domain::name::{InputName, TableName, TaskName};
use crate::domain::reading::TableSchema;
use crate::domain::shape::Shape;
use crate::domain::task::FittedTarget;
use crate::domain::tokenizer::{Tokenizer, TruncationSide};

/// The ins and outs of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    pub inputs: Vec<InputSignature>,
    pub tasks: Vec<TaskSignature>,
    /// How the rows of each table were read. None in models of earlier versions.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub readings: IndexMap<TableName, TableSchema>,
}

/// One input: the raw values a consumer feeds, and how they are encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputSignature {
    pub name: InputName,
    /// Fed raw as `[rows, 1]` of this type; numbers in 64 bits where 32 would lose digits that matter. A
    /// missing number is NaN, a missing text is "", a missing whole number is [`MISSING_INT`].
    pub raw: ElementType,
    pub encoding: Encoding,
    /// `missing: error`: a row without a value is refused, also when predicting.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// What an exported model calls the preference among tasks, where it reads one beside its inputs.
pub const PREFERENCE: &str = "preference";

/// The raw whole number that stands for a missing one.
pub const MISSING_INT: i64 = i64::MIN;

/// The raw whole number that stands for a value that is none, such as `A7` where training saw whole numbers
/// alone.
pub const UNSEEN_INT: i64 = i64::MIN + 1;

/// How a raw value becomes what the network reads: statistics of the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Encoding {
    /// NaN becomes `fill`, then (x - center) / scale, all in 64 bits; with `indicator` a second column says 1
    /// where the value was missing, else 0. 32-bit floats `[rows, 1 or 2]`.
    Scale { center: f64, scale: f64, fill: f64, indicator: bool },
    /// Code 0 for a value not in `keys`, else 1 + its position. Codes `[rows]`.
    /// A missing value is looked up like any other, as the raw stand-in for missing.
    Code { keys: Keys, width: usize },
    /// As `Code`, but one column per key with a 1 in the value's own; all 0 for a value not in
    /// `keys`. Float `[rows, keys]`.
    OneHot { keys: Keys },
    /// Token numbers, at most `length` of them, of a longer row those at its `side`; sequences of codes. Fed
    /// as whole numbers `[rows, time]`, each row filled up with the tokenizer's `pad`.
    Tokens { tokenizer: Tokenizer, length: usize, side: TruncationSide },
    /// (x - center) / scale in each column, in 64 bits, at most `length` steps; sequences of 32-bit floats.
    /// Fed as floats `[rows, time, width]`, each row filled up with NaN.
    Series { center: Vec<f64>, scale: Vec<f64>, length: usize },
    /// (x / 255 - mean) / deviation of each channel. Fed, and kept, as bytes `[rows, channels, height,
    /// width]`. Training rows are changed by `augment` first. What is transparent is laid on the brightness
    /// `background`; of 16 bits, those of `range` become 0 to 255.
    Image {
        channels: usize,
        height: usize,
        width: usize,
        mean: Vec<f32>,
        deviation: Vec<f32>,
        #[serde(default)]
        augment: Vec<Augmentation>,
        #[serde(default = "white")]
        background: u8,
        #[serde(default = "full")]
        range: [u16; 2],
    },
    /// What an input kind of the crate `origin` makes of a cell, by its `settings` and what it `fitted`,
    /// before the model is fed: 32-bit floats `[rows, ...]` of this shape, a sequence filled up with NaN.
    Registered { name: String, origin: String, settings: Value, fitted: Value, shape: Shape },
}

fn white() -> u8 {
    u8::MAX
}

fn full() -> [u16; 2] {
    [0, u16::MAX]
}

/// The known values of a category, in code order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keys {
    Text(Vec<String>),
    Int(Vec<i64>),
}

impl Keys {
    pub fn len(&self) -> usize {
        match self {
            Self::Text(keys) => keys.len(),
            Self::Int(keys) => keys.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Encoding {
    /// The shape of one row once embedded: what the input gives the network.
    pub fn shape(&self) -> Shape {
        match self {
            Self::Scale { indicator, .. } => Shape::vector(1 + usize::from(*indicator)),
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

/// One task's outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskSignature {
    pub name: TaskName,
    pub table: TableName,
    pub target: FittedTarget,
}

impl TaskSignature {
    /// The ONNX output of raw network values, `[rows, logits]`; standardized units for regression.
    pub fn logits_output(&self) -> String {
        format!("{}_logits", self.name)
    }

    /// The ONNX output of probabilities, or of values in the target's unit, `[rows, answers]`.
    pub fn answer_output(&self) -> String {
        self.name.to_string()
    }
}

impl Signature {
    pub fn task(&self, name: &TaskName) -> Option<&TaskSignature> {
        self.tasks.iter().find(|task| task.name == *name)
    }
}
