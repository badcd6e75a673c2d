//! The metric `chrf`: see [`ChrfConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, Whole};
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::answers::TaskAnswers;
use crate::evaluate::metric::Metric;
use crate::evaluate::ngram::{common, counts, total};
use crate::evaluate::word::{is_space, pieces};

/// chrF, 0 to 100: how well runs of one to six characters agree, with recall counting more than
/// precision (Popović 2015); with runs of words as well, chrF++ (Popović 2017). As sacrebleu's.
///
/// F = (1 + b^2) P R / (b^2 P + R), P and R the means over run lengths of the shares of runs said that
/// are true, and of true ones that are said, counted over all rows. White space is no character.
///
/// ```yaml
/// metrics: [chrf, {chrf: {word_order: 2}}]
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChrfConfig {
    /// The longest runs of words. Default 0: none.
    #[serde(default = "default_word_order")]
    pub word_order: Whole,
    /// The longest runs of characters. Default 6.
    #[serde(default = "default_character_order")]
    pub character_order: Count,
    /// How many times more recall counts than precision. Default 2.
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
        let usual = Self::default();
        let settings = [
            ("word", self.word_order.get(), usual.word_order.get()),
            ("character", self.character_order.get(), usual.character_order.get()),
            ("beta", self.beta.get(), usual.beta.get()),
        ];
        let answer: Vec<String> = settings
            .iter()
            .filter(|(_, own, usual)| own != usual)
            .map(|(name, own, _)| format!("{name}_{own}"))
            .collect();
        (!answer.is_empty()).then(|| answer.join("_"))
    }

    fn score(&self, answers: &TaskAnswers) -> Option<f64> {
        let (characters, words) = (self.character_order.get(), self.word_order.get());
        let mut sums = vec![ChrfCounts::default(); characters + words];
        for (answer, truth) in answers.text_pairs()? {
            let letters = |text: &str| text.chars().filter(|c| !is_space(*c)).collect::<Vec<char>>();
            let (one, other) = (letters(answer), letters(truth));
            (1..=characters).for_each(|n| sums[n - 1].add(&one, &other, n));
            if words > 0 {
                let (one, other) = (without_punctuation(answer), without_punctuation(truth));
                (1..=words).for_each(|n| sums[characters + n - 1].add(&one, &other, n));
            }
        }
        Some(f_score(&sums, self.beta.get() as f64))
    }
}

/// Counts of runs of one length over all rows.
#[derive(Clone, Copy, Default)]
struct ChrfCounts {
    answer_count: u64,
    truth: u64,
    right: u64,
}

impl ChrfCounts {
    fn add<T: Eq + std::hash::Hash>(&mut self, answer: &[T], truth: &[T], n: usize) {
        let truths = total(truth.len(), n);
        // A truth too short for such runs blames none that were said.
        if truths > 0 {
            self.answer_count += total(answer.len(), n);
            self.truth += truths;
            self.right += common(&counts(answer, n), &counts(truth, n));
        }
    }
}

fn f_score(sums: &[ChrfCounts], beta: f64) -> f64 {
    let counted = || sums.iter().filter(|sums| sums.answer_count > 0 && sums.truth > 0);
    let orders = counted().count().max(1) as f64;
    let precision = counted().map(|sums| sums.right as f64 / sums.answer_count as f64).sum::<f64>() / orders;
    let recall = counted().map(|sums| sums.right as f64 / sums.truth as f64).sum::<f64>() / orders;
    let factor = beta * beta;
    match precision + recall > 0.0 {
        true => 100.0 * (1.0 + factor) * precision * recall / (factor * precision + recall),
        false => 0.0,
    }
}

/// Words, with one mark of punctuation taken off the end, or else off the front.
fn without_punctuation(text: &str) -> Vec<&str> {
    let mark = |letter: &char| letter.is_ascii_punctuation();
    let mut words = Vec::new();
    for word in pieces(text) {
        let (first, last) = (word.chars().next(), word.chars().next_back());
        let alone = word.chars().nth(1).is_none();
        match (first.filter(mark), last.filter(mark)) {
            (_, Some(last)) if !alone => {
                let (rest, last) = word.split_at(word.len() - last.len_utf8());
                words.extend([rest, last]);
            }
            (Some(first), _) if !alone => {
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
    use crate::evaluate::case::{agrees, metric};

    #[test]
    fn as_the_reference() {
        // CHRF().corpus_score(said, one).score, word_order=2; char_order=4, beta=1
        agrees(&metric("chrf", json!({})), &texts(), 77.07275164733183);
        agrees(&metric("chrf", json!(2)), &texts(), 77.50158998442325);
        let other = metric("chrf", json!({"character_order": 4, "beta": 1}));
        agrees(&other, &texts(), 82.50622277465926);
        assert_eq!(other.label(), "chrf_character_4_beta_1");
        agrees(&metric("chrf", json!({})), &of_texts(&[("", Some("a"))]), 0.0);
    }
}
