//! The metric `rouge`: see [`RougeConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::mean;
use crate::evaluate::decision::ratio;
use crate::evaluate::metric::Metric;
use crate::evaluate::ngram::{common, counts, total};
use crate::evaluate::predictions::TaskPredictions;
use crate::evaluate::word::is_space;

/// ROUGE, from 0 to 1: the overlap of the generated and the true text (Lin 2004), averaged over rows. As in
/// rouge-score without stemming.
///
/// 2 P R / (P + R) with P = m / predicted and R = m / true, where m is the number of common unigrams
/// (`rouge_1`) or bigrams (`rouge_2`), or the length of the longest common subsequence of words (`rouge_l`).
/// Words are sequences of the letters a to z and digits, in lower case. This leaves no words of Chinese
/// text; for it, use `tokenizer: character`, which takes every character except white space.
///
/// ```yaml
/// metrics: [rouge, {rouge: {variant: rouge_2, tokenizer: character}}]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RougeConfig {
    /// rouge_l (default), rouge_1 or rouge_2.
    #[serde(default)]
    pub variant: RougeVariant,
    /// word (default), for text in Latin letters without diacritics, or character.
    #[serde(default)]
    pub tokenizer: RougeTokenizer,
    /// f1 (default), precision or recall.
    #[serde(default)]
    pub measure: RougeMeasure,
}

/// The units that ROUGE compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RougeVariant {
    /// Unigrams.
    #[serde(rename = "rouge_1")]
    One,
    /// Bigrams.
    #[serde(rename = "rouge_2")]
    Two,
    /// The longest common subsequence of words.
    #[default]
    #[serde(rename = "rouge_l")]
    Longest,
}

/// How ROUGE splits text into words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RougeTokenizer {
    /// Sequences of the letters a to z and digits.
    #[default]
    Word,
    /// Every character except white space.
    Character,
}

/// The reported measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RougeMeasure {
    /// The harmonic mean of precision and recall.
    #[default]
    F1,
    /// The fraction of the generated units that are in the true text.
    Precision,
    /// The fraction of the true units that are in the generated text.
    Recall,
}

impl Settings for RougeConfig {
    const BARE: Option<&'static str> = Some("variant");
    const EXAMPLE: &'static str = "{rouge: {variant: rouge_l}}";
}

impl Metric for RougeConfig {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        kind == TaskKind::Text
    }

    fn needs_text(&self) -> bool {
        true
    }

    fn variant(&self) -> Option<String> {
        let variant = match self.variant {
            RougeVariant::One => "1",
            RougeVariant::Two => "2",
            RougeVariant::Longest => "l",
        };
        let tokenizer = match self.tokenizer {
            RougeTokenizer::Word => "",
            RougeTokenizer::Character => "_character",
        };
        let measure = match self.measure {
            RougeMeasure::F1 => "",
            RougeMeasure::Precision => "_precision",
            RougeMeasure::Recall => "_recall",
        };
        Some(format!("{variant}{tokenizer}{measure}"))
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        mean(answers.text_pairs()?.map(|(answer, truth)| Some(self.row_score(answer, truth))))
    }
}

impl RougeConfig {
    fn row_score(&self, answer: &str, truth: &str) -> f64 {
        let (answer, truth) = (self.words(answer), self.words(truth));
        let ngrams = |n| {
            let matches = common(&counts(&answer, n), &counts(&truth, n));
            (matches, total(answer.len(), n), total(truth.len(), n))
        };
        let (matches, answer, truth) = match self.variant {
            RougeVariant::One => ngrams(1),
            RougeVariant::Two => ngrams(2),
            RougeVariant::Longest => {
                (common_subsequence(&answer, &truth), answer.len() as u64, truth.len() as u64)
            }
        };
        match self.measure {
            RougeMeasure::F1 => ratio(2 * matches, answer + truth),
            RougeMeasure::Precision => ratio(matches, answer),
            RougeMeasure::Recall => ratio(matches, truth),
        }
    }

    fn words(&self, text: &str) -> Vec<String> {
        let text = text.to_lowercase();
        match self.tokenizer {
            RougeTokenizer::Word => {
                let is_separator = |letter: char| !(letter.is_ascii_lowercase() || letter.is_ascii_digit());
                text.split(is_separator).filter(|word| !word.is_empty()).map(str::to_owned).collect()
            }
            RougeTokenizer::Character => text.chars().filter(|c| !is_space(*c)).map(String::from).collect(),
        }
    }
}

/// The length of the longest common subsequence.
fn common_subsequence(one: &[String], other: &[String]) -> u64 {
    // lengths[j] is the length for the words of `one` so far and the first j words of `other`.
    let mut lengths = vec![0; other.len() + 1];
    for word in one {
        let mut diagonal = 0;
        for (j, other_word) in other.iter().enumerate() {
            let above = lengths[j + 1];
            lengths[j + 1] = if word == other_word { diagonal + 1 } else { above.max(lengths[j]) };
            diagonal = above;
        }
    }
    lengths[other.len()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::sequence::texts;
    use crate::evaluate::case::{assert_score, metric};

    #[test]
    fn as_the_reference() {
        // rouge("rouge1")[0], "rouge2", "rougeL"
        assert_score(&metric("rouge", json!("rouge_1")), &texts(), 0.7801480679976064);
        assert_score(&metric("rouge", json!("rouge_2")), &texts(), 0.6757687192829512);
        assert_score(&metric("rouge", json!({})), &texts(), 0.7801480679976064);
    }

    #[test]
    fn characters_as_the_reference() {
        // rouge("rouge2", Letters())[1], rouge("rougeL", Letters())[0], [2]
        let rouge = |variant: &str, measure: &str| {
            metric("rouge", json!({"variant": variant, "tokenizer": "character", "measure": measure}))
        };
        assert_score(&rouge("rouge_2", "precision"), &texts(), 0.823142866264872);
        assert_score(&rouge("rouge_l", "f1"), &texts(), 0.8070533147851958);
        assert_score(&rouge("rouge_l", "recall"), &texts(), 0.7746710795927018);
    }

    #[test]
    fn its_variant_is_in_its_name() {
        assert_eq!(metric("rouge", json!({})).label(), "rouge_l");
        assert_eq!(
            metric("rouge", json!({"variant": "rouge_2", "tokenizer": "character"})).label(),
            "rouge_2_character"
        );
    }
}
