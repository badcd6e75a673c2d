//! What the words of a pipeline say of its data before any of it is read: a signature with the sizes that are written, and
//! the least there can be for the others. What does not fit by these does not fit at all.

use crate::data::spec::FeatureSpec;
use crate::domain::array::ElementType;
use crate::domain::name::TableName;
use crate::domain::shape::Shape;
use crate::domain::signature::{Encoding, InputSignature, Keys, Signature, TaskSignature};
use crate::domain::task::{Target, TargetSpec};
use crate::domain::text::Tokenizer;
use crate::domain::tokenizer::{Segmenter, Side};
use crate::spec::PipelineSpec;
use crate::spec::task::TaskSpec;

/// The least signature that data could give this pipeline.
pub fn signature(pipeline: &PipelineSpec) -> Signature {
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

fn encoding(feature: &FeatureSpec) -> Encoding {
    let one = || Keys::Int(vec![0]);
    match feature {
        FeatureSpec::Category(words) => {
            Encoding::Code { keys: one(), width: words.width.map_or(1, |width| width.get()) }
        }
        FeatureSpec::OneHot(_) => Encoding::OneHot { keys: one() },
        other => match other.shape() {
            Shape::Vector { .. } => Encoding::Scale { center: 0.0, scale: 1.0, fill: 0.0, indicator: false },
            Shape::Tokens { .. } => Encoding::Tokens { tokenizer: tokenizer(), length: 1, side: Side::Head },
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
            },
        },
    }
}

fn target(task: &TaskSpec, (height, width): (usize, usize)) -> Target {
    let columns: Vec<String> = task.target.0.iter().map(ToString::to_string).collect();
    let counted = |count: usize| (vec![String::new(); count], vec![1; count]);
    match &task.kind {
        TargetSpec::Binary(_) => {
            Target::Binary { classes: Default::default(), counts: [1, 1], threshold: 0.5 }
        }
        TargetSpec::Multiclass(_) => {
            let (classes, counts) = counted(2);
            Target::Multiclass { classes, counts }
        }
        TargetSpec::Multilabel(_) => {
            let ones = vec![1; columns.len()];
            Target::Multilabel { labels: columns, positives: ones.clone(), present: ones, threshold: 0.5 }
        }
        TargetSpec::Ordinal(words) => {
            let (classes, counts) = counted(words.order.as_ref().map_or(2, |order| order.len().max(2)));
            Target::Ordinal { classes, counts }
        }
        TargetSpec::Regression(_) => {
            let count = columns.len();
            Target::Regression { columns, center: vec![0.0; count], scale: vec![1.0; count] }
        }
        TargetSpec::Tagging(words) => {
            let (classes, counts) = counted(2);
            Target::Tagging { classes, counts, scheme: words.scheme, crf: words.crf }
        }
        TargetSpec::Text(words) => Target::Text {
            tokenizer: tokenizer(),
            length: 1,
            decoder: words.decoder.clone(),
            search: words.search.clone(),
            copy: words.copy,
            scheduled_sampling: words.scheduled_sampling.clone(),
        },
        TargetSpec::LanguageModel(words) => {
            Target::LanguageModel { tokenizer: tokenizer(), length: 1, search: words.search.clone() }
        }
        TargetSpec::Segmentation(words) => {
            let (classes, counts) = counted(words.classes.len().max(2));
            Target::Segmentation { classes, counts, height, width }
        }
        TargetSpec::PixelRegression(_) => Target::PixelRegression { height, width, center: 0.0, scale: 1.0 },
    }
}

/// Of the fewest tokens: those that every tokenizer has.
fn tokenizer() -> Tokenizer {
    let (unknown, begin, end) = (Some(1), Some(2), Some(3));
    Tokenizer { segmenter: Segmenter::None, json: String::new(), size: 4, pad: 0, unknown, begin, end }
}
