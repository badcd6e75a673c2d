//! Which row each hypothesis of a search belongs to, so that what a decoder keeps can follow them.

/// The rows of the hypotheses, as they stand now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeamParents(Vec<u32>);

/// What is to be put in another order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeamReorder {
    /// For each hypothesis, the place of the one that it goes on from: its states are there.
    pub parents: Vec<u32>,
    /// For each hypothesis the row that it belongs to, where that has changed: what was read is picked by it.
    pub rows: Option<Vec<u32>>,
}

impl BeamParents {
    /// One hypothesis for each row.
    pub fn identity(rows: usize) -> Self {
        Self((0..rows as u32).collect())
    }

    /// How many hypotheses there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts the hypotheses in the order of `parents`; `None` where each stays where it is.
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
        let mut lineage = BeamParents::identity(2);
        assert_eq!(lineage.follow(&[0, 1]), None);
        let spread = BeamReorder { parents: vec![0, 0, 1], rows: Some(vec![0, 0, 1]) };
        assert_eq!(lineage.follow(&[0, 0, 1]), Some(spread));
        // Within their rows: what was read stays, the states do not.
        assert_eq!(lineage.follow(&[1, 0, 2]), Some(BeamReorder { parents: vec![1, 0, 2], rows: None }));
        assert_eq!(
            lineage.follow(&[2, 2]),
            Some(BeamReorder { parents: vec![2, 2], rows: Some(vec![1, 1]) })
        );
        assert_eq!((lineage.len(), lineage.is_empty()), (2, false));
    }
}
