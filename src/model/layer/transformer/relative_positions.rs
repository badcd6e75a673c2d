//! Relative positions of a transformer: a trained bias of the attention scores for each head and distance
//! (Raffel et al. 2020, arXiv 1910.10683).

use crate::model::error::ModelResult;
use crate::model::layer::multi_head_attention::scored::RelativeScores;
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// Divides the distances of two steps into buckets: one for each small distance, wider ones for larger
/// distances, one for all from `max_distance` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DistanceBuckets {
    /// The number of buckets, at least 4 and even (2 if `causal`).
    pub count: usize,
    /// The distance from which on all are in one bucket.
    pub max_distance: usize,
    /// Whether only earlier steps are attended to, so that all buckets are theirs. Otherwise the first half
    /// of the buckets is for earlier steps and the step itself, the second for later ones.
    pub causal: bool,
}

impl DistanceBuckets {
    /// Those of T5.
    pub const DEFAULT: Self = Self { count: 32, max_distance: 128, causal: false };

    /// # Errors
    /// What does not fit.
    pub fn check(&self) -> Result<(), String> {
        let (least, exact) = if self.causal { (2, self.count / 2) } else { (4, self.count / 4) };
        if self.count < least || !self.count.is_multiple_of(2) {
            return Err(format!("{} buckets; expected an even number of at least {least}", self.count));
        }
        if self.max_distance <= exact {
            let max = self.max_distance;
            return Err(format!(
                "a maximum distance of {max}; expected more than {exact}, buckets of one step"
            ));
        }
        Ok(())
    }

    /// The bucket of a key so many steps after the query.
    fn bucket(&self, distance: i64) -> u32 {
        let (half, first) = match (self.causal, distance > 0) {
            (true, _) => (self.count, 0),
            (false, is_later) => (self.count / 2, if is_later { self.count / 2 } else { 0 }),
        };
        let steps = if self.causal { (-distance).max(0) } else { distance.abs() } as usize;
        let exact = half / 2;
        let bucket = if steps < exact {
            steps
        } else {
            // In 32 bits, as the reference: the bounds of buckets depend on the rounding.
            let range = (self.max_distance as f64 / exact as f64).ln() as f32;
            let share = (steps as f32 / exact as f32).ln() / range;
            (exact + (share * (half - exact) as f32) as usize).min(half - 1)
        };
        (first + bucket) as u32
    }

    /// The buckets of the distances from -`max_distance` to `max_distance`.
    pub fn rows(&self) -> Vec<u32> {
        let reach = self.max_distance as i64;
        (-reach..=reach).map(|distance| self.bucket(distance)).collect()
    }
}

/// A built table of biases, which all blocks share.
#[derive(Clone)]
pub struct RelativePositions {
    /// `[buckets, heads]`
    table: Parameter,
    /// The row of each distance.
    rows: Vec<u32>,
}

impl RelativePositions {
    /// A bias for each bucket and head; the weight is named `{name}.weight`.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(
        name: &str,
        heads: usize,
        buckets: DistanceBuckets,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let shape = [buckets.count, heads];
        let table = weights.parameter(&format!("{name}.weight"), &shape, Init::Normal(0.02))?;
        Ok(Self { table, rows: buckets.rows() })
    }

    /// The biases between the steps of `x`, `[batch, time, ...]`.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<RelativeScores<O::Value>> {
        let table = ops.weight(&self.table)?;
        let biases = ops.by_distance(x, &table, &self.rows)?;
        Ok(RelativeScores::Bias(ops.transpose(&biases, &[2, 0, 1])?))
    }
}

#[cfg(test)]
mod tests {
    use crate::model::layer::transformer::relative_positions::DistanceBuckets;

    #[test]
    fn buckets_equal_transformers() {
        // transformers 5.24.0
        // T5Attention._relative_position_bucket(torch.tensor(DISTANCES), bidirectional, count, max_distance)
        let buckets = |count, max_distance, causal, distances: &[i64]| -> Vec<u32> {
            let buckets = DistanceBuckets { count, max_distance, causal };
            assert_eq!(buckets.check(), Ok(()));
            let rows = buckets.rows();
            let reach = max_distance as i64;
            distances.iter().map(|d| rows[(d.clamp(&-reach, &reach) + reach) as usize]).collect()
        };
        let far = [-200, -128, -127, -64, -32, -16, -15, -9, -8, -7, -1, 0, 1, 7, 8, 9, 16, 32, 64, 127, 128];
        assert_eq!(
            buckets(32, 128, false, &far),
            [15, 15, 15, 14, 12, 10, 9, 8, 8, 7, 1, 0, 17, 23, 24, 24, 26, 28, 30, 31, 31]
        );
        let near = [-16, -12, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 5, 6, 8, 20];
        assert_eq!(buckets(8, 16, false, &near), [3, 3, 3, 3, 2, 2, 2, 2, 1, 0, 5, 6, 6, 6, 7, 7, 7]);
        assert_eq!(buckets(8, 16, true, &near), [7, 7, 5, 5, 4, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn buckets_that_cannot_be_are_refused() {
        let check = |count, max_distance| DistanceBuckets { count, max_distance, causal: false }.check();
        assert_eq!(check(6, 20), Ok(()));
        assert_eq!(check(5, 20).unwrap_err(), "5 buckets; expected an even number of at least 4");
        let error = check(32, 8).unwrap_err();
        assert_eq!(error, "a maximum distance of 8; expected more than 8, buckets of one step");
    }
}
