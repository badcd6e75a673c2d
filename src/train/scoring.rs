//! Computes each task's loss and metrics on the rows of a split.

use candle_core::Tensor;

use crate::data::tokenizer::TokenCodec;
use crate::domain::array::{Array, ElementType};
use crate::domain::confusion::ConfusionMatrix;
use crate::domain::score::{Direction, Score, Split};
use crate::domain::table::{Dataset, EncodedTable};
use crate::domain::task::FittedTarget;
use crate::evaluate::bootstrap::Bootstrap;
use crate::evaluate::metric::MetricConfig;
use crate::evaluate::{TaskPredictions, confusions, evaluate, of_known_classes, undefined_reason};
use crate::model::head::text_writer::TokenLosses;
use crate::model::labels::{Labels, standardized_labels};
use crate::model::mode::Mode;
use crate::model::network::Network;
use crate::model::prediction::Prediction;
use crate::train::batch::targets;
use crate::train::error::TrainResult;

/// The name of the loss among the scores.
pub const LOSS: &str = "loss";

/// Evaluates a network.
pub struct Evaluator<'a> {
    /// The encoded tables.
    pub dataset: &'a Dataset,
    /// The network to evaluate.
    pub network: &'a Network,
    /// The metrics of every task, in the signature's order.
    pub metrics: &'a [Vec<MetricConfig>],
    /// The tasks whose texts are generated, for metrics that need them; this is slow.
    pub texts: &'a [usize],
    /// The seed of random draws in text generation.
    pub seed: u64,
    /// For final scores: how their intervals on test rows are computed; with it come confusion matrices.
    pub final_scores: Option<Bootstrap>,
}

/// The evaluation of one task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskEvaluation {
    /// The task's index in the signature.
    pub task: usize,
    /// The mean loss over cells with a label; `None` if there are none.
    pub loss: Option<f64>,
    /// The `loss`, then the metrics.
    pub scores: Vec<Score>,
    /// The metrics of only the rows whose class occurs in training, if others occur.
    pub of_known_classes: Vec<Score>,
    /// Why some metrics are undefined; `None` if none is.
    pub undefined: Option<String>,
    /// The confusion matrices of final scores.
    pub confusions: Vec<ConfusionMatrix>,
}

