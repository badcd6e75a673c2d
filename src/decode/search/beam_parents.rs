//! The row of each hypothesis of a search, so that the decoder's state can follow the hypotheses.

/// The row of each current hypothesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeamParents(Vec<u32>);

/// How the decoder's state is reordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeamReorder {
    /// For each hypothesis, the index of its parent, whose state it continues from.
    pub parents: Vec<u32>,
    /// For each hypothesis, its row, by which encoder outputs are selected; `None` if unchanged.
    pub rows: Option<Vec<u32>>,
}

impl BeamParents {
    /// One hypothesis for each row.
    pub fn identity(rows: usize) -> Self {
        Self((0..rows as u32).collect())
    }

    /// The number of hypotheses.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no hypotheses.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reorders the hypotheses by `parents`; returns `None` if the order is unchanged.
    pub fn follow(&mut self, parents: &[usize]) -> Option<BeamReorder> {
        if parents.iter().copied().eq(0..self.0.len()) {
            return None;
        }
        let rows: Vec<u32> = parents.iter().map(|parent| self.0[*parent]).collect();
        let changed = rows != self.0;
        if changed {
            self.0.clone_from(&rows);
        }
        let parents = parents.iter().map(|parent| *parent as u32).collect();
        Some(BeamReorder { parents, rows: changed.then_some(rows) })
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::search::beam_parents::{BeamParents, BeamReorder};

    #[test]
    fn hypotheses_keep_their_rows() {
        let mut beam = BeamParents::identity(2);
        assert_eq!(beam.follow(&[0, 1]), None);
        let spread = BeamReorder { parents: vec![0, 0, 1], rows: Some(vec![0, 0, 1]) };
        assert_eq!(beam.follow(&[0, 0, 1]), Some(spread));
        // A change within a row reorders only the states.
        assert_eq!(beam.follow(&[1, 0, 2]), Some(BeamReorder { parents: vec![1, 0, 2], rows: None }));
        assert_eq!(beam.follow(&[2, 2]), Some(BeamReorder { parents: vec![2, 2], rows: Some(vec![1, 1]) }));
        assert_eq!((beam.len(), beam.is_empty()), (2, false));
    }
}
