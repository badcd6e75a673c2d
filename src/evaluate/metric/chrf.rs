//! The metric `chrf`: see [`ChrfConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, Whole};
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::metric::Metric;
use crate::evaluate::ngram::{common, counts, total};
use crate::evaluate::predictions::TaskPredictions;
use crate::evaluate::word::{is_space, pieces};

/// chrF, from 0 to 100: the F-score of character n-grams, in which recall weighs more than precision
/// (Popović 2015); with word n-grams as well, chrF++ (Popović 2017). As in sacrebleu.
///
/// F = (1 + b^2) P R / (b^2 P + R), where P and R are n-gram precision and recall, averaged over n and
/// counted over all rows. White space is ignored.
///
/// ```yaml
/// metrics: [chrf, {chrf: {word_order: 2}}]
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChrfConfig {
    /// The longest word n-grams. Default 0: none.
    #[serde(default = "default_word_order")]
    pub word_order: Whole,
    /// The longest character n-grams. Default 6.
    #[serde(default = "default_character_order")]
    pub character_order: Count,
    /// How many times as important recall is as precision. Default 2.
    #[serde(default = "default_beta")]
    pub beta: Count,
}

impl Default for ChrfConfig {
    fn default() -> Self {
        Self {
            word_order: default_word_order(),
            character_order: default_character_order(),
            beta: default_beta(),
        }
    }
}

impl Settings for ChrfConfig {
    const BARE: Option<&'static str> = Some("word_order");
    const EXAMPLE: &'static str = "{chrf: {word_order: 2}}";
}

fn default_word_order() -> Whole {
    Whole::constant(0)
}

fn default_character_order() -> Count {
    Count::constant(6)
}

fn default_beta() -> Count {
    Count::constant(2)
}

impl Metric for ChrfConfig {
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
        let default = Self::default();
        let settings = [
            ("word", self.word_order.get(), default.word_order.get()),
            ("character", self.character_order.get(), default.character_order.get()),
            ("beta", self.beta.get(), default.beta.get()),
        ];
        let parts: Vec<String> = settings
            .iter()
            .filter(|(_, value, default)| value != default)
            .map(|(name, value, _)| format!("{name}_{value}"))
            .collect();
        (!parts.is_empty()).then(|| parts.join("_"))
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        let (characters, words) = (self.character_order.get(), self.word_order.get());
        let mut by_order = vec![ChrfCounts::default(); characters + words];
        for (answer, truth) in answers.text_pairs()? {
            let letters = |text: &str| text.chars().filter(|c| !is_space(*c)).collect::<Vec<char>>();
            let (answer_letters, true_letters) = (letters(answer), letters(truth));
            (1..=characters).for_each(|n| by_order[n - 1].add(&answer_letters, &true_letters, n));
            if words > 0 {
                let (answer, truth) = (split_punctuation(answer), split_punctuation(truth));
                (1..=words).for_each(|n| by_order[characters + n - 1].add(&answer, &truth, n));
            }
        }
        Some(f_score(&by_order, self.beta.get() as f64))
    }
}

/// Counts of n-grams of one order over all rows.
#[derive(Clone, Copy, Default)]
struct ChrfCounts {
    answer: u64,
    truth: u64,
    matches: u64,
}

impl ChrfCounts {
    fn add<T: Eq + std::hash::Hash>(&mut self, answer: &[T], truth: &[T], n: usize) {
        let true_ngrams = total(truth.len(), n);
        // A reference too short for n-grams of this order does not count against the prediction.
        if true_ngrams > 0 {
            self.answer += total(answer.len(), n);
            self.truth += true_ngrams;
            self.matches += common(&counts(answer, n), &counts(truth, n));
        }
    }
}

fn f_score(by_order: &[ChrfCounts], beta: f64) -> f64 {
    let counted = || by_order.iter().filter(|counts| counts.answer > 0 && counts.truth > 0);
    let orders = counted().count().max(1) as f64;
    let precision =
        counted().map(|counts| counts.matches as f64 / counts.answer as f64).sum::<f64>() / orders;
    let recall = counted().map(|counts| counts.matches as f64 / counts.truth as f64).sum::<f64>() / orders;
    let factor = beta * beta;
    match precision + recall > 0.0 {
        true => 100.0 * (1.0 + factor) * precision * recall / (factor * precision + recall),
        false => 0.0,
    }
}

/// Splits text into words, and one punctuation mark off the end, or else off the start, of each word.
fn split_punctuation(text: &str) -> Vec<&str> {
    let mark = |letter: &char| letter.is_ascii_punctuation();
    let mut words = Vec::new();
    for word in pieces(text) {
        let (first, last) = (word.chars().next(), word.chars().next_back());
        let is_single = word.chars().nth(1).is_none();
        match (first.filter(mark), last.filter(mark)) {
            (_, Some(last)) if !is_single => {
                let (rest, last) = word.split_at(word.len() - last.len_utf8());
                words.extend([rest, last]);
            }
            (Some(first), _) if !is_single => {
                let (first, rest) = word.split_at(first.len_utf8());
                words.extend([first, rest]);
            }
            _ => words.push(word),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::sequence::{of_texts, texts};
    use crate::evaluate::case::{assert_score, metric};

    #[test]
    fn as_the_reference() {
        // CHRF().corpus_score(predicted, one).score, word_order=2; char_order=4, beta=1
        assert_score(&metric("chrf", json!({})), &texts(), 77.07275164733183);
        assert_score(&metric("chrf", json!(2)), &texts(), 77.50158998442325);
        let other = metric("chrf", json!({"character_order": 4, "beta": 1}));
        assert_score(&other, &texts(), 82.50622277465926);
        assert_eq!(other.label(), "chrf_character_4_beta_1");
        assert_score(&metric("chrf", json!({})), &of_texts(&[("", Some("a"))]), 0.0);
    }
}
