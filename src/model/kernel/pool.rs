//! Max and mean pooling of images.
//!
//! Pixels outside the image do not count. Among equal maxima, the first gets the gradient, as in PyTorch.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply1;
use crate::model::kernel::window::Window;
use crate::model::kernel::{fits, floats, with_floats, zeros};

/// How the values of a window are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The maximum.
    Max,
    /// The mean over the pixels inside the image.
    Mean,
}

/// Pools x `[batch, channels, height, width]` to `[batch, channels, window.rows, window.columns]`.
///
/// # Errors
/// If height and width are not those of the window.
pub fn pool(x: &Tensor, window: Window, pooling: Pooling) -> Result<Tensor> {
    if !fits(&[x]) {
        return composed(x, window, pooling);
    }
    apply1(&x.contiguous()?, PoolOp { window, pooling })
}

/// Global pooling of x `[batch, channels, height, width]` to `[batch, channels]`.
pub fn pool_all(x: &Tensor, pooling: Pooling) -> Result<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    // A window larger than the image covers all of it.
    let size = height.max(width);
    let window = Window { size, stride: size, top: 0, left: 0, height, width, rows: 1, columns: 1 };
    pool(x, window, pooling)?.flatten_from(1)
}

/// Composed form of `pool`.
pub fn composed(x: &Tensor, window: Window, pooling: Pooling) -> Result<Tensor> {
    let mut lines = Vec::with_capacity(window.rows);
    for row in 0..window.rows {
        let mut values = Vec::with_capacity(window.columns);
        for column in 0..window.columns {
            let (rows, columns) = (window.covered_rows(row), window.covered_columns(column));
            let covered = x.narrow(2, rows.start, rows.len())?.narrow(3, columns.start, columns.len())?;
            let covered = covered.flatten_from(2)?; // [rows, channels, pixels]
            values.push(match pooling {
                Pooling::Max => covered.max(2)?,
                Pooling::Mean => covered.mean(2)?,
            });
        }
        lines.push(Tensor::stack(&values, 2)?);
    }
    Tensor::stack(&lines, 2)
}

struct PoolOp {
    window: Window,
    pooling: Pooling,
}

impl PoolOp {
    fn forward(&self, x: &[f32], y: &mut [f32]) {
        let Window { width, columns, .. } = self.window;
        let mut line = vec![0.0; width];
        for (row, y) in y.chunks_exact_mut(columns).enumerate() {
            // First reduces the rows of the window to one, in a loop over contiguous elements.
            let covered_rows = self.window.covered_rows(row);
            line.copy_from_slice(&x[covered_rows.start * width..][..width]);
            for other in x[(covered_rows.start + 1) * width..covered_rows.end * width].chunks_exact(width) {
                let both = line.iter_mut().zip(other);
                match self.pooling {
                    Pooling::Max => both.for_each(|(line, other)| *line = larger(*line, *other)),
                    Pooling::Mean => both.for_each(|(line, other)| *line += other),
                }
            }
            for (column, y) in y.iter_mut().enumerate() {
                let covered_columns = self.window.covered_columns(column);
                let count = (covered_rows.len() * covered_columns.len()) as f32;
                let covered = line[covered_columns].iter().copied();
                *y = match self.pooling {
                    Pooling::Max => covered.fold(f32::NEG_INFINITY, larger),
                    Pooling::Mean => covered.sum::<f32>() / count,
                };
            }
        }
    }

    fn backward(&self, x: &[f32], y: &[f32], gradient: &[f32], x_gradient: &mut [f32]) {
        let Window { width, columns, .. } = self.window;
        for (position, (gradient, largest)) in gradient.iter().zip(y).enumerate() {
            let covered_rows = self.window.covered_rows(position / columns);
            let covered_columns = self.window.covered_columns(position % columns);
            match self.pooling {
                Pooling::Max => {
                    let largest_at = covered_rows.into_iter().find_map(|row| {
                        let from = row * width + covered_columns.start;
                        let mut line = x[from..row * width + covered_columns.end].iter();
                        line.position(|value| value == largest || value.is_nan()).map(|at| from + at)
                    });
                    if let Some(at) = largest_at {
                        x_gradient[at] += gradient;
                    }
                }
                Pooling::Mean => {
                    let share = gradient / (covered_rows.len() * covered_columns.len()) as f32;
                    for row in covered_rows {
                        let line = row * width + covered_columns.start..row * width + covered_columns.end;
                        x_gradient[line].iter_mut().for_each(|value| *value += share);
                    }
                }
            }
        }
    }
}

/// The larger of two numbers; NaN takes precedence, so that errors stay visible.
fn larger(one: f32, other: f32) -> f32 {
    if other > one || other.is_nan() { other } else { one }
}

