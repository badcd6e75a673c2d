//! What a task predicts: its settings (`TargetConfig`) and the target fitted on the training rows
//! (`FittedTarget`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::array::ElementType;
use crate::domain::choice_config::{Settings, kinds};
pub use crate::domain::language_model::LanguageModelConfig;
use crate::domain::language_model::is_false;
use crate::domain::number::Fraction;
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
    /// The kind of the task.
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
    /// The value of the target column that is the positive class. Default: `true`, `1` or `yes`, otherwise
    /// the second of the two values in sorted order.
    #[serde(default)]
    pub positive: Option<String>,
    /// Predict the positive class if its probability is at least this. Default 0.5.
    #[serde(default = "default_threshold")]
    pub threshold: Fraction,
}

impl Settings for BinaryConfig {
    const BARE: Option<&'static str> = Some("positive");
    const EXAMPLE: &'static str = "{binary: {positive: \"yes\", threshold: 0.5}}";
}

/// One of several unordered classes.
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
    /// Predict a label if its probability is at least this. Default 0.5.
    #[serde(default = "default_threshold")]
    pub threshold: Fraction,
}

impl Settings for MultilabelConfig {
    const EXAMPLE: &'static str = "{multilabel: {threshold: 0.5}}";
}

/// One of several ordered classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrdinalConfig {
    /// The classes from lowest to highest. Default: numeric order, for numeric columns only.
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
    /// Train on (y - mean) / deviation of the training rows; predictions are in the target's unit. Default
    /// true.
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
    /// The encoding of spans as tags. Default none: every tag is a class of its own.
    #[serde(default)]
    pub scheme: TagScheme,
    /// Model the transitions between tags (a linear-chain conditional random field). Default false.
    #[serde(default)]
    pub crf: bool,
}

impl Settings for TaggingConfig {
    const BARE: Option<&'static str> = Some("scheme");
    const EXAMPLE: &'static str = "{tagging: {scheme: bio, crf: true}}";
}

/// The encoding of spans of tokens as tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TagScheme {
    /// No spans.
    #[default]
    None,
    /// I-x inside a span, O outside.
    Io,
    /// B-x at the beginning, I-x inside, O outside.
    Bio,
    /// B-x at the beginning, I-x inside, E-x at the end, S-x for a single token, O outside.
    Bioes,
}

/// One class per pixel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SegmentationConfig {
    /// Names of the pixel values 0, 1, 2...; other values are errors. Default: every value of the training
    /// rows is a class, named by its number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// The value of pixels without a label, such as 255 around objects: ignored in training and scoring.
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
    /// Train on (y - mean) / deviation of the training rows; predictions are in the target's unit. Default
    /// true.
    #[serde(default = "default_standardize")]
    pub standardize: bool,
}

impl Settings for PixelRegressionConfig {
    const BARE: Option<&'static str> = Some("standardize");
    const EXAMPLE: &'static str = "{pixel_regression: {standardize: true}}";
}

fn default_threshold() -> Fraction {
    Fraction::constant(0.5)
}

fn default_standardize() -> bool {
    true
}

/// A target fitted on the training rows.
///
/// Labels are floats `[rows, width]`, NaN if missing: a class index (binary: 0 or 1), 0 or 1 per label, or a
/// number in the target's unit (64-bit for regression); one for each step or pixel: see [`LabelLevel`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(missing_docs, reason = "fields are documented with their variant, or by `TargetConfig`")]
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
    /// Trained as (y - center) / scale; center 0 and scale 1 if not standardized.
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
    /// Labels: token numbers, then `end`; an empty row is a missing text.
    Text {
        tokenizer: Tokenizer,
        length: usize,
        decoder: DecoderConfig,
        search: SearchConfig,
        /// Can the decoder copy tokens of its input (pointer-generator)?
        #[serde(default)]
        copy: bool,
        /// How many decoder inputs are the model's own predictions during training.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scheduled_sampling: Option<ScheduledSamplingConfig>,
    },
    /// Labels: at each input token the number of the next one; `end` at the last.
    LanguageModel {
        tokenizer: Tokenizer,
        length: usize,
        search: SearchConfig,
        /// Does the projection begin as that of the pretrained model?
        #[serde(default, skip_serializing_if = "is_false")]
        pretrained: bool,
    },
    /// `counts` are training pixels per class.
    Segmentation {
        classes: Vec<String>,
        counts: Vec<u64>,
        height: usize,
        width: usize,
    },
    /// Trained as (y - center) / scale.
    PixelRegression {
        height: usize,
        width: usize,
        center: f64,
        scale: f64,
    },
}

