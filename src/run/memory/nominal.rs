//! A nominal signature from the pipeline alone: sizes that are set, and the minimum for sizes that depend on
//! the data. A network that does not fit with these sizes does not fit at all.

use crate::data::config::FeatureConfig;
use crate::domain::array::ElementType;
use crate::domain::image_resize::{ResizeConfig, ResizeFilter};
use crate::domain::name::TableName;
use crate::domain::shape::Shape;
use crate::domain::signature::{Encoding, InputSignature, Keys, Signature, TaskSignature};
use crate::domain::task::{FittedTarget, TargetConfig};
use crate::domain::text::Tokenizer;
use crate::domain::tokenizer::{Segmenter, TruncationSide};
use crate::spec::PipelineConfig;
use crate::spec::task::TaskConfig;

/// The smallest signature that data could give this pipeline.
pub fn signature(pipeline: &PipelineConfig) -> Signature {
    let inputs = pipeline.inputs.iter().map(|(name, input)| InputSignature {
        name: name.clone(),
        raw: ElementType::Float32,
        encoding: encoding(&input.feature),
        required: false,
    });
    let only = pipeline.data.keys().next();
    let image = pipeline.inputs.values().find_map(|input| match input.feature.shape() {
        Shape::Image { height, width, .. } => Some((height, width)),
        _ => None,
    });
    let tasks = pipeline.tasks.iter().filter_map(|(name, task)| {
        let table: TableName = task.data.as_ref().or(only)?.clone();
        Some(TaskSignature { name: name.clone(), table, target: target(task, image.unwrap_or((1, 1))) })
    });
    Signature { inputs: inputs.collect(), tasks: tasks.collect(), readings: Default::default() }
}

fn encoding(feature: &FeatureConfig) -> Encoding {
    let one = || Keys::Int(vec![0]);
    match feature {
        FeatureConfig::Category(config) => {
            Encoding::Code { keys: one(), width: config.width.map_or(1, |width| width.get()) }
        }
        FeatureConfig::OneHot(_) => Encoding::OneHot { keys: one() },
        other => match other.shape() {
            Shape::Vector { .. } => Encoding::Scale { center: 0.0, scale: 1.0, fill: 0.0, indicator: false },
            Shape::Tokens { .. } => Encoding::Tokens {
                tokenizer: tokenizer(),
                length: 1,
                side: TruncationSide::Head,
                plane: None,
            },
            Shape::Sequence { width } => {
                Encoding::Series { center: vec![0.0; width], scale: vec![1.0; width], length: 1 }
            }
            Shape::Image { channels, height, width } => Encoding::Image {
                channels,
                height,
                width,
                mean: Vec::new(),
                deviation: Vec::new(),
                augment: Vec::new(),
                background: 0,
                range: [0, u16::MAX],
                resize: ResizeConfig::Stretch,
                filter: ResizeFilter::Bilinear,
            },
        },
    }
}

fn target(task: &TaskConfig, (height, width): (usize, usize)) -> FittedTarget {
    let columns: Vec<String> = task.target.0.iter().map(ToString::to_string).collect();
    let counted = |count: usize| (vec![String::new(); count], vec![1; count]);
    match &task.kind {
        TargetConfig::Binary(_) => {
            FittedTarget::Binary { classes: Default::default(), counts: [1, 1], threshold: 0.5 }
        }
        TargetConfig::Multiclass(_) => {
            let (classes, counts) = counted(2);
            FittedTarget::Multiclass { classes, counts }
        }
        TargetConfig::Multilabel(_) => {
            let ones = vec![1; columns.len()];
            FittedTarget::Multilabel {
                labels: columns,
                positives: ones.clone(),
                present: ones,
                threshold: 0.5,
            }
        }
        TargetConfig::Ordinal(config) => {
            let (classes, counts) = counted(config.order.as_ref().map_or(2, |order| order.len().max(2)));
            FittedTarget::Ordinal { classes, counts }
        }
        TargetConfig::Regression(_) => {
            let count = columns.len();
            FittedTarget::Regression { columns, center: vec![0.0; count], scale: vec![1.0; count] }
        }
        TargetConfig::Tagging(config) => {
            let (classes, counts) = counted(2);
            FittedTarget::Tagging { classes, counts, scheme: config.scheme, crf: config.crf }
        }
        TargetConfig::Text(config) => FittedTarget::Text {
            tokenizer: tokenizer(),
            length: 1,
            decoder: config.decoder.clone(),
            search: config.search.clone(),
            copy: config.copy,
            scheduled_sampling: config.scheduled_sampling.clone(),
        },
        TargetConfig::LanguageModel(config) => FittedTarget::LanguageModel {
            tokenizer: tokenizer(),
            length: 1,
            search: config.search.clone(),
            pretrained: config.pretrained,
        },
        TargetConfig::Segmentation(config) => {
            let (classes, counts) = counted(config.classes.len().max(2));
            FittedTarget::Segmentation { classes, counts, height, width }
        }
        TargetConfig::PixelRegression(_) => {
            FittedTarget::PixelRegression { height, width, center: 0.0, scale: 1.0 }
        }
    }
}

/// A tokenizer with special tokens only, which every tokenizer has.
fn tokenizer() -> Tokenizer {
    let (unknown, begin, end) = (Some(1), Some(2), Some(3));
    let (json, leading, trailing) = (String::new(), 0, 0);
    Tokenizer { segmenter: Segmenter::None, json, size: 4, pad: 0, unknown, begin, end, leading, trailing }
}
