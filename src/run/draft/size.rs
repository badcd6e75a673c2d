//! Training settings by table size: small tables get small batches and many epochs.

/// The sizes that follow from the number of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DraftSize {
    pub batch: usize,
    pub epochs: usize,
    pub patience: usize,
    pub rate: &'static str,
    /// The share of rows of the valid and of the test split.
    pub share: &'static str,
}

/// Target number of optimizer steps of a first training.
const STEPS: usize = 2500;

/// The settings for a table of so many rows.
pub fn size_for(rows: usize) -> DraftSize {
    let (batch, rate) = match rows {
        0..=1999 => (32, "3.0e-3"),
        2000..=9999 => (64, "2.0e-3"),
        10_000..=99_999 => (256, "1.0e-3"),
        _ => (1024, "2.0e-3"),
    };
    let steps = (rows * 4 / 5).div_ceil(batch).max(1);
    let epochs = (STEPS / steps).clamp(10, 60);
    // With few validation rows the scores of single epochs are noisy.
    let patience = if rows < 2000 { 15 } else { (epochs / 4).max(4) };
    DraftSize { batch, epochs, patience, rate, share: if rows < 2000 { "0.2" } else { "0.1" } }
}

#[cfg(test)]
mod tests {
    use crate::run::draft::size::size_for;

    #[test]
    fn small_tables_get_more_epochs() {
        assert_eq!((size_for(150).batch, size_for(150).epochs, size_for(150).share), (32, 60, "0.2"));
        assert_eq!(
            (size_for(300_000).batch, size_for(300_000).epochs, size_for(300_000).patience),
            (1024, 10, 4)
        );
    }
}
