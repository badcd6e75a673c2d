//! Changes of training images that leave their labels true: drawn anew for each row and epoch.
//!
//! What moves pixels (flip, crop, shift) moves the labels of pixels alike; noise leaves them. All of it is a
//! function of seed, epoch and row.
//!
//! `picture: {image: {augment: [flip, {shift: 2}, {noise: 0.05}]}}`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::{Settings, kinds};
use crate::domain::number::{Count, Fraction, Positive};

kinds! {
    /// A change of training images that leaves their labels true.
    pub enum Augmentation: "augmentation" {
        Flip: "flip" => Flip,
        Crop: "crop" => Crop,
        Shift: "shift" => Shift,
        Noise: "noise" => Noise,
    }
}

/// Left becomes right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flip {
    /// Share of the images it is done to. Default 0.5.
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

/// A window at a random place, brought back to the image's size by nearest neighbours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Pixels that the window is narrower, and lower, than the image.
    pub pixels: Count,
}

impl Settings for Crop {
    const BARE: Option<&'static str> = Some("pixels");
    const EXAMPLE: &'static str = "{crop: 4}";
}

/// The image moves by a few pixels, along and across; where it leaves nothing behind there is black, and no
/// label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// The farthest it moves in each of the four directions.
    pub pixels: Count,
}

impl Settings for Shift {
    const BARE: Option<&'static str> = Some("pixels");
    const EXAMPLE: &'static str = "{shift: 2}";
}

/// Every byte of the image changes by a random amount, nearly normal; labels stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Deviation of the change, 1 being from black to white.
    pub deviation: Positive,
}

impl Settings for Noise {
    const BARE: Option<&'static str> = Some("deviation");
    const EXAMPLE: &'static str = "{noise: 0.05}";
}

impl Augmentation {
    /// What happens to one row in one epoch.
    pub fn draw(list: &[Self], seed: u64, epoch: usize, row: u32) -> ImageTransform {
        let mut random = SplitMix64(mix(mix(mix(seed) ^ epoch as u64) ^ u64::from(row)));
        let mut motion = ImageTransform::default();
        for one in list {
            match one {
                Self::Flip(flip) if random.share() < flip.probability.get() => {
                    motion.moves.push(PixelMove::Flip)
                }
                Self::Flip(_) => {}
                Self::Crop(crop) => {
                    let (down, right) = (random.share(), random.share());
                    motion.moves.push(PixelMove::Crop { pixels: crop.pixels.get(), down, right });
                }
                Self::Shift(shift) => {
                    let pixels = shift.pixels.get();
                    let mut draw = || (random.share() * (2 * pixels + 1) as f64) as i64 - pixels as i64;
                    let (down, right) = (draw(), draw());
                    motion.moves.push(PixelMove::Shift { down, right });
                }
                Self::Noise(noise) => motion.noises.push((noise.deviation.get(), random.next())),
            }
        }
        motion
    }
}

/// What happens to one image and the labels of its pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageTransform {
    moves: Vec<PixelMove>,
    /// Deviation and seed of each.
    noises: Vec<(f64, u64)>,
}

#[derive(Clone, Debug, PartialEq)]
enum PixelMove {
    Flip,
    /// `down` and `right` are shares of the way that the window can go.
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
    /// Does it leave everything as it is?
    pub fn is_still(&self) -> bool {
        self.moves.is_empty() && self.noises.is_empty()
    }

    /// Changes an image `[channels, height, width]`.
    pub fn apply_u8(&self, pixels: &mut [u8], channels: usize, height: usize, width: usize) {
        debug_assert_eq!(pixels.len(), channels * height * width);
        self.transport(pixels, height, width, 0);
        for &(deviation, seed) in &self.noises {
            let mut random = SplitMix64(seed);
            for pixel in pixels.iter_mut() {
                *pixel = (f64::from(*pixel) + random.normal() * deviation * 255.0).round() as u8;
            }
        }
    }

    /// Moves the labels `[height, width]` of an image's pixels; one that comes from outside is missing.
    pub fn apply_f32(&self, truth: &mut [f32], height: usize, width: usize) {
        debug_assert_eq!(truth.len(), height * width);
        self.transport(truth, height, width, f32::NAN);
    }

