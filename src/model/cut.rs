//! Points where the way back from the losses is interrupted, so that it can be walked a piece at a time: what
//! stands behind a point is computed from a variable with the same numbers, whose gradient is where the piece
//! before it begins.

use std::cell::{Ref, RefCell};

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};

use crate::model::autograd::backward_from;

/// A tensor on both sides of an interruption.
#[derive(Clone, Debug)]
pub struct CutPoint {
    /// What was computed: the way back to its weights.
    pub given: Tensor,
    /// The same numbers, where the way back from the losses ends.
    pub read: Var,
}

impl CutPoint {
    pub fn new(given: Tensor) -> Result<Self> {
        Ok(Self { read: Var::from_tensor(&given.detach())?, given })
    }

    /// candle's gradients behind this point, of the gradient `upstream` with respect to it.
    ///
    /// # Errors
    /// Those of candle's backward.
    pub fn backward(&self, upstream: Tensor) -> Result<GradStore> {
        backward_from(&self.given, upstream)
    }
}

/// The points of one way forward, each before all that is computed from it.
#[derive(Debug, Default)]
pub struct CutPoints(RefCell<Vec<CutPoint>>);

impl CutPoints {
    /// The tensor to go on with: the same for all who read the same one, and itself where no way back leads
    /// beyond it.
    pub fn detach(&self, given: &Tensor) -> Result<Tensor> {
        let mut points = self.0.borrow_mut();
        let is_cut = |point: &CutPoint| point.given.id() == given.id() || point.read.id() == given.id();
        if let Some(known) = points.iter().find(|point| is_cut(point)) {
            return Ok(known.read.as_tensor().clone());
        }
        if !given.track_op() {
            return Ok(given.clone());
        }
        let point = CutPoint::new(given.clone())?;
        let read = point.read.as_tensor().clone();
        points.push(point);
        Ok(read)
    }

    pub fn points(&self) -> Ref<'_, [CutPoint]> {
        Ref::map(self.0.borrow(), Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use crate::model::cut::CutPoints;

    /// y = sum((3 w)^2) at w = (1, 2), in two pieces: the gradient is 18 w.
    #[test]
    fn two_pieces_are_the_whole_way() {
        let w = Var::new(&[1.0_f32, 2.0], &Device::Cpu).expect("a variable");
        let cuts = CutPoints::default();
        let middle = cuts.detach(&w.affine(3.0, 0.0).expect("a product")).expect("a cut");
        assert_eq!(cuts.detach(&middle).expect("known").id(), middle.id());
        let y = middle.sqr().and_then(|squares| squares.sum_all()).expect("a sum");
        let behind = y.backward().expect("gradients");
        assert!(behind.get(w.as_tensor()).is_none());
        let points = cuts.points();
        let upstream = behind.get(points[0].read.as_tensor()).expect("a gradient").clone();
        let before = points[0].backward(upstream).expect("gradients");
        let result: Vec<f32> = before.get(&w).expect("a gradient").to_vec1().expect("numbers");
        assert_eq!(result, [18.0, 36.0]);
        let fixed = Tensor::new(1.0_f32, &Device::Cpu).expect("a tensor");
        drop(points);
        assert_eq!(cuts.detach(&fixed).expect("as it is").id(), fixed.id());
    }
}
