//! The shelf of metrics.

pub mod accuracy;
pub mod auroc;
pub mod average_precision;
pub mod balanced_accuracy;
pub mod brier;
pub mod calibration_error;
pub mod f1;
pub mod log_loss;
pub mod mae;
pub mod mse;
pub mod pearson;
pub mod precision;
pub mod quadratic_kappa;
pub mod r2;
pub mod recall;
pub mod rmse;
pub mod spearman;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::kinds;

kinds! {
    /// How good answers are.
    pub enum MetricSpec: "metric" {
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
    }
}

/// How classes' or labels' scores become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Average {
    /// The positive class for binary tasks, `macro` for others.
    #[default]
    Auto,
    /// All decisions in one pot.
    Micro,
    /// Each class or label counts alike.
    Macro,
}