    fn transport<T: Copy>(&self, values: &mut [T], height: usize, width: usize, outside: T) {
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

    /// The row that each row comes from, and the column of each column: every move treats them apart.
    fn sources(&self, height: usize, width: usize) -> (Vec<Option<usize>>, Vec<Option<usize>>) {
        let mut rows: Vec<Option<usize>> = (0..height).map(Some).collect();
        let mut columns: Vec<Option<usize>> = (0..width).map(Some).collect();
        for one in &self.moves {
            match *one {
                PixelMove::Flip => columns.reverse(),
                PixelMove::Crop { pixels, down, right } => {
                    rows = window(&rows, pixels, down);
                    columns = window(&columns, pixels, right);
                }
                PixelMove::Shift { down, right } => {
                    rows = moved(&rows, down);
                    columns = moved(&columns, right);
                }
            }
        }
        (rows, columns)
    }
}

/// A part of the line, `pixels` shorter, stretched to its length.
fn window(line: &[Option<usize>], pixels: usize, share: f64) -> Vec<Option<usize>> {
    let pixels = pixels.min(line.len() - 1);
    let start = (share * (pixels + 1) as f64) as usize;
    let length = line.len() - pixels;
    (0..line.len()).map(|at| line[start + (2 * at + 1) * length / (2 * line.len())]).collect()
}

fn moved(line: &[Option<usize>], by: i64) -> Vec<Option<usize>> {
    let source = |at: usize| usize::try_from(at as i64 - by).ok();
    (0..line.len()).map(|at| source(at).and_then(|from| line.get(from).copied().flatten())).collect()
}

/// SplitMix64 (Steele, Lea and Flood 2014): small enough to stand here, and of no crate's version.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// From 0 up to, but not, 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Nearly normal: four even draws added, their mean taken off, their deviation made 1.
    fn normal(&mut self) -> f64 {
        let drawn = self.next();
        let sum: u64 = (0..4).map(|part| (drawn >> (16 * part)) & 0xffff).sum();
        // Each is even on 0 ... 65535, of variance (2^32 - 1) / 12.
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

    fn moved(moves: Vec<PixelMove>, pixels: &[u8], height: usize) -> Vec<u8> {
        let mut pixels = pixels.to_vec();
        let width = pixels.len() / height;
        ImageTransform { moves, noises: vec![] }.apply_u8(&mut pixels, 1, height, width);
        pixels
    }

    #[test]
    fn by_hand() {
        let image = [1, 2, 3, 4, 5, 6];
        assert_eq!(moved(vec![PixelMove::Flip], &image, 2), [3, 2, 1, 6, 5, 4]);
        assert_eq!(moved(vec![PixelMove::Shift { down: 1, right: -1 }], &image, 2), [0, 0, 0, 2, 3, 0]);
        assert_eq!(
            moved(vec![PixelMove::Flip, PixelMove::Shift { down: 0, right: 1 }], &image, 2),
            [0, 3, 2, 0, 6, 5]
        );
        // The window of one row and two columns at the bottom right.
        let crop = PixelMove::Crop { pixels: 1, down: 0.9, right: 0.9 };
        assert_eq!(moved(vec![crop], &image, 2), [5, 6, 6, 5, 6, 6]);
        // A window cannot be smaller than one pixel.
        let crop = PixelMove::Crop { pixels: 9, down: 0.0, right: 0.0 };
        assert_eq!(moved(vec![crop], &image, 2), [1; 6]);
    }

    #[test]
    fn labels_move_with_their_pixels() {
        let all = list(serde_json::json!(["flip", {"crop": 2}, {"shift": 2}, {"noise": 0.001}]));
        let image: Vec<u8> = (0..100).map(|at| 100 + at).collect();
        for row in 0..50 {
            let motion = Augmentation::draw(&all, 3, 1, row);
            let mut truth: Vec<f32> = image.iter().map(|pixel| f32::from(*pixel)).collect();
            let mut pixels = [image.clone(), image.clone()].concat();
            motion.apply_f32(&mut truth, 10, 10);
            motion.apply_u8(&mut pixels, 2, 10, 10);
            for (at, label) in truth.iter().enumerate() {
                let expected = if label.is_nan() { 0.0 } else { *label };
                assert!((f32::from(pixels[at]) - expected).abs() <= 2.0);
                assert!((f32::from(pixels[100 + at]) - expected).abs() <= 2.0);
            }
        }
    }

    #[test]
    fn a_row_is_changed_in_its_own_way_in_each_epoch() {
        let all = list(serde_json::json!([{"shift": 20}, {"noise": 0.1}]));
        let draw = |seed, epoch, row| Augmentation::draw(&all, seed, epoch, row);
        assert_eq!(draw(1, 2, 3), draw(1, 2, 3));
        for other in [draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4), draw(1, 3, 2)] {
            assert_ne!(draw(1, 2, 3), other);
        }
        assert!(Augmentation::draw(&[], 1, 2, 3).is_still());
    }

    #[test]
    fn draws_are_even_and_noise_is_of_its_deviation() {
        let flips = list(serde_json::json!([{"flip": 0.25}]));
        let flipped = (0..4000).filter(|&row| !Augmentation::draw(&flips, 0, 0, row).is_still()).count();
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