/// The level at which a target has labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants describe their fields")]
pub enum LabelLevel {
    /// One label per row. Labels `[rows, width]`, predictions `[rows, answers]`.
    Row,
    /// One label per token. Labels are sequences of floats, predictions sequences of `[answers]`.
    Step,
    /// One label per pixel. Labels `[rows, height, width]`, predictions `[rows, height, width, answers]`.
    Pixel { height: usize, width: usize },
}

impl FittedTarget {
    /// The kind of the task.
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

    /// The level at which the target has labels.
    pub fn label_level(&self) -> LabelLevel {
        match self {
            Self::Tagging { .. } | Self::Text { .. } | Self::LanguageModel { .. } => LabelLevel::Step,
            Self::Segmentation { height, width, .. } | Self::PixelRegression { height, width, .. } => {
                LabelLevel::Pixel { height: *height, width: *width }
            }
            _ => LabelLevel::Row,
        }
    }

    /// The tokenizer, if the target is text. Vocabularies are too large to predict all probabilities.
    pub fn output_tokenizer(&self) -> Option<&Tokenizer> {
        match self {
            Self::Text { tokenizer, .. } | Self::LanguageModel { tokenizer, .. } => Some(tokenizer),
            _ => None,
        }
    }

    /// Columns of the labels, per step or pixel where there are such.
    pub fn width(&self) -> usize {
        match self {
            Self::Multilabel { labels, .. } => labels.len(),
            Self::Regression { columns, .. } => columns.len(),
            _ => 1,
        }
    }

    /// Number of logits; for ordinal targets, one cut point less than classes.
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

    /// Columns of the prediction: the probability of the positive class (binary), of each class (multiclass,
    /// ordinal), of each label (multilabel), or the values (regression).
    pub fn prediction_width(&self) -> usize {
        match self {
            Self::Ordinal { classes, .. } => classes.len(),
            other => other.logits(),
        }
    }

    /// Center and scale of each numeric column, which is trained as (y - center) / scale.
    pub fn standardization(&self) -> Option<(&[f64], &[f64])> {
        match self {
            Self::Regression { center, scale, .. } => Some((center, scale)),
            Self::PixelRegression { center, scale, .. } => {
                Some((std::slice::from_ref(center), std::slice::from_ref(scale)))
            }
            _ => None,
        }
    }

    /// Element type of an exported model's predictions: 64-bit floats if the values are so large, compared
    /// with their deviation, that rounding to 32 bits would be visible.
    pub fn prediction_type(&self) -> ElementType {
        let Some((center, scale)) = self.standardization() else { return ElementType::Float32 };
        let shows = |(center, scale): (&f64, &f64)| {
            let rounded = center.abs() * ROUNDING > VISIBLE * scale;
            let (smallest, largest) = (scale / SPREAD, center.abs() + SPREAD * scale);
            rounded || smallest < f64::from(f32::MIN_POSITIVE) || largest > f64::from(f32::MAX)
        };
        match center.iter().zip(scale).any(shows) {
            true => ElementType::Float64,
            false => ElementType::Float32,
        }
    }
}

/// Relative rounding error of a 32-bit float.
const ROUNDING: f64 = 1.0 / (1 << 24) as f64;
/// Fraction of a deviation above which rounding is visible; the rounding error of the network's own sums is
/// as large.
const VISIBLE: f64 = 1e-6;
/// Number of deviations that predictions may be away from the mean.
const SPREAD: f64 = 1e4;
