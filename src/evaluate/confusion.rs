//! Confusion matrices of predictions.

use std::collections::BTreeMap;

use crate::domain::confusion::ConfusionMatrix;
use crate::domain::name::TaskName;
use crate::domain::score::Split;
use crate::domain::task::FittedTarget;
use crate::evaluate::predictions::TaskPredictions;

/// The confusion matrix of a task with classes, or one per label of a multilabel task; none of numbers,
/// texts, or without labels.
pub fn confusions(task: &TaskName, split: Split, all: &TaskPredictions) -> Vec<ConfusionMatrix> {
    let unseen = || all.unseen.iter().map(|class| class.name.clone());
    let names: Vec<(String, Vec<String>)> = match all.target {
        FittedTarget::Binary { classes, .. } => vec![(String::new(), classes.to_vec())],
        FittedTarget::Multiclass { classes, .. }
        | FittedTarget::Ordinal { classes, .. }
        | FittedTarget::Tagging { classes, .. }
        | FittedTarget::Segmentation { classes, .. } => {
            vec![(String::new(), classes.iter().cloned().chain(unseen()).collect())]
        }
        FittedTarget::Multilabel { labels, .. } => {
            labels.iter().map(|label| (label.clone(), vec!["0".to_owned(), "1".to_owned()])).collect()
        }
        _ => Vec::new(),
    };
    let matrices = names.into_iter().zip(all.decisions()).map(|((label, classes), decisions)| {
        let mut counts: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for (truth, predicted) in decisions.rows {
            *counts.entry((truth, predicted)).or_default() += 1;
        }
        let counts =
            counts.into_iter().map(|((truth, predicted), count)| (truth, predicted, count)).collect();
        ConfusionMatrix { task: task.clone(), split, label, classes, counts }
    });
    matrices.filter(|matrix| !matrix.counts.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use crate::domain::label::{UnseenClass, encode_unseen};
    use crate::domain::name::TaskName;
    use crate::domain::score::Split;
    use crate::domain::task::FittedTarget;
    use crate::evaluate::confusion::confusions;
    use crate::evaluate::predictions::TaskPredictions;

    /// sklearn.metrics.confusion_matrix([0, 1, 2, 2, 1, 3], [0, 2, 2, 0, 1, 1]), where 3 has no training row.
    #[test]
    fn classes_with_one_that_is_not_known() {
        let classes = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let target = FittedTarget::Multiclass { classes, counts: vec![5, 5, 5] };
        let unseen = [UnseenClass { name: "d".to_owned(), before: 3 }];
        let truth = [0.0, 1.0, 2.0, 2.0, 1.0, encode_unseen(0), f32::NAN];
        let predicted = [0, 2, 2, 0, 1, 1, 0];
        let answers: Vec<f32> = predicted
            .iter()
            .flat_map(|class| (0..3).map(move |other| if other == *class { 0.6 } else { 0.2 }))
            .collect();
        let all = TaskPredictions::new(&target, &truth, &answers, 7).with_unseen(&unseen);
        let found = confusions(&TaskName::new("kind").expect("a name"), Split::Test, &all);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].classes, ["a", "b", "c", "d"]);
        assert_eq!(found[0].counts, [(0, 0, 1), (1, 1, 1), (1, 2, 1), (2, 0, 1), (2, 2, 1), (3, 1, 1)]);
    }

    #[test]
    fn one_matrix_per_label_and_none_without_labels() {
        let labels = vec!["cat".to_owned(), "dog".to_owned()];
        let target =
            FittedTarget::Multilabel { labels, positives: vec![1, 1], present: vec![2, 2], threshold: 0.5 };
        let truth = [1.0, f32::NAN, 0.0, f32::NAN];
        let all = TaskPredictions::new(&target, &truth, &[0.9, 0.1, 0.6, 0.1], 2);
        let found = confusions(&TaskName::new("animals").expect("a name"), Split::Valid, &all);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].label.as_str(), found[0].counts.as_slice()),
            ("cat", &[(0, 1, 1), (1, 1, 1)][..])
        );
    }
}
