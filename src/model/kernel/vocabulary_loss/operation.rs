//! The loss as a custom operation of candle. Its gradients are computed together with its value; the backward
//! pass only scales them.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use crate::model::kernel::vocabulary_loss::VocabularyLossGradients;

pub struct VocabularyLoss {
    pub loss: f64,
    pub gradients: VocabularyLossGradients,
}

impl CustomOp3 for VocabularyLoss {
    fn name(&self) -> &'static str {
        "vocabulary_loss"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![self.loss as f32]), Shape::from(())))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let factor = f64::from(gradient.to_scalar::<f32>()?);
        let scaled = |tensor: &Tensor| match factor {
            1.0 => Ok(tensor.clone()),
            _ => tensor.affine(factor, 0.0),
        };
        let h = self.gradients.h.as_ref().map(scaled).transpose()?;
        let weight = self.gradients.weight.as_ref();
        let (weight, bias) = (weight.map(|(weight, _)| scaled(weight)), weight.map(|(_, bias)| scaled(bias)));
        Ok((h, weight.transpose()?, bias.transpose()?))
    }
}
