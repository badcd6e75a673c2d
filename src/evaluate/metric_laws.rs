//! Properties that hold for every metric.

use crate::domain::choice_config::Choice;
use crate::domain::name::TaskName;
use crate::domain::score::Split;
use crate::domain::task::{FittedTarget, TagScheme};
use crate::domain::task_kind::TaskKind;
use crate::evaluate::case::{MetricCase, all, metric, of_binary, of_regression};
use crate::evaluate::metric::MetricConfig;
use crate::evaluate::{default_metrics, evaluate};

fn every() -> Vec<MetricConfig> {
    let mut metrics: Vec<MetricConfig> =
        MetricConfig::names().iter().map(|name| metric(name, serde_json::json!({}))).collect();
    for name in ["precision", "recall", "f1"] {
        metrics.extend(["micro", "macro"].map(|average| metric(name, serde_json::json!(average))));
    }
    metrics
}

fn score(metric: &MetricConfig, case: &MetricCase) -> Option<f64> {
    metric.view().score(&case.view())
}

/// Every metric with every shared case of a kind it accepts.
fn accepted() -> Vec<(MetricConfig, MetricCase)> {
    let cases = all();
    let pairs = every()
        .into_iter()
        .flat_map(|metric| cases.clone().into_iter().map(move |case| (metric.clone(), case)));
    pairs.filter(|(metric, case)| metric.view().accepts(case.target.kind())).collect()
}

/// The case with perfect predictions.
fn perfect(case: &MetricCase) -> MetricCase {
    let answers = match &case.target {
        target if target.output_tokenizer().is_some() => Vec::new(),
        FittedTarget::Multiclass { classes, .. }
        | FittedTarget::Ordinal { classes, .. }
        | FittedTarget::Tagging { classes, .. }
        | FittedTarget::Segmentation { classes, .. } => {
            let row =
                |truth: &f32| (0..classes.len()).map(|class| f32::from(class as f32 == *truth)).collect();
            case.truth.iter().flat_map(|truth| -> Vec<f32> { row(truth) }).collect()
        }
        _ => case.truth.iter().map(|truth| if truth.is_nan() { 0.25 } else { *truth }).collect(),
    };
    let texts = case
        .texts
        .clone()
        .map(|(_, truth)| (truth.iter().map(|text| text.clone().unwrap_or_default()).collect(), truth));
    MetricCase { answers, texts, nll: Some(0.0), guessed: Some(1.0), ..case.clone() }
}

#[test]
fn row_order_is_irrelevant() {
    for (metric, case) in accepted() {
        let count = case.count();
        let order: Vec<usize> = (0..count).map(|row| row * 7 % count).collect();
        let (before, after) = (score(&metric, &case), score(&metric, &case.at(&order)));
        let (before, after) = (before.expect("defined"), after.expect("defined"));
        assert!((before - after).abs() < 1e-12, "{} of {}", metric.label(), case.target.kind());
    }
}

#[test]
fn missing_cells_change_nothing() {
    for (metric, case) in accepted() {
        let mut other = case.clone();
        let per_cell = case.target.width() == case.target.prediction_width();
        for (cell, truth) in case.truth.iter().enumerate().filter(|(_, truth)| truth.is_nan()) {
            assert!(truth.is_nan());
            let width = if per_cell { 1 } else { case.target.prediction_width() };
            other.answers[cell * width..(cell + 1) * width].fill(0.875);
        }
        assert_eq!(score(&metric, &case), score(&metric, &other), "{}", metric.label());
    }
}

#[test]
fn perfect_answers_are_better_than_others() {
    for (metric, case) in accepted() {
        let (result, best) = (score(&metric, &case).expect("defined"), score(&metric, &perfect(&case)));
        let best = best.expect("defined");
        let direction = metric.view().direction();
        assert!(
            direction.prefers(best, result),
            "{} of {}: {best}, {result}",
            metric.label(),
            case.target.kind()
        );
    }
}

#[test]
fn no_rows_no_score() {
    for (metric, case) in accepted() {
        assert_eq!(score(&metric, &case.at(&[])), None, "{}", metric.label());
        assert_eq!(score(&metric, &case.unlabelled()), None, "{}", metric.label());
    }
}

#[test]
fn labels_are_distinct_and_defaults_are_accepted() {
    let mut labels: Vec<String> = every().iter().map(MetricConfig::label).collect();
    let count = labels.len();
    labels.sort();
    labels.dedup();
    assert_eq!(labels.len(), count);
    assert!(labels.iter().any(|label| label == "precision_macro"));
    assert_eq!(metric("calibration_error", serde_json::json!(10)).label(), "calibration_error_10");
    for case in all() {
        let kind = case.target.kind();
        for scheme in [TagScheme::None, TagScheme::Bio] {
            let metrics = default_metrics(kind, scheme);
            assert!(!metrics.is_empty(), "{kind}");
            assert!(metrics.iter().all(|metric| metric.view().accepts(kind)), "{kind}");
            let spans = metrics.iter().any(|metric| metric.view().needs_spans());
            assert_eq!(spans, kind == TaskKind::Tagging && scheme == TagScheme::Bio, "{kind}");
        }
    }
}

#[test]
fn evaluate_counts_rows_and_reports_what_is_undefined() {
    let task = TaskName::new("income").expect("a name");
    let case = of_binary(&[(1.0, 0.7), (f32::NAN, 0.1), (1.0, 0.2)]);
    let scores =
        evaluate(&task, Split::Valid, &default_metrics(TaskKind::Binary, TagScheme::None), &case.view());
    let labels: Vec<(&str, bool)> =
        scores.iter().map(|score| (score.metric.as_str(), score.defined().is_some())).collect();
    assert_eq!(
        labels,
        [
            ("auroc", false),
            ("average_precision", false),
            ("f1", true),
            ("accuracy", true),
            ("calibration_error", true)
        ]
    );
    assert!(scores.iter().all(|score| score.rows == 2 && score.task == task && score.split == Split::Valid));

    let broken = of_regression(&[(1.0, f32::NAN), (2.0, 2.0)]);
    let scores =
        evaluate(&task, Split::Test, &default_metrics(TaskKind::Regression, TagScheme::None), &broken.view());
    assert!(scores.len() == 3 && scores.iter().all(|score| score.value.is_nan()));
    // JSON has no NaN.
    let text = serde_json::to_string(&scores[0]).expect("text");
    let result: crate::domain::score::Score = serde_json::from_str(&text).expect("a score");
    assert!(
        text.contains("\"value\":null") && result.value.is_nan() && result.rows == scores[0].rows,
        "{text}"
    );
}
