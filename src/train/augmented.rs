//! Training images, changed a little: a function of the trial's seed, the epoch and the row, so that a
//! training that goes on sees what it would have seen. Labels of pixels move with their pixels.

use rayon::prelude::*;

use crate::domain::array::{Array, ArrayValues};
use crate::domain::augmentation::{Augmentation, ImageTransform};
use crate::domain::name::InputName;
use crate::domain::signature::{Encoding, Signature};
use crate::domain::task::{FittedTarget, LabelLevel};

/// The images that are changed.
pub struct TrainingAugmenter<'a> {
    seed: u64,
    inputs: Vec<AugmentedImage<'a>>,
}

struct AugmentedImage<'a> {
    name: &'a InputName,
    list: &'a [Augmentation],
    channels: usize,
    height: usize,
    width: usize,
}

impl<'a> TrainingAugmenter<'a> {
    /// `None` when nothing is to be changed.
    pub fn new(signature: &'a Signature, seed: u64) -> Option<Self> {
        let image = signature.inputs.iter().filter_map(|input| match &input.encoding {
            Encoding::Image { channels, height, width, augment, .. } if !augment.is_empty() => {
                Some(AugmentedImage {
                    name: &input.name,
                    list: augment,
                    channels: *channels,
                    height: *height,
                    width: *width,
                })
            }
            _ => None,
        });
        let inputs: Vec<AugmentedImage> = image.collect();
        (!inputs.is_empty()).then_some(Self { seed, inputs })
    }

    /// Changes gathered rows, which are those of these numbers.
    pub fn images(&self, arrays: &mut [(InputName, Array)], rows: &[u32], epoch: usize) {
        for image in &self.inputs {
            let entry = arrays.iter_mut().find(|(name, _)| name == image.name);
            let Some(ArrayValues::U8(pixels)) = entry.map(|(_, array)| &mut array.values) else { continue };
            let (channels, height, width) = (image.channels, image.height, image.width);
            pixels.par_chunks_mut((channels * height * width).max(1)).zip(rows).for_each(|(pixels, row)| {
                self.motion(image, *row, epoch).apply_u8(pixels, channels, height, width);
            });
        }
    }

    /// The labels of these rows, moved as the first image is; those that are not of pixels as they are.
    pub fn labels(&self, target: &FittedTarget, truth: &Array, rows: &[u32], epoch: usize) -> Option<Array> {
        let LabelLevel::Pixel { height, width } = target.label_level() else { return None };
        let image = self.inputs.iter().find(|image| (image.height, image.width) == (height, width))?;
        let mut gathered = truth.gather(rows);
        if let ArrayValues::F32(cells) = &mut gathered.values {
            cells.par_chunks_mut((height * width).max(1)).zip(rows).for_each(|(cells, row)| {
                self.motion(image, *row, epoch).apply_f32(cells, height, width);
            });
        }
        Some(gathered)
    }

    fn motion(&self, image: &AugmentedImage, row: u32, epoch: usize) -> ImageTransform {
        Augmentation::draw(image.list, self.seed, epoch, row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::domain::array::{Array, ArrayValues, ElementType};
    use crate::domain::name::InputName;
    use crate::domain::signature::{Encoding, InputSignature, Signature};
    use crate::domain::task::FittedTarget;
    use crate::train::augmented::TrainingAugmenter;

    #[test]
    fn labels_of_pixels_move_with_their_pixels() {
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
        };
        let input = InputSignature { name: name.clone(), raw: ElementType::Uint8, encoding, required: false };
        let signature = Signature { inputs: vec![input], tasks: vec![], readings: Default::default() };
        let augmented = TrainingAugmenter::new(&signature, 3).expect("something to change");
        let rows: Vec<u32> = (0..64).collect();
        let pixels: Vec<u8> = rows.iter().flat_map(|row| (0..6).map(move |p| *row as u8 + p)).collect();
        let truth = Array::f32(&[64, 2, 3], pixels.iter().map(|pixel| f32::from(*pixel)).collect());
        let target = FittedTarget::PixelRegression { height: 2, width: 3, center: 0.0, scale: 1.0 };
        let moved = |epoch: usize| {
            let mut arrays =
                vec![(name.clone(), Array::new(&[64, 1, 2, 3], ArrayValues::U8(pixels.clone())))];
            augmented.images(&mut arrays, &rows, epoch);
            let labels = augmented.labels(&target, &truth, &rows, epoch).expect("pixels");
            let ArrayValues::U8(moved) = arrays.remove(0).1.values else { panic!("bytes") };
            let same = moved.iter().map(|pixel| f32::from(*pixel)).collect::<Vec<f32>>();
            assert_eq!(labels.as_f32(), Some(same.as_slice()));
            moved
        };
        let first = moved(0);
        let flipped = first.chunks(6).zip(pixels.chunks(6)).filter(|(a, b)| a != b).count();
        assert!((16..48).contains(&flipped), "about half of 64, found {flipped}");
        assert_eq!(first, moved(0));
        assert_ne!(first, moved(1));
    }
}
