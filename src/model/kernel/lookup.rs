//! Concatenation of all inputs as one operation: numbers are copied, codes are looked up in their embedding
//! tables, row by row into one `[rows, width]`. One variable holds all tables one after the other, so the
//! gradient of all of them takes one pass, too.

use candle_core::{CpuStorage, CustomOp1, IndexOp, Layout, Result, Shape, Storage, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply1;
use crate::model::kernel::{BLOCK, PARALLEL_THRESHOLD, fits, floats, with_floats, zeros};

/// The part of a row that comes from one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupColumn {
    /// `width` floats, copied.
    Numbers {
        /// Number of features.
        width: usize,
    },
    /// A code, looked up in the table `[rows, width]` that begins at element `start` of the variable.
    Code {
        /// First row of its table in the joint embedding matrix.
        start: usize,
        /// Rows of its table.
        rows: usize,
        /// Width of its embedding.
        width: usize,
    },
}

impl LookupColumn {
    /// Number of columns in the concatenated row.
    pub fn width(&self) -> usize {
        match *self {
            Self::Numbers { width } | Self::Code { width, .. } => width,
        }
    }
}

/// Concatenates the inputs of the columns, floats `[rows, width]` or codes `[rows]`, to
/// `[rows, total width]`. `tables` holds the elements of all tables.
///
/// # Errors
/// A code that is not a row of its table, or an input whose shape or type does not fit its column.
pub fn lookup(tables: &Tensor, columns: &[LookupColumn], inputs: &[Tensor]) -> Result<Tensor> {
    if !fits(&[tables]) || inputs.iter().any(|input| !input.device().is_cpu()) {
        return composed(tables, columns, inputs);
    }
    let inputs = inputs.iter().map(Tensor::contiguous).collect::<Result<Vec<_>>>()?;
    apply1(tables, LookupOp { columns: columns.to_vec(), inputs })
}

/// Composed form of `lookup`.
pub fn composed(tables: &Tensor, columns: &[LookupColumn], inputs: &[Tensor]) -> Result<Tensor> {
    let blocks = columns.iter().zip(inputs).map(|(column, input)| match *column {
        LookupColumn::Numbers { .. } => Ok(input.clone()),
        LookupColumn::Code { start, rows, width } => {
            tables.i(start..start + rows * width)?.reshape((rows, width))?.index_select(input, 0)
        }
    });
    Tensor::cat(&blocks.collect::<Result<Vec<_>>>()?, 1)
}

struct LookupOp {
    columns: Vec<LookupColumn>,
    inputs: Vec<Tensor>,
}

