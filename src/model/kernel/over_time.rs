//! Maximum of each column over the real steps of a row. Its gradient goes to the first step that attains it.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply1;
use crate::model::kernel::softmax::length_mask;
use crate::model::kernel::{fits, floats, with_floats, zeros};

/// The maximum over time `[batch, width]` of x `[batch, time, width]`, of row r over its first `lengths[r]`
/// steps.
///
/// # Errors
/// Lengths that are not 1 to `time`, one for each row.
pub fn largest(x: &Tensor, lengths: &[u32]) -> Result<Tensor> {
    let (batch, time, _) = x.dims3()?;
    if lengths.len() != batch || lengths.iter().any(|length| !(1..=time).contains(&(*length as usize))) {
        candle_core::bail!("expected {batch} lengths from 1 to {time}, found {lengths:?}");
    }
    if !fits(&[x]) {
        return composed(x, lengths);
    }
    apply1(&x.contiguous()?, MaxOverTimeOp(lengths.to_vec()))
}

/// Composed form of `largest`, except that all steps with an equal maximum get the gradient.
pub fn composed(x: &Tensor, lengths: &[u32]) -> Result<Tensor> {
    let padding = ((length_mask(lengths, x.dim(1)?, x)?.unsqueeze(2)? - 1.0)? * 1e30)?;
    x.broadcast_add(&padding)?.max(1)
}

struct MaxOverTimeOp(Vec<u32>);

impl CustomOp1 for MaxOverTimeOp {
    fn name(&self) -> &'static str {
        "largest_over_time"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, time, width) = layout.shape().dims3()?;
        let mut y = vec![0.0; batch * width];
        let rows = floats(x, layout)?.par_chunks_exact((time * width).max(1)).zip(&self.0);
        y.par_chunks_exact_mut(width.max(1)).zip(rows).for_each(|(y, (x, length))| {
            y.copy_from_slice(&x[..width]);
            for step in x.chunks_exact(width).take(*length as usize).skip(1) {
                // As in PyTorch, the maximum is NaN if any step is: comparisons with NaN are false.
                let larger = |y: f32, x: f32| if x > y || x.is_nan() { x } else { y };
                y.iter_mut().zip(step).for_each(|(y, x)| *y = larger(*y, *x));
            }
        });
        Ok((CpuStorage::F32(y), Shape::from((batch, width))))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (_, time, width) = x.dims3()?;
        let mut x_gradient = zeros(x.elem_count());
        let mut work = |x: &[f32], y: &[f32], gradient: &[f32]| {
            let rows = x.par_chunks_exact((time * width).max(1)).zip(y.par_chunks_exact(width.max(1)));
            let rows = rows.zip(gradient.par_chunks_exact(width.max(1))).zip(&self.0);
            let x_gradients = x_gradient.par_chunks_exact_mut((time * width).max(1));
            x_gradients.zip(rows).for_each(|(x_gradient, (((x, y), gradient), length))| {
                let mut pending = gradient.to_vec();
                let steps = x_gradient.chunks_exact_mut(width).zip(x.chunks_exact(width));
                for (x_gradient, x) in steps.take(*length as usize) {
                    for column in 0..width {
                        if x[column] == y[column] {
                            x_gradient[column] = std::mem::take(&mut pending[column]);
                        }
                    }
                }
            });
        };
        with_floats(x, |x| {
            with_floats(y, |y| {
                with_floats(gradient, |gradient| {
                    work(x, y, gradient);
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

    use crate::model::kernel::over_time::{composed, largest};
    use crate::model::kernel::reference_check::{check_against, variable};
    use crate::model::weights::host;

    #[test]
    fn agrees_with_its_composed_form() {
        for (batch, time, width) in [(1, 1, 1), (5, 7, 3), (4, 60, 33)] {
            let lengths: Vec<u32> = (0..batch as u32).map(|row| row * 3 % time as u32 + 1).collect();
            check_against(
                &[variable(&[batch, time, width], 2)],
                0.0,
                |x| largest(&x[0], &lengths),
                |x| composed(&x[0], &lengths),
            );
        }
    }

    #[test]
    fn the_first_of_equal_steps_gets_the_gradient() {
        let x = Tensor::new(&[[[1f32], [3.], [3.], [9.]]], &Device::Cpu).unwrap();
        let x = Var::from_tensor(&x).unwrap();
        let y = largest(&x, &[3]).unwrap();
        assert_eq!(host(&y).unwrap(), [3.0]);
        let store = y.sum_all().unwrap().backward().unwrap();
        assert_eq!(host(store.get(&x).unwrap()).unwrap(), [0.0, 1.0, 0.0, 0.0]);
        assert!(largest(&x, &[0]).is_err());
    }

    /// torch.tensor([1., float("nan"), 3.]).max() is nan.
    #[test]
    fn nan_stays_nan() {
        for nan in 0..3 {
            let mut steps = [1f32, 2.0, 3.0];
            steps[nan] = f32::NAN;
            let x = Tensor::from_slice(&steps, (1, 3, 1), &Device::Cpu).unwrap();
            assert!(host(&largest(&x, &[3]).unwrap()).unwrap()[0].is_nan(), "step {nan}");
        }
    }
}
