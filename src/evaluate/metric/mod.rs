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

use crate::domain::choice_config::{Choice, kinds};
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::answers::TaskAnswers;
pub use crate::evaluate::average::ClassAverage;

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
    fn score(&self, answers: &TaskAnswers) -> Option<f64>;
}

impl MetricConfig {
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
    pub open enum MetricConfig: "metric" => dyn Metric {
        Accuracy: "accuracy" => accuracy::AccuracyConfig,
        BalancedAccuracy: "balanced_accuracy" => balanced_accuracy::BalancedAccuracyConfig,
        Precision: "precision" => precision::PrecisionConfig,
        Recall: "recall" => recall::RecallConfig,
        F1: "f1" => f1::F1Config,
        Auroc: "auroc" => auroc::AurocConfig,
        AveragePrecision: "average_precision" => average_precision::AveragePrecisionConfig,
        LogLoss: "log_loss" => log_loss::LogLossConfig,
        Brier: "brier" => brier::BrierConfig,
        CalibrationError: "calibration_error" => calibration_error::CalibrationErrorConfig,
        Mae: "mae" => mae::MaeMetricConfig,
        Mse: "mse" => mse::MseMetricConfig,
        Rmse: "rmse" => rmse::RmseConfig,
        R2: "r2" => r2::R2Config,
        Spearman: "spearman" => spearman::SpearmanConfig,
        Pearson: "pearson" => pearson::PearsonConfig,
        QuadraticKappa: "quadratic_kappa" => quadratic_kappa::QuadraticKappaConfig,
        SpanF1: "span_f1" => span_f1::SpanF1Config,
        SpanPrecision: "span_precision" => span_precision::SpanPrecisionConfig,
        SpanRecall: "span_recall" => span_recall::SpanRecallConfig,
        MeanIou: "mean_iou" => mean_iou::MeanIouConfig,
        Dice: "dice" => dice::DiceMetricConfig,
        Perplexity: "perplexity" => perplexity::PerplexityConfig,
        Bleu: "bleu" => bleu::BleuConfig,
        Chrf: "chrf" => chrf::ChrfConfig,
        Rouge: "rouge" => rouge::RougeConfig,
        ExactMatch: "exact_match" => exact_match::ExactMatchConfig,
    }
}
