//! Shared by the regression losses: the mean over present cells of a function of logit - truth, both
//! standardized, see [`standardized_labels`](crate::model::labels::standardized_labels).

use candle_core::Tensor;

use crate::model::error::ModelResult;
use crate::model::kernel::closed_form::mean_over_rows;
use crate::model::kernel::fits;

/// A function's value and derivative.
pub struct ValueAndDerivative {
    /// The value.
    pub value: f32,
    /// The derivative with respect to the logit.
    pub derivative: f32,
}

/// The mean of `cell(logit - truth)`; `composed` is the same function composed of candle operations.
pub fn mean_of_differences(
    logits: &Tensor,
    truth: &Tensor,
    mask: &Tensor,
    cell: impl Fn(f32) -> ValueAndDerivative + Sync,
    composed: impl Fn(&Tensor) -> ModelResult<Tensor>,
) -> ModelResult<Tensor> {
    if !fits(&[logits, truth, mask]) {
        return composed_mean(logits, truth, mask, composed);
    }
    let row = |z: &[f32], y: &[f32], mask: &[f32], gradient: &mut [f32]| {
        let (mut loss, mut present) = (0.0, 0.0);
        for column in 0..z.len() {
            if mask[column] == 0.0 {
                continue;
            }
            let ValueAndDerivative { value, derivative } = cell(z[column] - y[column]);
            loss += f64::from(value);
            gradient[column] = derivative;
            present += 1.0;
        }
        (loss, present)
    };
    Ok(mean_over_rows(logits, truth, mask, &row)?)
}

fn composed_mean(
    logits: &Tensor,
    truth: &Tensor,
    mask: &Tensor,
    composed: impl Fn(&Tensor) -> ModelResult<Tensor>,
) -> ModelResult<Tensor> {
    let sum = (composed(&(logits - truth)?)? * mask)?.sum_all()?;
    Ok(sum.div(&mask.sum_all()?.maximum(1.0)?)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;

    use crate::domain::number::Positive;
    use crate::domain::task::FittedTarget;
    use crate::model::kernel::reference_check::{check_against, variable};
    use crate::model::loss::difference::{ValueAndDerivative, composed_mean, mean_of_differences};
    use crate::model::loss::example::{assert_loss, matrix};
    use crate::model::loss::huber::HuberConfig;
    use crate::model::loss::mae::MaeLossConfig;
    use crate::model::loss::mse::MseLossConfig;

    fn two_columns() -> FittedTarget {
        FittedTarget::Regression {
            columns: vec!["a".into(), "b".into()],
            center: vec![10.0, -1.0],
            scale: vec![4.0, 0.5],
        }
    }

    #[test]
    fn values_of_pytorch() {
        // z = torch.tensor([[.5,-1.],[2,0]]); t = torch.tensor([[0.,-1.],[5,-.5]])
        // present = torch.tensor([[1,1],[1,0]]).bool()
        // a, b = z[present], t[present]   # differences .5, 0, -3
        let z = matrix(&[&[0.5, -1.0], &[2.0, 0.0]]);
        let y = matrix(&[&[0.0, -1.0], &[5.0, 0.0]]);
        let mask = matrix(&[&[1.0, 1.0], &[1.0, 0.0]]);
        assert_loss(&MseLossConfig {}, [&z, &y, &mask], &two_columns(), 3.083_333_3); // F.mse_loss(a, b)
        assert_loss(&MaeLossConfig {}, [&z, &y, &mask], &two_columns(), 1.166_666_7); // F.l1_loss(a, b)
        let huber = HuberConfig { delta: Positive::constant(1.5) };
        assert_loss(&huber, [&z, &y, &mask], &two_columns(), 1.166_666_7); // F.huber_loss(a, b, delta=1.5)
    }

    #[test]
    fn kernel_agrees_with_the_composed_loss() {
        let (y, mask) = (matrix(&[&[-0.25, -2.0], &[1.0, 0.0]]), matrix(&[&[1.0, 1.0], &[1.0, 0.0]]));
        let square = |d: &Tensor| Ok(d.sqr()?);
        check_against(
            &[variable(&[2, 2], 4)],
            1e-5,
            |z| {
                let cell = |d: f32| ValueAndDerivative { value: d * d, derivative: 2.0 * d };
                Ok(mean_of_differences(&z[0], &y, &mask, cell, square).unwrap())
            },
            |z| Ok(composed_mean(&z[0], &y, &mask, square).unwrap()),
        );
    }
}
