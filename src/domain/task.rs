//! What a task predicts: its words (`TargetConfig`), and what fitting on the training rows makes of
//! them (`FittedTarget`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::array::ElementType;
use crate::domain::choice_config::{Settings, kinds};
use crate::domain::number::{Fraction, TextLength};
use crate::domain::task_kind::TaskKind;
use crate::domain::text::{DecoderConfig, ScheduledSamplingConfig, SearchConfig, TextConfig, Tokenizer};

kinds! {
    /// What a task predicts.
    pub enum TargetConfig: "task kind" {
        Binary: "binary" => BinaryConfig,
        Multiclass: "multiclass" => MulticlassConfig,
        Multilabel: "multilabel" => MultilabelConfig,
        Ordinal: "ordinal" => OrdinalConfig,
        Regression: "regression" => RegressionConfig,
        Tagging: "tagging" => TaggingConfig,
        Text: "text" => TextConfig,
        LanguageModel: "language_model" => LanguageModelConfig,
        Segmentation: "segmentation" => SegmentationConfig,
        PixelRegression: "pixel_regression" => PixelRegressionConfig,
    }
}

impl TargetConfig {
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::Binary(_) => TaskKind::Binary,
            Self::Multiclass(_) => TaskKind::Multiclass,
            Self::Multilabel(_) => TaskKind::Multilabel,
            Self::Ordinal(_) => TaskKind::Ordinal,
            Self::Regression(_) => TaskKind::Regression,
            Self::Tagging(_) => TaskKind::Tagging,
            Self::Text(_) => TaskKind::Text,
            Self::LanguageModel(_) => TaskKind::LanguageModel,
            Self::Segmentation(_) => TaskKind::Segmentation,
            Self::PixelRegression(_) => TaskKind::PixelRegression,
        }
    }
}

/// One of two classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BinaryConfig {
    /// The value of the target column that counts as positive. Without it: `true`, `1`, `yes`,
    /// or else the second of the two values in sorted order.
    #[serde(default)]
    pub positive: Option<String>,
    /// Predict positive from this probability on. Default 0.5.
    #[serde(default = "default_threshold")]
    pub threshold: Fraction,
}

impl Settings for BinaryConfig {
    const BARE: Option<&'static str> = Some("positive");
    const EXAMPLE: &'static str = "{binary: {positive: \"yes\", threshold: 0.5}}";
}

/// One of several classes, in no order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MulticlassConfig {}

impl Settings for MulticlassConfig {
    const EXAMPLE: &'static str = "multiclass";
}

/// Several columns, each present or not (0 or 1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MultilabelConfig {
    /// Predict a label from this probability on. Default 0.5.
    #[serde(default = "default_threshold")]
    pub threshold: Fraction,
}

impl Settings for MultilabelConfig {
    const EXAMPLE: &'static str = "{multilabel: {threshold: 0.5}}";
}

/// One of several classes that stand in an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrdinalConfig {
    /// The classes from lowest to highest. Without it: numeric order, for numeric columns only.
    #[serde(default)]
    pub order: Option<Vec<String>>,
}

impl Settings for OrdinalConfig {
    const BARE: Option<&'static str> = Some("order");
    const EXAMPLE: &'static str = "{ordinal: [low, middle, high]}";
}

/// One or several numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegressionConfig {
    /// Learn (y - mean) / deviation of the training rows; answers come back in the target's unit.
    /// Default true.
    #[serde(default = "default_standardize")]
    pub standardize: bool,
}

impl Settings for RegressionConfig {
    const BARE: Option<&'static str> = Some("standardize");
    const EXAMPLE: &'static str = "{regression: {standardize: true}}";
}

/// One class per token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaggingConfig {
    /// How spans are written as tags. Default none: every tag is a class of its own.
    #[serde(default)]
    pub scheme: TagScheme,
    /// Learn which tag follows which (a linear-chain conditional random field). Default false.
    #[serde(default)]
    pub crf: bool,
}

impl Settings for TaggingConfig {
    const BARE: Option<&'static str> = Some("scheme");
    const EXAMPLE: &'static str = "{tagging: {scheme: bio, crf: true}}";
}

