//! Operations on images.

use candle_core::Tensor;

use crate::model::activation::Activation;
use crate::model::error::{ModelError, ModelResult};
use crate::model::interpolation::Interpolation;
use crate::model::kernel::convolution::{convolution, transposed};
use crate::model::kernel::fits;
use crate::model::kernel::normalize::{BatchStatistics, normalize, statistics};
use crate::model::kernel::plane;
use crate::model::kernel::pool::{Pooling, pool, pool_all};
use crate::model::kernel::upsample::upsample;
use crate::model::kernel::window::Window;
use crate::model::ops::BatchNorm;
use crate::model::ops::tensors::or_zeros;
use crate::model::ops::{Images, Tensors};
use crate::model::weights::{Parameter, host};

impl Images for Tensors<'_> {
    fn conv2d(
        &mut self,
        x: &Tensor,
        weight: &Parameter,
        bias: Option<&Parameter>,
        window: Window,
        _: usize,
        activation: Activation,
    ) -> ModelResult<Tensor> {
        let weight = weight.tensor();
        let bias = or_zeros(bias, weight.dim(0)?, &weight)?;
        Ok(convolution(x, &weight, &bias, window, activation)?)
    }

    fn conv_transpose2d(
        &mut self,
        x: &Tensor,
        weight: &Parameter,
        bias: Option<&Parameter>,
        window: Window,
        activation: Activation,
    ) -> ModelResult<Tensor> {
        let weight = weight.tensor();
        let bias = or_zeros(bias, weight.dim(1)?, &weight)?;
        Ok(transposed(x, &weight, &bias, window, activation)?)
    }

    fn pool2d(&mut self, x: &Tensor, window: Window, pooling: Pooling) -> ModelResult<Tensor> {
        Ok(pool(x, window, pooling)?)
    }

    fn global_pool(&mut self, x: &Tensor, pooling: Pooling) -> ModelResult<Tensor> {
        Ok(pool_all(x, pooling)?)
    }

    fn upsample(&mut self, x: &Tensor, factor: usize, method: Interpolation) -> ModelResult<Tensor> {
        Ok(upsample(x, factor, method)?)
    }

    fn batch_norm(&mut self, x: &Tensor, norm: &BatchNorm) -> ModelResult<Tensor> {
        match x.rank() {
            4 if fits(&[x]) => self.normalized_planes(x, norm),
            4 => self.normalized_pixels(x, norm),
            _ => self.normalized_rows(x, norm),
        }
    }
}

impl Tensors<'_> {
    fn normalized_rows(&self, x: &Tensor, norm: &BatchNorm) -> ModelResult<Tensor> {
        let normalized = |centered: &Tensor, variance: &Tensor| -> ModelResult<Tensor> {
            let deviation = (variance + norm.epsilon)?.sqrt()?;
            let scaled = centered.broadcast_div(&deviation)?.broadcast_mul(&norm.gamma.tensor())?;
            Ok(scaled.broadcast_add(&norm.beta.tensor())?)
        };
        if norm.frozen || !self.mode().is_training() {
            return normalized(&x.broadcast_sub(&norm.mean.tensor())?, &norm.variance.tensor());
        }
        let rows = x.dim(0)?;
        if rows < 2 {
            return Err(ModelError::OneRow { part: norm.name.clone(), rows });
        }
        let unbiased = rows as f64 / (rows - 1) as f64;
        if fits(&[x]) {
            let statistics = statistics(x)?;
            self.update_running(norm, x, &statistics, unbiased)?;
            let (gamma, beta) = (norm.gamma.tensor(), norm.beta.tensor());
            return Ok(normalize(x, &gamma, &beta, &statistics, norm.epsilon)?);
        }
        let mean = x.mean(0)?;
        let centered = x.broadcast_sub(&mean)?;
        let variance = centered.sqr()?.mean(0)?;
        self.move_towards(norm, &norm.mean, &mean.detach())?;
        self.move_towards(norm, &norm.variance, &(variance.detach() * unbiased)?)?;
        normalized(&centered, &variance)
    }

    /// Images, with the fused kernel.
    fn normalized_planes(&self, x: &Tensor, norm: &BatchNorm) -> ModelResult<Tensor> {
        let (rows, _, height, width) = x.dims4()?;
        let (gamma, beta) = (norm.gamma.tensor(), norm.beta.tensor());
        if norm.frozen || !self.mode().is_training() {
            let running = BatchStatistics {
                mean: host(&norm.mean.tensor())?,
                variance: host(&norm.variance.tensor())?,
            };
            return Ok(plane::normalize(x, &gamma, &beta, &running, true, norm.epsilon)?);
        }
        let count = rows * height * width;
        if count < 2 {
            return Err(ModelError::OneRow { part: norm.name.clone(), rows });
        }
        let statistics = plane::statistics(x)?;
        self.update_running(norm, x, &statistics, count as f64 / (count - 1) as f64)?;
        Ok(plane::normalize(x, &gamma, &beta, &statistics, false, norm.epsilon)?)
    }

    /// Images on devices without the kernel: every pixel becomes a row.
    fn normalized_pixels(&self, x: &Tensor, norm: &BatchNorm) -> ModelResult<Tensor> {
        let (rows, channels, height, width) = x.dims4()?;
        let pixels = x.permute((0, 2, 3, 1))?.contiguous()?.reshape((rows * height * width, channels))?;
        let y = self.normalized_rows(&pixels, norm)?.reshape((rows, height, width, channels))?;
        Ok(y.permute((0, 3, 1, 2))?.contiguous()?)
    }

    /// Moves the running statistics towards those of the batch. `unbiased` is n / (n - 1).
    fn update_running(
        &self,
        norm: &BatchNorm,
        x: &Tensor,
        batch: &BatchStatistics,
        unbiased: f64,
    ) -> ModelResult<()> {
        let tensor = |values: &[f32]| Tensor::new(values, x.device());
        self.move_towards(norm, &norm.mean, &tensor(&batch.mean)?)?;
        self.move_towards(norm, &norm.variance, &(tensor(&batch.variance)? * unbiased)?)
    }

    fn move_towards(&self, norm: &BatchNorm, running: &Parameter, batch: &Tensor) -> ModelResult<()> {
        if !self.mode().updates_statistics() {
            return Ok(());
        }
        let moved = ((running.tensor() * (1.0 - norm.momentum))? + (batch * norm.momentum)?)?;
        Ok(running.var().set(&moved)?)
    }
}
