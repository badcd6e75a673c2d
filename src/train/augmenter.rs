//! Augments training images. The transform is a function of the trial's seed, the epoch and the row, so a
//! resumed training sees the same images. Pixel labels are transformed with their images.

use rayon::prelude::*;

use crate::domain::array::{Array, ArrayValues};
use crate::domain::augmentation::{Augmentation, ImageTransform};
use crate::domain::name::InputName;
use crate::domain::signature::{Encoding, Signature};
use crate::domain::task::{FittedTarget, LabelLevel};

/// The image inputs to augment.
pub struct TrainingAugmenter<'a> {
    seed: u64,
    inputs: Vec<AugmentedImage<'a>>,
}

struct AugmentedImage<'a> {
    name: &'a InputName,
    augmentations: &'a [Augmentation],
    channels: usize,
    height: usize,
    width: usize,
}

impl<'a> TrainingAugmenter<'a> {
    /// `None` if no input is augmented.
    pub fn new(signature: &'a Signature, seed: u64) -> Option<Self> {
        let inputs = signature.inputs.iter().filter_map(|input| match &input.encoding {
            Encoding::Image { channels, height, width, augment, .. } if !augment.is_empty() => {
                Some(AugmentedImage {
                    name: &input.name,
                    augmentations: augment,
                    channels: *channels,
                    height: *height,
                    width: *width,
                })
            }
            _ => None,
        });
        let inputs: Vec<AugmentedImage> = inputs.collect();
        (!inputs.is_empty()).then_some(Self { seed, inputs })
    }

    /// Transforms gathered images in place; `rows` are their row numbers.
    pub fn images(&self, arrays: &mut [(InputName, Array)], rows: &[u32], epoch: usize) {
        for image in &self.inputs {
            let entry = arrays.iter_mut().find(|(name, _)| name == image.name);
            let Some(ArrayValues::U8(pixels)) = entry.map(|(_, array)| &mut array.values) else { continue };
            let (channels, height, width) = (image.channels, image.height, image.width);
            pixels.par_chunks_mut((channels * height * width).max(1)).zip(rows).for_each(|(pixels, row)| {
                self.transform(image, *row, epoch).apply_u8(pixels, channels, height, width);
            });
        }
    }

    /// The transformed labels of these rows; `None` for labels that are not pixels of an augmented image.
    pub fn labels(&self, target: &FittedTarget, truth: &Array, rows: &[u32], epoch: usize) -> Option<Array> {
        let LabelLevel::Pixel { height, width } = target.label_level() else { return None };
        let image = self.inputs.iter().find(|image| (image.height, image.width) == (height, width))?;
        let mut gathered = truth.gather(rows);
        if let ArrayValues::F32(cells) = &mut gathered.values {
            cells.par_chunks_mut((height * width).max(1)).zip(rows).for_each(|(cells, row)| {
                self.transform(image, *row, epoch).apply_f32(cells, height, width);
            });
        }
        Some(gathered)
    }

    fn transform(&self, image: &AugmentedImage, row: u32, epoch: usize) -> ImageTransform {
        Augmentation::draw(image.augmentations, self.seed, epoch, row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::domain::array::{Array, ArrayValues, ElementType};
    use crate::domain::image_resize::{ResizeConfig, ResizeFilter};
    use crate::domain::name::InputName;
    use crate::domain::signature::{Encoding, InputSignature, Signature};
    use crate::domain::task::FittedTarget;
    use crate::train::augmenter::TrainingAugmenter;

    #[test]
    fn pixel_labels_are_transformed_with_their_images() {
        let name = InputName::new("image").expect("a name");
        let encoding = Encoding::Image {
            channels: 1,
            height: 2,
            width: 3,
            mean: vec![0.0],
            deviation: vec![1.0],
            augment: serde_json::from_value(json!([{"flip": {"probability": 0.5}}])).expect("words"),
            background: 255,
            range: [0, u16::MAX],
            resize: ResizeConfig::Stretch,
            filter: ResizeFilter::Bilinear,
        };
        let input = InputSignature { name: name.clone(), raw: ElementType::Uint8, encoding, required: false };
        let signature = Signature { inputs: vec![input], tasks: vec![], readings: Default::default() };
        let augmenter = TrainingAugmenter::new(&signature, 3).expect("an augmentation");
        let rows: Vec<u32> = (0..64).collect();
        let pixels: Vec<u8> = rows.iter().flat_map(|row| (0..6).map(move |p| *row as u8 + p)).collect();
        let truth = Array::f32(&[64, 2, 3], pixels.iter().map(|pixel| f32::from(*pixel)).collect());
        let target = FittedTarget::PixelRegression { height: 2, width: 3, center: 0.0, scale: 1.0 };
        let transformed = |epoch: usize| {
            let mut arrays =
                vec![(name.clone(), Array::new(&[64, 1, 2, 3], ArrayValues::U8(pixels.clone())))];
            augmenter.images(&mut arrays, &rows, epoch);
            let labels = augmenter.labels(&target, &truth, &rows, epoch).expect("pixels");
            let ArrayValues::U8(images) = arrays.remove(0).1.values else { panic!("bytes") };
            let same = images.iter().map(|pixel| f32::from(*pixel)).collect::<Vec<f32>>();
            assert_eq!(labels.as_f32(), Some(same.as_slice()));
            images
        };
        let first = transformed(0);
        let flipped = first.chunks(6).zip(pixels.chunks(6)).filter(|(a, b)| a != b).count();
        assert!((16..48).contains(&flipped), "about half of 64, found {flipped}");
        assert_eq!(first, transformed(0));
        assert_ne!(first, transformed(1));
    }
}