impl CustomOp1 for PoolOp {
    fn name(&self) -> &'static str {
        "pool"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = layout.shape().dims4()?;
        let Window { rows, columns, .. } = self.window;
        if (height, width) != (self.window.height, self.window.width) {
            candle_core::bail!(
                "expected an image of {} x {} pixels, found {height} x {width}",
                self.window.height,
                self.window.width
            );
        }
        let x = floats(storage, layout)?;
        let mut y = zeros(batch * channels * rows * columns);
        let planes = y.par_chunks_mut(rows * columns).zip(x.par_chunks(height * width));
        planes.for_each(|(y, x)| self.forward(x, y));
        Ok((CpuStorage::F32(y), Shape::from((batch, channels, rows, columns))))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (pixels, positions) = (self.window.pixels(), self.window.positions());
        let mut x_gradient = zeros(x.elem_count());
        with_floats(x, |x| {
            with_floats(y, |y| {
                with_floats(gradient, |gradient| {
                    let outputs = y.par_chunks(positions).zip(gradient.par_chunks(positions));
                    let planes = x_gradient.par_chunks_mut(pixels).zip(x.par_chunks(pixels)).zip(outputs);
                    planes.for_each(|((x_gradient, x), (y, gradient))| {
                        self.backward(x, y, gradient, x_gradient)
                    });
                    Ok(())
                })
            })
        })?;
        Tensor::from_vec(x_gradient, x.shape(), x.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use crate::model::kernel::pool::{Pooling, composed, pool, pool_all};
    use crate::model::kernel::reference_check::{check_against, near, variable};
    use crate::model::kernel::window::Window;

    fn window(size: usize, stride: usize, before: usize, rows: usize, columns: usize) -> Window {
        Window { size, stride, top: before, left: before, height: 7, width: 6, rows, columns }
    }

    #[test]
    fn agrees_with_its_composed_form() {
        let windows = [
            window(2, 2, 0, 3, 3),
            window(3, 2, 1, 4, 3),
            window(3, 1, 1, 7, 6),
            window(2, 3, 0, 2, 2),
            window(4, 4, 0, 2, 2),
        ];
        for window in windows {
            for pooling in [Pooling::Max, Pooling::Mean] {
                let x = variable(&[3, 2, 7, 6], 1);
                check_against(
                    &[x],
                    2e-6,
                    |v| pool(&v[0], window, pooling),
                    |v| composed(&v[0], window, pooling),
                );
            }
        }
    }

    #[test]
    fn global_pooling_agrees_with_candle() {
        let x = variable(&[3, 2, 7, 6], 1);
        let mean = |x: &Tensor| x.flatten_from(2)?.mean(2);
        check_against(std::slice::from_ref(&x), 2e-6, |v| pool_all(&v[0], Pooling::Mean), |v| mean(&v[0]));
        check_against(&[x], 0.0, |v| pool_all(&v[0], Pooling::Max), |v| v[0].flatten_from(2)?.max(2));
    }

    #[test]
    fn nan_is_kept() {
        let mut values = vec![1.0; 42];
        values[8] = f32::NAN;
        let x = Var::from_vec(values, (1, 1, 7, 6), &Device::Cpu).unwrap();
        let y = pool(&x, window(2, 2, 0, 3, 3), Pooling::Max).unwrap();
        let values: Vec<f32> = y.flatten_all().unwrap().to_vec1().unwrap();
        assert!(values[1].is_nan() && values[0] == 1.0 && values[2] == 1.0);
        let gradient = y.sum_all().unwrap().backward().unwrap();
        let gradient: Vec<f32> = gradient.get(&x).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(gradient[8], 1.0);
    }

    #[test]
    fn the_first_of_equal_values_gets_the_gradient() {
        let x =
            Var::from_tensor(&Tensor::zeros((1, 1, 2, 2), candle_core::DType::F32, &Device::Cpu).unwrap());
        let x = x.unwrap();
        let window = Window { size: 2, stride: 2, top: 0, left: 0, height: 2, width: 2, rows: 1, columns: 1 };
        let y = pool(&x, window, Pooling::Max).unwrap();
        let gradients = y.sum_all().unwrap().backward().unwrap();
        let expected = Tensor::new(&[1f32, 0.0, 0.0, 0.0], &Device::Cpu).unwrap();
        near("gradient", gradients.get(&x).unwrap(), &expected, 0.0);
    }

    #[test]
    fn values_of_pytorch() {
        // x = (torch.arange(9) * 7 % 11 - 5).float().reshape(1, 1, 3, 3)   # -5 2 -2 / 5 1 -3 / 4 0 -4
        // F.max_pool2d(x, 2, stride=2, padding=1)
        // F.avg_pool2d(x, 2, stride=2, padding=1, count_include_pad=False)
        let x = Tensor::new(&[[[[-5f32, 2., -2.], [5., 1., -3.], [4., 0., -4.]]]], &Device::Cpu).unwrap();
        let window = Window { size: 2, stride: 2, top: 1, left: 1, height: 3, width: 3, rows: 2, columns: 2 };
        let expected = Tensor::new(&[-5f32, 2., 5., 1.], &Device::Cpu).unwrap();
        near("largest", &pool(&x, window, Pooling::Max).unwrap(), &expected, 0.0);
        let expected = Tensor::new(&[-5f32, 0., 4.5, -1.5], &Device::Cpu).unwrap();
        near("mean", &pool(&x, window, Pooling::Mean).unwrap(), &expected, 0.0);
    }
}
