//! An optimizer step over all variables: on the CPU one fused pass per variable, in place; elsewhere tensor
//! operations.

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, Var};

use crate::train::optimizer::{UpdateRule, VariableUpdate};
use crate::train::regularization::PenaltyStrength;

/// A trainable variable.
#[derive(Clone, Debug)]
pub struct Trainable {
    /// Name of the weight.
    pub name: String,
    /// The weight.
    pub var: Var,
    /// Whether weight decay and regularization apply; they do not to biases and normalizations.
    pub decay: bool,
    /// Its learning rate as a multiple of the optimizer's.
    pub relative_rate: f64,
    /// The zero-based epoch from which it is trained.
    pub first_epoch: usize,
}

impl Trainable {
    /// A variable that is trained from the start with the optimizer's rate.
    pub fn new(name: impl Into<String>, var: Var, decay: bool) -> Self {
        Self { name: name.into(), var, decay, relative_rate: 1.0, first_epoch: 0 }
    }
}

/// The optimizer state of one variable.
#[derive(Debug)]
struct OptimizerState {
    /// The number of updates.
    count: u64,
    moments: Moments,
}

#[derive(Debug)]
enum Moments {
    Slices(Vec<Vec<f32>>),
    Tensors(Vec<Tensor>),
}

/// The optimizer state of one variable, on the host, for a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct MomentSnapshot {
    /// Number of updates.
    pub count: u64,
    /// The moments, row-major.
    pub moments: Vec<Vec<f32>>,
}

/// The arguments of a step that all variables share.
#[derive(Clone, Copy, Debug)]
pub struct OptimizerStep {
    /// The optimizer's learning rate, with its schedule.
    pub rate: f64,
    /// The factor of the gradient due to clipping.
    pub scale: f64,
    /// Factors of the L1 and L2 penalties.
    pub strength: PenaltyStrength,
}

/// An optimizer with the state of every variable.
pub struct Optimizer<'a> {
    config: &'a dyn UpdateRule,
    states: Vec<OptimizerState>,
}

impl<'a> Optimizer<'a> {
    /// An optimizer for `variables`, with moments of 0.
    pub fn new(config: &'a dyn UpdateRule, variables: &[Trainable]) -> Result<Self> {
        let states = variables.iter().map(|variable| {
            let moments = if variable.var.device().is_cpu() {
                Moments::Slices(vec![vec![0.0; variable.var.elem_count()]; config.moments()])
            } else {
                let zeros = (0..config.moments()).map(|_| variable.var.zeros_like());
                Moments::Tensors(zeros.collect::<Result<_>>()?)
            };
            Ok(OptimizerState { count: 0, moments })
        });
        Ok(Self { config, states: states.collect::<Result<_>>()? })
    }

    /// Updates every variable that has a gradient; the others keep their values and state.
    pub fn step(
        &mut self,
        variables: &[Trainable],
        gradients: &[Option<Tensor>],
        step: &OptimizerStep,
    ) -> Result<()> {
        for ((variable, gradient), state) in variables.iter().zip(gradients).zip(&mut self.states) {
            let Some(gradient) = gradient else { continue };
            state.count += 1;
            let strength = if variable.decay { step.strength } else { PenaltyStrength::default() };
            let update = VariableUpdate {
                rate: step.rate * variable.relative_rate,
                count: state.count,
                scale: step.scale as f32,
                l1: strength.l1 as f32,
                twice_l2: (2.0 * strength.l2) as f32,
                decay: variable.decay,
            };
            match &mut state.moments {
                Moments::Slices(moments) => {
                    let pass = OptimizerOp { config: self.config, update, moments: RefCell::new(moments) };
                    variable.var.inplace_op2(&gradient.contiguous()?, &pass)?;
                }
                Moments::Tensors(moments) => {
                    let weight = variable.var.as_detached_tensor();
                    variable.var.set(&self.config.update_tensors(&update, &weight, gradient, moments)?)?;
                }
            }
        }
        Ok(())
    }

