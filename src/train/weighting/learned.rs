//! A scalar trained by its own Adam (0.9, 0.999, 1e-8) without weight decay.

/// A trained scalar and its Adam moments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearnedScalar {
    /// The scalar.
    pub value: f64,
    first_moment: f64,
    second_moment: f64,
    steps: f64,
}

impl LearnedScalar {
    /// Starts at `value`, with moments of 0.
    pub fn new(value: f64) -> Self {
        Self { value, first_moment: 0.0, second_moment: 0.0, steps: 0.0 }
    }

    /// One Adam step.
    pub fn learn(&mut self, gradient: f64, rate: f64) {
        let (beta1, beta2, epsilon) = (0.9_f64, 0.999_f64, 1e-8);
        self.steps += 1.0;
        self.first_moment = beta1 * self.first_moment + (1.0 - beta1) * gradient;
        self.second_moment = beta2 * self.second_moment + (1.0 - beta2) * gradient * gradient;
        let first = self.first_moment / (1.0 - beta1.powf(self.steps));
        let second = self.second_moment / (1.0 - beta2.powf(self.steps));
        self.value -= rate * first / (second.sqrt() + epsilon);
    }

    /// The scalars and their moments as plain numbers, four per scalar.
    pub fn state(scalars: &[Self]) -> Vec<f64> {
        scalars
            .iter()
            .flat_map(|scalar| [scalar.value, scalar.first_moment, scalar.second_moment, scalar.steps])
            .collect()
    }

    /// Restores a `state`; `false` if its length does not fit.
    pub fn restore(scalars: &mut [Self], state: &[f64]) -> bool {
        if state.len() != 4 * scalars.len() {
            return false;
        }
        for (scalar, saved) in scalars.iter_mut().zip(state.chunks_exact(4)) {
            *scalar =
                Self { value: saved[0], first_moment: saved[1], second_moment: saved[2], steps: saved[3] };
        }
        true
    }
}
