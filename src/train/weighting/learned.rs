//! A number learned beside the network, by an Adam of its own (0.9, 0.999, 1e-8) that decays nothing unasked.

/// One learned number and its moments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearnedScalar {
    pub value: f64,
    first: f64,
    second: f64,
    steps: f64,
}

impl LearnedScalar {
    pub fn new(value: f64) -> Self {
        Self { value, first: 0.0, second: 0.0, steps: 0.0 }
    }

    pub fn learn(&mut self, gradient: f64, rate: f64) {
        let (beta1, beta2, epsilon) = (0.9_f64, 0.999_f64, 1e-8);
        self.steps += 1.0;
        self.first = beta1 * self.first + (1.0 - beta1) * gradient;
        self.second = beta2 * self.second + (1.0 - beta2) * gradient * gradient;
        let first = self.first / (1.0 - beta1.powf(self.steps));
        let second = self.second / (1.0 - beta2.powf(self.steps));
        self.value -= rate * first / (second.sqrt() + epsilon);
    }

    /// Several, as plain numbers.
    pub fn state(several: &[Self]) -> Vec<f64> {
        several.iter().flat_map(|one| [one.value, one.first, one.second, one.steps]).collect()
    }

    /// Several, from their `state`; `false` when it is not of as many.
    pub fn restore(several: &mut [Self], state: &[f64]) -> bool {
        if state.len() != 4 * several.len() {
            return false;
        }
        for (one, kept) in several.iter_mut().zip(state.chunks_exact(4)) {
            *one = Self { value: kept[0], first: kept[1], second: kept[2], steps: kept[3] };
        }
        true
    }
}
