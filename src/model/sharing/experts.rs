//! The common part of mixtures of experts: a shared trunk and levels of experts after its end.
//!
//! A task that reads `from` a mark reads the trunk there, as with `hard`, and is not part of the mixture.

use std::collections::BTreeSet;

use candle_core::Tensor;

use crate::domain::event::SourceShare;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::LayerConfig;
use crate::model::layer::stack::shape_after;
use crate::model::mode::Mode;
use crate::model::ops::{Ops, Tensors};
use crate::model::part::NetworkPart;
use crate::model::sharing::body::add_term;
use crate::model::sharing::level::{ExpertLevel, ExpertScope, GateSet, LevelConfig, LevelStep};
use crate::model::sharing::pointwise::dense_features;
use crate::model::sharing::trunk::Trunk;
use crate::model::sharing::{Body, BuildSharing, BuiltSharing, LogitsSource, Sharing, SharingForward};
use crate::model::weights::Weights;

/// The structure of a mixture of experts.
pub struct ExpertsConfig<'a> {
    /// Number of levels.
    pub levels: usize,
    /// The layers of every expert.
    pub layers: &'a [LayerConfig],
    /// Number of shared experts per level.
    pub shared: usize,
    /// Number of experts per task and level.
    pub own: usize,
    /// Which gates each level has.
    pub gates: GateSet,
    /// Which experts a task's gate may weight.
    pub reach: ExpertScope,
    /// Is a linear mixture of a task's own experts added?
    pub residual: bool,
}

impl<'a> ExpertsConfig<'a> {
    /// One level without experts yet, and a softmax gate per task over its own and the shared experts.
    pub fn from_layers(layers: &'a [LayerConfig]) -> Self {
        Self {
            levels: 1,
            layers,
            shared: 0,
            own: 0,
            gates: GateSet::Each,
            reach: ExpertScope::Own,
            residual: false,
        }
    }

    /// The output shape of the levels for the input `read`.
    ///
    /// # Errors
    ///
    /// Says which layer of the experts does not fit.
    pub fn shape(&self, read: Shape, marked: bool) -> ModelResult<Shape, String> {
        if marked {
            return Ok(read);
        }
        let (levels, layers) = (self.levels, self.layers);
        let after = (0..levels).try_fold(read, |shape, level| {
            shape_after(layers, shape).map_err(|(index, reason)| match level {
                0 => format!("cannot use layer {index} of its experts: {reason}"),
                _ => format!(
                    "cannot use layer {index} of its experts in level {}, which receives {shape} from level \
                     {level}: {reason}",
                    level + 1
                ),
            })
        })?;
        let is_per_step = matches!((read, after), (Shape::Sequence { .. }, Shape::Sequence { .. }));
        if is_per_step && layers.iter().any(|layer| !layer.view().keeps_steps()) {
            return Err("needs experts that keep the sequence length, because its gates are per time step: \
                        write `padding: same` or `padding: causal` in their `conv1d`"
                .into());
        }
        dense_features(after)
    }

    /// Builds the trunk and the levels.
    pub fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        let trunk = Trunk::build(body, weights)?;
        let members: Vec<usize> = (0..trunk.tasks()).filter(|task| trunk.reads_end(*task)).collect();
        let streams: Vec<String> = members.iter().map(|task| body.tasks[*task].name.clone()).collect();
        let mut input = trunk.output();
        let mut levels = Vec::new();
        let count = if members.is_empty() { 0 } else { self.levels };
        for number in 1..=count {
            let config = LevelConfig {
                number,
                layers: self.layers,
                shared: self.shared,
                own: self.own,
                gates: self.gates,
                reach: self.reach,
                shared_continues: number < count && self.shared > 0,
                residual: self.residual,
            };
            let level = config.build(&streams, input, weights)?;
            input = level.output();
            levels.push(level);
        }
        Ok(Box::new(Experts { trunk, members, levels }))
    }
}

/// The settings of a mixture of experts.
pub trait MixtureConfig: Send + Sync {
    /// The structure that the settings describe.
    fn experts(&self) -> ExpertsConfig<'_>;

    /// Checks the settings themselves.
    ///
    /// # Errors
    ///
    /// Says which settings contradict each other.
    fn check_settings(&self) -> ModelResult<(), String> {
        Ok(())
    }
}

impl<M: MixtureConfig> BuildSharing for M {
    fn shape(&self, read: Shape, marked: bool) -> ModelResult<Shape, String> {
        self.check_settings()?;
        self.experts().shape(read, marked)
    }

