//! Piecewise linear functions of one number, by the edges of their pieces.
//!
//! A number x is described by its share of each of T bins with the edges b_0 < ... < b_T: 0 below a bin, 1
//! above it, (x - b_{t-1}) / (b_t - b_{t-1}) inside, where the first bin goes on below b_0 and the last above
//! b_T: the piecewise linear encoding of Gorishniy et al. 2022 (arXiv 2203.05556). The sum of the shares, the
//! *position* of x, is enough to compute them all, so a table keeps one number for each cell.

use serde::{Deserialize, Serialize};

/// What the network reads of a number's position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PiecewiseFeatures {
    /// The share of each bin.
    Bins,
    /// One number: these values at the edges, linear between them, constant outside.
    Values(Vec<f64>),
}

/// The position of `x` among increasing `edges`, at least two: from minus infinity to infinity, and t at edge
/// t.
pub fn position(x: f64, edges: &[f64]) -> f64 {
    let last = edges.len().saturating_sub(2);
    let bin = edges.partition_point(|edge| *edge <= x).saturating_sub(1).min(last);
    match edges.get(bin..bin + 2) {
        Some([from, to]) => bin as f64 + (x - from) / (to - from),
        _ => 0.0,
    }
}

/// The share of each of `bins` bins at a position; `shares` gets `bins` numbers.
pub fn shares(position: f32, shares: &mut [f32]) {
    let last = shares.len().saturating_sub(1);
    for (bin, share) in shares.iter_mut().enumerate() {
        let inside = position - bin as f32;
        let above = if bin == 0 { inside } else { inside.max(0.0) };
        *share = if bin == last { above } else { above.min(1.0) };
    }
}

/// The value at a position: `values` at the edges, linear between them, constant outside.
pub fn interpolated(position: f64, values: &[f64]) -> f64 {
    let last = values.len().saturating_sub(1);
    let position = position.clamp(0.0, last as f64);
    let from = (position as usize).min(last.saturating_sub(1));
    match values.get(from..from + 2) {
        Some([low, high]) => low + (position - from as f64) * (high - low),
        _ => values.first().copied().unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::{interpolated, position, shares};

    const EDGES: [f64; 4] = [0.0, 1.0, 3.0, 10.0];

    /// `rtdl_num_embeddings` 0.0.12:
    /// `PiecewiseLinearEncoding([torch.tensor([0., 1., 3., 10.])])(torch.tensor([[x]]))`
    /// for x in -0.5, 0, 0.25, 1, 2, 6.5, 10, 17.
    #[test]
    fn shares_are_those_of_rtdl_num_embeddings() {
        for (x, expected) in [
            (-0.5, [-0.5, 0.0, 0.0]),
            (0.0, [0.0, 0.0, 0.0]),
            (0.25, [0.25, 0.0, 0.0]),
            (1.0, [1.0, 0.0, 0.0]),
            (2.0, [1.0, 0.5, 0.0]),
            (6.5, [1.0, 1.0, 0.5]),
            (10.0, [1.0, 1.0, 1.0]),
            (17.0, [1.0, 1.0, 2.0]),
        ] {
            let mut found = [0.0; 3];
            shares(position(x, &EDGES) as f32, &mut found);
            assert_eq!(found, expected, "{x}");
        }
        let mut one = [0.0];
        shares(position(-3.0, &[1.0, 3.0]) as f32, &mut one);
        assert_eq!(one, [-2.0], "a single bin is a scale");
    }

    /// `numpy.interp(x, [0, 1, 3, 10], [-2, 0, 0.5, 4])`
    #[test]
    fn values_are_interpolated_as_by_numpy() {
        let values = [-2.0, 0.0, 0.5, 4.0];
        for (x, expected) in
            [(-9.0, -2.0), (0.0, -2.0), (0.25, -1.5), (1.0, 0.0), (2.0, 0.25), (6.5, 2.25), (99.0, 4.0)]
        {
            assert_eq!(interpolated(position(x, &EDGES), &values), expected, "{x}");
        }
    }
}
