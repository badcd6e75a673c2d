//! Tests of classes without training rows, compared with scikit-learn.
//!
//! scikit-learn 1.9.1 computed the expected numbers from the cases of `case.rs`:
//! ```text
//! t = np.where(i % 11 == 3, 1.5, np.where(i % 23 == 1, 9, c)); t, p = t[ck], cp[ck].astype("f8")
//! d = p.argmax(1).astype("f8")
//! def scores(t, d, p):
//!     union = sorted(set(t) | {0, 1, 2, 3})
//!     tu, du = [union.index(x) for x in t], [union.index(x) for x in d]
//!     full = np.zeros((len(t), len(union)))  # an unseen class has a probability of 0
//!     for k in range(4): full[:, union.index(k)] = p[:, k]
//!     rest = [k for k in range(4) if (t == k).any()]
//!     by_class = (m.precision_score, m.recall_score, m.f1_score, m.jaccard_score)
//!     return (m.accuracy_score(tu, du), m.balanced_accuracy_score(tu, du),
//!         [f(tu, du, average="macro", zero_division=0) for f in by_class],
//!         m.cohen_kappa_score(tu, du, labels=range(len(union)), weights="quadratic"),
//!         m.brier_score_loss(tu, full, labels=range(len(union))),
//!         np.mean([m.roc_auc_score(t == k, p[:, k]) for k in rest]),
//!         np.mean([m.average_precision_score(t == k, p[:, k]) for k in rest]),
//!         ece(d == t, p.max(1)), m.mean_absolute_error(tu, du), m.mean_squared_error(tu, du),
//!         stats.spearmanr(tu, du)[0])
//! known = np.isin(t, [0, 1, 2, 3]); scores(t, d, p); scores(t[known], d[known], p[known])
//! ```

use serde_json::json;

use crate::domain::label::{UnseenClass, encode_unseen};
use crate::domain::name::TaskName;
use crate::domain::score::Split;
use crate::domain::task::{FittedTarget, TagScheme};
use crate::domain::task_kind::TaskKind;
use crate::evaluate::case::{self, MetricCase, metric, of_binary};
use crate::evaluate::predictions::TaskPredictions;
use crate::evaluate::{default_metrics, evaluate, of_known_classes};

/// The multiclass case with two classes that have no training rows: `1.5`, between 1 and 2, and `9`, after
/// all others.
fn with_unseen_classes(target: FittedTarget) -> (MetricCase, Vec<UnseenClass>) {
    let mut case = case::multiclass();
    case.target = target;
    for (row, truth) in case.truth.iter_mut().enumerate().filter(|(_, truth)| !truth.is_nan()) {
        *truth = match row {
            _ if row % 11 == 3 => encode_unseen(0),
            _ if row % 23 == 1 => encode_unseen(1),
            _ => *truth,
        };
    }
    (case, vec![UnseenClass { name: "1.5".into(), before: 2 }, UnseenClass { name: "9".into(), before: 4 }])
}

fn multiclass() -> (MetricCase, Vec<UnseenClass>) {
    with_unseen_classes(case::multiclass().target)
}

#[track_caller]
fn assert_scores(name: &str, settings: serde_json::Value, answers: &TaskPredictions, expected: f64) {
    let metric = metric(name, settings);
    let result = metric.view().score(answers).expect("defined");
    assert!((result - expected).abs() < 1e-6, "{}: {result}, expected {expected}", metric.label());
}

#[test]
fn unseen_classes_count_as_wrong_as_in_the_reference() {
    let (case, classes) = multiclass();
    let all = case.view().with_unseen(&classes);
    let known = all.of_known_classes().expect("some are unseen");
    assert_eq!((all.present(), known.present()), (113, 97));
    for (name, settings, of_all, of_known) in [
        ("accuracy", json!({}), 0.49557522123893805, 0.5773195876288659),
        ("balanced_accuracy", json!({}), 0.347319734345351, 0.5788662239089184),
        ("precision", json!({}), 0.2960648148148148, 0.529265873015873),
        ("recall", json!({}), 0.2894331119544592, 0.4341496679316888),
        ("f1", json!({}), 0.28152689873417724, 0.4568831377430656),
        ("f1", json!("micro"), 0.49557522123893805, 0.5773195876288659),
        ("quadratic_kappa", json!({}), 0.4839004338890157, 0.5340660185220766),
        ("brier", json!({}), 0.6550045711203722, 0.5463144646142457),
        ("auroc", json!({}), 0.8564646969168432, 0.8801282738011865),
        ("average_precision", json!({}), 0.7210078054479152, 0.8160723734941134),
        ("calibration_error", json!({}), 0.2397460428486883, 0.2960086652298563),
    ] {
        assert_scores(name, settings.clone(), &all, of_all);
        assert_scores(name, settings, &known, of_known);
    }
    // log_loss: 0.9873168358016687 for the known classes; for the others, that of a probability of 0.
    let certain = of_binary(&[(1.0, 0.0)]);
    let worst = metric("log_loss", json!({})).view().score(&certain.view()).expect("defined");
    assert_scores("log_loss", json!({}), &all, (97.0 * 0.9873168358016687 + 16.0 * worst) / 113.0);
    assert_scores("log_loss", json!({}), &known, 0.9873168358016687);
}

