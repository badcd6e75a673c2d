//! A task's scores on one split.

use crate::domain::name::TaskName;
use crate::domain::number::Count;
use crate::domain::score::{KNOWN_CLASSES, Score, Split};
use crate::domain::task::TagScheme;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::answers::Answers;
use crate::evaluate::average::Average;
use crate::evaluate::metric::MetricSpec;
use crate::evaluate::metric::accuracy::AccuracySpec;
use crate::evaluate::metric::auroc::AurocSpec;
use crate::evaluate::metric::average_precision::AveragePrecisionSpec;
use crate::evaluate::metric::bleu::BleuSpec;
use crate::evaluate::metric::calibration_error::CalibrationErrorSpec;
use crate::evaluate::metric::chrf::ChrfSpec;
use crate::evaluate::metric::exact_match::ExactMatchSpec;
use crate::evaluate::metric::f1::F1Spec;
use crate::evaluate::metric::log_loss::LogLossSpec;
use crate::evaluate::metric::mae::MaeSpec;
use crate::evaluate::metric::mean_iou::MeanIouSpec;
use crate::evaluate::metric::perplexity::PerplexitySpec;
use crate::evaluate::metric::quadratic_kappa::QuadraticKappaSpec;
use crate::evaluate::metric::r2::R2Spec;
use crate::evaluate::metric::rmse::RmseSpec;
use crate::evaluate::metric::rouge::RougeSpec;
use crate::evaluate::metric::span_f1::SpanF1Spec;

/// What every metric says of one task on one split. One that is undefined there (the area under a curve where
/// only one class occurs), or of answers that are no numbers, is NaN. A metric of texts where none were written
/// is not among them.
pub fn evaluate(task: &TaskName, split: Split, metrics: &[MetricSpec], answers: &Answers) -> Vec<Score> {
    let broken = answers.answers.iter().any(|answer| answer.is_nan());
    let rows = answers.present();
    let score = |metric: &MetricSpec| {
        let value = if broken { None } else { metric.view().score(answers) };
        let value = value.filter(|value| value.is_finite()).unwrap_or(f64::NAN);
        let direction = metric.view().direction();
        Score { task: task.clone(), split, metric: metric.label(), value, direction, rows }
    };
    let asked = metrics.iter().filter(|metric| !metric.view().needs_text() || answers.texts.is_some());
    asked.map(score).collect()
}

/// The same of the rows alone whose class training saw; nothing where that is so of all.
pub fn of_known_classes(
    task: &TaskName,
    split: Split,
    metrics: &[MetricSpec],
    answers: &Answers,
) -> Vec<Score> {
    let Some(known) = answers.of_known_classes() else { return Vec::new() };
    let mut scores = evaluate(task, split, metrics, &known);
    scores.iter_mut().for_each(|score| score.metric = format!("{}_{KNOWN_CLASSES}", score.metric));
    scores
}

/// What is measured when a task of this kind names no metrics; the first is what it is judged by. `scheme`
/// is how a tagging task writes spans.
pub fn default_metrics(kind: TaskKind, scheme: TagScheme) -> Vec<MetricSpec> {
    let accuracy = MetricSpec::Accuracy(AccuracySpec {});
    let auroc = MetricSpec::Auroc(AurocSpec {});
    let average_precision = MetricSpec::AveragePrecision(AveragePrecisionSpec {});
    let f1 = MetricSpec::F1(F1Spec { average: Average::Auto });
    let log_loss = MetricSpec::LogLoss(LogLossSpec {});
    let mae = MetricSpec::Mae(MaeSpec {});
    match kind {
        TaskKind::Binary => {
            let calibration = CalibrationErrorSpec { bins: Count::constant(15) };
            vec![auroc, average_precision, f1, accuracy, MetricSpec::CalibrationError(calibration)]
        }
        TaskKind::Multiclass => vec![accuracy, f1, log_loss],
        TaskKind::Multilabel => vec![auroc, average_precision, f1],
        TaskKind::Ordinal => vec![MetricSpec::QuadraticKappa(QuadraticKappaSpec {}), mae, accuracy],
        TaskKind::Regression => vec![MetricSpec::Rmse(RmseSpec {}), mae, MetricSpec::R2(R2Spec {})],
        TaskKind::PixelRegression => vec![MetricSpec::Rmse(RmseSpec {}), mae],
        TaskKind::Segmentation => vec![MetricSpec::MeanIou(MeanIouSpec {}), accuracy],
        TaskKind::Tagging if scheme == TagScheme::None => vec![accuracy, f1],
        TaskKind::Tagging => vec![MetricSpec::SpanF1(SpanF1Spec::default()), accuracy],
        TaskKind::LanguageModel => vec![MetricSpec::Perplexity(PerplexitySpec {}), accuracy],
        TaskKind::Text => vec![
            MetricSpec::Bleu(BleuSpec::default()),
            MetricSpec::Chrf(ChrfSpec::default()),
            MetricSpec::Rouge(RougeSpec::default()),
            MetricSpec::ExactMatch(ExactMatchSpec {}),
            MetricSpec::Perplexity(PerplexitySpec {}),
        ],
    }
}
