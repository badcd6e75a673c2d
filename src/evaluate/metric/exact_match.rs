//! The metric `exact_match`: see [`ExactMatchConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::mean;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;
use crate::evaluate::word::pieces;

/// Fraction of rows whose generated text is exactly the true one, after trimming white space and collapsing
/// each run of white space to one space.
///
/// exact_match = 1/n sum [predicted = true].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExactMatchConfig {}

impl Settings for ExactMatchConfig {
    const EXAMPLE: &'static str = "exact_match";
}

impl Metric for ExactMatchConfig {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        kind == TaskKind::Text
    }

    fn needs_text(&self) -> bool {
        true
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        mean(answers.text_pairs()?.map(|(answer, truth)| Some(f64::from(pieces(answer).eq(pieces(truth))))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::metric;
    use crate::evaluate::case::sequence::of_texts;

    #[test]
    fn by_hand() {
        let case = of_texts(&[("a b", Some(" a  b\n")), ("a", Some("A")), ("", None), ("c", Some("c"))]);
        assert_eq!(metric("exact_match", json!({})).view().score(&case.view()), Some(2.0 / 3.0));
    }
}
