//! Tagging: one class per step, by a projection of each step and a softmax.
//!
//! With `crf` the logits are the emissions of a linear-chain conditional random field (Lafferty,
//! McCallum & Pereira 2001; over recurrent layers, Huang, Xu & Yu 2015) with trained transition scores, see
//! [`crf`](crate::model::kernel::crf). Its loss replaces the task's loss: the negative log-likelihood of the
//! row's path divided by its number of steps, comparable in size to other losses. Predicted classes are the
//! most likely path ([`Transitions::path`]) instead of the most likely class of each step; probabilities are
//! still those of single steps. Transition scores are initialized to 0.
//!
//! Where the steps are pieces of words, a word is represented by its first piece (Devlin et al. 2019, arXiv
//! 1810.04805, section 5.3): labels, paths and predictions are those of words.
//!
//! With the schemes bio and bioes the predicted path is always valid, with or without a CRF: no span
//! continues that has not begun.

use candle_core::Tensor;

use crate::decode::viterbi::Transitions;
use crate::domain::task::TagScheme;
use crate::model::activations::{Activations, SequenceMask};
use crate::model::error::ModelResult;
use crate::model::head::output::Output;
use crate::model::head::projected::cross_entropy;
use crate::model::kernel::crf::crf;
use crate::model::labels::Labels;
use crate::model::loss::LossConfig;
use crate::model::mode::Mode;
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::weights::{Init, Parameter, Weights, host};

/// Head for one of several classes at every step.
pub struct Tagging {
    projection: Dense,
    crf: Option<CrfWeights>,
    /// Transitions that the tagging scheme allows.
    allowed: Option<Transitions>,
}

/// Trained scores of a CRF besides emissions.
struct CrfWeights {
    /// `[from, to]`
    between: Parameter,
    /// `[classes]`
    start: Parameter,
    /// `[classes]`
    end: Parameter,
}

impl Tagging {
    /// One logit per class and step over `width` features, with a CRF over `scheme` if `crf`; weights are
    /// named below `name`.
    pub fn build(
        name: &str,
        width: usize,
        classes: &[String],
        scheme: TagScheme,
        crf: bool,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let allowed = Transitions::of_scheme(scheme, classes);
        let classes = classes.len();
        let projection = Dense::projection(name, width, classes, weights)?;
        let mut scores = |part: &str, shape: &[usize]| {
            weights.parameter(&format!("{name}.transitions.{part}"), shape, Init::Zeros)
        };
        let crf = match crf {
            true => Some(CrfWeights {
                between: scores("between", &[classes, classes])?,
                start: scores("start", &[classes])?,
                end: scores("end", &[classes])?,
            }),
            false => None,
        };
        Ok(Self { projection, crf, allowed })
    }
}

impl Output for Tagging {
    fn read<O: Ops>(&self, ops: &mut O, x: Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let Some(words) = x.mask.as_ref().and_then(|mask| mask.words.as_ref()) else { return Ok(x) };
        let first = ops.first_pieces(&x.x, words)?;
        let mask = SequenceMask::new(words.steps.clone(), words.lengths.clone());
        Ok(Activations { x: first, mask: Some(mask) })
    }

    fn logits<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<O::Value> {
        self.projection.on(ops, &x.x)
    }

    fn conditioning<O: Ops>(&self, ops: &mut O, logits: &O::Value) -> ModelResult<O::Value> {
        ops.softmax(logits)
    }

    fn loss(
        &self,
        x: &Activations,
        labels: &Labels,
        loss: &LossConfig,
        _: &Mode,
    ) -> ModelResult<Option<Tensor>> {
        let Some(CrfWeights { between, start, end }) = &self.crf else {
            return cross_entropy(&self.projection, x, labels, loss);
        };
        let emissions = self.projection.apply(&x.x)?;
        let (rows, time, classes) = emissions.dims3()?;
        let scores = Tensor::cat(
            &[between.tensor(), start.tensor().reshape((1, classes))?, end.tensor().reshape((1, classes))?],
            0,
        )?;
        let whole = vec![time as u32; rows];
        let lengths = x.mask.as_ref().map_or(whole.as_slice(), |mask| &mask.lengths);
        Ok(Some(crf(&emissions, &scores, &labels.values, &labels.mask, lengths)?))
    }

    fn has_own_loss(&self) -> bool {
        self.crf.is_some()
    }

