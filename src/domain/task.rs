//! What a task predicts: its words (`TargetSpec`), and what fitting on the training rows makes of
//! them (`Target`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::{Settings, kinds};
use crate::domain::number::Fraction;

kinds! {
    /// What a task predicts.
    pub enum TargetSpec: "task kind" {
        Binary: "binary" => BinarySpec,
        Multiclass: "multiclass" => MulticlassSpec,
        Multilabel: "multilabel" => MultilabelSpec,
        Ordinal: "ordinal" => OrdinalSpec,
        Regression: "regression" => RegressionSpec,
    }
}

/// One of two classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BinarySpec {
    /// The value of the target column that counts as positive. Without it: `true`, `1`, `yes`,
    /// or else the second of the two values in sorted order.
    #[serde(default)]
    pub positive: Option<String>,
    /// Predict positive from this probability on. Default 0.5.
    #[serde(default = "half")]
    pub threshold: Fraction,
}

impl Settings for BinarySpec {
    const BARE: Option<&'static str> = Some("positive");
    const EXAMPLE: &'static str = "{binary: {positive: \"yes\", threshold: 0.5}}";
}

/// One of several classes, in no order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MulticlassSpec {}

impl Settings for MulticlassSpec {
    const EXAMPLE: &'static str = "multiclass";
}

/// Several columns, each present or not (0 or 1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MultilabelSpec {
    /// Predict a label from this probability on. Default 0.5.
    #[serde(default = "half")]
    pub threshold: Fraction,
}

impl Settings for MultilabelSpec {
    const EXAMPLE: &'static str = "{multilabel: {threshold: 0.5}}";
}

/// One of several classes that stand in an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrdinalSpec {
    /// The classes from lowest to highest. Without it: numeric order, for numeric columns only.
    #[serde(default)]
    pub order: Option<Vec<String>>,
}

impl Settings for OrdinalSpec {
    const BARE: Option<&'static str> = Some("order");
    const EXAMPLE: &'static str = "{ordinal: [low, middle, high]}";
}

/// One or several numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegressionSpec {
    /// Learn (y - mean) / deviation of the training rows; answers come back in the target's unit.
    /// Default true.
    #[serde(default = "yes")]
    pub standardize: bool,
}

impl Settings for RegressionSpec {
    const BARE: Option<&'static str> = Some("standardize");
    const EXAMPLE: &'static str = "{regression: {standardize: true}}";
}

fn half() -> Fraction {
    Fraction::constant(0.5)
}

fn yes() -> bool {
    true
}

/// A target fitted on the training rows.
///
/// Its truth is an array `[rows, width]` of floats, NaN where the label is missing: a class's
/// index (binary: 0 or 1), a label's 0 or 1, or a number in the target's own unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
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
        center: Vec<f32>,
        scale: Vec<f32>,
    },
}

impl Target {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Binary { .. } => "binary",
            Self::Multiclass { .. } => "multiclass",
            Self::Multilabel { .. } => "multilabel",
            Self::Ordinal { .. } => "ordinal",
            Self::Regression { .. } => "regression",
        }
    }

    /// Columns of the truth.
    pub fn width(&self) -> usize {
        match self {
            Self::Binary { .. } | Self::Multiclass { .. } | Self::Ordinal { .. } => 1,
            Self::Multilabel { labels, .. } => labels.len(),
            Self::Regression { columns, .. } => columns.len(),
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
}
