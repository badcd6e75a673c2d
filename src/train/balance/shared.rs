//! The tasks' gradients of what they share: dot products in 64 bits, weighted sums, and one long row where a method needs it.

use candle_core::{CpuStorage, Result, Storage, Tensor};

use crate::model::network::Network;
use crate::train::optimizer::pass::Trainable;
use crate::train::solver::Matrix;

/// Which variables several tasks use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Their places among the variables.
    pub places: Vec<usize>,
    /// The last of them that is a matrix and that every task uses, as a place among `places`.
    pub last: Option<usize>,
}

impl Shared {
    pub fn of(network: &Network, variables: &[Trainable]) -> Self {
        let tasks = network.signature().tasks.len();
        let users: Vec<usize> = network
            .weights()
            .trainable()
            .map(|weight| (0..tasks).filter(|task| network.uses(&[*task], weight)).count())
            .collect();
        let places: Vec<usize> = (0..variables.len()).filter(|place| users[*place] > 1).collect();
        let whole = |place: &usize| users[*place] == tasks && variables[*place].decay;
        let last = places.iter().rposition(whole);
        Self { places, last }
    }
}

/// One task's gradients of several tensors; `None` where it does not reach.
pub type Gradient = Vec<Option<Tensor>>;

/// The dot products of the rows of one set with those of another, over the tensors at `places`.
pub fn products(left: &[Gradient], right: &[Gradient], places: &[usize]) -> Result<Matrix> {
    let same = std::ptr::eq(left, right);
    let mut cells = Matrix::of(left.len(), |_, _| 0.0);
    for i in 0..left.len() {
        for j in if same { i } else { 0 }..right.len() {
            let mut sum = 0.0;
            for place in places {
                if let (Some(a), Some(b)) = (&left[i][*place], &right[j][*place]) {
                    sum += with_values(a, |a| with_values(b, |b| product(a, b)))??;
                }
            }
            cells[(i, j)] = sum;
            if same {
                cells[(j, i)] = sum;
            }
        }
    }
    Ok(cells)
}

/// The weighted sum of the tasks' gradients of one tensor; `None` where none reaches.
pub fn combined(gradients: &[Option<&Tensor>], weights: &[f64]) -> Result<Option<Tensor>> {
    let Some(first) = gradients.iter().flatten().next() else { return Ok(None) };
    let mut sum = vec![0.0_f32; first.elem_count()];
    for (gradient, weight) in gradients.iter().zip(weights) {
        let Some(gradient) = gradient.filter(|_| *weight != 0.0) else { continue };
        let weight = *weight as f32;
        with_values(gradient, |values| {
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
        })?;
    }
    Ok(Some(Tensor::from_vec(sum, first.shape(), first.device())?))
}

/// One task's gradients at `places` as one row, scaled; 0 where it does not reach. `sizes` are the tensors' lengths.
pub fn row(gradient: &Gradient, places: &[usize], sizes: &[usize], scale: f64) -> Result<Vec<f32>> {
    let mut row = Vec::with_capacity(places.iter().map(|place| sizes[*place]).sum());
    for place in places {
        match &gradient[*place] {
            Some(tensor) => {
                with_values(tensor, |values| row.extend(values.iter().map(|value| value * scale as f32)))?;
            }
            None => row.resize(row.len() + sizes[*place], 0.0),
        }
    }
    Ok(row)
}

/// A tensor's numbers, without a copy where they lie in host memory in order.
pub fn with_values<T>(tensor: &Tensor, look: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let tensor = tensor.contiguous()?;
    {
        let (storage, layout) = tensor.storage_and_layout();
        if let Storage::Cpu(CpuStorage::F32(values)) = &*storage {
            let from = layout.start_offset();
            return Ok(look(&values[from..from + layout.shape().elem_count()]));
        }
    }
    Ok(look(&tensor.flatten_all()?.to_vec1::<f32>()?))
}

/// Halved until small: the order of additions depends on the size alone, never on threads.
fn product(a: &[f32], b: &[f32]) -> f64 {
    const GRAIN: usize = 1 << 15;
    const LANES: usize = 8;
    if a.len() > GRAIN {
        let middle = a.len() / 2;
        let (one, two) =
            rayon::join(|| product(&a[..middle], &b[..middle]), || product(&a[middle..], &b[middle..]));
        return one + two;
    }
    let mut lanes = [0.0_f64; LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += f64::from(*a) * f64::from(*b);
        }
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::train::balance::shared::{Gradient, combined, products, row};
    use crate::train::solver::Matrix;

    fn gradients() -> Vec<Gradient> {
        let tensor = |values: &[f32]| Some(Tensor::new(values, &Device::Cpu).expect("a tensor"));
        vec![vec![tensor(&[1.0, 2.0]), tensor(&[3.0])], vec![tensor(&[-1.0, 1.0]), None]]
    }

    #[test]
    fn a_gradient_that_does_not_reach_counts_as_nothing() {
        let all = gradients();
        let found = products(&all, &all, &[0, 1]).expect("products");
        assert_eq!(found, Matrix::of(2, |i, j| [[14.0, 1.0], [1.0, 2.0]][i][j]));
        assert_eq!(products(&all, &gradients(), &[0, 1]).expect("products"), found);
        assert_eq!(row(&all[1], &[0, 1], &[2, 1], 2.0).expect("a row"), [-2.0, 2.0, 0.0]);
    }

    #[test]
    fn sums_are_weighted() {
        let all = gradients();
        let of = |place: usize| {
            let gradients: Vec<_> = all.iter().map(|gradient| gradient[place].as_ref()).collect();
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
        let found = products(&all, &all, &[0]).expect("products")[(0, 0)];
        assert!((found - expected).abs() < 1e-9 * expected);
    }
}
