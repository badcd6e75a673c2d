//! The matrices A and B of a low-rank update: a layer's own, or a task's view of shared ones.

use crate::model::error::ModelResult;
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, TaskUpdates, Weights};

/// What A and B are computed from.
#[derive(Clone, Debug)]
pub enum LowRankMatrices {
    /// Matrices of their own.
    Plain {
        /// `[in, rank]`
        a: Parameter,
        /// `[rank, columns]`
        b: Parameter,
    },
    /// A task's view of shared matrices (MTL-LoRA, Yang et al. 2024, arXiv 2410.09437): A Lambda and
    /// sum_i softmax(w / temperature)_i B_i.
    Mixed {
        /// A `[in, rank]`, shared.
        a: Parameter,
        /// Lambda of the task: `[rank, rank]`, or its diagonal `[1, rank]`.
        lambda: Parameter,
        /// B_i `[rank, columns]`, shared.
        ups: Vec<Parameter>,
        /// w of the task: `[1, ups]`.
        mixing: Parameter,
        /// Divides w.
        temperature: f64,
    },
}

impl LowRankMatrices {
    /// Creates the matrices of a projection whose update is called `own`, for `[in, rank, columns]`.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(own: &str, shape: [usize; 3], weights: &mut Weights) -> ModelResult<Self> {
        let [width, rank, columns] = shape;
        let down = Init::fan_in(width);
        match weights.task_updates().cloned() {
            None => Ok(Self::Plain {
                a: weights.parameter(&format!("{own}.lora_a"), &[width, rank], down)?,
                b: weights.parameter(&format!("{own}.lora_b"), &[rank, columns], Init::Zeros)?,
            }),
            Some(TaskUpdates::Own { task }) => Ok(Self::Plain {
                a: weights.parameter(&format!("{own}.{task}.lora_a"), &[width, rank], down)?,
                b: weights.parameter(&format!("{own}.{task}.lora_b"), &[rank, columns], Init::Zeros)?,
            }),
            Some(TaskUpdates::Mixed { task, ups, temperature, diagonal }) => {
                let up = |index: usize| format!("{own}.lora_b.{index}");
                let (rows, identity) = match diagonal {
                    true => (1, vec![1.0; rank]),
                    false => (rank, identity(rank)),
                };
                let lambda = format!("{own}.{task}.lora_lambda");
                Ok(Self::Mixed {
                    a: weights.parameter(&format!("{own}.lora_a"), &[width, rank], down)?,
                    ups: (0..ups)
                        .map(|index| weights.parameter(&up(index), &[rank, columns], Init::Zeros))
                        .collect::<ModelResult<_>>()?,
                    lambda: weights.parameter(&lambda, &[rows, rank], Init::Given(identity))?,
                    mixing: weights.parameter(
                        &format!("{own}.{task}.lora_mixing"),
                        &[1, ups],
                        Init::fan_in(ups),
                    )?,
                    temperature,
                })
            }
        }
    }

    /// A, `[in, rank]`.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn down<O: Ops>(&self, ops: &mut O) -> ModelResult<O::Value> {
        match self {
            Self::Plain { a, .. } => ops.weight(a),
            Self::Mixed { a, lambda, .. } => {
                let is_diagonal = lambda.var().dims().first() == Some(&1);
                let (a, lambda) = (ops.weight(a)?, ops.weight(lambda)?);
                // Of rank 1 both are the same.
                if is_diagonal { ops.mul(&a, &lambda) } else { ops.matmul(&a, &lambda) }
            }
        }
    }

    /// B, `[rank, columns]`.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn up<O: Ops>(&self, ops: &mut O) -> ModelResult<O::Value> {
        let (ups, mixing, temperature) = match self {
            Self::Plain { b, .. } => return ops.weight(b),
            Self::Mixed { ups, mixing, temperature, .. } => (ups, mixing, temperature),
        };
        let mixing = ops.weight(mixing)?;
        let mixing = ops.scale(&mixing, temperature.recip())?;
        let shares = ops.softmax(&mixing)?;
        let mut sum: Option<O::Value> = None;
        for (index, up) in ups.iter().enumerate() {
            let up = ops.weight(up)?;
            let share = ops.narrow(&shares, 1, index, 1)?;
            let part = ops.mul(&up, &share)?;
            sum = Some(match sum {
                Some(sum) => ops.add(&sum, &part)?,
                None => part,
            });
        }
        Ok(sum.ok_or_else(|| candle_core::Error::msg("MTL-LoRA needs at least one matrix B"))?)
    }
}

/// The identity matrix, row-major.
fn identity(size: usize) -> Vec<f32> {
    (0..size * size).map(|at| if at / size == at % size { 1.0 } else { 0.0 }).collect()
}
