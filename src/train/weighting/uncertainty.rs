//! The weighting `uncertainty`: see [`UncertaintyConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Finite, Positive};
use crate::train::solver::simplex::softmax;
use crate::train::weighting::learned::LearnedScalar;
use crate::train::weighting::method::count_present;
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// Homoscedastic uncertainty (Kendall, Gal & Cipolla, CVPR 2018): the noise s = ln sigma^2 of each task is
/// trained with the network. Three later variants are available.
///
/// - `standard`: L = sum_k 1/2 exp(-s_k) L_k + 1/2 s_k, so w_k = 1/2 exp(-s_k) and dL/ds_k = 1/2 (1 -
///   exp(-s_k) L_k); at the optimum exp(s_k) = L_k.
/// - `revised` (Liebel & Koerner, arXiv 1805.06334): ln(1 + exp(s_k)) instead of 1/2 s_k, so that no term
///   becomes negative.
/// - `optimal` (Kirchdorfer et al., arXiv 2408.07985): s at its optimum, w_k = 1 / L_k.
/// - `softmax` (same paper): w = softmax((1 / L) / temperature).
///
/// The s of a task that is absent from a batch does not change. s is trained by its own Adam (0.9, 0.999,
/// 1e-8), follows the learning rate schedule, and has no weight decay.
///
/// `weighting: {uncertainty: {form: revised}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UncertaintyConfig {
    /// standard (the default), revised, optimal or softmax.
    #[serde(default)]
    pub form: UncertaintyForm,
    /// Initial value of every s. Default 0.
    #[serde(default = "default_initial")]
    pub initial: Finite,
    /// Learning rate of s (Adam, no weight decay). Default: the optimizer's.
    #[serde(default)]
    pub rate: Option<Positive>,
    /// Temperature of the form `softmax`. Default 1.
    #[serde(default = "default_temperature")]
    pub temperature: Positive,
}

impl Settings for UncertaintyConfig {
    const BARE: Option<&'static str> = Some("form");
    const EXAMPLE: &'static str = "{uncertainty: {form: revised}}";
}

fn default_initial() -> Finite {
    Finite::constant(0.0)
}

fn default_temperature() -> Positive {
    Positive::constant(1.0)
}

/// The variant of uncertainty weighting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UncertaintyForm {
    /// 1/2 exp(-s) L + 1/2 s
    #[default]
    Standard,
    /// 1/2 exp(-s) L + ln(1 + exp(s)), never negative
    Revised,
    /// weights 1 / L, nothing is trained
    Optimal,
    /// weights softmax((1 / L) / temperature), nothing is trained
    Softmax,
}

impl BuildWeighting for UncertaintyConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let is_trained = matches!(self.form, UncertaintyForm::Standard | UncertaintyForm::Revised);
        let tasks = if is_trained { context.tasks.len() } else { 0 };
        WeightingMethod::losses(Uncertainty {
            form: self.form,
            rate: self.rate.map_or(context.rate, Positive::get),
            temperature: self.temperature.get(),
            noise: vec![LearnedScalar::new(self.initial.get()); tasks],
        })
    }
}

struct Uncertainty {
    form: UncertaintyForm,
    rate: f64,
    temperature: f64,
    /// s of every task; empty if nothing is trained.
    noise: Vec<LearnedScalar>,
}

impl UncertaintyForm {
    /// The regularizer of s in the joint loss.
    fn regularizer(self, s: f64) -> f64 {
        match self {
            Self::Revised if s > 30.0 => s,
            Self::Revised => s.exp().ln_1p(),
            _ => 0.5 * s,
        }
    }

    /// The derivative of the joint loss by s.
    fn gradient(self, s: f64, loss: f64) -> f64 {
        let of_regularizer = match self {
            Self::Revised => 1.0 / (1.0 + (-s).exp()),
            _ => 0.5,
        };
        of_regularizer - 0.5 * (-s).exp() * loss
    }
}

impl Weighting for Uncertainty {
    fn reads_losses(&self) -> bool {
        match self.form {
            UncertaintyForm::Standard | UncertaintyForm::Revised => false,
            UncertaintyForm::Optimal | UncertaintyForm::Softmax => true,
        }
    }

    fn weights(&mut self, _: u64, losses: &[Option<f64>]) -> Vec<f64> {
        let inverse = |loss: &Option<f64>| loss.map(|loss| 1.0 / loss);
        match self.form {
            UncertaintyForm::Standard | UncertaintyForm::Revised => {
                self.noise.iter().map(|s| 0.5 * (-s.value).exp()).collect()
            }
            UncertaintyForm::Optimal => losses.iter().map(|loss| inverse(loss).unwrap_or(0.0)).collect(),
            UncertaintyForm::Softmax => {
                let inverses: Vec<f64> =
                    losses.iter().filter_map(inverse).map(|inverse| inverse / self.temperature).collect();
                let mut shares = softmax(&inverses).into_iter();
                losses.iter().map(|loss| loss.and_then(|_| shares.next()).unwrap_or(0.0)).collect()
            }
        }
    }

    fn penalty(&self, losses: &[Option<f64>]) -> f64 {
        let tasks = self.noise.iter().zip(losses).filter(|(_, loss)| loss.is_some());
        tasks.map(|(s, _)| self.form.regularizer(s.value)).sum()
    }

    fn learn(&mut self, losses: &[Option<f64>], schedule: f64) {
        if count_present(losses) == 0 {
            return;
        }
        for (s, loss) in self.noise.iter_mut().zip(losses) {
            if let Some(loss) = loss {
                s.learn(self.form.gradient(s.value, *loss), self.rate * schedule);
            }
        }
    }

