//! Windows over the steps of sequences, concatenated (im2col): a 1-d convolution is a dense layer over them.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply1;
use crate::model::kernel::{fits, floats, with_floats, zeros};

/// A window of `size` steps, `dilation` apart, that begins `before` steps before its own step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepWindow {
    /// Number of steps in the window.
    pub size: usize,
    /// Distance of neighbours in the window.
    pub dilation: usize,
    /// Steps before its own.
    pub before: usize,
}

impl StepWindow {
    /// Distance from the first step of the window to the last.
    pub fn reach(&self) -> usize {
        (self.size - 1) * self.dilation
    }
}

/// The windows `[batch, time, size width]` of x `[batch, time, width]`, with zeros for steps outside the
/// sequence.
pub fn windows(x: &Tensor, steps: StepWindow) -> Result<Tensor> {
    if steps.size == 1 && steps.before == 0 {
        return Ok(x.clone());
    }
    if !fits(&[x]) {
        return composed(x, steps);
    }
    apply1(&x.contiguous()?, StepWindowsOp(steps))
}

/// Composed form of `windows`.
pub fn composed(x: &Tensor, steps: StepWindow) -> Result<Tensor> {
    let time = x.dim(1)?;
    let padded = x.pad_with_zeros(1, steps.before, steps.reach().saturating_sub(steps.before))?;
    let taps = (0..steps.size).map(|tap| padded.narrow(1, tap * steps.dilation, time));
    Tensor::cat(&taps.collect::<Result<Vec<_>>>()?, 2)
}

struct StepWindowsOp(StepWindow);

impl StepWindowsOp {
    /// Calls `work` with each tap, step, and the step that the tap reads, for those within the sequence.
    fn for_each_tap(&self, time: usize, mut work: impl FnMut(usize, usize, usize)) {
        for step in 0..time {
            for tap in 0..self.0.size {
                if let Some(source) = (step + tap * self.0.dilation).checked_sub(self.0.before)
                    && source < time
                {
                    work(tap, step, source);
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
            self.for_each_tap(time, |tap, step, source| {
                y[step * wide + tap * width..][..width].copy_from_slice(&x[source * width..][..width]);
            });
        });
        Ok((CpuStorage::F32(y), Shape::from((rows, time, wide))))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (_, time, width) = x.dims3()?;
        let wide = self.0.size * width;
        let mut x_gradient = zeros(x.elem_count());
        with_floats(gradient, |gradient| {
            let rows = x_gradient.par_chunks_mut(time * width).zip(gradient.par_chunks(time * wide));
            rows.for_each(|(x_gradient, gradient)| {
                self.for_each_tap(time, |tap, step, source| {
                    let from = &gradient[step * wide + tap * width..][..width];
                    x_gradient[source * width..][..width].iter_mut().zip(from).for_each(|(r, g)| *r += g);
                });
            });
            Ok(())
        })?;
        Tensor::from_vec(x_gradient, x.shape(), x.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::kernel::reference_check::{check_against, variable};
    use crate::model::kernel::steps::{StepWindow, composed, windows};

    #[test]
    fn agrees_with_its_composed_form() {
        for (size, dilation, before) in [(1, 1, 0), (3, 1, 1), (3, 2, 4), (2, 1, 0), (4, 1, 1), (5, 3, 12)] {
            let steps = StepWindow { size, dilation, before };
            for time in [1, 2, 7] {
                let x = variable(&[3, time, 2], 1);
                check_against(&[x], 1e-6, |v| windows(&v[0], steps), |v| composed(&v[0], steps));
            }
        }
    }
}