#[test]
fn pixels_and_orders_too() {
    let (case, classes) = with_unseen_classes(case::segmentation().target);
    let all = case.view().with_unseen(&classes);
    assert_scores("mean_iou", json!({}), &all, 0.20022250933103647);
    assert_scores("dice", json!({}), &all, 0.28152689873417724);
    assert_scores("mean_iou", json!({}), &all.of_known_classes().expect("unseen"), 0.33656400966183575);

    let (case, classes) =
        with_unseen_classes(FittedTarget::Ordinal { classes: case::names(4), counts: vec![1; 4] });
    let all = case.view().with_unseen(&classes);
    let known = all.of_known_classes().expect("unseen");
    for (name, of_all, of_known) in [
        ("quadratic_kappa", 0.4839004338890157, 0.5340660185220766),
        ("mae", 1.008849557522124, 0.6494845360824743),
        ("mse", 2.831858407079646, 1.288659793814433),
        ("spearman", 0.48169887654974786, 0.5652289438553271),
    ] {
        if metric(name, json!({})).view().accepts(TaskKind::Ordinal) {
            assert_scores(name, json!({}), &all, of_all);
            assert_scores(name, json!({}), &known, of_known);
        }
    }
}

/// The network can predict a class of the configured order that has no training row, but was not trained on
/// it.
#[test]
fn a_class_of_the_order_without_training_rows_is_not_known() {
    let mut case = case::ordinal();
    let accuracy = metric("accuracy", json!({}));
    let of_all = accuracy.view().score(&case.view());
    assert!(case.view().of_known_classes().is_none());
    let FittedTarget::Ordinal { counts, .. } = &mut case.target else { panic!("it is ordinal") };
    counts[4] = 0;
    let others = case.truth.iter().filter(|truth| **truth < 4.0).count();
    let known = case.view().of_known_classes().expect("class 4 was not learned");
    assert_eq!(known.present(), others);
    assert_eq!(accuracy.view().score(&case.view()), of_all);
}

/// By hand: spans (PER 0-0), (LOC 1-2), and an `ORG` without training rows; the first two are found.
#[test]
fn spans_of_unseen_kinds_are_not_found() {
    let classes: Vec<String> = ["O", "B-PER", "B-LOC", "I-LOC"].map(String::from).to_vec();
    let target = FittedTarget::Tagging { counts: vec![1; 4], classes, scheme: TagScheme::Bio, crf: false };
    let truth = vec![1.0, 2.0, 3.0, encode_unseen(0), f32::NAN];
    let answers = [1, 2, 3, 0, 0]
        .iter()
        .flat_map(|answer| (0..4).map(move |class| f32::from(class == *answer)))
        .collect();
    let case = MetricCase { offsets: Some(vec![0, 5]), ..MetricCase::new(target, truth, answers) };
    let classes = [UnseenClass { name: "B-ORG".into(), before: 2 }];
    let all = case.view().with_unseen(&classes);
    assert_scores("span_recall", json!({}), &all, 2.0 / 3.0);
    assert_scores("span_precision", json!({}), &all, 1.0);
    assert_scores("span_recall", json!({}), &all.of_known_classes().expect("unseen"), 1.0);
    assert_scores("accuracy", json!({}), &all, 3.0 / 4.0);
}

#[test]
fn both_numbers_have_names_and_rows() {
    let (case, classes) = multiclass();
    let task = TaskName::new("section").expect("a name");
    let metrics = default_metrics(TaskKind::Multiclass, TagScheme::None);
    let all = case.view().with_unseen(&classes);
    let scores = evaluate(&task, Split::Test, &metrics, &all);
    let known = of_known_classes(&task, Split::Test, &metrics, &all);
    let named = |scores: &[crate::domain::score::Score]| -> Vec<(String, usize)> {
        scores.iter().map(|score| (score.metric.clone(), score.rows)).collect()
    };
    assert_eq!(named(&scores)[0], ("accuracy".to_owned(), 113));
    assert_eq!(
        named(&known)[..2],
        [("accuracy_known_classes".to_owned(), 97), ("f1_known_classes".to_owned(), 97)]
    );
    assert!(of_known_classes(&task, Split::Test, &metrics, &case::multiclass().view()).is_empty());
    // Without the names of the unseen classes their cells count as missing.
    assert_eq!(case.view().present(), 97);
}

/// f1_score([0, 1, 1, 0, 1], [0, 0, 1, 1, 1], average="macro"); a binary task has the score of its positive
/// class.
#[test]
fn two_classes_of_a_multiclass_task_have_equal_weight() {
    let (truth, answer) = ([0.0, 1.0, 1.0, 0.0, 1.0], [0, 0, 1, 1, 1]);
    let answers =
        answer.iter().flat_map(|answer| (0..2).map(move |class| f32::from(class == *answer))).collect();
    let case = MetricCase::new(
        FittedTarget::Multiclass { classes: case::names(2), counts: vec![2, 3] },
        truth.to_vec(),
        answers,
    );
    assert_scores("f1", json!({}), &case.view(), 0.5833333333333333);
    let binary: Vec<(f32, f32)> =
        truth.iter().zip(answer).map(|(truth, answer)| (*truth, answer as f32)).collect();
    assert_scores("f1", json!({}), &of_binary(&binary).view(), 2.0 / 3.0);
}