    /// The state of every variable, for a checkpoint.
    pub fn snapshot(&self) -> Result<Vec<MomentSnapshot>> {
        let one = |state: &OptimizerState| {
            let moments = match &state.moments {
                Moments::Slices(moments) => moments.clone(),
                Moments::Tensors(moments) => {
                    moments.iter().map(|m| m.flatten_all()?.to_vec1()).collect::<Result<_>>()?
                }
            };
            Ok(MomentSnapshot { count: state.count, moments })
        };
        self.states.iter().map(one).collect()
    }

    /// Restores a snapshot; `false` if it does not fit the variables.
    pub fn restore(&mut self, snapshot: Vec<MomentSnapshot>, variables: &[Trainable]) -> Result<bool> {
        let fits = |(saved, variable): (&MomentSnapshot, &Trainable)| {
            saved.moments.len() == self.config.moments()
                && saved.moments.iter().all(|moment| moment.len() == variable.var.elem_count())
        };
        if snapshot.len() != variables.len() || !snapshot.iter().zip(variables).all(fits) {
            return Ok(false);
        }
        for ((state, saved), variable) in self.states.iter_mut().zip(snapshot).zip(variables) {
            state.count = saved.count;
            match &mut state.moments {
                Moments::Slices(moments) => *moments = saved.moments,
                Moments::Tensors(moments) => {
                    for (moment, values) in moments.iter_mut().zip(saved.moments) {
                        *moment = Tensor::from_vec(values, variable.var.shape(), variable.var.device())?;
                    }
                }
            }
        }
        Ok(true)
    }
}

/// The in-place operation that candle runs on a variable's storage.
struct OptimizerOp<'a> {
    config: &'a dyn UpdateRule,
    update: VariableUpdate,
    moments: RefCell<&'a mut Vec<Vec<f32>>>,
}

impl InplaceOp2 for OptimizerOp<'_> {
    fn name(&self) -> &'static str {
        "optimizer-pass"
    }

    fn cpu_fwd(
        &self,
        weight: &mut CpuStorage,
        weight_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> Result<()> {
        let (CpuStorage::F32(weight), CpuStorage::F32(gradient)) = (weight, gradient) else {
            candle_core::bail!("variables and their gradients are 32-bit floats")
        };
        let (Some((start, end)), Some((gradient_start, gradient_end))) =
            (weight_layout.contiguous_offsets(), gradient_layout.contiguous_offsets())
        else {
            candle_core::bail!("variables and their gradients are contiguous")
        };
        let mut moments = self.moments.borrow_mut();
        let mut moments: Vec<&mut [f32]> = moments.iter_mut().map(Vec::as_mut_slice).collect();
        let gradient = &gradient[gradient_start..gradient_end];
        update_parallel(self.config, &self.update, &mut weight[start..end], gradient, &mut moments);
        Ok(())
    }
}

/// The largest number of elements that one thread updates without splitting.
const BLOCK: usize = 1 << 15;

