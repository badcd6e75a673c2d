//! Embedding lookup, forward and backward. The gradient of a table row is summed in the order of its
//! occurrences, so it does not depend on the number of threads.

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Storage, Tensor};

use crate::model::autograd::apply1;
use crate::model::kernel::{BLOCK, computed, fits, floats, with_floats};

/// Table rows per task of the backward pass.
const ROWS: usize = 64;

/// Looks up ids `[batch, time]` in a table `[vocabulary, width]`: `[batch, time, width]`. Ids of any other
/// shape work likewise; the width becomes the last dimension.
///
/// # Errors
/// An id that is not a row of the table.
pub fn embed(table: &Tensor, ids: &Tensor) -> Result<Tensor> {
    if !fits(&[table]) || !ids.device().is_cpu() || ids.dtype() != DType::U32 {
        return composed(table, ids);
    }
    apply1(&table.contiguous()?, EmbeddingOp { ids: ids.contiguous()? })
}

/// Composed form of `embed`.
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
            _ => candle_core::bail!("ids must be contiguous u32 numbers on the CPU"),
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
                candle_core::bail!("id {id} is out of range for a table of {rows} rows");
            }
            let (y, _) = computed(ids.len() * width, BLOCK * width, |block, y| {
                for (y, id) in y.chunks_exact_mut(width).zip(&ids[block * BLOCK..]) {
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
        let (table_gradient, _) = with_floats(gradient, |gradient| {
            self.with_ids(|ids| {
                let (starts, positions) = positions_by_row(ids, rows);
                let add = |block: usize, sums: &mut [f32]| {
                    for (offset, sum) in sums.chunks_exact_mut(width).enumerate() {
                        let row = block * ROWS + offset;
                        for position in &positions[starts[row]..starts[row + 1]] {
                            let gradient = &gradient[*position as usize * width..][..width];
                            sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
                        }
                    }
                };
                Ok(computed(rows * width, ROWS * width, add))
            })
        })?;
        Tensor::from_vec(table_gradient, (rows, width), table.device()).map(Some)
    }
}

/// Sorts the positions of the ids by id, keeping the order of equal ids. Returns `(starts, positions)`: those
/// of `row` are `positions[starts[row]..starts[row + 1]]`.
fn positions_by_row(ids: &[u32], rows: usize) -> (Vec<usize>, Vec<u32>) {
    let mut starts = vec![0; rows + 2];
    // Counts are stored two entries ahead: after the last loop, each start is at the index of its row.
    ids.iter().for_each(|id| starts[*id as usize + 2] += 1);
    for row in 2..starts.len() {
        starts[row] += starts[row - 1];
    }
    let mut positions = vec![0; ids.len()];
    for (position, id) in (0..).zip(ids) {
        let next = &mut starts[*id as usize + 1];
        positions[*next] = position;
        *next += 1;
    }
    (starts, positions)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::model::kernel::embedding::{composed, embed, positions_by_row};
    use crate::model::kernel::reference_check::{check_against, variable};

    fn ids(batch: usize, time: usize, vocabulary: u32) -> Tensor {
        let ids = (0..(batch * time) as u32).map(|i| i.wrapping_mul(2_654_435_761) % vocabulary);
        Tensor::from_vec(ids.collect(), (batch, time), &Device::Cpu).unwrap()
    }

    #[test]
    fn agrees_with_its_composed_form() {
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
    fn positions_are_sorted_by_id() {
        assert_eq!(positions_by_row(&[2, 0, 2, 3, 0], 5), (vec![0, 2, 2, 4, 5, 5, 5], vec![1, 4, 0, 2, 3]));
    }

    #[test]
    fn an_id_out_of_range_is_refused() {
        let table = variable(&[3, 2], 1);
        let error = embed(&table, &Tensor::new(&[[0u32, 3]], &Device::Cpu).unwrap()).unwrap_err();
        assert!(error.to_string().contains("id 3 is out of range for a table of 3 rows"));
    }
}
