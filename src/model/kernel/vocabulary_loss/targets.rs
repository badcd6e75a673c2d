//! What a vocabulary loss compares logits with.

use candle_core::Result;

/// The true class of every row, and its weight in the mean, `share` (0 for padding).
#[derive(Clone, Copy, Debug)]
pub struct VocabularyTargets<'a> {
    /// The true classes, one per row.
    pub classes: &'a [u32],
    /// The share of each row in the mean.
    pub weights: &'a [f32],
}

impl VocabularyTargets<'_> {
    /// Checks that there is one valid class and one share per row.
    pub(in crate::model::kernel::vocabulary_loss) fn check(
        &self,
        rows: usize,
        vocabulary: usize,
    ) -> Result<()> {
        if self.classes.len() != rows || self.weights.len() != rows {
            candle_core::bail!(
                "expected {rows} classes and shares, found {} classes and {} shares",
                self.classes.len(),
                self.weights.len()
            );
        }
        let counted_rows = self.classes.iter().zip(self.weights).filter(|(_, share)| **share != 0.0);
        match counted_rows.map(|(class, _)| *class).find(|class| *class as usize >= vocabulary) {
            Some(class) => {
                candle_core::bail!("class {class} is out of range for a vocabulary of {vocabulary}")
            }
            None => Ok(()),
        }
    }
}
