//! The kinds of tasks.

use std::fmt;

/// What a task answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskKind {
    Binary,
    Multiclass,
    Multilabel,
    Ordinal,
    Regression,
    Tagging,
    Text,
    LanguageModel,
    Segmentation,
    PixelRegression,
}

impl TaskKind {
    /// As a pipeline writes it.
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

    /// Are answers probabilities of classes or labels?
    pub const fn answers_classes(self) -> bool {
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

    /// Are tokens of a vocabulary written?
    pub const fn writes(self) -> bool {
        matches!(self, Self::Text | Self::LanguageModel)
    }
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
