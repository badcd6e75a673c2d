//! The head of each target kind, and what it can read.

use crate::domain::shape::Shape;
use crate::domain::task::Target;
use crate::domain::task_kind::TaskKind;
use crate::model::error::Result;
use crate::model::head::unit::Unit;
use crate::model::head::{
    Head, binary, language_model, multiclass, ordinal, pixel_regression, regression, segmentation, tagging,
    text,
};
use crate::model::layer::vector;
use crate::model::weights::Weights;

/// Can the head of a task of this kind read `input`? Otherwise why not.
pub fn accepts(kind: TaskKind, input: Shape) -> Result<(), String> {
    match (kind, input) {
        (TaskKind::Tagging | TaskKind::LanguageModel, Shape::Sequence { .. }) => Ok(()),
        (TaskKind::Tagging | TaskKind::LanguageModel, other) => Err(format!("needs a sequence, not {other}")),
        (TaskKind::Text, Shape::Sequence { .. } | Shape::Vector { .. }) => Ok(()),
        (TaskKind::Text, other) => Err(format!("needs a sequence or a vector, not {other}")),
        (TaskKind::Segmentation | TaskKind::PixelRegression, Shape::Image { .. }) => Ok(()),
        (TaskKind::Segmentation | TaskKind::PixelRegression, other) => {
            Err(format!("needs an image, not {other}"))
        }
        (_, other) => vector(other).map(drop),
    }
}

/// The head of a target; `accepts` has agreed to `input`.
pub fn build(name: &str, target: &Target, input: Shape, weights: &mut Weights) -> Result<Box<dyn Head>> {
    let width = input.width();
    Ok(match target {
        Target::Binary { .. } | Target::Multilabel { .. } => {
            Box::new(binary::Binary::build(name, width, target.logits(), weights)?)
        }
        Target::Multiclass { classes, .. } => {
            Box::new(multiclass::Multiclass::build(name, width, classes.len(), weights)?)
        }
        Target::Ordinal { classes, .. } => {
            Box::new(ordinal::Ordinal::build(name, width, classes.len(), weights)?)
        }
        Target::Regression { center, scale, .. } => {
            let unit = Unit::new(center, scale, target.answer_type());
            Box::new(regression::Regression::build(name, width, unit, weights)?)
        }
        Target::Tagging { classes, scheme, crf, .. } => {
            Box::new(tagging::Tagging::build(name, width, classes, *scheme, *crf, weights)?)
        }
        Target::Segmentation { height, width, .. } => {
            let pixels =
                segmentation::Pixels::build(name, input, (*height, *width), target.logits(), weights)?;
            Box::new(segmentation::Segmentation::new(pixels))
        }
        Target::PixelRegression { height, width, center, scale } => {
            let pixels = segmentation::Pixels::build(name, input, (*height, *width), 1, weights)?;
            let unit = Unit::new(&[*center], &[*scale], target.answer_type());
            Box::new(pixel_regression::PixelRegression::new(pixels, unit))
        }
        Target::Text { tokenizer, length, decoder, copy, scheduled_sampling, .. } => {
            let own = scheduled_sampling.as_ref();
            let words = text::Words { decoder, tokenizer, length: *length, copy: *copy, own };
            Box::new(text::Text::build(name, words, input, weights)?)
        }
        Target::LanguageModel { tokenizer, .. } => {
            Box::new(language_model::LanguageModel::build(name, width, tokenizer.size, weights)?)
        }
    })
}
