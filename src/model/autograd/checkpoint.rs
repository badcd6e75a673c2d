//! Gradient checkpointing (Chen et al. 2016, arXiv 1604.06174): a part of the forward pass whose activations
//! are not kept; backward computes them again.

use candle_core::{Result, Tensor, Var};

use crate::model::autograd::node::{Operation, Recomputation, backward_from};
use crate::model::autograd::record::{is_recording, push_output, record};

/// Computes `part` of x. While a tape records, its inner activations are freed at once, and backward computes
/// `part` again; so it must give the same values each time.
///
/// # Errors
/// Errors of `part`.
pub fn checkpoint(x: &Tensor, part: impl Fn(&Tensor) -> Result<Tensor> + 'static) -> Result<Tensor> {
    if !is_recording() {
        return part(x);
    }
    // A recording of its own, dropped with all that it holds.
    let (y, _) = record(|| part(x))?;
    if !y.track_op() {
        return Ok(y);
    }
    let output = Var::from_tensor(&y.detach())?.into_inner();
    let operation = Operation::Checkpoint(Box::new(move |x, gradient| recompute(&part, x, gradient)));
    push_output(operation, x, &output);
    Ok(output)
}

/// Computes `part` of x again, and its gradients for the gradient of its output.
fn recompute(
    part: impl Fn(&Tensor) -> Result<Tensor>,
    x: &Tensor,
    gradient: Tensor,
) -> Result<Recomputation> {
    let leaf = match x.track_op() {
        true => Some(Var::from_tensor(&x.detach())?),
        false => None,
    };
    let input = leaf.as_ref().map_or(x, |leaf| leaf.as_tensor());
    let (y, tape) = record(|| part(input))?;
    let first = backward_from(&y, gradient)?;
    drop(y);
    let mut variables = tape.into_gradients_from(&first)?;
    drop(first);
    let input = leaf.and_then(|leaf| variables.remove(leaf.as_tensor()));
    Ok(Recomputation { input, variables })
}

#[cfg(test)]
mod tests {
    use candle_core::{Result, Tensor};

    use crate::model::activation::Activation;
    use crate::model::autograd::checkpoint::checkpoint;
    use crate::model::autograd::{Tape, record};
    use crate::model::kernel::affine::affine;
    use crate::model::kernel::reference_check::variable;

    /// Two blocks of kernels and candle's operations, whose weight is used before, in and after a block.
    fn scalar(v: &[Tensor], keep: bool) -> Result<Tensor> {
        let block = |v: Vec<Tensor>| {
            move |x: &Tensor| -> Result<Tensor> {
                let h = affine(x, &v[1], &v[2], Activation::Gelu)?;
                affine(&(h.sqr()? + x)?, &v[3], &v[4], Activation::Tanh)
            }
        };
        let apply = |x: &Tensor, v: &[Tensor]| match keep {
            true => block(v.to_vec())(x),
            false => checkpoint(x, block(v.to_vec())),
        };
        let x = affine(&v[0], &v[1], &v[2], Activation::Identity)?;
        let y = apply(&(apply(&x, v)? * 0.5)?, v)?;
        affine(&y, &v[1], &v[4], Activation::Identity)?.sum_all()
    }

    fn gradients(
        v: &[Tensor],
        keep: bool,
        backward: impl Fn(Tape, Tensor) -> Vec<Vec<f32>>,
    ) -> Vec<Vec<f32>> {
        let (loss, tape) = record(|| scalar(v, keep)).unwrap();
        backward(tape, loss)
    }

    #[test]
    fn gradients_are_those_without_checkpoints() {
        let shapes: [&[usize]; 5] = [&[3, 4], &[4, 4], &[4], &[4, 4], &[4]];
        let variables: Vec<_> = (1..).zip(shapes).map(|(salt, shape)| variable(shape, salt)).collect();
        for tracked in [true, false] {
            let mut inputs: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
            if !tracked {
                inputs[0] = inputs[0].detach();
            }
            let values = |mut of: crate::model::autograd::Gradients| -> Vec<Vec<f32>> {
                let read = |x: &Tensor| of.remove(x)?.flatten_all().ok()?.to_vec1().ok();
                inputs.iter().filter_map(read).collect()
            };
            let once = |tape: Tape, loss: Tensor| values(tape.into_gradients(loss).unwrap());
            let twice = |tape: Tape, loss: Tensor| {
                tape.backward(&loss).unwrap();
                values(tape.backward(&loss).unwrap())
            };
            let expected = gradients(&inputs, true, once);
            assert_eq!(expected.len(), if tracked { 5 } else { 4 });
            for actual in [gradients(&inputs, false, once), gradients(&inputs, false, twice)] {
                assert_eq!(actual.len(), expected.len());
                for (actual, expected) in actual.iter().zip(&expected) {
                    for (a, e) in actual.iter().zip(expected) {
                        assert!((a - e).abs() <= 1e-5 * e.abs().max(1.0), "{a} instead of {e}");
                    }
                }
            }
        }
    }

    #[test]
    fn activations_are_not_kept() {
        let v: Vec<Tensor> = [[64, 64], [64, 64]].iter().map(|s| variable(s, 1).into_inner()).collect();
        let kept = std::sync::Arc::new(());
        let block = {
            let (v, kept) = (v.clone(), kept.clone());
            move |x: &Tensor| {
                let _counts = &kept;
                x.matmul(&v[1])?.tanh()
            }
        };
        let (y, tape) = record(|| checkpoint(&v[0], block)).unwrap();
        // The output is a leaf: it holds neither the graph of the block nor its input.
        assert!(y.is_variable());
        assert_eq!(std::sync::Arc::strong_count(&kept), 2);
        drop(tape);
        assert_eq!(std::sync::Arc::strong_count(&kept), 1);
    }

    #[test]
    fn a_part_without_trained_weights_is_not_recomputed() {
        let (x, w) = (variable(&[2, 2], 1).detach(), variable(&[2, 2], 2).detach());
        let (y, _) = record(|| checkpoint(&x, move |x| x.matmul(&w))).unwrap();
        assert!(!y.track_op());
    }
}