/// Splits large variables over threads; elements are independent, so the result is the same.
fn update_parallel(
    config: &dyn UpdateRule,
    update: &VariableUpdate,
    weight: &mut [f32],
    gradient: &[f32],
    moments: &mut [&mut [f32]],
) {
    if weight.len() <= BLOCK {
        return config.update_slices(update, weight, gradient, moments);
    }
    let middle = weight.len() / 2;
    let (weight, weight_rest) = weight.split_at_mut(middle);
    let (gradient, gradient_rest) = gradient.split_at(middle);
    let (mut moments, mut moments_rest): (Vec<_>, Vec<_>) =
        moments.iter_mut().map(|moment| moment.split_at_mut(middle)).unzip();
    rayon::join(
        || update_parallel(config, update, weight, gradient, &mut moments),
        || update_parallel(config, update, weight_rest, gradient_rest, &mut moments_rest),
    );
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use crate::domain::number::{NonNegative, Positive, Rate};
    use crate::train::optimizer::adam::AdamConfig;
    use crate::train::optimizer::adamw::AdamWConfig;
    use crate::train::optimizer::fused_step::{Optimizer, OptimizerStep, Trainable};
    use crate::train::optimizer::sgd::SgdConfig;
    use crate::train::optimizer::{UpdateRule, VariableUpdate};
    use crate::train::regularization::PenaltyStrength;

    const GRADIENTS: [[f32; 3]; 3] = [[0.1, -0.2, 0.3], [0.5, 0.4, -0.3], [-1.0, 0.2, 0.0]];

    fn variable(values: &[f32], decay: bool) -> Trainable {
        let var = Var::from_slice(values, values.len(), &Device::Cpu).expect("a variable");
        Trainable::new("w", var, decay)
    }

    fn sgd(momentum: f64, nesterov: bool) -> SgdConfig {
        SgdConfig { rate: Positive::constant(0.1), momentum: Rate::constant(momentum), nesterov }
    }

    fn adam() -> AdamConfig {
        AdamConfig {
            rate: Positive::constant(0.01),
            beta1: Rate::constant(0.9),
            beta2: Rate::constant(0.999),
            epsilon: Positive::constant(1e-8),
        }
    }

    fn adamw() -> AdamWConfig {
        AdamWConfig {
            rate: Positive::constant(0.01),
            beta1: Rate::constant(0.8),
            beta2: Rate::constant(0.95),
            epsilon: Positive::constant(1e-3),
            decay: NonNegative::constant(0.1),
        }
    }

    /// Three steps from (1, -2, 0.5), by the fused pass and by tensor operations.
    fn three_steps(config: &dyn UpdateRule, strength: PenaltyStrength, decay: bool) -> (Vec<f32>, Vec<f32>) {
        let variables = [variable(&[1.0, -2.0, 0.5], decay)];
        let mut optimizer = Optimizer::new(config, &variables).expect("an optimizer");
        let mut composed = variables[0].var.as_detached_tensor().copy().expect("a copy");
        let mut moments: Vec<Tensor> =
            (0..config.moments()).filter_map(|_| composed.zeros_like().ok()).collect();
        for (count, gradient) in GRADIENTS.iter().enumerate() {
            let gradient = Tensor::new(gradient, &Device::Cpu).expect("a gradient");
            let step = OptimizerStep { rate: config.rate(), scale: 1.0, strength };
            optimizer.step(&variables, &[Some(gradient.clone())], &step).expect("a step");
            let update = VariableUpdate {
                rate: config.rate(),
                count: count as u64 + 1,
                scale: 1.0,
                l1: strength.l1 as f32,
                twice_l2: 2.0 * strength.l2 as f32,
                decay,
            };
            composed = config.update_tensors(&update, &composed, &gradient, &mut moments).expect("a step");
        }
        (variables[0].var.to_vec1().expect("values"), composed.to_vec1().expect("values"))
    }

    /// Expected values are from PyTorch 2.11, `torch.optim.SGD` and so on, each by the lines
    /// `w = Parameter(tensor([1., -2., 0.5])); o = make([w], lr=..);
    /// for g in G: w.grad = tensor(g); o.step()`.
    #[test]
    fn equals_pytorch() {
        let none = PenaltyStrength::default();
        let l2 = PenaltyStrength { l1: 0.0, l2: 0.01 }; // weight_decay=0.02 of SGD and Adam
        let plain_adamw = AdamWConfig {
            beta1: Rate::constant(0.9),
            beta2: Rate::constant(0.999),
            epsilon: Positive::constant(1e-8),
            ..adamw()
        };
        let cases: [(&str, &dyn UpdateRule, PenaltyStrength, [f64; 3]); 8] = [
            ("lr=0.1", &sgd(0.0, false), none, [1.04, -2.04, 0.5]),
            ("momentum=0.9", &sgd(0.9, false), none, [0.977_900_03, -2.041_800_02, 0.475_699_99]),
            ("nesterov=True", &sgd(0.9, true), none, [1.020_110_01, -2.077_620_03, 0.478_129_98]),
            ("nesterov, weight_decay=0.02", &sgd(0.9, true), l2, [1.004_634_26, -2.045_657_63, 0.470_509_26]),
            ("Adam lr=0.01", &adam(), none, [0.984_058_92, -1.998_853_45, 0.490_933_15]),
            ("Adam weight_decay=0.02", &adam(), l2, [0.983_620_23, -1.996_495_01, 0.490_200_46]),
            ("AdamW weight_decay=0.1", &plain_adamw, none, [0.981_090_61, -1.992_875_93, 0.489_454_12]),
            ("AdamW (0.8, 0.95) eps=1e-3", &adamw(), none, [0.981_639_86, -1.993_903_99, 0.490_471_30]),
        ];
        for (name, config, strength, expected) in cases {
            let (fused, composed) = three_steps(config, strength, true);
            for (actual, expected) in fused.iter().chain(&composed).zip(expected.iter().chain(&expected)) {
                assert!(
                    (f64::from(*actual) - expected).abs() < 3e-7,
                    "{name}: {fused:?} {composed:?} {expected:?}"
                );
            }
        }
    }

    #[test]
    fn biases_and_norms_are_not_decayed() {
        let spared = AdamWConfig { decay: NonNegative::constant(0.0), ..adamw() };
        let strength = PenaltyStrength { l1: 0.1, l2: 0.1 };
        let (plain, _) = three_steps(&spared, PenaltyStrength::default(), true);
        assert_eq!(three_steps(&adamw(), strength, false).0, plain);
    }

    /// Without a gradient, neither the values nor the state change, with or without decay.
    #[test]
    fn an_absent_gradient_changes_nothing() {
        let variables = [variable(&[1.0, 2.0], true)];
        let config = adamw();
        let mut optimizer = Optimizer::new(&config, &variables).expect("an optimizer");
        let step = OptimizerStep { rate: 0.1, scale: 1.0, strength: PenaltyStrength { l1: 1.0, l2: 1.0 } };
        let before = optimizer.snapshot().expect("a snapshot");
        optimizer.step(&variables, &[None], &step).expect("a step");
        assert_eq!(optimizer.snapshot().expect("a snapshot"), before);
        assert_eq!(variables[0].var.to_vec1::<f32>().expect("values"), [1.0, 2.0]);
    }

    /// A variable that is split over threads is updated like the same variable in small pieces.
    #[test]
    fn threads_do_not_change_results() {
        let size = 200_000;
        let values: Vec<f32> = (0..size).map(|i| (i as f32 * 0.37).sin()).collect();
        let gradient: Vec<f32> = (0..size).map(|i| (i as f32 * 0.11).cos()).collect();
        let config = adamw();
        let optimizer_step =
            OptimizerStep { rate: 0.01, scale: 0.5, strength: PenaltyStrength { l1: 0.01, l2: 0.02 } };
        let step = |values: &[f32], gradient: &[f32]| -> Vec<f32> {
            let variables = [variable(values, true)];
            let mut optimizer = Optimizer::new(&config, &variables).expect("an optimizer");
            for _ in 0..3 {
                let gradient = Tensor::new(gradient, &Device::Cpu).expect("a gradient");
                optimizer.step(&variables, &[Some(gradient)], &optimizer_step).expect("a step");
            }
            variables[0].var.to_vec1().expect("values")
        };
        let pieces: Vec<f32> =
            values.chunks(1000).zip(gradient.chunks(1000)).flat_map(|(w, g)| step(w, g)).collect();
        assert!(step(&values, &gradient) == pieces);
    }

    #[test]
    fn a_restored_state_continues_exactly() {
        let config = adam();
        let gradient = |k: usize| vec![Some(Tensor::new(&GRADIENTS[k], &Device::Cpu).expect("a gradient"))];
        let step = OptimizerStep { rate: 0.01, scale: 1.0, strength: PenaltyStrength::default() };
        let (one, two) = ([variable(&[1.0, -2.0, 0.5], true)], [variable(&[1.0, -2.0, 0.5], true)]);
        let mut first = Optimizer::new(&config, &one).expect("an optimizer");
        first.step(&one, &gradient(0), &step).expect("a step");
        two[0].var.set(&one[0].var.copy().expect("a copy")).expect("set");
        let mut second = Optimizer::new(&config, &two).expect("an optimizer");
        assert!(second.restore(first.snapshot().expect("a snapshot"), &two).expect("restored"));
        first.step(&one, &gradient(1), &step).expect("a step");
        second.step(&two, &gradient(1), &step).expect("a step");
        assert_eq!(
            one[0].var.to_vec1::<f32>().expect("values"),
            two[0].var.to_vec1::<f32>().expect("values")
        );
        assert!(!second.restore(Vec::new(), &two).expect("refused"));
    }
}