/// How spans of tokens are written as tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TagScheme {
    /// No spans.
    #[default]
    None,
    /// I-x inside, O outside.
    Io,
    /// B-x begins, I-x goes on, O outside.
    Bio,
    /// B-x begins, I-x goes on, E-x ends, S-x stands alone, O outside.
    Bioes,
}

/// The next token, at every token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LanguageModelConfig {
    /// Tokens at most by which `mtl predict` goes on with a text. Default 32.
    #[serde(default = "default_length")]
    pub length: TextLength,
    /// How these are chosen. Default greedy.
    #[serde(default)]
    pub search: SearchConfig,
}

impl Settings for LanguageModelConfig {
    const BARE: Option<&'static str> = Some("length");
    const EXAMPLE: &'static str = "{language_model: {length: 32, search: {sample: {top_p: 0.9}}}}";
}

/// One class per pixel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SegmentationConfig {
    /// Names of the pixels' values 0, 1, 2...; no pixel may have another. Default: every value of the
    /// training rows is a class, called by its number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// The value of pixels without a label, such as 255 around objects: neither learned from nor scored.
    /// Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<u8>,
}

impl Settings for SegmentationConfig {
    const EXAMPLE: &'static str = "{segmentation: {classes: [background, digit], ignore: 255}}";
}

/// One number per pixel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PixelRegressionConfig {
    /// Learn (y - mean) / deviation of the training rows; answers come back in the target's unit.
    /// Default true.
    #[serde(default = "default_standardize")]
    pub standardize: bool,
}

impl Settings for PixelRegressionConfig {
    const BARE: Option<&'static str> = Some("standardize");
    const EXAMPLE: &'static str = "{pixel_regression: {standardize: true}}";
}

fn default_length() -> TextLength {
    TextLength::constant(32)
}

fn default_threshold() -> Fraction {
    Fraction::constant(0.5)
}

fn default_standardize() -> bool {
    true
}

/// A target fitted on the training rows.
///
/// Its truth is an array `[rows, width]` of floats, NaN where the label is missing: a class's
/// index (binary: 0 or 1), a label's 0 or 1, or a number in the target's own unit, of 64 bits for
/// regression. Where a target has steps or pixels, see [`LabelLevel`], each of them has such a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FittedTarget {
    /// `classes` is [negative, positive]; `counts` are training rows per class.
    Binary {
        classes: [String; 2],
        counts: [u64; 2],
        threshold: f64,
    },
    Multiclass {
        classes: Vec<String>,
        counts: Vec<u64>,
    },
    /// `positives` and `present` are training rows per label.
    Multilabel {
        labels: Vec<String>,
        positives: Vec<u64>,
        present: Vec<u64>,
        threshold: f64,
    },
    Ordinal {
        classes: Vec<String>,
        counts: Vec<u64>,
    },
    /// Learned as (y - center) / scale; center 0 and scale 1 when not standardized.
    Regression {
        columns: Vec<String>,
        center: Vec<f64>,
        scale: Vec<f64>,
    },
    /// `counts` are training tokens per class.
    Tagging {
        classes: Vec<String>,
        counts: Vec<u64>,
        scheme: TagScheme,
        crf: bool,
    },
    /// Truth: token numbers and `end`; an empty row is a missing text.
    Text {
        tokenizer: Tokenizer,
        length: usize,
        decoder: DecoderConfig,
        search: SearchConfig,
        /// Does it point at tokens of what it reads?
        #[serde(default)]
        copy: bool,
        /// How many of the tokens it reads while learning are its own guesses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scheduled_sampling: Option<ScheduledSamplingConfig>,
    },
    /// Truth: at each token of the input the number of the next; `end` at the last.
    LanguageModel {
        tokenizer: Tokenizer,
        length: usize,
        search: SearchConfig,
    },
    /// `counts` are training pixels per class.
    Segmentation {
        classes: Vec<String>,
        counts: Vec<u64>,
        height: usize,
        width: usize,
    },
    /// Learned as (y - center) / scale.
    PixelRegression {
        height: usize,
        width: usize,
        center: f64,
        scale: f64,
    },
}

/// What has a label of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelLevel {
    /// A row. Truth `[rows, width]`, answers `[rows, answers]`.
    Row,
    /// A token of a row. Truth: sequences of floats; answers: sequences of `[answers]`.
    Step,
    /// A pixel of a row. Truth `[rows, height, width]`, answers `[rows, height, width, answers]`.
    Pixel { height: usize, width: usize },
}

