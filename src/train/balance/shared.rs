//! The tasks' gradients of what they share: dot products in 64 bits, weighted sums, and one long row where a
//! method needs it.

use candle_core::{Device, Result, Storage, Tensor};
use rayon::prelude::*;

use crate::model::kernel::gramian::dot_products;
use crate::model::kernel::{WORTHWHILE, floats};
use crate::model::network::Network;
use crate::train::optimizer::fused_step::Trainable;
use crate::train::solver::Matrix;

/// Which variables several tasks use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedVariables {
    /// Their places among the variables.
    pub places: Vec<usize>,
    /// The last of them that is a matrix and that every task uses, as a place among `places`.
    pub last: Option<usize>,
}

impl SharedVariables {
    pub fn from_network(network: &Network, variables: &[Trainable]) -> Self {
        let tasks = network.signature().tasks.len();
        let users: Vec<usize> = network
            .weights()
            .trainable()
            .map(|weight| (0..tasks).filter(|task| network.uses(&[*task], weight)).count())
            .collect();
        let indices: Vec<usize> = (0..variables.len()).filter(|index| users[*index] > 1).collect();
        let whole = |index: &usize| users[*index] == tasks && variables[*index].decay;
        let last = indices.iter().rposition(whole);
        Self { places: indices, last }
    }
}

/// One task's gradients of several tensors; `None` where it does not reach.
pub type TaskGradient = Vec<Option<Tensor>>;

/// The dot products of the rows of one set with those of another, over the tensors at `places`.
pub fn products(left: &[TaskGradient], right: &[TaskGradient], indices: &[usize]) -> Result<Matrix> {
    let same = std::ptr::eq(left, right);
    // A set beside itself is read once, and each pair of its rows counts once.
    let (others, from) = if same { (&[][..], 0) } else { (right, left.len()) };
    let mut cells = Matrix::from_fn(left.len(), |_, _| 0.0);
    for index in indices {
        let mut tensors = Vec::new();
        let stand = |row: &TaskGradient| {
            let tensor = row[*index].clone()?;
            tensors.push(tensor);
            Some(tensors.len() - 1)
        };
        let stands: Vec<Option<usize>> = left.iter().chain(others).map(stand).collect();
        let all = (0..left.len()).flat_map(|i| (if same { i } else { 0 }..right.len()).map(move |j| (i, j)));
        // A row that is nothing adds nothing.
        let both = all.filter_map(|(i, j)| Some(((i, j), (stands[i]?, stands[from + j]?))));
        let (result, pairs): (Vec<_>, Vec<_>) = both.unzip();
        let products = with_all_values(&tensors, |values| dot_products(values, &pairs))?;
        for ((i, j), product) in result.into_iter().zip(products) {
            cells[(i, j)] += product;
            if same && i != j {
                cells[(j, i)] += product;
            }
        }
    }
    Ok(cells)
}

/// The weighted sum of the tasks' gradients of one tensor; `None` where none reaches.
pub fn combined(gradients: &[Option<&Tensor>], weights: &[f64]) -> Result<Option<Tensor>> {
    let Some(first) = gradients.iter().flatten().next() else { return Ok(None) };
    let counted =
        gradients.iter().zip(weights).filter(|(gradient, weight)| gradient.is_some() && **weight != 0.0);
    let (tensors, weights): (Vec<Tensor>, Vec<f32>) =
        counted.filter_map(|(gradient, weight)| Some(((*gradient)?.clone(), *weight as f32))).unzip();
    let mut sum = vec![0.0_f32; first.elem_count()];
    with_all_values(&tensors, |rows| {
        sum.par_chunks_mut(WORTHWHILE).enumerate().for_each(|(number, sum)| {
            for (row, weight) in rows.iter().zip(&weights) {
                let values = &row[number * WORTHWHILE..][..sum.len()];
                sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
            }
        });
    })?;
    Ok(Some(Tensor::from_vec(sum, first.shape(), first.device())?))
}

/// One task's gradients at `places` as one row, scaled; 0 where it does not reach. `sizes` are the tensors'
/// lengths.
pub fn row(gradient: &TaskGradient, indices: &[usize], sizes: &[usize], scale: f64) -> Result<Vec<f32>> {
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

/// A tensor's numbers, without a copy where they lie in host memory in order.
pub fn with_values<T>(tensor: &Tensor, look: impl FnOnce(&[f32]) -> T) -> Result<T> {
    with_all_values(std::slice::from_ref(tensor), |values| look(values[0]))
}

/// The same of several tensors at once.
fn with_all_values<T>(tensors: &[Tensor], look: impl FnOnce(&[&[f32]]) -> T) -> Result<T> {
    let host = tensors.iter().map(|tensor| tensor.to_device(&Device::Cpu)?.contiguous());
    let host = host.collect::<Result<Vec<_>>>()?;
    let held: Vec<_> = host.iter().map(Tensor::storage_and_layout).collect();
    let values = held.iter().map(|(storage, layout)| match &**storage {
        Storage::Cpu(storage) => floats(storage, layout),
        _ => candle_core::bail!("a tensor was brought to the host"),
    });
    Ok(look(&values.collect::<Result<Vec<_>>>()?))
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::train::balance::shared::{TaskGradient, combined, products, row};
    use crate::train::solver::Matrix;

    fn gradients() -> Vec<TaskGradient> {
        let tensor = |values: &[f32]| Some(Tensor::new(values, &Device::Cpu).expect("a tensor"));
        vec![vec![tensor(&[1.0, 2.0]), tensor(&[3.0])], vec![tensor(&[-1.0, 1.0]), None]]
    }

    #[test]
    fn a_gradient_that_does_not_reach_counts_as_nothing() {
        let all = gradients();
        let result = products(&all, &all, &[0, 1]).expect("products");
        assert_eq!(result, Matrix::from_fn(2, |i, j| [[14.0, 1.0], [1.0, 2.0]][i][j]));
        assert_eq!(products(&all, &gradients(), &[0, 1]).expect("products"), result);
        assert_eq!(row(&all[1], &[0, 1], &[2, 1], 2.0).expect("a row"), [-2.0, 2.0, 0.0]);
    }

    #[test]
    fn sums_are_weighted() {
        let all = gradients();
        let of = |index: usize| {
            let gradients: Vec<_> = all.iter().map(|gradient| gradient[index].as_ref()).collect();
            combined(&gradients, &[2.0, -1.0])
                .expect("a sum")
                .map(|sum| sum.to_vec1::<f32>().expect("values"))
        };
        assert_eq!(of(0), Some(vec![3.0, 3.0]));
        assert_eq!(of(1), Some(vec![6.0]));
        assert!(combined(&[None, None], &[1.0, 1.0]).expect("nothing").is_none());
    }

    #[test]
    fn long_rows_are_summed_exactly_enough() {
        let long: Vec<f32> = (0..100_000).map(|i| (i as f32 * 0.37).sin()).collect();
        let expected: f64 = long.iter().map(|value| f64::from(*value).powi(2)).sum();
        let all = [vec![Some(Tensor::new(long, &Device::Cpu).expect("a tensor"))]];
        let result = products(&all, &all, &[0]).expect("products")[(0, 0)];
        assert!((result - expected).abs() < 1e-9 * expected);
    }
}