    fn transitions(&self) -> ModelResult<Option<Transitions>> {
        let Some(crf) = &self.crf else { return Ok(self.allowed.clone()) };
        let trained =
            Transitions::new(host(crf.start.var())?, host(crf.end.var())?, host(crf.between.var())?);
        Ok(Some(self.allowed.as_ref().map_or(trained.clone(), |allowed| trained.plus(allowed))))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::domain::array::{Array, ArrayValues};
    use crate::domain::task::TagScheme;
    use crate::domain::task_kind::TaskKind;
    use crate::model::activations::{Activations, SequenceMask};
    use crate::model::head::Head;
    use crate::model::head::tagging::Tagging;
    use crate::model::kernel::reference_check::variable;
    use crate::model::labels::Labels;
    use crate::model::loss::LossConfig;
    use crate::model::mode::Mode;
    use crate::model::weights::Weights;

    fn tagging(name: &str, scheme: TagScheme, crf: bool, weights: &mut Weights) -> Tagging {
        let classes = ["B-x", "I-x"].map(String::from);
        Tagging::build(name, 4, &classes, scheme, crf, weights).unwrap()
    }

    fn labels() -> Labels {
        let truth = Tensor::new(&[[0.0_f32, 1.0, 1.0], [1.0, 0.0, 0.0]], &Device::Cpu).unwrap();
        let mask = Tensor::new(&[[1.0_f32, 1.0, 1.0], [1.0, 0.0, 0.0]], &Device::Cpu).unwrap();
        Labels { task: 0, values: truth, mask, labelled: 2, cells: 4 }
    }

    fn features() -> Activations {
        let mask = SequenceMask::from_lengths(vec![3, 1], 3, &Device::Cpu).unwrap();
        Activations { x: variable(&[2, 3, 4], 1).as_tensor().clone(), mask: Some(mask) }
    }

    #[test]
    fn a_crf_with_zero_scores_equals_a_softmax_per_step() {
        let mut weights = Weights::new(0, &Device::Cpu);
        let (chained, plain) = (
            tagging("a", TagScheme::None, true, &mut weights),
            tagging("b", TagScheme::None, false, &mut weights),
        );
        let (x, mode, usual) = (features(), Mode::evaluate(), LossConfig::for_kind(TaskKind::Tagging));
        assert!(plain.loss(&x, &labels(), &usual, &mode).unwrap().is_none() && !plain.has_own_loss());
        let loss = chained.loss(&x, &labels(), &usual, &mode).unwrap().unwrap();
        let p = chained.predictions(&chained.logits(&x, &mode).unwrap()).unwrap().to_vec3::<f32>().unwrap();
        let expected = -(p[0][0][0].ln() + p[0][1][1].ln() + p[0][2][1].ln() + p[1][0][1].ln()) / 4.0;
        assert!((loss.to_scalar::<f32>().unwrap() - expected).abs() < 1e-5);
        let gradients = loss.backward().unwrap();
        let own = weights.iter().filter(|weight| weight.name.starts_with("a."));
        assert_eq!(own.filter(|weight| gradients.get(&weight.var).is_some()).count(), 5);
    }

    #[test]
    fn predicts_the_most_likely_path() {
        let head = tagging("a", TagScheme::None, true, &mut Weights::new(0, &Device::Cpu));
        let crf = head.crf.as_ref().unwrap();
        // No class may follow itself.
        crf.between.var().set(&Tensor::new(&[[-9.0_f32, 0.0], [0.0, -9.0]], &Device::Cpu).unwrap()).unwrap();
        let logits = ArrayValues::F32(vec![2.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
        let logits = Array::ragged(&[2], logits, vec![0, 3, 4]);
        assert_eq!(head.decide(&logits).unwrap(), Some(vec![0, 1, 0, 1]));
        let mut weights = Weights::new(0, &Device::Cpu);
        let plain = tagging("b", TagScheme::None, false, &mut weights);
        assert_eq!(plain.decide(&logits).unwrap(), None);
        for crf in [false, true] {
            let head = tagging(if crf { "c" } else { "d" }, TagScheme::Bio, crf, &mut weights);
            assert_eq!(head.decide(&logits).unwrap(), Some(vec![0, 0, 0, 0]), "a row cannot begin with I-x");
        }
    }
}

#[cfg(test)]
mod words;
