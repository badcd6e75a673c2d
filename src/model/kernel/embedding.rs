//! Rows of a table by their ids: an embedding, forward and backward. The gradient of a row is summed in
//! the order of the ids that name it, so it is the same for any number of threads.

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Storage, Tensor};

use crate::model::autograd::apply1;
use crate::model::kernel::{BLOCK, computed, fits, floats, with_floats};

/// Rows of the table that one thread sums at a time.
const ROWS: usize = 64;

/// `[batch, time, width]` from a table `[vocabulary, width]` and ids `[batch, time]` (or ids of any other
/// shape, to which the width is added).
pub fn embed(table: &Tensor, ids: &Tensor) -> Result<Tensor> {
    if !fits(&[table]) || !ids.device().is_cpu() || ids.dtype() != DType::U32 {
        return composed(table, ids);
    }
    apply1(&table.contiguous()?, EmbeddingOp { ids: ids.contiguous()? })
}

/// The same, composed of candle's operations.
pub fn composed(table: &Tensor, ids: &Tensor) -> Result<Tensor> {
    let mut shape = ids.dims().to_vec();
    shape.push(table.dim(1)?);
    table.index_select(&ids.flatten_all()?, 0)?.reshape(shape)
}

struct EmbeddingOp {
    ids: Tensor,
}

impl EmbeddingOp {
    fn with_ids<T>(&self, work: impl FnOnce(&[u32]) -> Result<T>) -> Result<T> {
        let (storage, layout) = self.ids.storage_and_layout();
        match (&*storage, layout.contiguous_offsets()) {
            (Storage::Cpu(CpuStorage::U32(ids)), Some((start, end))) => work(&ids[start..end]),
            _ => candle_core::bail!("ids are whole numbers, contiguous and on the CPU"),
        }
    }
}

impl CustomOp1 for EmbeddingOp {
    fn name(&self) -> &'static str {
        "embed"
    }

    fn cpu_fwd(&self, table: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, width) = layout.shape().dims2()?;
        let table = floats(table, layout)?;
        self.with_ids(|ids| {
            if let Some(id) = ids.iter().find(|id| **id as usize >= rows) {
                candle_core::bail!("id {id} is beyond its table of {rows} rows");
            }
            let (y, _) = computed(ids.len() * width, BLOCK * width, |index, y| {
                for (y, id) in y.chunks_exact_mut(width).zip(&ids[index * BLOCK..]) {
                    y.copy_from_slice(&table[*id as usize * width..][..width]);
                }
            });
            let mut shape = self.ids.dims().to_vec();
            shape.push(width);
            Ok((CpuStorage::F32(y), Shape::from(shape)))
        })
    }

    fn bwd(&self, table: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (rows, width) = table.dims2()?;
        let (result, _) = with_floats(gradient, |gradient| {
            self.with_ids(|ids| {
                let (starts, indices) = by_row(ids, rows);
                let add = |block: usize, sums: &mut [f32]| {
                    for (offset, sum) in sums.chunks_exact_mut(width).enumerate() {
                        let row = block * ROWS + offset;
                        for index in &indices[starts[row]..starts[row + 1]] {
                            let gradient = &gradient[*index as usize * width..][..width];
                            sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
                        }
                    }
                };
                Ok(computed(rows * width, ROWS * width, add))
            })
        })?;
        Tensor::from_vec(result, (rows, width), table.device()).map(Some)
    }
}

/// The places of the ids ordered by id, equal ones in their order; those of `row` stand in
/// `starts[row]..starts[row + 1]`.
fn by_row(ids: &[u32], rows: usize) -> (Vec<usize>, Vec<u32>) {
    let mut starts = vec![0; rows + 2];
    // Two further on, so that counting and then placing leave each start where it belongs.
    ids.iter().for_each(|id| starts[*id as usize + 2] += 1);
    for row in 2..starts.len() {
        starts[row] += starts[row - 1];
    }
    let mut indices = vec![0; ids.len()];
    for (index, id) in (0..).zip(ids) {
        let next = &mut starts[*id as usize + 1];
        indices[*next] = index;
        *next += 1;
    }
    (starts, indices)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::model::kernel::embedding::{by_row, composed, embed};
    use crate::model::kernel::reference_check::{check_against, variable};

    fn ids(batch: usize, time: usize, vocabulary: u32) -> Tensor {
        let ids = (0..(batch * time) as u32).map(|i| i.wrapping_mul(2_654_435_761) % vocabulary);
        Tensor::from_vec(ids.collect(), (batch, time), &Device::Cpu).unwrap()
    }

    #[test]
    fn agrees_with_its_twin() {
        for (batch, time, vocabulary, width) in [(1, 1, 1, 1), (2, 3, 5, 4), (9, 70, 333, 65)] {
            let ids = ids(batch, time, vocabulary);
            check_against(
                &[variable(&[vocabulary as usize, width], 1)],
                1e-5,
                |v| embed(&v[0], &ids),
                |v| composed(&v[0], &ids),
            );
        }
    }

    #[test]
    fn places_are_ordered_by_id() {
        assert_eq!(by_row(&[2, 0, 2, 3, 0], 5), (vec![0, 2, 2, 4, 5, 5, 5], vec![1, 4, 0, 2, 3]));
    }

    #[test]
    fn an_id_beyond_the_table_is_refused() {
        let table = variable(&[3, 2], 1);
        let error = embed(&table, &Tensor::new(&[[0u32, 3]], &Device::Cpu).unwrap()).unwrap_err();
        assert!(error.to_string().contains("id 3 is beyond its table of 3 rows"));
    }
}
