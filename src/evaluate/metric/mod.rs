//! The shelf of metrics.

pub mod accuracy;
pub mod auroc;
pub mod average_precision;
pub mod balanced_accuracy;
pub mod bleu;
pub mod brier;
pub mod calibration_error;
pub mod chrf;
pub mod dice;
pub mod exact_match;
pub mod f1;
pub mod log_loss;
pub mod mae;
pub mod mean_iou;
pub mod mse;
pub mod pearson;
pub mod perplexity;
pub mod precision;
pub mod quadratic_kappa;
pub mod r2;
pub mod recall;
pub mod rmse;
pub mod rouge;
pub mod span_f1;
mod span_metric;
pub mod span_precision;
pub mod span_recall;
pub mod spearman;

use crate::domain::kinds::{Choice, kinds};
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::answers::Answers;
pub use crate::evaluate::average::Average;

/// One number from a task's truth and answers. Where a task has several columns, each is measured
/// over its own present cells, and the score is the mean of those that have one.
pub trait Metric: Send + Sync {
    fn direction(&self) -> Direction;

    /// Does it make sense for a task of this kind (`binary`, `regression`...)?
    fn accepts(&self, kind: TaskKind) -> bool;

    /// What its settings add to its name, so that two of a kind can be told apart.
    fn variant(&self) -> Option<String> {
        None
    }

    /// Does it compare texts, which must be written first? Writing takes much longer than a forward
    /// pass, so that such a metric may wait until training is done.
    fn needs_text(&self) -> bool {
        false
    }

    /// Does it count spans, which tags mark only by a scheme?
    fn needs_spans(&self) -> bool {
        false
    }

    /// `None` where it is undefined: no labelled rows, one class only, a constant.
    fn score(&self, answers: &Answers) -> Option<f64>;
}

impl MetricSpec {
    /// The name of its scores: `f1`, `f1_micro`.
    pub fn label(&self) -> String {
        match self.view().variant() {
            Some(variant) => format!("{}_{variant}", self.name()),
            None => self.name().to_owned(),
        }
    }
}

kinds! {
    /// How good answers are.
    pub open enum MetricSpec: "metric" => dyn Metric {
        Accuracy: "accuracy" => accuracy::AccuracySpec,
        BalancedAccuracy: "balanced_accuracy" => balanced_accuracy::BalancedAccuracySpec,
        Precision: "precision" => precision::PrecisionSpec,
        Recall: "recall" => recall::RecallSpec,
        F1: "f1" => f1::F1Spec,
        Auroc: "auroc" => auroc::AurocSpec,
        AveragePrecision: "average_precision" => average_precision::AveragePrecisionSpec,
        LogLoss: "log_loss" => log_loss::LogLossSpec,
        Brier: "brier" => brier::BrierSpec,
        CalibrationError: "calibration_error" => calibration_error::CalibrationErrorSpec,
        Mae: "mae" => mae::MaeSpec,
        Mse: "mse" => mse::MseSpec,
        Rmse: "rmse" => rmse::RmseSpec,
        R2: "r2" => r2::R2Spec,
        Spearman: "spearman" => spearman::SpearmanSpec,
        Pearson: "pearson" => pearson::PearsonSpec,
        QuadraticKappa: "quadratic_kappa" => quadratic_kappa::QuadraticKappaSpec,
        SpanF1: "span_f1" => span_f1::SpanF1Spec,
        SpanPrecision: "span_precision" => span_precision::SpanPrecisionSpec,
        SpanRecall: "span_recall" => span_recall::SpanRecallSpec,
        MeanIou: "mean_iou" => mean_iou::MeanIouSpec,
        Dice: "dice" => dice::DiceSpec,
        Perplexity: "perplexity" => perplexity::PerplexitySpec,
        Bleu: "bleu" => bleu::BleuSpec,
        Chrf: "chrf" => chrf::ChrfSpec,
        Rouge: "rouge" => rouge::RougeSpec,
        ExactMatch: "exact_match" => exact_match::ExactMatchSpec,
    }
}
