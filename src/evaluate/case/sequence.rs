//! Shared cases of tags and texts: a few hundred pseudo-random rows, also with tags that violate the scheme.
//!
//! seqeval 1.2.2, sacrebleu 2.6.0 and rouge-score 0.1.2 computed the expected numbers from the same cases:
//! ```text
//! from seqeval.metrics import f1_score, precision_score, recall_score
//! from seqeval.scheme import IOB2, IOBES
//! from sacrebleu.metrics import BLEU, CHRF
//! from rouge_score.rouge_scorer import RougeScorer
//! def mix(a, n, i): return ((i + 1000 * a) * 2654435761 % 2**32 >> 16) % n
//! KINDS = {"io": ["I-PER", "I-LOC"], "bio": ["B-PER", "I-PER", "B-LOC", "I-LOC"],
//!     "bioes": [p + "-" + k for k in ("PER", "LOC") for p in "BIES"]}
//! def spans(scheme):
//!     tags = ["O"] + KINDS[scheme]; truth, predicted, i = [], [], 0
//!     for row in range(300):
//!         truth.append([]); predicted.append([])
//!         for _ in range(1 + mix(1, 7, row)):
//!             t = mix(3, len(tags), i); s = t if mix(5, 4, i) else mix(6, len(tags), i)
//!             missing = i % 29 == 7
//!             truth[-1].append("O" if missing else tags[t])
//!             predicted[-1].append("O" if missing else tags[s]); i += 1
//!     return truth, predicted
//! WORDS = ["the", "cat", "sat", "on", "The", "mat", "1,000", "3.5", "U.S.", "e-mail", "2-3", "(hi)",
//!     '"so"', "&amp;", "a/b", "end.", "what?!", "it's", "na\u00efve", "\u00dcber", "\u732b", "\u5750\u5728",
//!     "\u57ab\u5b50\u4e0a\uff0c", "\u201c\u597d\u201d", "x", "-", "--", "big\u2003dog", "a\u3000b", "$5"]
//! def texts():
//!     truth, predicted, i = [], [], 0
//!     for row in range(300):
//!         t, s = [], []
//!         for _ in range(1 + mix(2, 12, row)):
//!             t.append(WORDS[mix(4, 30, i)]); turn = mix(7, 8, i)
//!             if turn > 1: s.append(t[-1])
//!             if turn == 1: s.append(WORDS[mix(8, 30, i)])
//!             i += 1
//!         if row % 31 != 4:
//!             truth.append(" ".join(t)); predicted.append("" if row % 37 == 5 else " ".join(s))
//!     return truth, predicted
//! def rouge(name, tokenizer=None):
//!     scorer = RougeScorer([name], tokenizer=tokenizer); t, s = texts()
//!     return [sum(getattr(scorer.score(a, b)[name], m) for a, b in zip(t, s)) / len(t)
//!         for m in ("fmeasure", "precision", "recall")]
//! class Letters:
//!     def tokenize(self, text): return [c for c in text.lower() if not c.isspace()]
//! truth, predicted = texts(); one = [truth]
//! ```

use crate::domain::task::{FittedTarget, TagScheme};
use crate::domain::text::{DecoderConfig, SearchConfig, Segmenter, Tokenizer};
use crate::evaluate::case::{MetricCase, mix};

const ROWS: usize = 300;

/// Tags of two kinds of spans. A quarter of the predictions is random; some steps have no label.
pub fn spans(scheme: TagScheme) -> MetricCase {
    let tags = |prefixes: &[&str]| {
        let kinds = ["PER", "LOC"];
        kinds.iter().flat_map(|kind| prefixes.iter().map(move |prefix| format!("{prefix}-{kind}"))).collect()
    };
    let kinds: Vec<String> = match scheme {
        TagScheme::None => Vec::new(),
        TagScheme::Io => tags(&["I"]),
        TagScheme::Bio => tags(&["B", "I"]),
        TagScheme::Bioes => tags(&["B", "I", "E", "S"]),
    };
    let classes: Vec<String> = std::iter::once("O".to_owned()).chain(kinds).collect();
    let (mut truth, mut answers, mut offsets) = (Vec::new(), Vec::new(), vec![0]);
    for row in 0..ROWS {
        for _ in 0..1 + mix(1, 7, row) {
            let i = truth.len();
            let class = mix(3, classes.len(), i);
            let answer = if mix(5, 4, i) == 0 { mix(6, classes.len(), i) } else { class };
            truth.push(if i % 29 == 7 { f32::NAN } else { class as f32 });
            answers.extend((0..classes.len()).map(|class| if class == answer { 0.6 } else { 0.1 }));
        }
        offsets.push(truth.len() as u32);
    }
    let counts = vec![1; classes.len()];
    let case = MetricCase::new(FittedTarget::Tagging { classes, counts, scheme, crf: false }, truth, answers);
    MetricCase { offsets: Some(offsets), ..case }
}

