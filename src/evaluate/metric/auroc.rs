//! Area under the receiver operating characteristic: the chance that a positive row is ranked above
//! a negative one, ties counting half. Several classes: each against the rest, then their mean, over
//! classes that have both kinds of rows. Several labels: their mean.
//!
//! As `sklearn.metrics.roc_auc_score` (`multi_class="ovr"`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::score::Direction;
use crate::evaluate::answers::Answers;
use crate::evaluate::contest::Tie;
use crate::evaluate::decision::mean;
use crate::evaluate::metric::Metric;

/// Area under the ROC curve; one-vs-rest mean over classes or labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AurocSpec {}

impl Settings for AurocSpec {
    const EXAMPLE: &'static str = "auroc";
}

impl Metric for AurocSpec {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: &str) -> bool {
        matches!(kind, "binary" | "multiclass" | "multilabel" | "ordinal")
    }

    fn score(&self, answers: &Answers) -> Option<f64> {
        mean(answers.contests().map(|contest| area(&contest.ranking()?)))
    }
}

/// Exact until the division: whole numbers of half pairs.
fn area(ranking: &[Tie]) -> Option<f64> {
    let (mut positives, mut negatives, mut halves) = (0u64, 0u64, 0u128);
    for tie in ranking {
        halves += u128::from(tie.negatives) * u128::from(2 * positives + tie.positives);
        positives += tie.positives;
        negatives += tie.negatives;
    }
    let pairs = u128::from(positives) * u128::from(negatives);
    (pairs > 0).then(|| halves as f64 / (2 * pairs) as f64)
}
