//! A task's scores on one split.

use crate::domain::name::TaskName;
use crate::domain::number::Count;
use crate::domain::score::{KNOWN_CLASSES, Score, Split};
use crate::domain::task::TagScheme;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::ClassAverage;
use crate::evaluate::metric::MetricConfig;
use crate::evaluate::metric::accuracy::AccuracyConfig;
use crate::evaluate::metric::auroc::AurocConfig;
use crate::evaluate::metric::average_precision::AveragePrecisionConfig;
use crate::evaluate::metric::bleu::BleuConfig;
use crate::evaluate::metric::calibration_error::CalibrationErrorConfig;
use crate::evaluate::metric::chrf::ChrfConfig;
use crate::evaluate::metric::exact_match::ExactMatchConfig;
use crate::evaluate::metric::f1::F1Config;
use crate::evaluate::metric::log_loss::LogLossConfig;
use crate::evaluate::metric::mae::MaeMetricConfig;
use crate::evaluate::metric::mean_iou::MeanIouConfig;
use crate::evaluate::metric::perplexity::PerplexityConfig;
use crate::evaluate::metric::quadratic_kappa::QuadraticKappaConfig;
use crate::evaluate::metric::r2::R2Config;
use crate::evaluate::metric::rmse::RmseConfig;
use crate::evaluate::metric::rouge::RougeConfig;
use crate::evaluate::metric::span_f1::SpanF1Config;
use crate::evaluate::predictions::TaskPredictions;

/// Scores one task on one split by every metric. A score is NaN if the metric is undefined (for example
/// auroc with a single class) or if a prediction is NaN. Metrics of texts are skipped if no texts were
/// generated.
pub fn evaluate(
    task: &TaskName,
    split: Split,
    metrics: &[MetricConfig],
    answers: &TaskPredictions,
) -> Vec<Score> {
    let has_nan = answers.predictions.iter().any(|answer| answer.is_nan());
    let rows = answers.present();
    let score = |metric: &MetricConfig| {
        let value = if has_nan { None } else { metric.view().score(answers) };
        let value = value.filter(|value| value.is_finite()).unwrap_or(f64::NAN);
        let direction = metric.view().direction();
        Score { task: task.clone(), split, metric: metric.label(), value, direction, rows, interval: None }
    };
    let available = metrics.iter().filter(|metric| !metric.view().needs_text() || answers.texts.is_some());
    available.map(score).collect()
}

/// Scores only the rows of classes with training rows; empty if these are all rows.
pub fn of_known_classes(
    task: &TaskName,
    split: Split,
    metrics: &[MetricConfig],
    answers: &TaskPredictions,
) -> Vec<Score> {
    let Some(known) = answers.of_known_classes() else { return Vec::new() };
    let mut scores = evaluate(task, split, metrics, &known);
    scores.iter_mut().for_each(|score| score.metric = format!("{}_{KNOWN_CLASSES}", score.metric));
    scores
}

/// The metrics of a task of this kind that sets none; the first is the main one. `scheme` is the tagging
/// scheme.
pub fn default_metrics(kind: TaskKind, scheme: TagScheme) -> Vec<MetricConfig> {
    let accuracy = MetricConfig::Accuracy(AccuracyConfig {});
    let auroc = MetricConfig::Auroc(AurocConfig {});
    let average_precision = MetricConfig::AveragePrecision(AveragePrecisionConfig {});
    let f1 = MetricConfig::F1(F1Config { average: ClassAverage::Auto });
    let log_loss = MetricConfig::LogLoss(LogLossConfig {});
    let mae = MetricConfig::Mae(MaeMetricConfig {});
    match kind {
        TaskKind::Binary => {
            let calibration = CalibrationErrorConfig { bins: Count::constant(15) };
            vec![auroc, average_precision, f1, accuracy, MetricConfig::CalibrationError(calibration)]
        }
        TaskKind::Multiclass => vec![accuracy, f1, log_loss],
        TaskKind::Multilabel => vec![auroc, average_precision, f1],
        TaskKind::Ordinal => vec![MetricConfig::QuadraticKappa(QuadraticKappaConfig {}), mae, accuracy],
        TaskKind::Regression => vec![MetricConfig::Rmse(RmseConfig {}), mae, MetricConfig::R2(R2Config {})],
        TaskKind::PixelRegression => vec![MetricConfig::Rmse(RmseConfig {}), mae],
        TaskKind::Segmentation => vec![MetricConfig::MeanIou(MeanIouConfig {}), accuracy],
        TaskKind::Tagging if scheme == TagScheme::None => vec![accuracy, f1],
        TaskKind::Tagging => vec![MetricConfig::SpanF1(SpanF1Config::default()), accuracy],
        TaskKind::LanguageModel => vec![MetricConfig::Perplexity(PerplexityConfig {}), accuracy],
        TaskKind::Text => vec![
            MetricConfig::Bleu(BleuConfig::default()),
            MetricConfig::Chrf(ChrfConfig::default()),
            MetricConfig::Rouge(RougeConfig::default()),
            MetricConfig::ExactMatch(ExactMatchConfig {}),
            MetricConfig::Perplexity(PerplexityConfig {}),
        ],
    }
}
