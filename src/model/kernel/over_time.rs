//! The largest of each column over a row's real steps; its gradient goes to the first step that has it.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply1;
use crate::model::kernel::softmax::real;
use crate::model::kernel::{fits, floats, with_floats, zeros};

/// `[batch, width]` of x `[batch, time, width]`, row r over its first `lengths[r]` steps; at least one.
pub fn largest(x: &Tensor, lengths: &[u32]) -> Result<Tensor> {
    let (batch, time, _) = x.dims3()?;
    if lengths.len() != batch || lengths.iter().any(|length| !(1..=time).contains(&(*length as usize))) {
        candle_core::bail!("the lengths {lengths:?} are not those of {batch} rows of {time} steps");
    }
    if !fits(&[x]) {
        return composed(x, lengths);
    }
    apply1(&x.contiguous()?, MaxOverTimeOp(lengths.to_vec()))
}

/// The same, composed of candle's operations. Equal steps all get the gradient.
pub fn composed(x: &Tensor, lengths: &[u32]) -> Result<Tensor> {
    let below = ((real(lengths, x.dim(1)?, x)?.unsqueeze(2)? - 1.0)? * 1e30)?;
    x.broadcast_add(&below)?.max(1)
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
                // NaN stays: a comparison with it is false.
                y.iter_mut().zip(step).for_each(|(y, x)| *y = if *x <= *y { *y } else { *x });
            }
        });
        Ok((CpuStorage::F32(y), Shape::from((batch, width))))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (_, time, width) = x.dims3()?;
        let mut result = zeros(x.elem_count());
        let mut work = |x: &[f32], y: &[f32], gradient: &[f32]| {
            let rows = x.par_chunks_exact((time * width).max(1)).zip(y.par_chunks_exact(width.max(1)));
            let rows = rows.zip(gradient.par_chunks_exact(width.max(1))).zip(&self.0);
            let results = result.par_chunks_exact_mut((time * width).max(1));
            results.zip(rows).for_each(|(result, (((x, y), gradient), length))| {
                let mut left = gradient.to_vec();
                let steps = result.chunks_exact_mut(width).zip(x.chunks_exact(width));
                for (result, x) in steps.take(*length as usize) {
                    for column in 0..width {
                        if x[column] == y[column] {
                            result[column] = std::mem::take(&mut left[column]);
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
        Tensor::from_vec(result, x.shape(), x.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use crate::model::kernel::over_time::{composed, largest};
    use crate::model::kernel::reference_check::{check_against, variable};
    use crate::model::weights::host;

    #[test]
    fn agrees_with_its_twin() {
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
    fn of_equal_steps_the_first_gets_the_gradient() {
        let x = Tensor::new(&[[[1f32], [3.], [3.], [9.]]], &Device::Cpu).unwrap();
        let x = Var::from_tensor(&x).unwrap();
        let y = largest(&x, &[3]).unwrap();
        assert_eq!(host(&y).unwrap(), [3.0]);
        let store = y.sum_all().unwrap().backward().unwrap();
        assert_eq!(host(store.get(&x).unwrap()).unwrap(), [0.0, 1.0, 0.0, 0.0]);
        assert!(largest(&x, &[0]).is_err());
    }
}