/// The values of one column for a batch, and the position `at` of their first column in a row.
enum LookupSource<'a> {
    Numbers { values: &'a [f32], width: usize, at: usize },
    Code { codes: &'a [u32], start: usize, width: usize, at: usize },
}

impl LookupOp {
    /// Calls `work` with the values of all columns and the number of rows, after checking the codes.
    fn with_sources<T>(&self, work: impl FnOnce(&[LookupSource], usize) -> Result<T>) -> Result<T> {
        let guards: Vec<_> = self.inputs.iter().map(Tensor::storage_and_layout).collect();
        let mut sources = Vec::with_capacity(guards.len());
        let mut at = 0;
        let rows = self.inputs.first().map_or(0, |input| input.dims()[0]);
        for (column, (storage, layout)) in self.columns.iter().zip(&guards) {
            let Storage::Cpu(storage) = &**storage else {
                candle_core::bail!("a fused kernel runs on the CPU only")
            };
            let (begin, end) = layout.contiguous_offsets().unwrap_or((0, 0));
            match (*column, storage) {
                (LookupColumn::Numbers { width }, CpuStorage::F32(values)) if end - begin == rows * width => {
                    sources.push(LookupSource::Numbers { values: &values[begin..end], width, at });
                }
                (LookupColumn::Code { start, rows: table_rows, width }, CpuStorage::U32(codes))
                    if end - begin == rows =>
                {
                    let codes = &codes[begin..end];
                    if let Some(code) = codes.iter().find(|code| **code as usize >= table_rows) {
                        candle_core::bail!("code {code} is out of range for a table of {table_rows} rows");
                    }
                    sources.push(LookupSource::Code { codes, start, width, at });
                }
                _ => candle_core::bail!("expected an input for {column:?}, found shape {:?}", layout.dims()),
            }
            at += column.width();
        }
        work(&sources, rows)
    }

    fn width(&self) -> usize {
        self.columns.iter().map(LookupColumn::width).sum()
    }
}

impl CustomOp1 for LookupOp {
    fn name(&self) -> &'static str {
        "lookup"
    }

    fn cpu_fwd(&self, tables: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let tables = floats(tables, layout)?;
        let width = self.width();
        self.with_sources(|sources, rows| {
            let mut y = zeros(rows * width);
            let fill = |(block, y): (usize, &mut [f32])| {
                for (offset, y) in y.chunks_exact_mut(width).enumerate() {
                    let row = block * BLOCK + offset;
                    for source in sources {
                        match *source {
                            LookupSource::Numbers { values, width, at } => {
                                y[at..at + width].copy_from_slice(&values[row * width..][..width]);
                            }
                            LookupSource::Code { codes, start, width, at } => {
                                let from = start + codes[row] as usize * width;
                                y[at..at + width].copy_from_slice(&tables[from..][..width]);
                            }
                        }
                    }
                }
            };
            if y.len() < PARALLEL_THRESHOLD {
                y.chunks_mut(BLOCK * width).enumerate().for_each(fill);
            } else {
                y.par_chunks_mut(BLOCK * width).enumerate().for_each(fill);
            }
            Ok((CpuStorage::F32(y), Shape::from((rows, width))))
        })
    }

    fn bwd(&self, tables: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let width = self.width();
        let mut tables_gradient = zeros(tables.elem_count());
        with_floats(gradient, |gradient| {
            self.with_sources(|sources, rows| {
                let codes: Vec<&LookupSource> =
                    sources.iter().filter(|s| matches!(s, LookupSource::Code { .. })).collect();
                let parts =
                    if gradient.len() < PARALLEL_THRESHOLD { 1 } else { rayon::current_num_threads().min(8) };
                // Each thread owns the tables of some columns and sums their gradients in the order of the
                // rows, so the sums do not depend on the number of threads.
                let mut jobs: Vec<(&[&LookupSource], &mut [f32], usize)> = Vec::new();
                let (mut remaining, mut begin) = (tables_gradient.as_mut_slice(), 0);
                for group in codes.chunks(codes.len().div_ceil(parts).max(1)) {
                    let end = self.end_of(group);
                    let (own_gradient, others) = remaining.split_at_mut(end - begin);
                    jobs.push((group, own_gradient, begin));
                    (remaining, begin) = (others, end);
                }
                let add = |(group, own_gradient, begin): (&[&LookupSource], &mut [f32], usize)| {
                    for (row, gradient) in gradient.chunks_exact(width).take(rows).enumerate() {
                        for source in group {
                            if let LookupSource::Code { codes, start, width, at } = **source {
                                let to = start - begin + codes[row] as usize * width;
                                let own_gradient = &mut own_gradient[to..to + width];
                                own_gradient.iter_mut().zip(&gradient[at..]).for_each(|(sum, g)| *sum += g);
                            }
                        }
                    }
                };
                if jobs.len() == 1 {
                    jobs.into_iter().for_each(add);
                } else {
                    jobs.into_par_iter().for_each(add);
                }
                Ok(())
            })
        })?;
        Tensor::from_vec(tables_gradient, tables.shape(), tables.device()).map(Some)
    }
}

impl LookupOp {
    /// The end of the tables of consecutive columns, as an index into the elements of all tables.
    fn end_of(&self, group: &[&LookupSource]) -> usize {
        let Some(LookupSource::Code { start: last, .. }) = group.last() else { return 0 };
        self.columns
            .iter()
            .find_map(|column| match column {
                LookupColumn::Code { start, rows, width } if start == last => Some(start + rows * width),
                _ => None,
            })
            .unwrap_or(*last)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::model::kernel::lookup::{LookupColumn, composed, lookup};
    use crate::model::kernel::reference_check::{check_against, variable};

    #[test]
    fn agrees_with_its_composed_form() {
        let columns = [
            LookupColumn::Code { start: 0, rows: 3, width: 2 },
            LookupColumn::Numbers { width: 1 },
            LookupColumn::Code { start: 6, rows: 5, width: 40 },
            LookupColumn::Code { start: 206, rows: 2, width: 30 },
            LookupColumn::Numbers { width: 3 },
        ];
        for rows in [1, 7, 700] {
            let codes = |known: u32| {
                Tensor::from_vec((0..rows).map(|i| i * 7 % known).collect(), rows as usize, &Device::Cpu)
            };
            let numbers = |width: usize| variable(&[rows as usize, width], 9).as_tensor().detach();
            let inputs = [codes(3).unwrap(), numbers(1), codes(5).unwrap(), codes(2).unwrap(), numbers(3)];
            check_against(
                &[variable(&[266], 5)],
                1e-5,
                |tables| lookup(&tables[0], &columns, &inputs),
                |tables| composed(&tables[0], &columns, &inputs),
            );
        }
    }

    #[test]
    fn a_code_out_of_range_is_refused() {
        let columns = [LookupColumn::Code { start: 0, rows: 3, width: 2 }];
        let codes = Tensor::from_vec(vec![0u32, 3], 2, &Device::Cpu).unwrap();
        let error = lookup(variable(&[6], 1).as_tensor(), &columns, &[codes]).unwrap_err();
        assert!(error.to_string().contains("code 3 is out of range for a table of 3 rows"));
    }
}
