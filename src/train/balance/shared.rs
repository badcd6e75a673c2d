//! The tasks' gradients of the shared parameters: dot products in 64 bits, weighted sums, and flat rows for
//! methods that need full gradients.

use candle_core::{Device, Result, Storage, Tensor};
use rayon::prelude::*;

use crate::model::kernel::gramian::dot_products;
use crate::model::kernel::{PARALLEL_THRESHOLD, floats};
use crate::model::network::Network;
use crate::train::optimizer::fused_step::Trainable;
use crate::train::solver::Matrix;

/// The variables that several tasks use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedVariables {
    /// Their indices among all variables.
    pub indices: Vec<usize>,
    /// The last of them that is a matrix and that all tasks use, as an index into `places`.
    pub last_shared_matrix: Option<usize>,
}

impl SharedVariables {
    /// The variables of the network that several tasks use; in this epoch some may not be trained yet.
    pub fn from_network(network: &Network, variables: &[Trainable], epoch: usize) -> Self {
        let tasks = network.signature().tasks.len();
        let users: Vec<usize> = network
            .weights()
            .trainable()
            .map(|weight| (0..tasks).filter(|task| network.uses(&[*task], weight)).count())
            .collect();
        let indices: Vec<usize> = (0..variables.len()).filter(|index| users[*index] > 1).collect();
        let is_shared_matrix = |index: &usize| {
            let variable = &variables[*index];
            users[*index] == tasks && variable.decay && variable.first_epoch <= epoch
        };
        let last = indices.iter().rposition(is_shared_matrix);
        Self { indices, last_shared_matrix: last }
    }
}

/// One task's gradients of several tensors; `None` for tensors the task does not depend on.
pub type TaskGradient = Vec<Option<Tensor>>;

/// The dot products of the rows of `left` with those of `right`, over the tensors at `indices`.
pub fn gradient_products(left: &[TaskGradient], right: &[TaskGradient], indices: &[usize]) -> Result<Matrix> {
    let same = std::ptr::eq(left, right);
    // A set with itself is read once, and each pair of its rows is computed once.
    let (others, offset) = if same { (&[][..], 0) } else { (right, left.len()) };
    let mut matrix = Matrix::from_fn(left.len(), |_, _| 0.0);
    for index in indices {
        let mut tensors = Vec::new();
        let position = |row: &TaskGradient| {
            let tensor = row[*index].clone()?;
            tensors.push(tensor);
            Some(tensors.len() - 1)
        };
        let positions: Vec<Option<usize>> = left.iter().chain(others).map(position).collect();
        let all = (0..left.len()).flat_map(|i| (if same { i } else { 0 }..right.len()).map(move |j| (i, j)));
        // A missing gradient is 0.
        let present = all.filter_map(|(i, j)| Some(((i, j), (positions[i]?, positions[offset + j]?))));
        let (entries, pairs): (Vec<_>, Vec<_>) = present.unzip();
        let products = with_all_values(&tensors, |values| dot_products(values, &pairs))?;
        for ((i, j), product) in entries.into_iter().zip(products) {
            matrix[(i, j)] += product;
            if same && i != j {
                matrix[(j, i)] += product;
            }
        }
    }
    Ok(matrix)
}

/// The weighted sum of the tasks' gradients of one tensor; `None` if no task depends on it.
pub fn weighted_sum(gradients: &[Option<&Tensor>], weights: &[f64]) -> Result<Option<Tensor>> {
    let Some(first) = gradients.iter().flatten().next() else { return Ok(None) };
    let nonzero =
        gradients.iter().zip(weights).filter(|(gradient, weight)| gradient.is_some() && **weight != 0.0);
    let (tensors, weights): (Vec<Tensor>, Vec<f32>) =
        nonzero.filter_map(|(gradient, weight)| Some(((*gradient)?.clone(), *weight as f32))).unzip();
    let mut sum = vec![0.0_f32; first.elem_count()];
    with_all_values(&tensors, |rows| {
        sum.par_chunks_mut(PARALLEL_THRESHOLD).enumerate().for_each(|(chunk, sum)| {
            for (row, weight) in rows.iter().zip(&weights) {
                let values = &row[chunk * PARALLEL_THRESHOLD..][..sum.len()];
                sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
            }
        });
    })?;
    Ok(Some(Tensor::from_vec(sum, first.shape(), first.device())?))
}

