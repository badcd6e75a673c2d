//! Cuts of the graph, so that the backward pass runs in segments: after a cut the forward pass continues from
//! a variable with the same values, whose gradient is the upstream gradient of the segment before the cut.

use std::cell::{Ref, RefCell};

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};

use crate::model::autograd::backward_from;

/// A tensor on both sides of a cut.
#[derive(Clone, Debug)]
pub struct CutPoint {
    /// The output of the segment before the cut, with its graph.
    pub output: Tensor,
    /// The same values as a leaf: the input of the segment after the cut.
    pub leaf: Var,
}

impl CutPoint {
    /// Cuts the graph behind `output`.
    pub fn new(output: Tensor) -> Result<Self> {
        Ok(Self { leaf: Var::from_tensor(&output.detach())?, output })
    }

    /// Runs candle's backward through the segment before the cut, with the gradient `upstream` of the leaf.
    ///
    /// # Errors
    /// Errors of candle's backward.
    pub fn backward(&self, upstream: Tensor) -> Result<GradStore> {
        backward_from(&self.output, upstream)
    }
}

/// The cuts of one forward pass, in topological order.
#[derive(Debug, Default)]
pub struct CutPoints(RefCell<Vec<CutPoint>>);

impl CutPoints {
    /// Cuts the graph at `x`; returns the tensor to continue with. It is the same for every cut of the same
    /// tensor, and `x` itself if `x` needs no gradients.
    pub fn detach(&self, x: &Tensor) -> Result<Tensor> {
        let mut points = self.0.borrow_mut();
        let is_cut = |point: &CutPoint| point.output.id() == x.id() || point.leaf.id() == x.id();
        if let Some(existing) = points.iter().find(|point| is_cut(point)) {
            return Ok(existing.leaf.as_tensor().clone());
        }
        if !x.track_op() {
            return Ok(x.clone());
        }
        let point = CutPoint::new(x.clone())?;
        let read = point.leaf.as_tensor().clone();
        points.push(point);
        Ok(read)
    }

    /// The cuts of this forward pass, from input to output.
    pub fn points(&self) -> Ref<'_, [CutPoint]> {
        Ref::map(self.0.borrow(), Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use crate::model::cut::CutPoints;

    /// y = sum((3 w)^2) at w = (1, 2), in two segments: the gradient is 18 w.
    #[test]
    fn two_segments_give_the_whole_gradient() {
        let w = Var::new(&[1.0_f32, 2.0], &Device::Cpu).expect("a variable");
        let cuts = CutPoints::default();
        let middle = cuts.detach(&w.affine(3.0, 0.0).expect("a product")).expect("a cut");
        assert_eq!(cuts.detach(&middle).expect("known").id(), middle.id());
        let y = middle.sqr().and_then(|squares| squares.sum_all()).expect("a sum");
        let after = y.backward().expect("gradients");
        assert!(after.get(w.as_tensor()).is_none());
        let points = cuts.points();
        let upstream = after.get(points[0].leaf.as_tensor()).expect("a gradient").clone();
        let before = points[0].backward(upstream).expect("gradients");
        let gradient: Vec<f32> = before.get(&w).expect("a gradient").to_vec1().expect("numbers");
        assert_eq!(gradient, [18.0, 36.0]);
        let constant = Tensor::new(1.0_f32, &Device::Cpu).expect("a tensor");
        drop(points);
        assert_eq!(cuts.detach(&constant).expect("unchanged").id(), constant.id());
    }
}