impl FittedTarget {
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::Binary { .. } => TaskKind::Binary,
            Self::Multiclass { .. } => TaskKind::Multiclass,
            Self::Multilabel { .. } => TaskKind::Multilabel,
            Self::Ordinal { .. } => TaskKind::Ordinal,
            Self::Regression { .. } => TaskKind::Regression,
            Self::Tagging { .. } => TaskKind::Tagging,
            Self::Text { .. } => TaskKind::Text,
            Self::LanguageModel { .. } => TaskKind::LanguageModel,
            Self::Segmentation { .. } => TaskKind::Segmentation,
            Self::PixelRegression { .. } => TaskKind::PixelRegression,
        }
    }

    /// What has a label of its own.
    pub fn label_level(&self) -> LabelLevel {
        match self {
            Self::Tagging { .. } | Self::Text { .. } | Self::LanguageModel { .. } => LabelLevel::Step,
            Self::Segmentation { height, width, .. } | Self::PixelRegression { height, width, .. } => {
                LabelLevel::Pixel { height: *height, width: *width }
            }
            _ => LabelLevel::Row,
        }
    }

    /// Does it write tokens of a vocabulary, too many for an answer of all their probabilities?
    pub fn writes(&self) -> Option<&Tokenizer> {
        match self {
            Self::Text { tokenizer, .. } | Self::LanguageModel { tokenizer, .. } => Some(tokenizer),
            _ => None,
        }
    }

    /// Columns of the truth, of each step or pixel where there are such.
    pub fn width(&self) -> usize {
        match self {
            Self::Multilabel { labels, .. } => labels.len(),
            Self::Regression { columns, .. } => columns.len(),
            _ => 1,
        }
    }

    /// Columns of the network's raw output: one cut point less than classes for ordinal.
    pub fn logits(&self) -> usize {
        match self {
            Self::Binary { .. } => 1,
            Self::Multiclass { classes, .. } => classes.len(),
            Self::Ordinal { classes, .. } => classes.len() - 1,
            Self::Multilabel { labels, .. } => labels.len(),
            Self::Regression { columns, .. } => columns.len(),
            Self::Tagging { classes, .. } | Self::Segmentation { classes, .. } => classes.len(),
            Self::Text { tokenizer, .. } | Self::LanguageModel { tokenizer, .. } => tokenizer.size,
            Self::PixelRegression { .. } => 1,
        }
    }

    /// Columns of the answer: the probability of positive (binary), of each class (multiclass,
    /// ordinal), of each label (multilabel), or the numbers (regression).
    pub fn answers(&self) -> usize {
        match self {
            Self::Ordinal { classes, .. } => classes.len(),
            other => other.logits(),
        }
    }

    /// Center and scale of each column of numbers: they are learned as (y - center) / scale.
    pub fn unit(&self) -> Option<(&[f64], &[f64])> {
        match self {
            Self::Regression { center, scale, .. } => Some((center, scale)),
            Self::PixelRegression { center, scale, .. } => {
                Some((std::slice::from_ref(center), std::slice::from_ref(scale)))
            }
            _ => None,
        }
    }

    /// What an exported model answers in: 64-bit floats for numbers so far from 0, compared with how much
    /// they differ, that rounding to 32 bits would show.
    pub fn answer_type(&self) -> ElementType {
        let Some((center, scale)) = self.unit() else { return ElementType::Float32 };
        let shows = |(center, scale): (&f64, &f64)| {
            let rounded = center.abs() * ROUNDING > VISIBLE * scale;
            let (least, most) = (scale / SPREAD, center.abs() + SPREAD * scale);
            rounded || least < f64::from(f32::MIN_POSITIVE) || most > f64::from(f32::MAX)
        };
        match center.iter().zip(scale).any(shows) {
            true => ElementType::Float64,
            false => ElementType::Float32,
        }
    }
}

/// The largest rounding to a 32-bit float, as a share of the number.
const ROUNDING: f64 = 1.0 / (1 << 24) as f64;
/// The share of a deviation from which rounding shows: that of the network's own sums is as large.
const VISIBLE: f64 = 1e-6;
/// Deviations that answers may be away from the mean.
const SPREAD: f64 = 1e4;
