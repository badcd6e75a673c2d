//! The metric `bleu`: see [`BleuConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::metric::Metric;
use crate::evaluate::ngram::{common, counts, total};
use crate::evaluate::predictions::TaskPredictions;
use crate::evaluate::word::WordTokenizer;

/// Corpus BLEU, from 0 to 100: the precision of n-grams of one to four words (Papineni et al. 2002). As in
/// sacrebleu with its default settings (Post 2018).
///
/// 100 min(1, exp(1 - r/h)) (p_1 p_2 p_3 p_4)^(1/4), where h and r are the numbers of predicted and
/// reference words over all rows, and p_n is the clipped precision of n-grams. If none of m predicted n-grams
/// matches, p_n = 1 / (2^k m) for the k-th such n (smoothing `exp`).
///
/// ```yaml
/// metrics: [{bleu: {tokenizer: zh}}]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BleuConfig {
    /// The word tokenizer: 13a (default), zh, char or none.
    #[serde(default)]
    pub tokenizer: WordTokenizer,
    /// Whether to lowercase the texts. Default false.
    #[serde(default)]
    pub lowercase: bool,
}

impl Settings for BleuConfig {
    const BARE: Option<&'static str> = Some("tokenizer");
    const EXAMPLE: &'static str = "{bleu: {tokenizer: 13a}}";
}

impl Metric for BleuConfig {
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
        let tokenizer = (self.tokenizer != WordTokenizer::default()).then(|| self.tokenizer.name());
        let parts: Vec<&str> = tokenizer.into_iter().chain(self.lowercase.then_some("lowercase")).collect();
        (!parts.is_empty()).then(|| parts.join("_"))
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        let pairs = answers.text_pairs()?;
        let mut counts = BleuCounts::default();
        for (answer, truth) in pairs {
            counts.add(&self.words(answer), &self.words(truth));
        }
        Some(counts.score())
    }
}

impl BleuConfig {
    fn words(&self, text: &str) -> Vec<String> {
        match self.lowercase {
            true => self.tokenizer.words(&text.to_lowercase()),
            false => self.tokenizer.words(text),
        }
    }
}

/// The longest n-grams.
const ORDER: usize = 4;

/// Counts over all rows.
#[derive(Default)]
struct BleuCounts {
    answer_words: u64,
    true_words: u64,
    matches: [u64; ORDER],
    ngrams: [u64; ORDER],
}

impl BleuCounts {
    fn add(&mut self, answer: &[String], truth: &[String]) {
        self.answer_words += answer.len() as u64;
        self.true_words += truth.len() as u64;
        for n in 1..=ORDER {
            self.matches[n - 1] += common(&counts(answer, n), &counts(truth, n));
            self.ngrams[n - 1] += total(answer.len(), n);
        }
    }

    fn score(&self) -> f64 {
        if self.matches.iter().all(|matches| *matches == 0) || self.ngrams.contains(&0) {
            return 0.0;
        }
        let (answer, truth) = (self.answer_words as f64, self.true_words as f64);
        let log_brevity_penalty = if answer < truth { 1.0 - truth / answer } else { 0.0 };
        let mut smoothing = 1.0;
        let log_precisions = self.matches.iter().zip(&self.ngrams).map(|(matches, ngrams)| {
            let matches = match *matches {
                0 => {
                    smoothing *= 2.0;
                    1.0 / smoothing
                }
                matches => matches as f64,
            };
            (100.0 * matches / *ngrams as f64).ln()
        });
        (log_brevity_penalty + log_precisions.sum::<f64>() / ORDER as f64).exp()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::sequence::{of_texts, texts};
    use crate::evaluate::case::{assert_score, metric};

    #[test]
    fn as_the_reference() {
        // BLEU().corpus_score(predicted, one).score, tokenize="zh", "char", "none"; lowercase=True
        assert_score(&metric("bleu", json!({})), &texts(), 73.04903641659763);
        assert_score(&metric("bleu", json!("zh")), &texts(), 74.23248809781177);
        assert_score(&metric("bleu", json!("char")), &texts(), 76.24853129463304);
        assert_score(&metric("bleu", json!("none")), &texts(), 71.57815283989166);
        assert_score(&metric("bleu", json!({"lowercase": true})), &texts(), 73.06490456924777);
    }

    #[test]
    fn ngrams_that_never_match_or_never_occur() {
        // BLEU().corpus_score(["a b c d e f", "g"], [["a b x d e y", "h z"]]).score; (["a b"], [["a b"]])
        let bleu = metric("bleu", json!({}));
        assert_score(
            &bleu,
            &of_texts(&[("a b c d e f", Some("a b x d e y")), ("g", Some("h z"))]),
            19.148978368719014,
        );
        assert_score(&bleu, &of_texts(&[("a b", Some("a b"))]), 0.0);
        assert_score(&bleu, &of_texts(&[("", Some("a b"))]), 0.0);
    }

    #[test]
    fn its_settings_are_in_its_name() {
        let metric = metric("bleu", json!({"tokenizer": "zh", "lowercase": true}));
        assert_eq!(metric.label(), "bleu_zh_lowercase");
        assert!(metric.view().needs_text());
    }
}