    fn state(&self) -> Vec<f64> {
        LearnedScalar::state(&self.noise)
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        LearnedScalar::restore(&mut self.noise, state)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::{Finite, Positive};
    use crate::train::weighting::Weighting;
    use crate::train::weighting::method::{self, assert_near, joint_loss};
    use crate::train::weighting::uncertainty::{UncertaintyConfig, UncertaintyForm, default_temperature};

    const LOSSES: [Option<f64>; 3] = [Some(1.0), Some(2.0), Some(4.0)];

    fn build(form: UncertaintyForm, initial: f64, rate: f64) -> Box<dyn Weighting> {
        let rate = Some(Positive::constant(rate));
        method::build(
            &UncertaintyConfig {
                form,
                initial: Finite::constant(initial),
                rate,
                temperature: default_temperature(),
            },
            3,
        )
    }

    /// methods.md 5: L = (1, 2, 4) at s = 0 -> 3.5, gradient (0, -.5, -1.5); at s = -.5 -> 5.020524, w =
    /// .824361.
    #[test]
    fn golden_values() {
        assert_eq!(joint_loss(&mut *build(UncertaintyForm::Standard, 0.0, 0.1), &LOSSES), 3.5);
        let mut lower = build(UncertaintyForm::Standard, -0.5, 0.1);
        assert!((joint_loss(&mut *lower, &LOSSES) - 5.020_524).abs() < 1e-6);
        assert!(lower.weights(0, &LOSSES).iter().all(|w| (w - 0.824_361).abs() < 1e-6));
        assert_eq!(
            [1.0, 2.0, 4.0].map(|loss| UncertaintyForm::Standard.gradient(0.0, loss)),
            [0.0, -0.5, -1.5]
        );
    }

    /// methods.md 5: revised, sigma^2 = 1 -> 5.579442; softmax, T = 1 -> .481024 .291756 .227220; optimal is
    /// 1 / L.
    #[test]
    fn golden_values_of_the_other_variants() {
        assert!(
            (joint_loss(&mut *build(UncertaintyForm::Revised, 0.0, 0.1), &LOSSES) - 5.579_442).abs() < 1e-6
        );
        assert_near(
            &build(UncertaintyForm::Softmax, 0.0, 0.1).weights(0, &LOSSES),
            &[0.481_024, 0.291_756, 0.227_220],
        );
        let mut optimal = build(UncertaintyForm::Optimal, 0.0, 0.1);
        assert_eq!(optimal.weights(0, &[Some(2.0), None, Some(4.0)]), [0.5, 0.0, 0.25]);
        let with_absent_task =
            build(UncertaintyForm::Softmax, 0.0, 0.1).weights(0, &[Some(1.0), None, Some(1.0)]);
        assert_eq!(with_absent_task, [0.5, 0.0, 0.5]);
    }

    /// The closed form against finite differences of the joint loss.
    #[test]
    fn the_gradient_matches_finite_differences() {
        for form in [UncertaintyForm::Standard, UncertaintyForm::Revised] {
            for s in [-3.0, 0.0, 0.7, 40.0] {
                let value = |s: f64| 0.5 * (-s).exp() * 2.5 + form.regularizer(s);
                let difference = (value(s + 1e-6) - value(s - 1e-6)) / 2e-6;
                assert!((form.gradient(s, 2.5) - difference).abs() < 1e-6, "{form:?} {s}");
            }
        }
    }

    /// Adam's first step has the size of the learning rate, whatever the gradient.
    #[test]
    fn first_step_and_absent_tasks() {
        let mut weighting = build(UncertaintyForm::Standard, 0.0, 0.1);
        weighting.learn(&[Some(1.0), None, Some(4.0)], 0.5);
        let s: Vec<f64> = weighting.state().chunks(4).map(|task| task[0]).collect();
        assert_eq!(s[0], 0.0);
        assert_eq!(s[1], 0.0);
        assert!((s[2] - 0.05).abs() < 1e-6, "{s:?}");
    }

    /// At the optimum exp(s) = L; for the revised form 1 + exp(s) = 2 exp(2 s) / L.
    #[test]
    fn converges_to_a_zero_gradient() {
        for form in [UncertaintyForm::Standard, UncertaintyForm::Revised] {
            let mut weighting = build(form, 0.0, 0.01);
            (0..5000).for_each(|_| weighting.learn(&LOSSES, 1.0));
            let s: Vec<f64> = weighting.state().chunks(4).map(|task| task[0]).collect();
            for (s, loss) in s.iter().zip([1.0_f64, 2.0, 4.0]) {
                assert!(form.gradient(*s, loss).abs() < 1e-3, "{s} for {loss}");
            }
            assert!(form == UncertaintyForm::Revised || (s[1] - 2.0_f64.ln()).abs() < 1e-3);
        }
    }

    #[test]
    fn a_restored_state_continues_exactly() {
        let (mut one, mut two) =
            (build(UncertaintyForm::Standard, 0.3, 0.01), build(UncertaintyForm::Standard, 0.0, 0.01));
        (0..7).for_each(|_| one.learn(&LOSSES, 1.0));
        assert!(two.restore(&one.state()));
        one.learn(&LOSSES, 1.0);
        two.learn(&LOSSES, 1.0);
        assert_eq!(one.state(), two.state());
        assert!(!two.restore(&[1.0]));
    }
}
