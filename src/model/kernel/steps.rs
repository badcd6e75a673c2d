//! Windows over the steps of sequences, laid side by side: what a convolution over time is a dense layer of.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply1;
use crate::model::kernel::{fits, floats, with_floats, zeros};

/// A window of `size` steps, `dilation` apart, beginning `before` steps before the step it stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepWindow {
    pub size: usize,
    pub dilation: usize,
    pub before: usize,
}

impl StepWindow {
    /// Steps from a window's first to its last.
    pub fn reach(&self) -> usize {
        (self.size - 1) * self.dilation
    }
}

/// x `[rows, time, width]` to `[rows, time, size width]`, zeros standing for steps that are not there.
pub fn windows(x: &Tensor, steps: StepWindow) -> Result<Tensor> {
    if steps.size == 1 && steps.before == 0 {
        return Ok(x.clone());
    }
    if !fits(&[x]) {
        return composed(x, steps);
    }
    apply1(&x.contiguous()?, StepWindowsOp(steps))
}

/// The same, composed of candle's operations.
pub fn composed(x: &Tensor, steps: StepWindow) -> Result<Tensor> {
    let time = x.dim(1)?;
    let padded = x.pad_with_zeros(1, steps.before, steps.reach().saturating_sub(steps.before))?;
    let each = (0..steps.size).map(|tap| padded.narrow(1, tap * steps.dilation, time));
    Tensor::cat(&each.collect::<Result<Vec<_>>>()?, 2)
}

struct StepWindowsOp(StepWindow);

impl StepWindowsOp {
    /// Calls `work` with the tap, the step and the step seen, for all that are there.
    fn each(&self, time: usize, mut work: impl FnMut(usize, usize, usize)) {
        for step in 0..time {
            for tap in 0..self.0.size {
                if let Some(seen) = (step + tap * self.0.dilation).checked_sub(self.0.before)
                    && seen < time
                {
                    work(tap, step, seen);
                }
            }
        }
    }
}

impl CustomOp1 for StepWindowsOp {
    fn name(&self) -> &'static str {
        "windows_of_steps"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, time, width) = layout.shape().dims3()?;
        let x = floats(storage, layout)?;
        let wide = self.0.size * width;
        let mut y = zeros(rows * time * wide);
        y.par_chunks_mut(time * wide).zip(x.par_chunks(time * width)).for_each(|(y, x)| {
            self.each(time, |tap, step, seen| {
                y[step * wide + tap * width..][..width].copy_from_slice(&x[seen * width..][..width]);
            });
        });
        Ok((CpuStorage::F32(y), Shape::from((rows, time, wide))))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (_, time, width) = x.dims3()?;
        let wide = self.0.size * width;
        let mut result = zeros(x.elem_count());
        with_floats(gradient, |gradient| {
            let rows = result.par_chunks_mut(time * width).zip(gradient.par_chunks(time * wide));
            rows.for_each(|(result, gradient)| {
                self.each(time, |tap, step, seen| {
                    let from = &gradient[step * wide + tap * width..][..width];
                    result[seen * width..][..width].iter_mut().zip(from).for_each(|(r, g)| *r += g);
                });
            });
            Ok(())
        })?;
        Tensor::from_vec(result, x.shape(), x.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::kernel::reference_check::{check_against, variable};
    use crate::model::kernel::steps::{StepWindow, composed, windows};

    #[test]
    fn agrees_with_its_twin() {
        for (size, dilation, before) in [(1, 1, 0), (3, 1, 1), (3, 2, 4), (2, 1, 0), (4, 1, 1), (5, 3, 12)] {
            let steps = StepWindow { size, dilation, before };
            for time in [1, 2, 7] {
                let x = variable(&[3, time, 2], 1);
                check_against(&[x], 1e-6, |v| windows(&v[0], steps), |v| composed(&v[0], steps));
            }
        }
    }
}