/// One task's gradients of the tensors at `indices` as one flat row, multiplied by `scale`; 0 for tensors
/// the task does not depend on. `sizes` are the element counts of all tensors.
pub fn flat_row(gradient: &TaskGradient, indices: &[usize], sizes: &[usize], scale: f64) -> Result<Vec<f32>> {
    let mut row = Vec::with_capacity(indices.iter().map(|index| sizes[*index]).sum());
    for index in indices {
        match &gradient[*index] {
            Some(tensor) => {
                with_values(tensor, |values| row.extend(values.iter().map(|value| value * scale as f32)))?;
            }
            None => row.resize(row.len() + sizes[*index], 0.0),
        }
    }
    Ok(row)
}

/// Passes the values of a tensor to `f`, without a copy if they are contiguous in host memory.
pub fn with_values<T>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> T) -> Result<T> {
    with_all_values(std::slice::from_ref(tensor), |values| f(values[0]))
}

/// The same for several tensors at once.
fn with_all_values<T>(tensors: &[Tensor], f: impl FnOnce(&[&[f32]]) -> T) -> Result<T> {
    let host = tensors.iter().map(|tensor| tensor.to_device(&Device::Cpu)?.contiguous());
    let host = host.collect::<Result<Vec<_>>>()?;
    let storages: Vec<_> = host.iter().map(Tensor::storage_and_layout).collect();
    let values = storages.iter().map(|(storage, layout)| match &**storage {
        Storage::Cpu(storage) => floats(storage, layout),
        _ => candle_core::bail!("expected a tensor in host memory"),
    });
    Ok(f(&values.collect::<Result<Vec<_>>>()?))
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::train::balance::shared::{TaskGradient, flat_row, gradient_products, weighted_sum};
    use crate::train::solver::Matrix;

    fn gradients() -> Vec<TaskGradient> {
        let tensor = |values: &[f32]| Some(Tensor::new(values, &Device::Cpu).expect("a tensor"));
        vec![vec![tensor(&[1.0, 2.0]), tensor(&[3.0])], vec![tensor(&[-1.0, 1.0]), None]]
    }

    #[test]
    fn missing_gradients_count_as_zero() {
        let all = gradients();
        let actual = gradient_products(&all, &all, &[0, 1]).expect("products");
        assert_eq!(actual, Matrix::from_fn(2, |i, j| [[14.0, 1.0], [1.0, 2.0]][i][j]));
        assert_eq!(gradient_products(&all, &gradients(), &[0, 1]).expect("products"), actual);
        assert_eq!(flat_row(&all[1], &[0, 1], &[2, 1], 2.0).expect("a row"), [-2.0, 2.0, 0.0]);
    }

    #[test]
    fn sums_are_weighted() {
        let all = gradients();
        let sum_at = |index: usize| {
            let gradients: Vec<_> = all.iter().map(|gradient| gradient[index].as_ref()).collect();
            weighted_sum(&gradients, &[2.0, -1.0])
                .expect("a sum")
                .map(|sum| sum.to_vec1::<f32>().expect("values"))
        };
        assert_eq!(sum_at(0), Some(vec![3.0, 3.0]));
        assert_eq!(sum_at(1), Some(vec![6.0]));
        assert!(weighted_sum(&[None, None], &[1.0, 1.0]).expect("nothing").is_none());
    }

    #[test]
    fn long_rows_are_summed_in_64_bits() {
        let long: Vec<f32> = (0..100_000).map(|i| (i as f32 * 0.37).sin()).collect();
        let expected: f64 = long.iter().map(|value| f64::from(*value).powi(2)).sum();
        let all = [vec![Some(Tensor::new(long, &Device::Cpu).expect("a tensor"))]];
        let actual = gradient_products(&all, &all, &[0]).expect("products")[(0, 0)];
        assert!((actual - expected).abs() < 1e-9 * expected);
    }
}
