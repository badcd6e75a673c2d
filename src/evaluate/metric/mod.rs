//! The registry of metrics.

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
pub use crate::evaluate::average::ClassAverage;
use crate::evaluate::predictions::TaskPredictions;

/// Computes one number from a task's true values and predictions.
///
/// For a task with several columns, each column is scored over its own labelled cells, and the score is the
/// mean over the columns with a defined score.
pub trait Metric: Send + Sync {
    /// Whether higher or lower scores are better.
    fn direction(&self) -> Direction;

    /// Whether the metric is defined for tasks of this kind (`binary`, `regression` ...).
    fn accepts(&self, kind: TaskKind) -> bool;

    /// A suffix of the label that distinguishes metrics of one name by their settings.
    fn variant(&self) -> Option<String> {
        None
    }

    /// Whether the metric compares generated texts. Generation takes much longer than a forward pass, so
    /// such a metric may be computed only after training.
    fn needs_text(&self) -> bool {
        false
    }

    /// Whether the metric counts spans, which need a tagging scheme.
    fn needs_spans(&self) -> bool {
        false
    }

    /// The score; `None` if it is undefined, for example without labelled rows or with a single class.
    fn score(&self, answers: &TaskPredictions) -> Option<f64>;
}

impl MetricConfig {
    /// The name of the metric's scores: `f1`, `f1_micro`.
    pub fn label(&self) -> String {
        match self.view().variant() {
            Some(variant) => format!("{}_{variant}", self.name()),
            None => self.name().to_owned(),
        }
    }
}

kinds! {
    /// Measures the quality of predictions.
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
