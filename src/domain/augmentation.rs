//! Image augmentation: random transforms of training images that keep their labels valid, drawn for each row
//! and epoch.
//!
//! Geometric transforms (flip, crop, shift) also transform per-pixel labels; noise does not. Every draw is a
//! function of seed, epoch and row.
//!
//! `picture: {image: {augment: [flip, {shift: 2}, {noise: 0.05}]}}`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::{Settings, kinds};
use crate::domain::number::{Count, Fraction, Positive};

kinds! {
    /// A random transform of training images that keeps their labels valid.
    pub enum Augmentation: "augmentation" {
        Flip: "flip" => Flip,
        Crop: "crop" => Crop,
        Shift: "shift" => Shift,
        Noise: "noise" => Noise,
    }
}

/// Flips the image horizontally.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flip {
    /// Probability of a flip. Default 0.5.
    #[serde(default = "default_probability")]
    pub probability: Fraction,
}

fn default_probability() -> Fraction {
    Fraction::constant(0.5)
}

impl Settings for Flip {
    const BARE: Option<&'static str> = Some("probability");
    const EXAMPLE: &'static str = "flip";
}

/// Crops a window at a random position and resizes it to the image's size (nearest neighbour).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// How many pixels the window is smaller than the image in each dimension.
    pub pixels: Count,
}

impl Settings for Crop {
    const BARE: Option<&'static str> = Some("pixels");
    const EXAMPLE: &'static str = "{crop: 4}";
}

/// Shifts the image by a few pixels horizontally and vertically; uncovered pixels are black and have no
/// label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// Maximum shift in each direction, in pixels.
    pub pixels: Count,
}

impl Settings for Shift {
    const BARE: Option<&'static str> = Some("pixels");
    const EXAMPLE: &'static str = "{shift: 2}";
}

/// Adds approximately normal noise to every byte of the image; labels stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Standard deviation of the noise; 1 is the difference between black and white.
    pub deviation: Positive,
}

impl Settings for Noise {
    const BARE: Option<&'static str> = Some("deviation");
    const EXAMPLE: &'static str = "{noise: 0.05}";
}

impl Augmentation {
    /// Draws the transform of one row in one epoch.
    pub fn draw(list: &[Self], seed: u64, epoch: usize, row: u32) -> ImageTransform {
        let mut random = SplitMix64(mix(mix(mix(seed) ^ epoch as u64) ^ u64::from(row)));
        let mut transform = ImageTransform::default();
        for augmentation in list {
            match augmentation {
                Self::Flip(flip) if random.uniform() < flip.probability.get() => {
                    transform.moves.push(PixelMove::Flip)
                }
                Self::Flip(_) => {}
                Self::Crop(crop) => {
                    let (down, right) = (random.uniform(), random.uniform());
                    transform.moves.push(PixelMove::Crop { pixels: crop.pixels.get(), down, right });
                }
                Self::Shift(shift) => {
                    let pixels = shift.pixels.get();
                    let mut draw = || (random.uniform() * (2 * pixels + 1) as f64) as i64 - pixels as i64;
                    let (down, right) = (draw(), draw());
                    transform.moves.push(PixelMove::Shift { down, right });
                }
                Self::Noise(noise) => transform.noises.push((noise.deviation.get(), random.next())),
            }
        }
        transform
    }
}

/// A drawn transform of one image and its per-pixel labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageTransform {
    moves: Vec<PixelMove>,
    /// Standard deviation and seed of each noise.
    noises: Vec<(f64, u64)>,
}

#[derive(Clone, Debug, PartialEq)]
enum PixelMove {
    Flip,
    /// `down` and `right` are the window's position as a fraction of its range.
    Crop {
        pixels: usize,
        down: f64,
        right: f64,
    },
    Shift {
        down: i64,
        right: i64,
    },
}

impl ImageTransform {
    /// Does the transform change nothing?
    pub fn is_identity(&self) -> bool {
        self.moves.is_empty() && self.noises.is_empty()
    }