    fn layer_lists(&self) -> Vec<(&'static str, &[LayerConfig])> {
        vec![("layers", self.experts().layers)]
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        self.experts().build(body, weights)
    }
}

/// A trunk and levels of experts.
struct Experts {
    trunk: Trunk,
    /// The tasks that read the levels, by stream.
    members: Vec<usize>,
    levels: Vec<ExpertLevel>,
}

impl Experts {
    /// The stream of a task; `None` if it reads a mark.
    fn stream(&self, task: usize) -> Option<usize> {
        self.members.iter().position(|member| *member == task)
    }

    /// The streams of these tasks, without duplicates, in order.
    fn streams(&self, tasks: &[usize]) -> Vec<usize> {
        let streams: BTreeSet<usize> = tasks.iter().filter_map(|task| self.stream(*task)).collect();
        streams.into_iter().collect()
    }

    /// For each level, the streams it must compute so that the last level can compute `last`.
    fn required_streams(&self, last: Vec<usize>) -> Vec<Vec<usize>> {
        let mut required = vec![last];
        for level in self.levels.iter().skip(1).rev() {
            let before = required.last().map(|after| level.required_streams(after));
            required.extend(before);
        }
        required.reverse();
        required
    }

    /// The values of the streams after the last level. `inspect` is called for every level with the values
    /// before it and its result.
    fn compute<O: Ops>(
        &self,
        ops: &mut O,
        end: &Activations<O::Value>,
        tasks: &[usize],
        mut inspect: impl FnMut(
            &ExpertLevel,
            &[Option<Activations<O::Value>>],
            &LevelStep<O::Value>,
        ) -> ModelResult<()>,
    ) -> ModelResult<Vec<Option<Activations<O::Value>>>> {
        let mut streams = vec![Some(end.clone()); self.members.len() + 1];
        for (level, required) in self.levels.iter().zip(self.required_streams(self.streams(tasks))) {
            let step = level.compute(ops, &streams, &required)?;
            inspect(level, &streams, &step)?;
            streams = step.outputs;
        }
        Ok(streams)
    }
}

impl Sharing for Experts {
    fn tasks(&self) -> usize {
        self.trunk.tasks()
    }

    fn output(&self, task: usize) -> Shape {
        match (self.stream(task), self.levels.last()) {
            (Some(_), Some(level)) => level.output(),
            _ => self.trunk.shape(task),
        }
    }

    fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        let required = self.required_streams(self.streams(tasks));
        self.trunk.uses(tasks, weight)
            || self.levels.iter().zip(required).any(|(level, streams)| level.uses(&streams, weight))
    }

    fn parts(&self) -> Vec<NetworkPart> {
        let levels = self.levels.iter().flat_map(ExpertLevel::parts);
        self.trunk.parts().iter().chain(levels).cloned().collect()
    }

    fn penalty(&self, tasks: &[usize], _: &mut LogitsSource) -> ModelResult<Option<Tensor>> {
        let mut sum: Option<Tensor> = None;
        for (level, streams) in self.levels.iter().zip(self.required_streams(self.streams(tasks))) {
            for penalty in level.penalties(&streams)? {
                add_term(&mut sum, penalty)?;
            }
        }
        Ok(sum)
    }

    fn reports_shares(&self) -> bool {
        !self.levels.is_empty()
    }

    fn shares(&self, x: &Activations, mode: &Mode, tasks: &[usize]) -> ModelResult<Vec<SourceShare>> {
        let ops = &mut Tensors::new(mode);
        let mut sources = Vec::new();
        let end = self.trunk.compute(ops, x)?.end;
        self.compute(ops, &end, tasks, |level, streams, step| {
            sources.extend(level.mean_shares(streams, &step.shares)?);
            Ok(())
        })?;
        Ok(sources)
    }
}

impl SharingForward for Experts {
    fn read<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
        tasks: &[usize],
    ) -> ModelResult<Vec<Activations<O::Value>>> {
        let outputs = self.trunk.compute(ops, x)?;
        let streams = self.compute(ops, &outputs.end, tasks, |_, _, _| Ok(()))?;
        let read = |task: &usize| {
            let mixed = self.stream(*task).and_then(|stream| streams[stream].clone());
            mixed.unwrap_or_else(|| self.trunk.read(&outputs, *task))
        };
        Ok(tasks.iter().map(read).collect())
    }
}
