//! The patches of an image as a sequence: of the layer `patch_embedding`, and of pretrained vision transformers.

use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::kernel::window::Window;
use crate::model::layer::conv2d::{Conv2d, ConvolutionChannels};
use crate::model::layer::padding::Padding;
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// Standard deviation of tokens and positions.
const DEVIATION: f32 = 0.02;

/// Settings of a patch embedding.
#[derive(Clone, Copy, Debug)]
pub struct PatchOptions {
    /// Width of the vectors.
    pub width: usize,
    /// Height and width of a patch in pixels.
    pub patch: usize,
    /// Names of the learned tokens before the patches, such as `class_token`.
    pub tokens: &'static [&'static str],
    /// Rows and columns of patches that have a learned position; `None` without positions. Those of another
    /// image are interpolated.
    pub positions: Option<[usize; 2]>,
}

/// The number of rows and columns of patches in an image.
///
/// # Errors
/// The patches do not divide the image.
pub fn patch_grid(patch: usize, height: usize, width: usize) -> ModelResult<[usize; 2], String> {
    match height.is_multiple_of(patch) && width.is_multiple_of(patch) {
        true => Ok([height / patch, width / patch]),
        false => Err(format!(
            "has patches of {patch} x {patch} pixels, which do not divide the image of {height} x {width}"
        )),
    }
}

/// A built patch embedding.
pub struct PatchTokens {
    name: String,
    projection: Conv2d,
    width: usize,
    /// Rows and columns of patches.
    grid: [usize; 2],
    /// `[1, 1, width]` each
    tokens: Vec<Parameter>,
    positions: Option<PatchPositions>,
}

/// Learned positions: of the tokens, then of the patches, row by row.
struct PatchPositions {
    /// `[1, tokens + rows * columns, width]`
    table: Parameter,
    rows: usize,
    columns: usize,
}

impl PatchTokens {
    /// For images of `channels` x `height` x `width`; weights are named below `name`: `weight` and `bias` of the
    /// projection, `{token}.weight`, `positions.weight`.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`], and patches that do not divide the image.
    pub fn build(
        name: &str,
        options: &PatchOptions,
        [channels, height, width]: [usize; 3],
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let &PatchOptions { width: units, patch, tokens, positions } = options;
        let window: Window =
            Padding::Valid.window(height, width, patch, patch).map_err(candle_core::Error::msg)?;
        let grid = patch_grid(patch, height, width).map_err(candle_core::Error::msg)?;
        let channels = ConvolutionChannels::full(channels, units);
        let projection = Conv2d::build(name, channels, window, Activation::Identity, true, weights)?;
        let mut vectors = |part: &str, count: usize| {
            weights.parameter(&format!("{name}.{part}.weight"), &[1, count, units], Init::Normal(DEVIATION))
        };
        let count = tokens.len();
        let tokens = tokens.iter().map(|token| vectors(token, 1)).collect::<ModelResult<Vec<_>>>()?;
        let positions = match positions {
            Some([rows, columns]) => {
                let table = vectors("positions", count + rows * columns)?;
                Some(PatchPositions { table, rows, columns })
            }
            None => None,
        };
        Ok(Self { name: name.to_owned(), projection, width: units, grid, tokens, positions })
    }

