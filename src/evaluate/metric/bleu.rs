//! The metric `bleu`: see [`BleuConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::answers::TaskAnswers;
use crate::evaluate::metric::Metric;
use crate::evaluate::ngram::{common, counts, total};
use crate::evaluate::word::WordTokenizer;

/// Corpus BLEU, 0 to 100: how many runs of one to four words of the answers stand in the truth
/// (Papineni et al. 2002). As sacrebleu's with its default settings (Post 2018).
///
/// 100 min(1, exp(1 - t/s)) (p_1 p_2 p_3 p_4)^(1/4), s and t words said and true over all rows, p_n the
/// share of runs of n words said that stand in the row's truth, each counted no more often than there.
/// Where none does, p_n = 1 / (2^k runs) for the k-th such n (smoothing `exp`).
///
/// ```yaml
/// metrics: [{bleu: {tokenizer: zh}}]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BleuConfig {
    /// How text is cut into words: 13a (default), zh, char or none.
    #[serde(default)]
    pub tokenizer: WordTokenizer,
    /// Do capitals count as small letters? Default false.
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
        let words: Vec<&str> = tokenizer.into_iter().chain(self.lowercase.then_some("lowercase")).collect();
        (!words.is_empty()).then(|| words.join("_"))
    }

    fn score(&self, answers: &TaskAnswers) -> Option<f64> {
        let pairs = answers.text_pairs()?;
        let mut sums = BleuCounts::default();
        for (answer, truth) in pairs {
            sums.add(&self.words(answer), &self.words(truth));
        }
        Some(sums.score())
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

/// The longest runs compared.
const ORDER: usize = 4;

/// Counts over all rows.
#[derive(Default)]
struct BleuCounts {
    answer_length: u64,
    truth: u64,
    right: [u64; ORDER],
    runs: [u64; ORDER],
}

impl BleuCounts {
    fn add(&mut self, answer: &[String], truth: &[String]) {
        self.answer_length += answer.len() as u64;
        self.truth += truth.len() as u64;
        for n in 1..=ORDER {
            self.right[n - 1] += common(&counts(answer, n), &counts(truth, n));
            self.runs[n - 1] += total(answer.len(), n);
        }
    }

    fn score(&self) -> f64 {
        if self.right.iter().all(|right| *right == 0) || self.runs.contains(&0) {
            return 0.0;
        }
        let (answer, truth) = (self.answer_length as f64, self.truth as f64);
        let brevity = if answer < truth { 1.0 - truth / answer } else { 0.0 };
        let mut halves = 1.0;
        let logarithms = self.right.iter().zip(&self.runs).map(|(right, runs)| {
            let share = match *right {
                0 => {
                    halves *= 2.0;
                    1.0 / halves
                }
                right => right as f64,
            };
            (100.0 * share / *runs as f64).ln()
        });
        (brevity + logarithms.sum::<f64>() / ORDER as f64).exp()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::sequence::{of_texts, texts};
    use crate::evaluate::case::{agrees, metric};

    #[test]
    fn as_the_reference() {
        // BLEU().corpus_score(said, one).score, tokenize="zh", "char", "none"; lowercase=True
        agrees(&metric("bleu", json!({})), &texts(), 73.04903641659763);
        agrees(&metric("bleu", json!("zh")), &texts(), 74.23248809781177);
        agrees(&metric("bleu", json!("char")), &texts(), 76.24853129463304);
        agrees(&metric("bleu", json!("none")), &texts(), 71.57815283989166);
        agrees(&metric("bleu", json!({"lowercase": true})), &texts(), 73.06490456924777);
    }

    #[test]
    fn runs_that_never_agree_or_never_occur() {
        // BLEU().corpus_score(["a b c d e f", "g"], [["a b x d e y", "h z"]]).score; (["a b"], [["a b"]])
        let bleu = metric("bleu", json!({}));
        agrees(
            &bleu,
            &of_texts(&[("a b c d e f", Some("a b x d e y")), ("g", Some("h z"))]),
            19.148978368719014,
        );
        agrees(&bleu, &of_texts(&[("a b", Some("a b"))]), 0.0);
        agrees(&bleu, &of_texts(&[("", Some("a b"))]), 0.0);
    }

    #[test]
    fn its_settings_are_in_its_name() {
        let metric = metric("bleu", json!({"tokenizer": "zh", "lowercase": true}));
        assert_eq!(metric.label(), "bleu_zh_lowercase");
        assert!(metric.view().needs_text());
    }
}
