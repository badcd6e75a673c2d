//! A column of lists: the concatenated cells of all lists, and the offset of each list.

use std::ops::Range;

use polars::prelude::{ChunkExplode, DataType, PlSmallStr, PolarsResult, Series};

use crate::data::cells::Cells;

/// A column of lists. A missing list is empty.
#[derive(Clone, Debug)]
pub(in crate::data) struct ListColumn {
    name: PlSmallStr,
    /// `[rows + 1]`: where each row's cells start and end in `inner`.
    pub offsets: Vec<usize>,
    pub inner: Cells,
}

impl ListColumn {
    /// `None` when the series does not hold lists.
    pub fn from_series(series: &Series) -> PolarsResult<Option<Self>> {
        if !matches!(series.dtype(), DataType::List(_)) {
            return Ok(None);
        }
        // A single chunk, so that the offsets match the values.
        let lists = series.list()?.rechunk();
        let raw_offsets = ChunkExplode::offsets(lists.as_ref())?;
        let mut offsets: Vec<usize> = raw_offsets.as_slice().iter().map(|offset| *offset as usize).collect();
        let mut inner = lists.get_inner();
        let missing: Vec<bool> = lists.is_null().iter().map(|missing| missing == Some(true)).collect();
        // A null list may still cover values; drop them.
        if missing.iter().zip(offsets.windows(2)).any(|(missing, ends)| *missing && ends[0] < ends[1]) {
            let kept = missing.iter().zip(offsets.windows(2)).filter(|(missing, _)| !**missing);
            let kept: Vec<Range<usize>> = kept.map(|(_, ends)| ends[0]..ends[1]).collect();
            inner =
                inner.take_slice(&kept.iter().cloned().flatten().map(|i| i as u32).collect::<Vec<_>>())?;
            let mut lengths = kept.into_iter().map(|range| range.len());
            let mut end = 0;
            let ends = missing.iter().map(|missing| {
                end += if *missing { 0 } else { lengths.next().unwrap_or(0) };
                end
            });
            offsets = std::iter::once(0).chain(ends).collect();
        }
        let inner = inner.with_name(series.name().clone());
        Ok(Some(Self { name: series.name().clone(), offsets, inner: Cells::from_series(&inner)? }))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The range of a row's cells in `inner`.
    pub fn row(&self, row: usize) -> Range<usize> {
        self.offsets[row]..self.offsets[row + 1]
    }
}
