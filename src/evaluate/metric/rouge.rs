//! The metric `rouge`: see [`RougeConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::answers::TaskAnswers;
use crate::evaluate::average::mean;
use crate::evaluate::decision::share;
use crate::evaluate::metric::Metric;
use crate::evaluate::ngram::{common, counts, total};
use crate::evaluate::word::is_space;

/// ROUGE, 0 to 1: how much of the true text the answer has, and nothing else (Lin 2004). The mean over
/// rows. As rouge-score without its stemmer.
///
/// 2 P R / (P + R) with P = m / said, R = m / true: m the runs of one (`rouge_1`) or two (`rouge_2`) words
/// in both, or the words of their longest common subsequence (`rouge_l`). Words are runs of the letters
/// a to z and digits, capitals as small letters; that leaves nothing of Chinese, for which
/// `tokenizer: character` takes every character but white space.
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
    /// word (default), for text in Latin letters without accents, or character.
    #[serde(default)]
    pub tokenizer: RougeTokenizer,
    /// f1 (default), precision or recall.
    #[serde(default)]
    pub measure: RougeMeasure,
}

/// What is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RougeVariant {
    /// Words.
    #[serde(rename = "rouge_1")]
    One,
    /// Pairs of neighbouring words.
    #[serde(rename = "rouge_2")]
    Two,
    /// The longest common subsequence of words.
    #[default]
    #[serde(rename = "rouge_l")]
    Longest,
}

/// What a word is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RougeTokenizer {
    /// A run of the letters a to z and digits.
    #[default]
    Word,
    /// A character other than white space.
    Character,
}

/// Which of the three numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RougeMeasure {
    /// Their harmonic mean.
    #[default]
    F1,
    /// The share of what is said that is true.
    Precision,
    /// The share of what is true that is said.
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

    fn score(&self, answers: &TaskAnswers) -> Option<f64> {
        mean(answers.text_pairs()?.map(|(answer, truth)| Some(self.row(answer, truth))))
    }
}

impl RougeConfig {
    fn row(&self, answer: &str, truth: &str) -> f64 {
        let (answer, truth) = (self.words(answer), self.words(truth));
        let runs = |n| {
            let right = common(&counts(&answer, n), &counts(&truth, n));
            (right, total(answer.len(), n), total(truth.len(), n))
        };
        let (right, answer, truth) = match self.variant {
            RougeVariant::One => runs(1),
            RougeVariant::Two => runs(2),
            RougeVariant::Longest => (longest(&answer, &truth), answer.len() as u64, truth.len() as u64),
        };
        match self.measure {
            RougeMeasure::F1 => share(2 * right, answer + truth),
            RougeMeasure::Precision => share(right, answer),
            RougeMeasure::Recall => share(right, truth),
        }
    }

    fn words(&self, text: &str) -> Vec<String> {
        let text = text.to_lowercase();
        match self.tokenizer {
            RougeTokenizer::Word => {
                let outside = |letter: char| !(letter.is_ascii_lowercase() || letter.is_ascii_digit());
                text.split(outside).filter(|word| !word.is_empty()).map(str::to_owned).collect()
            }
            RougeTokenizer::Character => text.chars().filter(|c| !is_space(*c)).map(String::from).collect(),
        }
    }
}

/// The length of the longest common subsequence.
fn longest(one: &[String], other: &[String]) -> u64 {
    // lengths[j]: of what was seen of `one` and the first j of `other`.
    let mut lengths = vec![0; other.len() + 1];
    for word in one {
        let mut before = 0;
        for (j, there) in other.iter().enumerate() {
            let above = lengths[j + 1];
            lengths[j + 1] = if word == there { before + 1 } else { above.max(lengths[j]) };
            before = above;
        }
    }
    lengths[other.len()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::sequence::texts;
    use crate::evaluate::case::{agrees, metric};

    #[test]
    fn as_the_reference() {
        // rouge("rouge1")[0], "rouge2", "rougeL"
        agrees(&metric("rouge", json!("rouge_1")), &texts(), 0.7801480679976064);
        agrees(&metric("rouge", json!("rouge_2")), &texts(), 0.6757687192829512);
        agrees(&metric("rouge", json!({})), &texts(), 0.7801480679976064);
    }

    #[test]
    fn characters_as_the_reference() {
        // rouge("rouge2", Letters())[1], rouge("rougeL", Letters())[0], [2]
        let by = |variant: &str, measure: &str| {
            metric("rouge", json!({"variant": variant, "tokenizer": "character", "measure": measure}))
        };
        agrees(&by("rouge_2", "precision"), &texts(), 0.823142866264872);
        agrees(&by("rouge_l", "f1"), &texts(), 0.8070533147851958);
        agrees(&by("rouge_l", "recall"), &texts(), 0.7746710795927018);
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
