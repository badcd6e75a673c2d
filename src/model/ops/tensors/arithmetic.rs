//! Operations on tensors of any rank.

use candle_core::{D, Tensor};

use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::autograd::view;
use crate::model::error::ModelResult;
use crate::model::kernel;
use crate::model::kernel::masked::{keeps, masked};
use crate::model::mode::Mode;
use crate::model::module::Module;
use crate::model::ops::tensors::or_zeros;
use crate::model::ops::{Arithmetic, ExpertMixing, Tensors};
use crate::model::weights::Parameter;

impl Arithmetic for Tensors<'_> {
    type Value = Tensor;

    fn mode(&self) -> Mode<'_> {
        *self.mode()
    }

    fn scope(&mut self, _: &str) {}

    fn module(&mut self, module: &dyn Module, x: &Activations) -> ModelResult<Activations> {
        module.forward(x, self.mode())
    }

    fn custom(
        &mut self,
        _: &str,
        inputs: &[Tensor],
        compute: &dyn Fn(&[Tensor]) -> ModelResult<Tensor>,
    ) -> ModelResult<Tensor> {
        compute(inputs)
    }

    fn check_shape(&mut self, x: &Tensor, shape: Shape) -> ModelResult<(), String> {
        let matches = match (shape, x.dims()) {
            (Shape::Vector { width }, [_, columns]) | (Shape::Sequence { width }, [_, _, columns]) => {
                *columns == width
            }
            (Shape::Tokens { .. }, [_, _]) => true,
            (Shape::Image { channels, height, width }, [_, row @ ..]) => *row == [channels, height, width],
            _ => false,
        };
        match matches {
            true => Ok(()),
            false => {
                Err(format!("it declares an output of {shape}, but returned {:?} for a batch", x.dims()))
            }
        }
    }

    fn detach(&mut self, x: &Activations) -> ModelResult<Activations> {
        self.mode().detach(x)
    }

    fn is_computed(&self, part: &str) -> bool {
        self.mode().is_computed(part)
    }

    fn folds_weights(&self) -> bool {
        false
    }

    fn weight(&mut self, weight: &Parameter) -> ModelResult<Tensor> {
        Ok(weight.tensor())
    }

    fn constant(&mut self, _: &str, shape: &[usize], values: &[f32], like: &Tensor) -> ModelResult<Tensor> {
        Ok(Tensor::from_slice(values, shape, like.device())?)
    }

    fn constant_from_weights(&mut self, _: &str, values: &Tensor) -> ModelResult<Tensor> {
        Ok(values.clone())
    }

    fn expand_rows(&mut self, _: &str, values: &Tensor, x: &Tensor) -> ModelResult<Tensor> {
        Ok(values.broadcast_as((x.dim(0)?, values.dim(1)?))?.contiguous()?)
    }

    fn add(&mut self, a: &Tensor, b: &Tensor) -> ModelResult<Tensor> {
        Ok(if a.dims() == b.dims() { kernel::add::add(a, b)? } else { a.broadcast_add(b)? })
    }

    fn sub(&mut self, a: &Tensor, b: &Tensor) -> ModelResult<Tensor> {
        Ok(if a.dims() == b.dims() { (a - b)? } else { a.broadcast_sub(b)? })
    }

    fn mul(&mut self, a: &Tensor, b: &Tensor) -> ModelResult<Tensor> {
        Ok(if a.dims() == b.dims() { (a * b)? } else { a.broadcast_mul(b)? })
    }

    fn div(&mut self, a: &Tensor, b: &Tensor) -> ModelResult<Tensor> {
        Ok(if a.dims() == b.dims() { (a / b)? } else { a.broadcast_div(b)? })
    }

    fn scale(&mut self, x: &Tensor, factor: f64) -> ModelResult<Tensor> {
        Ok(x.affine(factor, 0.0)?)
    }

    fn shift(&mut self, x: &Tensor, offset: f64) -> ModelResult<Tensor> {
        Ok(x.affine(1.0, offset)?)
    }

    fn neg(&mut self, x: &Tensor) -> ModelResult<Tensor> {
        Ok(x.neg()?)
    }

    fn exp(&mut self, x: &Tensor) -> ModelResult<Tensor> {
        Ok(x.exp()?)
    }

    fn log(&mut self, x: &Tensor) -> ModelResult<Tensor> {
        Ok(x.log()?)
    }

    fn activation(&mut self, function: Activation, x: &Tensor) -> ModelResult<Tensor> {
        Ok(kernel::activation::activation(function, x)?)
    }

    /// Composed, because candle's softmax has no backward.
    fn softmax(&mut self, x: &Tensor) -> ModelResult<Tensor> {
        // Subtracting a constant from all logits changes no probability, so the maximum needs no gradient.
        let largest = x.detach().max_keepdim(D::Minus1)?;
        let exp = x.broadcast_sub(&largest)?.exp()?;
        Ok(exp.broadcast_div(&exp.sum_keepdim(D::Minus1)?)?)
    }

    fn matmul(&mut self, a: &Tensor, b: &Tensor) -> ModelResult<Tensor> {
        if a.rank() == b.rank() {
            return Ok(a.broadcast_matmul(b)?);
        }
        let mut shape = a.dims().to_vec();
        let y = a.reshape(((), a.dim(D::Minus1)?))?.matmul(b)?;
        shape.pop();
        shape.push(y.dim(1)?);
        Ok(y.reshape(shape)?)
    }

    fn linear(
        &mut self,
        x: &Tensor,
        weight: &Parameter,
        bias: Option<&Parameter>,
        activation: Activation,
    ) -> ModelResult<Tensor> {
        match bias {
            Some(bias) => Ok(kernel::affine::affine(x, &weight.tensor(), &bias.tensor(), activation)?),
            None => {
                let y = self.matmul(x, &weight.tensor())?;
                self.activation(activation, &y)
            }
        }
    }

    fn layer_norm(
        &mut self,
        x: &Tensor,
        gamma: &Parameter,
        beta: Option<&Parameter>,
        epsilon: f64,
    ) -> ModelResult<Tensor> {
        let gamma = gamma.tensor();
        let beta = or_zeros(beta, gamma.dim(0)?, &gamma)?;
        Ok(kernel::layer_norm::layer_norm(x, &gamma, &beta, epsilon)?)
    }

    fn rms_norm(&mut self, x: &Tensor, gamma: &Parameter, epsilon: f64) -> ModelResult<Tensor> {
        Ok(kernel::rms_norm::rms_norm(x, &gamma.tensor(), epsilon)?)
    }

    fn dropout(&mut self, name: &str, rate: f64, x: &Tensor) -> ModelResult<Tensor> {
        match self.mode().random(name) {
            Some(random) if rate > 0.0 => Ok(masked(x, keeps(&random, rate, x.elem_count()))?),
            _ => Ok(x.clone()),
        }
    }

    fn dropout_channels(&mut self, name: &str, rate: f64, x: &Tensor) -> ModelResult<Tensor> {
        let Some(random) = self.mode().random(name).filter(|_| rate > 0.0) else { return Ok(x.clone()) };
        // One draw for all pixels of a channel, or for all steps of a column.
        let mask = match x.dims() {
            [rows, channels, height, width] => {
                let factors = keeps(&random, rate, rows * channels);
                factors.into_iter().flat_map(|factor| std::iter::repeat_n(factor, height * width)).collect()
            }
            [rows, time, columns] => {
                let factors = keeps(&random, rate, rows * columns);
                factors.chunks_exact(*columns).flat_map(|row| row.repeat(*time)).collect()
            }
            _ => keeps(&random, rate, x.elem_count()),
        };
        Ok(masked(x, mask)?)
    }

    fn drop_path(&mut self, name: &str, rate: f64, x: &Tensor) -> ModelResult<Tensor> {
        let Some(random) = self.mode().random(name).filter(|_| rate > 0.0) else { return Ok(x.clone()) };
        let rows = x.dim(0)?;
        let width = x.elem_count() / rows.max(1);
        let factors = keeps(&random, rate, rows).into_iter();
        Ok(masked(x, factors.flat_map(|factor| std::iter::repeat_n(factor, width)).collect())?)
    }

    fn reshape(&mut self, x: &Tensor, dims: &[i64]) -> ModelResult<Tensor> {
        let mut shape: Vec<usize> = Vec::with_capacity(dims.len());
        for (index, dim) in dims.iter().enumerate() {
            shape.push(match dim {
                0 => x.dim(index)?,
                -1 => 1,
                dim => *dim as usize,
            });
        }
        if let Some(inferred) = dims.iter().position(|dim| *dim == -1) {
            let others: usize = shape.iter().product();
            shape[inferred] = x.elem_count() / others.max(1);
        }
        Ok(view(x, |x| x.reshape(shape))?)
    }

    fn transpose(&mut self, x: &Tensor, order: &[usize]) -> ModelResult<Tensor> {
        Ok(x.permute(order)?.contiguous()?)
    }

    fn concat(&mut self, values: &[Tensor], axis: i64) -> ModelResult<Tensor> {
        match values {
            [only] => Ok(only.clone()),
            [first, ..] => Ok(Tensor::cat(values, axis_index(first, axis))?),
            [] => Err(candle_core::Error::msg("concat needs at least one value").into()),
        }
    }

    fn stack(&mut self, values: &[Tensor], axis: usize) -> ModelResult<Tensor> {
        Ok(Tensor::stack(values, axis)?)
    }

    fn narrow(&mut self, x: &Tensor, axis: i64, start: usize, count: usize) -> ModelResult<Tensor> {
        Ok(x.narrow(axis_index(x, axis), start, count)?)
    }

    fn unsqueeze(&mut self, x: &Tensor, axis: usize) -> ModelResult<Tensor> {
        Ok(view(x, |x| x.unsqueeze(axis))?)
    }

    fn squeeze(&mut self, x: &Tensor, axis: usize) -> ModelResult<Tensor> {
        Ok(view(x, |x| x.squeeze(axis))?)
    }

    fn sum(&mut self, x: &Tensor, axis: i64, keep: bool) -> ModelResult<Tensor> {
        let axis = axis_index(x, axis);
        Ok(if keep { x.sum_keepdim(axis)? } else { x.sum(axis)? })
    }

    fn mean(&mut self, x: &Tensor, axis: i64, keep: bool) -> ModelResult<Tensor> {
        let axis = axis_index(x, axis);
        Ok(if keep { x.mean_keepdim(axis)? } else { x.mean(axis)? })
    }

    fn rows(&mut self, x: &Tensor, width: usize) -> ModelResult<Tensor> {
        Ok(view(x, |x| x.reshape(((), width)))?)
    }

    fn unflatten_rows(&mut self, rows: &Tensor, x: &Tensor) -> ModelResult<Tensor> {
        let mut shape = x.dims().to_vec();
        shape.pop();
        shape.push(rows.dim(1)?);
        Ok(view(rows, |rows| rows.reshape(shape))?)
    }

    fn mix_rows(&mut self, matrix: &Tensor, values: &[Tensor]) -> ModelResult<Vec<Tensor>> {
        let flat = values.iter().map(Tensor::flatten_all);
        let flat = Tensor::stack(&flat.collect::<candle_core::Result<Vec<_>>>()?, 0)?;
        let mixed = matrix.matmul(&flat)?;
        (0..matrix.dim(0)?).map(|row| Ok(mixed.get(row)?.reshape(values[0].dims())?)).collect()
    }

    // [rows, 1, experts] x [rows, experts, values]
    fn mix_experts(
        &mut self,
        gate: &Tensor,
        experts: &[Tensor],
        stacked: &mut Option<Tensor>,
        _: ExpertMixing,
    ) -> ModelResult<Tensor> {
        let stack = match stacked {
            Some(stack) => stack.clone(),
            None => {
                let rows = gate.dim(0)?;
                let flat = experts.iter().map(|expert| expert.reshape((rows, ())));
                let stack = Tensor::stack(&flat.collect::<candle_core::Result<Vec<_>>>()?, 1)?;
                stacked.insert(stack).clone()
            }
        };
        Ok(gate.unsqueeze(1)?.matmul(&stack)?.reshape(experts[0].dims())?)
    }

    fn logit_of_product(&mut self, a: &Tensor, b: &Tensor) -> ModelResult<Tensor> {
        let all = Tensor::cat(&[&a.neg()?, &b.neg()?, &(a + b)?.neg()?], 1)?;
        let largest = all.detach().max_keepdim(D::Minus1)?;
        let log = all.broadcast_sub(&largest)?.exp()?.sum_keepdim(D::Minus1)?.log()?;
        Ok((log + largest)?.neg()?)
    }
}

/// The index of a dimension; a negative `axis` counts from the end.
fn axis_index(x: &Tensor, axis: i64) -> usize {
    if axis < 0 { (x.rank() as i64 + axis) as usize } else { axis as usize }
}
