//! Builds the output head of each target kind.

use crate::domain::shape::Shape;
use crate::domain::task::FittedTarget;
use crate::domain::task_kind::TaskKind;
use crate::model::error::ModelResult;
use crate::model::head::target_unit::TargetUnit;
use crate::model::head::{
    Head, binary, language_model, multiclass, ordinal, pixel_regression, regression, segmentation, tagging,
    text,
};
use crate::model::layer::vector;
use crate::model::weights::Weights;

/// Whether the head of a task of this kind accepts `input`.
///
/// # Errors
/// The reason if it does not, a phrase whose subject is the head.
pub fn accepts(kind: TaskKind, input: Shape) -> ModelResult<(), String> {
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

/// Builds the head of a target; `input` must be accepted by [`accepts`].
pub fn build(
    name: &str,
    target: &FittedTarget,
    input: Shape,
    weights: &mut Weights,
) -> ModelResult<Box<dyn Head>> {
    let width = input.width();
    Ok(match target {
        FittedTarget::Binary { .. } | FittedTarget::Multilabel { .. } => {
            Box::new(binary::Binary::build(name, width, target.logits(), weights)?)
        }
        FittedTarget::Multiclass { classes, .. } => {
            Box::new(multiclass::Multiclass::build(name, width, classes.len(), weights)?)
        }
        FittedTarget::Ordinal { classes, .. } => {
            Box::new(ordinal::Ordinal::build(name, width, classes.len(), weights)?)
        }
        FittedTarget::Regression { center, scale, .. } => {
            let unit = TargetUnit::new(center, scale, target.prediction_type());
            Box::new(regression::Regression::build(name, width, unit, weights)?)
        }
        FittedTarget::Tagging { classes, scheme, crf, .. } => {
            Box::new(tagging::Tagging::build(name, width, classes, *scheme, *crf, weights)?)
        }
        FittedTarget::Segmentation { height, width, .. } => {
            let pixels = segmentation::PixelProjection::build(
                name,
                input,
                (*height, *width),
                target.logits(),
                weights,
            )?;
            Box::new(segmentation::Segmentation::new(pixels))
        }
        FittedTarget::PixelRegression { height, width, center, scale } => {
            let pixels = segmentation::PixelProjection::build(name, input, (*height, *width), 1, weights)?;
            let unit = TargetUnit::new(&[*center], &[*scale], target.prediction_type());
            Box::new(pixel_regression::PixelRegression::new(pixels, unit))
        }
        FittedTarget::Text { tokenizer, length, decoder, copy, scheduled_sampling, .. } => {
            let settings = text::TextHeadSettings {
                decoder,
                tokenizer,
                length: *length,
                copy: *copy,
                scheduled_sampling: scheduled_sampling.as_ref(),
            };
            Box::new(text::TextHead::build(name, settings, input, weights)?)
        }
        FittedTarget::LanguageModel { tokenizer, pretrained, .. } => {
            let head = language_model::LanguageModel::build(name, width, tokenizer.size, weights)?;
            if *pretrained {
                language_model::LanguageModel::request_pretrained(name, tokenizer.size, weights)?;
            }
            Box::new(head)
        }
    })
}