const WORDS: [&str; 30] = [
    "the",
    "cat",
    "sat",
    "on",
    "The",
    "mat",
    "1,000",
    "3.5",
    "U.S.",
    "e-mail",
    "2-3",
    "(hi)",
    "\"so\"",
    "&amp;",
    "a/b",
    "end.",
    "what?!",
    "it's",
    "na\u{ef}ve",
    "\u{dc}ber",
    "\u{732b}",
    "\u{5750}\u{5728}",
    "\u{57ab}\u{5b50}\u{4e0a}\u{ff0c}",
    "\u{201c}\u{597d}\u{201d}",
    "x",
    "-",
    "--",
    "big\u{2003}dog",
    "a\u{3000}b",
    "$5",
];

/// Words of two languages with difficulties for tokenizers. Of the predicted words, an eighth is missing and
/// an eighth replaced.
pub fn texts() -> MetricCase {
    let (mut answers, mut truth, mut i) = (Vec::new(), Vec::new(), 0);
    for row in 0..ROWS {
        let (mut true_words, mut words) = (Vec::new(), Vec::new());
        for _ in 0..1 + mix(2, 12, row) {
            let word = WORDS[mix(4, 30, i)];
            true_words.push(word);
            match mix(7, 8, i) {
                0 => {}
                1 => words.push(WORDS[mix(8, 30, i)]),
                _ => words.push(word),
            }
            i += 1;
        }
        truth.push((row % 31 != 4).then(|| true_words.join(" ")));
        answers.push(if row % 37 == 5 { String::new() } else { words.join(" ") });
    }
    let case = MetricCase::new(text(), Vec::new(), Vec::new());
    MetricCase { texts: Some((answers, truth)), nll: Some(1.5), guessed: Some(0.5), ..case }
}

/// A text case from rows of (prediction, truth).
pub fn of_texts(rows: &[(&str, Option<&str>)]) -> MetricCase {
    let texts = rows.iter().map(|(answer, truth)| ((*answer).to_owned(), truth.map(str::to_owned))).unzip();
    MetricCase { texts: Some(texts), ..MetricCase::new(text(), Vec::new(), Vec::new()) }
}

/// A language model's case: 40 tokens, of which three quarters are predicted correctly.
pub fn language() -> MetricCase {
    let target = FittedTarget::LanguageModel {
        tokenizer: tokenizer(),
        length: 8,
        search: SearchConfig::default(),
        pretrained: false,
    };
    let truth = (0..40).map(|i| mix(3, 36, i) as f32 + 4.0).collect();
    let case = MetricCase::new(target, truth, Vec::new());
    MetricCase { offsets: Some(vec![0, 7, 7, 40]), nll: Some(3.0_f64.ln()), guessed: Some(0.75), ..case }
}

fn text() -> FittedTarget {
    let (decoder, search) = (DecoderConfig::default(), SearchConfig::default());
    FittedTarget::Text {
        tokenizer: tokenizer(),
        length: 9,
        decoder,
        search,
        copy: false,
        scheduled_sampling: None,
    }
}

fn tokenizer() -> Tokenizer {
    let (unknown, begin, end) = (Some(1), Some(2), Some(3));
    Tokenizer {
        segmenter: Segmenter::None,
        json: String::new(),
        size: 40,
        pad: 0,
        unknown,
        begin,
        end,
        leading: 0,
        trailing: 0,
    }
}
