//! The kinds of tasks.

use std::fmt;

/// The kind of a task's prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskKind {
    /// One of two classes.
    Binary,
    /// One of several classes.
    Multiclass,
    /// Any number of labels.
    Multilabel,
    /// One of several ordered classes.
    Ordinal,
    /// One or more numbers.
    Regression,
    /// A class for each token.
    Tagging,
    /// A generated text.
    Text,
    /// The next token at each position.
    LanguageModel,
    /// A class for each pixel.
    Segmentation,
    /// A number for each pixel.
    PixelRegression,
}

impl TaskKind {
    /// The name in a pipeline.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Multiclass => "multiclass",
            Self::Multilabel => "multilabel",
            Self::Ordinal => "ordinal",
            Self::Regression => "regression",
            Self::Tagging => "tagging",
            Self::Text => "text",
            Self::LanguageModel => "language_model",
            Self::Segmentation => "segmentation",
            Self::PixelRegression => "pixel_regression",
        }
    }

    /// Are predictions probabilities of classes or labels?
    pub const fn predicts_classes(self) -> bool {
        matches!(
            self,
            Self::Binary
                | Self::Multiclass
                | Self::Multilabel
                | Self::Ordinal
                | Self::Tagging
                | Self::Segmentation
        )
    }

    /// Is the prediction a text of tokens?
    pub const fn generates_text(self) -> bool {
        matches!(self, Self::Text | Self::LanguageModel)
    }
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
