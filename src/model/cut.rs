//! Cuts of the graph, so that the backward pass runs in segments: after a cut the forward pass continues from
//! a variable with the same values, whose gradient is the upstream gradient of the segment before the cut.

use std::cell::{Ref, RefCell};

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, Var};

/// A tensor on both sides of a cut.
#[derive(Clone, Debug)]
pub struct CutPoint {
    /// The output of the segment before the cut, with its graph.
    pub given: Tensor,
    /// The same values as a leaf: the input of the segment after the cut.
    pub read: Var,
}

impl CutPoint {
    pub fn new(given: Tensor) -> Result<Self> {
        Ok(Self { read: Var::from_tensor(&given.detach())?, given })
    }

    /// A scalar whose backward pass starts at this point with the gradient `upstream`.
    pub fn goes_on(&self, upstream: Tensor) -> Result<Tensor> {
        match self.given.device().is_cpu() {
            true => self.given.apply_op1(UpstreamGradient(upstream)),
            false => (&self.given * upstream)?.sum_all(),
        }
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
        let is_cut = |point: &CutPoint| point.given.id() == x.id() || point.read.id() == x.id();
        if let Some(existing) = points.iter().find(|point| is_cut(point)) {
            return Ok(existing.read.as_tensor().clone());
        }
        if !x.track_op() {
            return Ok(x.clone());
        }
        let point = CutPoint::new(x.clone())?;
        let read = point.read.as_tensor().clone();
        points.push(point);
        Ok(read)
    }

    pub fn points(&self) -> Ref<'_, [CutPoint]> {
        Ref::map(self.0.borrow(), Vec::as_slice)
    }
}

/// An operation with the value 0 and this tensor as gradient.
struct UpstreamGradient(Tensor);

impl CustomOp1 for UpstreamGradient {
    fn name(&self) -> &'static str {
        "upstream"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.0]), Shape::from(())))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, _: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(self.0.clone()))
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
        let upstream = after.get(points[0].read.as_tensor()).expect("a gradient").clone();
        let before = points[0].goes_on(upstream).and_then(|scalar| scalar.backward()).expect("gradients");
        let gradient: Vec<f32> = before.get(&w).expect("a gradient").to_vec1().expect("numbers");
        assert_eq!(gradient, [18.0, 36.0]);
        let constant = Tensor::new(1.0_f32, &Device::Cpu).expect("a tensor");
        drop(points);
        assert_eq!(cuts.detach(&constant).expect("unchanged").id(), constant.id());
    }
}
