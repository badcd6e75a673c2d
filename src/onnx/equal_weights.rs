//! Large constants of a graph that are stored once although several layers have them, such as the repeated
//! block of ALBERT, and frozen weights that every task's network has.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::onnx::proto::TensorProto;

/// Smaller constants keep a name each: they cost nothing, and are easier to read.
const MIN_VALUES: usize = 4096;

/// The large constants that a graph has, by their content.
#[derive(Clone, Debug, Default)]
pub(super) struct EqualWeights(BTreeMap<u64, Vec<usize>>);

impl EqualWeights {
    /// The constant among `weights` that equals the next one, which is not yet among them; if there is none,
    /// the next one is noted.
    pub fn find_or_note<'a>(
        &mut self,
        weights: &'a [TensorProto],
        next: &TensorProto,
    ) -> Option<&'a TensorProto> {
        let values: i64 = next.dims.iter().product();
        if values < MIN_VALUES as i64 {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        (&next.dims, &next.raw_data).hash(&mut hasher);
        let same_hash = self.0.entry(hasher.finish()).or_default();
        let equal = same_hash.iter().map(|index| &weights[*index]).find(|weight| {
            weight.dims == next.dims && weight.data_type == next.data_type && weight.raw_data == next.raw_data
        });
        if equal.is_none() {
            same_hash.push(weights.len());
        }
        equal
    }
}

#[cfg(test)]
mod tests {
    use crate::onnx::graph::Graph;

    #[test]
    fn large_equal_constants_are_stored_once() {
        let numbers: Vec<f32> = (0..4096_u16).map(f32::from).collect();
        let others: Vec<f32> = numbers.iter().map(|number| number + 1.0).collect();
        let mut graph = Graph::new("g");
        let mut name =
            |name: &str, shape: &[usize], values: &[f32]| graph.weight(name, shape, values).name().to_owned();
        assert_eq!(name("w.a", &[64, 64], &numbers), "w.a");
        assert_eq!(name("w.b", &[64, 64], &numbers), "w.a");
        assert_eq!(name("w.c", &[4096], &numbers), "w.c", "another shape");
        assert_eq!(name("w.d", &[64, 64], &others), "w.d", "other numbers");
        assert_eq!(name("w.e", &[2, 2], &numbers[..4]), "w.e");
        assert_eq!(name("w.f", &[2, 2], &numbers[..4]), "w.f", "small");
        let model = graph.finish(17, &[]).expect("a model");
        assert_eq!(model.graph.expect("a graph").initializer.len(), 5);
    }
}