impl Evaluator<'_> {
    /// Evaluates the tasks of a table on the rows of a split.
    pub fn score(&self, table: &EncodedTable, split: Split) -> TrainResult<Vec<TaskEvaluation>> {
        let rows = table.split(split);
        let targets = targets(self.dataset, table);
        let predicting: Vec<usize> =
            targets.iter().map(|(task, _)| *task).filter(|task| !self.generates(*task)).collect();
        let mut predictions = self
            .network
            .predict_tasks(table, rows, self.network.inference_batch_size(), &predicting)?
            .into_iter();
        let mut evaluations = Vec::with_capacity(targets.len());
        for (task, truth) in targets {
            let task_split = TaskSplit { table, rows, task, truth, split };
            evaluations.push(match self.generates(task) {
                true => self.evaluate_generation(&task_split)?,
                false => match predictions.next() {
                    Some(prediction) => self.evaluate_predictions(&task_split, &prediction)?,
                    None => continue,
                },
            });
        }
        Ok(evaluations)
    }

    /// The metrics of predictions that an exported model computed for the rows of a split: the task's index
    /// and its prediction for these rows. Without losses.
    pub fn score_predictions(
        &self,
        table: &EncodedTable,
        split: Split,
        predictions: &[(usize, Prediction)],
    ) -> TrainResult<Vec<Score>> {
        let rows = table.split(split);
        let mut scores = Vec::new();
        for (task, truth) in targets(self.dataset, table) {
            let Some((_, prediction)) = predictions.iter().find(|(index, _)| *index == task) else {
                continue;
            };
            let task_split = TaskSplit { table, rows, task, truth, split };
            scores.extend(self.evaluate_answers(&task_split, &truth.gather(rows), prediction, None)?.scores);
        }
        Ok(scores)
    }

    /// The metrics of texts that an exported model generated for the rows of a split that have one.
    pub fn score_texts(
        &self,
        table: &EncodedTable,
        split: Split,
        task: usize,
        texts: &[String],
    ) -> Vec<Score> {
        let (rows, signature) = (table.split(split), &self.dataset.signature.tasks[task]);
        let (Some(truth), Some(labels)) = (table.texts(&signature.name), table.target(&signature.name))
        else {
            return Vec::new();
        };
        let gathered = labels.gather(rows);
        let cells = gathered.as_f32().unwrap_or_default();
        let written = rows.iter().map(|row| &truth[*row as usize]).filter(|text| !text.is_empty());
        let written: Vec<Option<String>> = written.map(|text| Some(text.clone())).collect();
        let mut all = TaskPredictions::new(&signature.target, cells, &[], cells.len());
        all = gathered.offsets.as_deref().map_or(all, |offsets| all.with_offsets(offsets));
        all = all.with_texts(texts, &written);
        let task_split = TaskSplit { table, rows, task, truth: labels, split };
        self.evaluation(&task_split, None, &all).scores
    }

    fn generates(&self, task: usize) -> bool {
        self.dataset.signature.tasks[task].target.output_tokenizer().is_some()
    }

    /// Evaluates a task with a prediction for each row, step or pixel.
    fn evaluate_predictions(
        &self,
        task_split: &TaskSplit,
        prediction: &Prediction,
    ) -> TrainResult<TaskEvaluation> {
        let truth = task_split.truth.gather(task_split.rows);
        let loss = match self.network.has_own_loss(task_split.task) {
            true => self.batched_loss(task_split)?,
            false => {
                self.loss_of_cells(task_split.task, &truth, prediction.logits.as_f32().unwrap_or_default())?
            }
        };
        self.evaluate_answers(task_split, &truth, prediction, loss)
    }

    /// Evaluates predictions of any origin, with the loss that was computed for them.
    fn evaluate_answers(
        &self,
        task_split: &TaskSplit,
        truth: &Array,
        prediction: &Prediction,
        loss: Option<f64>,
    ) -> TrainResult<TaskEvaluation> {
        let target = &self.dataset.signature.tasks[task_split.task].target;
        let cells = truth.to_f32().unwrap_or_default();
        let answers = prediction.answers.to_f32().unwrap_or_default();
        let mut all = TaskPredictions::new(target, &cells, &answers, cells.len() / target.width());
        all = all.with_unseen(task_split.table.unseen(&self.dataset.signature.tasks[task_split.task].name));
        let exact = match prediction.answers.element_type() {
            ElementType::Float64 => truth.to_f64().zip(prediction.answers.to_f64()),
            _ => None,
        };
        all = exact.as_ref().map_or(all, |(truth, answers)| all.with_numbers(truth, answers));
        all = truth.offsets.as_deref().map_or(all, |offsets| all.with_offsets(offsets));
        let decided = self.network.decide(task_split.task, &prediction.logits)?;
        all = decided.as_deref().map_or(all, |decided| all.with_predicted_classes(decided));
        Ok(self.evaluation(task_split, loss, &all))
    }

    /// Evaluates a task that generates tokens.
    fn evaluate_generation(&self, task_split: &TaskSplit) -> TrainResult<TaskEvaluation> {
        let target = &self.dataset.signature.tasks[task_split.task].target;
        let token_losses = self.token_losses(task_split)?;
        let mean = |sum: f64| (token_losses.tokens > 0).then(|| sum / token_losses.tokens as f64);
        let (nll, accuracy) = (mean(token_losses.nll), mean(token_losses.correct as f64));
        let truth = task_split.truth.gather(task_split.rows);
        let cells = truth.as_f32().unwrap_or_default();
        let mut all = TaskPredictions::new(target, cells, &[], cells.len());
        all = truth.offsets.as_deref().map_or(all, |offsets| all.with_offsets(offsets));
        all = nll.map_or(all, |nll| all.with_nll(nll));
        all = accuracy.map_or(all, |accuracy| all.with_token_accuracy(accuracy));
        let texts = self.texts(task_split)?;
        all = texts.as_ref().map_or(all, |(text, truth)| all.with_texts(text, truth));
        Ok(self.evaluation(task_split, nll, &all))
    }

    /// The loss of the true tokens, and how many of them have the highest probability.
    fn token_losses(&self, task_split: &TaskSplit) -> TrainResult<TokenLosses> {
        let mut all = TokenLosses::default();
        for rows in task_split.rows.chunks(self.network.inference_batch_size()) {
            let labels = Labels::gather(
                task_split.task,
                task_split.target(self),
                task_split.truth,
                rows,
                self.network.device(),
            )?;
            let Some(labels) = labels else { continue };
            let inputs = self.network.input_tensors(task_split.table, Some(rows))?;
            all.add(self.network.token_losses(&inputs, &labels)?.unwrap_or_default());
        }
        Ok(all)
    }

    /// The generated and the true texts of the rows that have one, if they are to be generated.
    fn texts(&self, task_split: &TaskSplit) -> TrainResult<Option<(Vec<String>, Vec<Option<String>>)>> {
        let signature = &self.dataset.signature.tasks[task_split.task];
        let (Some(truth), Some(tokenizer)) =
            (task_split.table.texts(&signature.name), signature.target.output_tokenizer())
        else {
            return Ok(None);
        };
        if !self.texts.contains(&task_split.task) {
            return Ok(None);
        }
        let rows: Vec<u32> =
            task_split.rows.iter().copied().filter(|row| !truth[*row as usize].is_empty()).collect();
        let Some(generated) =
            self.network.generate_rows(task_split.task, task_split.table, &rows, self.seed)?
        else {
            return Ok(None);
        };
        let codec = TokenCodec::new(tokenizer)?;
        let texts = generated.iter().map(|tokens| Ok(codec.decode(tokens)?)).collect::<TrainResult<_>>()?;
        let truth = rows.iter().map(|row| Some(truth[*row as usize].clone())).collect();
        Ok(Some((texts, truth)))
    }

    /// The scores of a task from its loss and predictions.
    fn evaluation(
        &self,
        task_split: &TaskSplit,
        loss: Option<f64>,
        answers: &TaskPredictions,
    ) -> TaskEvaluation {
        let name = &self.dataset.signature.tasks[task_split.task].name;
        let finite = loss.filter(|loss| loss.is_finite());
        let mut scores: Vec<Score> = Vec::new();
        scores.extend(finite.map(|value| Score {
            task: name.clone(),
            split: task_split.split,
            metric: LOSS.into(),
            value,
            direction: Direction::Lower,
            // Rows of classes that do not occur in training have no loss.
            rows: answers.with_unseen(&[]).present(),
            interval: None,
        }));
        let metrics = &self.metrics[task_split.task];
        scores.extend(evaluate(name, task_split.split, metrics, answers));
        let confusions = match self.final_scores {
            Some(_) => confusions(name, task_split.split, answers),
            None => Vec::new(),
        };
        if let Some(bootstrap) = self.final_scores.filter(|_| task_split.split == Split::Test) {
            let intervals = bootstrap.intervals(metrics, answers);
            for (metric, interval) in metrics.iter().zip(intervals) {
                let label = metric.label();
                let score = scores.iter_mut().find(|score| score.metric == label);
                score.into_iter().for_each(|score| score.interval = interval);
            }
        }
        let undefined =
            scores.iter().any(|score| score.defined().is_none()).then(|| undefined_reason(answers));
        let of_known_classes = of_known_classes(name, task_split.split, metrics, answers);
        TaskEvaluation { task: task_split.task, loss, scores, of_known_classes, undefined, confusions }
    }

    /// A task's loss over the logits of all cells; `None` if none of them has a label.
    pub fn loss_of_cells(&self, task: usize, truth: &Array, logits: &[f32]) -> TrainResult<Option<f64>> {
        let device = self.network.device();
        let target = &self.dataset.signature.tasks[task].target;
        let width = target.width();
        let cells = standardized_labels(target, truth, 0..truth.values.len());
        if cells.iter().all(|cell| cell.is_nan()) {
            return Ok(None);
        }
        let present = cells.iter().map(|cell| f32::from(u8::from(!cell.is_nan())));
        let known = cells.iter().map(|cell| if cell.is_nan() { 0.0 } else { *cell });
        let shape = (cells.len() / width, width);
        let mask = Tensor::from_iter(present, device)?.reshape(shape)?;
        let truth = Tensor::from_iter(known, device)?.reshape(shape)?;
        let logits = Tensor::from_slice(logits, (shape.0, target.logits()), device)?;
        let loss = self.network.loss(task, &logits, &truth, &mask)?;
        Ok(Some(f64::from(loss.to_scalar::<f32>()?)))
    }

    /// A task's loss as the mean over batches, weighted by their labelled cells.
    fn batched_loss(&self, task_split: &TaskSplit) -> TrainResult<Option<f64>> {
        let (mut sum, mut cells) = (0.0, 0);
        for rows in task_split.rows.chunks(self.network.inference_batch_size()) {
            let labels = Labels::gather(
                task_split.task,
                task_split.target(self),
                task_split.truth,
                rows,
                self.network.device(),
            )?;
            let Some(labels) = labels else { continue };
            let inputs = self.network.input_tensors(task_split.table, Some(rows))?;
            let weight = labels.cells;
            let losses = self.network.losses(&inputs, &[labels], &Mode::evaluate())?;
            for loss in losses {
                sum += f64::from(loss.to_scalar::<f32>()?) * weight as f64;
            }
            cells += weight;
        }
        Ok((cells > 0).then(|| sum / cells as f64))
    }
}

/// A task on the rows of a split.
struct TaskSplit<'a> {
    table: &'a EncodedTable,
    rows: &'a [u32],
    task: usize,
    truth: &'a Array,
    split: Split,
}

impl TaskSplit<'_> {
    fn target<'a>(&self, evaluator: &Evaluator<'a>) -> &'a FittedTarget {
        &evaluator.dataset.signature.tasks[self.task].target
    }
}