    /// Transforms an image `[channels, height, width]` in place.
    pub fn apply_u8(&self, pixels: &mut [u8], channels: usize, height: usize, width: usize) {
        debug_assert_eq!(pixels.len(), channels * height * width);
        self.move_pixels(pixels, height, width, 0);
        for &(deviation, seed) in &self.noises {
            let mut random = SplitMix64(seed);
            for pixel in pixels.iter_mut() {
                *pixel = (f64::from(*pixel) + random.normal() * deviation * 255.0).round() as u8;
            }
        }
    }

    /// Moves the per-pixel labels `[height, width]` of an image; labels from outside the image are NaN.
    pub fn apply_f32(&self, truth: &mut [f32], height: usize, width: usize) {
        debug_assert_eq!(truth.len(), height * width);
        self.move_pixels(truth, height, width, f32::NAN);
    }

    fn move_pixels<T: Copy>(&self, values: &mut [T], height: usize, width: usize, outside: T) {
        if self.moves.is_empty() || height == 0 || width == 0 {
            return;
        }
        let (rows, columns) = self.sources(height, width);
        let mut before = Vec::with_capacity(height * width);
        for plane in values.chunks_exact_mut(height * width) {
            before.clear();
            before.extend_from_slice(plane);
            for (to, row) in plane.chunks_exact_mut(width).zip(&rows) {
                match row {
                    None => to.fill(outside),
                    Some(row) => {
                        let from = &before[row * width..][..width];
                        for (to, column) in to.iter_mut().zip(&columns) {
                            *to = column.map_or(outside, |column| from[column]);
                        }
                    }
                }
            }
        }
    }

    /// Source row of each row and source column of each column; every move is separable.
    fn sources(&self, height: usize, width: usize) -> (Vec<Option<usize>>, Vec<Option<usize>>) {
        let mut rows: Vec<Option<usize>> = (0..height).map(Some).collect();
        let mut columns: Vec<Option<usize>> = (0..width).map(Some).collect();
        for step in &self.moves {
            match *step {
                PixelMove::Flip => columns.reverse(),
                PixelMove::Crop { pixels, down, right } => {
                    rows = window(&rows, pixels, down);
                    columns = window(&columns, pixels, right);
                }
                PixelMove::Shift { down, right } => {
                    rows = shifted(&rows, down);
                    columns = shifted(&columns, right);
                }
            }
        }
        (rows, columns)
    }
}

/// A section of `line`, `pixels` shorter, resized to the length of `line`.
fn window(line: &[Option<usize>], pixels: usize, share: f64) -> Vec<Option<usize>> {
    let pixels = pixels.min(line.len() - 1);
    let start = (share * (pixels + 1) as f64) as usize;
    let length = line.len() - pixels;
    (0..line.len()).map(|i| line[start + (2 * i + 1) * length / (2 * line.len())]).collect()
}

fn shifted(line: &[Option<usize>], by: i64) -> Vec<Option<usize>> {
    let source = |i: usize| usize::try_from(i as i64 - by).ok();
    (0..line.len()).map(|i| source(i).and_then(|from| line.get(from).copied().flatten())).collect()
}

/// SplitMix64 (Steele, Lea and Flood 2014), implemented here so that draws do not depend on a crate's
/// version.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Uniform in [0, 1).
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Approximately standard normal: the sum of four uniform draws, centered and scaled.
    fn normal(&mut self) -> f64 {
        let drawn = self.next();
        let sum: u64 = (0..4).map(|part| (drawn >> (16 * part)) & 0xffff).sum();
        // Each part is uniform on 0..=65535, with variance (2^32 - 1) / 12.
        (sum as f64 - 2.0 * 65535.0) / (4_294_967_295.0_f64 / 3.0).sqrt()
    }
}

fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use crate::domain::augmentation::{Augmentation, ImageTransform, PixelMove, SplitMix64};

    fn list(config: serde_json::Value) -> Vec<Augmentation> {
        serde_json::from_value(config).unwrap()
    }

    fn apply(moves: Vec<PixelMove>, pixels: &[u8], height: usize) -> Vec<u8> {
        let mut pixels = pixels.to_vec();
        let width = pixels.len() / height;
        ImageTransform { moves, noises: vec![] }.apply_u8(&mut pixels, 1, height, width);
        pixels
    }

    #[test]
    fn by_hand() {
        let image = [1, 2, 3, 4, 5, 6];
        assert_eq!(apply(vec![PixelMove::Flip], &image, 2), [3, 2, 1, 6, 5, 4]);
        assert_eq!(apply(vec![PixelMove::Shift { down: 1, right: -1 }], &image, 2), [0, 0, 0, 2, 3, 0]);
        assert_eq!(
            apply(vec![PixelMove::Flip, PixelMove::Shift { down: 0, right: 1 }], &image, 2),
            [0, 3, 2, 0, 6, 5]
        );
        // The window of one row and two columns at the bottom right.
        let crop = PixelMove::Crop { pixels: 1, down: 0.9, right: 0.9 };
        assert_eq!(apply(vec![crop], &image, 2), [5, 6, 6, 5, 6, 6]);
        // A window cannot be smaller than one pixel.
        let crop = PixelMove::Crop { pixels: 9, down: 0.0, right: 0.0 };
        assert_eq!(apply(vec![crop], &image, 2), [1; 6]);
    }

    #[test]
    fn labels_move_with_their_pixels() {
        let all = list(serde_json::json!(["flip", {"crop": 2}, {"shift": 2}, {"noise": 0.001}]));
        let image: Vec<u8> = (0..100).map(|at| 100 + at).collect();
        for row in 0..50 {
            let transform = Augmentation::draw(&all, 3, 1, row);
            let mut truth: Vec<f32> = image.iter().map(|pixel| f32::from(*pixel)).collect();
            let mut pixels = [image.clone(), image.clone()].concat();
            transform.apply_f32(&mut truth, 10, 10);
            transform.apply_u8(&mut pixels, 2, 10, 10);
            for (at, label) in truth.iter().enumerate() {
                let expected = if label.is_nan() { 0.0 } else { *label };
                assert!((f32::from(pixels[at]) - expected).abs() <= 2.0);
                assert!((f32::from(pixels[100 + at]) - expected).abs() <= 2.0);
            }
        }
    }

    #[test]
    fn a_row_gets_another_transform_in_each_epoch() {
        let all = list(serde_json::json!([{"shift": 20}, {"noise": 0.1}]));
        let draw = |seed, epoch, row| Augmentation::draw(&all, seed, epoch, row);
        assert_eq!(draw(1, 2, 3), draw(1, 2, 3));
        for other in [draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4), draw(1, 3, 2)] {
            assert_ne!(draw(1, 2, 3), other);
        }
        assert!(Augmentation::draw(&[], 1, 2, 3).is_identity());
    }

    #[test]
    fn draws_are_uniform_and_noise_has_the_configured_deviation() {
        let flips = list(serde_json::json!([{"flip": 0.25}]));
        let flipped = (0..4000).filter(|&row| !Augmentation::draw(&flips, 0, 0, row).is_identity()).count();
        assert!((900..1100).contains(&flipped), "{flipped}");
        let shifts = list(serde_json::json!([{"shift": 1}]));
        let still = PixelMove::Shift { down: 0, right: 0 };
        let stay = (0..9000).filter(|&row| Augmentation::draw(&shifts, 0, 0, row).moves == [still.clone()]);
        assert!((900..1100).contains(&stay.count()));
        let mut random = SplitMix64(7);
        let drawn: Vec<f64> = (0..20_000).map(|_| random.normal()).collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let deviation = (drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / drawn.len() as f64).sqrt();
        assert!(mean.abs() < 0.03 && (deviation - 1.0).abs() < 0.03, "{mean} {deviation}");
    }
}
