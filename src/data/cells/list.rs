//! A column of lists: the cells of all lists, one list after the other, and where each ends.

use std::ops::Range;

use polars::prelude::{ChunkExplode, DataType, PlSmallStr, PolarsResult, Series};

use crate::data::cells::Cells;

/// A column of lists. A missing list is an empty one.
#[derive(Clone, Debug)]
pub(in crate::data) struct ListColumn {
    name: PlSmallStr,
    /// One more than there are rows.
    pub offsets: Vec<usize>,
    pub inner: Cells,
}

impl ListColumn {
    /// `None` when the series does not hold lists.
    pub fn from_series(series: &Series) -> PolarsResult<Option<Self>> {
        if !matches!(series.dtype(), DataType::List(_)) {
            return Ok(None);
        }
        // In one piece, so that offsets and values belong together.
        let lists = series.list()?.rechunk();
        let result = ChunkExplode::offsets(lists.as_ref())?;
        let mut offsets: Vec<usize> = result.as_slice().iter().map(|offset| *offset as usize).collect();
        let mut inner = lists.get_inner();
        let missing: Vec<bool> = lists.is_null().iter().map(|missing| missing == Some(true)).collect();
        // What stands under a missing list is nothing.
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
        Ok(Some(Self { name: series.name().clone(), offsets, inner: Cells::of_series(&inner)? }))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The cells of a row.
    pub fn row(&self, row: usize) -> Range<usize> {
        self.offsets[row]..self.offsets[row + 1]
    }
}