    /// Maps images `[batch, channels, height, width]` to `[batch, tokens + patches, width]`.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<Activations<O::Value>> {
        let [rows, columns] = self.grid;
        let patches = rows * columns;
        let planes = self.projection.on(ops, x)?;
        let planes = ops.reshape(&planes, &[-1, self.width as i64, patches as i64])?;
        let mut steps = ops.transpose(&planes, &[0, 2, 1])?;
        if !self.tokens.is_empty() {
            // One of each for every row of the batch, whose number a graph does not know.
            let first = ops.narrow(&steps, 1, 0, 1)?;
            let zeros = ops.scale(&first, 0.0)?;
            let mut parts = Vec::with_capacity(self.tokens.len() + 1);
            for token in &self.tokens {
                let token = ops.weight(token)?;
                parts.push(ops.add(&zeros, &token)?);
            }
            parts.push(steps);
            steps = ops.concat(&parts, 1)?;
        }
        if let Some(positions) = &self.positions {
            let positions = self.positions_of(ops, positions)?;
            steps = ops.add(&steps, &positions)?;
        }
        Ok(Activations { x: steps, mask: Some(ops.full(x, self.tokens.len() + patches)?) })
    }

    /// The positions of this image's patches: `[1, tokens + patches, width]`. From another grid they are
    /// interpolated bicubically, first rows, then columns.
    fn positions_of<O: Ops>(&self, ops: &mut O, learned: &PatchPositions) -> ModelResult<O::Value> {
        let table = ops.weight(&learned.table)?;
        let [rows, columns] = self.grid;
        if (rows, columns) == (learned.rows, learned.columns) {
            return Ok(table);
        }
        let (tokens, width) = (self.tokens.len(), self.width);
        let grid = ops.narrow(&table, 1, tokens, learned.rows * learned.columns)?;
        let grid = ops.reshape(&grid, &[learned.rows as i64, (learned.columns * width) as i64])?;
        let grid = self.resized(ops, "rows", &grid, learned.rows, rows)?;
        let grid = ops.reshape(&grid, &[rows as i64, learned.columns as i64, width as i64])?;
        let grid = ops.transpose(&grid, &[1, 0, 2])?;
        let grid = ops.reshape(&grid, &[learned.columns as i64, (rows * width) as i64])?;
        let grid = self.resized(ops, "columns", &grid, learned.columns, columns)?;
        let grid = ops.reshape(&grid, &[columns as i64, rows as i64, width as i64])?;
        let grid = ops.transpose(&grid, &[1, 0, 2])?;
        let grid = ops.reshape(&grid, &[1, (rows * columns) as i64, width as i64])?;
        if tokens == 0 {
            return Ok(grid);
        }
        let first = ops.narrow(&table, 1, 0, tokens)?;
        ops.concat(&[first, grid], 1)
    }

    /// Interpolates the first dimension of `x`, `[from, ...]`, to `to`.
    fn resized<O: Ops>(
        &self,
        ops: &mut O,
        part: &str,
        x: &O::Value,
        from: usize,
        to: usize,
    ) -> ModelResult<O::Value> {
        if from == to {
            return Ok(x.clone());
        }
        let name = format!("{}.positions.{part}", self.name);
        let weights = ops.constant(&name, &[to, from], &bicubic(from, to), x)?;
        ops.matmul(&weights, x)
    }
}

/// The matrix `[to, from]` of bicubic interpolation with a = -0.75, not antialiased, the border repeated: that
/// of PyTorch with `align_corners=False`.
fn bicubic(from: usize, to: usize) -> Vec<f32> {
    const A: f64 = -0.75;
    let near = |x: f64| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let far = |x: f64| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    let mut matrix = vec![0.0; to * from];
    for (index, row) in matrix.chunks_exact_mut(from).enumerate() {
        let place = (index as f64 + 0.5) * from as f64 / to as f64 - 0.5;
        let before = place.floor();
        let t = place - before;
        for (offset, weight) in [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)].into_iter().enumerate() {
            let source = (before + offset as f64 - 1.0).clamp(0.0, (from - 1) as f64);
            row[source as usize] += weight as f32;
        }
    }
    matrix
}

#[cfg(test)]
mod tests {
    use crate::model::layer::patch_tokens::bicubic;

    #[test]
    fn bicubic_as_pytorch() {
        // F.interpolate(torch.eye(3)[None, :, :, None], size=(n, 1), mode="bicubic")[0, :, :, 0].T, for n in (2, 5)
        let expected = [
            vec![0.7734375, 0.2617188, -0.0351562, -0.0351562, 0.2617188, 0.7734375],
            vec![
                1.0960001, -0.096, 0.0, 0.6119997, 0.46, -0.0719998, 0.0, 1.0, 0.0, -0.0719998, 0.4599998,
                0.6120001, 0.0, -0.096, 1.0960002,
            ],
        ];
        for (to, expected) in [2, 5].into_iter().zip(expected) {
            let found = bicubic(3, to);
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-6, "{found} {expected}");
            }
        }
    }
}
