//! Spans of steps that tags mark, such as names in a text, and their counts.
//!
//! A tag such as `B-PER` has a prefix, the step's position in its span, and the kind of the span. `O` is
//! outside of all spans. Spans are read as by `seqeval` (Nakayama 2018).

use crate::domain::task::{FittedTarget, TagScheme};
use crate::evaluate::decision::ClassCounts;
use crate::evaluate::predictions::TaskPredictions;

/// The position of a step in its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SpanPosition {
    Outside,
    Begin,
    Inside,
    End,
    Single,
}

/// A parsed tag; kinds are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SpanTag {
    position: SpanPosition,
    kind: usize,
}

const OUTSIDE: SpanTag = SpanTag { position: SpanPosition::Outside, kind: usize::MAX };

/// A span with its first step, last step (inclusive) and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    first: usize,
    last: usize,
    kind: usize,
}

/// The counts of each kind of span; `None` for a task without a scheme or without steps.
///
/// A step without a label is outside of all spans. `strict` counts only spans that follow the scheme;
/// otherwise the rules of conlleval decide where spans begin and end.
pub fn tally(answers: &TaskPredictions, strict: bool) -> Option<Vec<ClassCounts>> {
    let FittedTarget::Tagging { classes, scheme, .. } = answers.target else { return None };
    let unseen = answers.unseen.iter().map(|unseen| &unseen.name);
    let (tags, kinds) = tags(classes.iter().chain(unseen), *scheme)?;
    let offsets = answers.offsets?;
    let decided = answers.predicted_classes();
    let mut tallies = vec![ClassCounts::default(); kinds];
    for row in offsets.windows(2) {
        let steps = row[0] as usize..row[1] as usize;
        let class = |step: usize| answers.truth_of(answers.truth[step]);
        let true_tag = |step: usize| class(step).map_or(OUTSIDE, |class| tags[class as usize]);
        let predicted_tag = |step: usize| class(step).map_or(OUTSIDE, |_| tags[decided[step] as usize]);
        let truth: Vec<SpanTag> = steps.clone().map(true_tag).collect();
        let answer: Vec<SpanTag> = steps.clone().map(predicted_tag).collect();
        let strict = strict && *scheme != TagScheme::Io;
        let (truth, answer) = (spans(&truth, strict, *scheme), spans(&answer, strict, *scheme));
        truth.iter().for_each(|span| tallies[span.kind].actual += 1);
        answer.iter().for_each(|span| tallies[span.kind].predicted += 1);
        let correct = answer.iter().filter(|span| truth.binary_search(span).is_ok());
        correct.for_each(|span| tallies[span.kind].correct += 1);
    }
    Some(tallies)
}

/// The tag of each class, and the number of kinds; `None` without a scheme.
fn tags<'a>(classes: impl Iterator<Item = &'a String>, scheme: TagScheme) -> Option<(Vec<SpanTag>, usize)> {
    let mut kinds: Vec<&str> = Vec::new();
    let mut number = |kind| {
        kinds.iter().position(|known| *known == kind).unwrap_or_else(|| {
            kinds.push(kind);
            kinds.len() - 1
        })
    };
    let mut tags = Vec::new();
    for class in classes {
        let (position, kind) = match class.split_once('-').unwrap_or((class, "")) {
            ("O", "") => (SpanPosition::Outside, ""),
            ("B", kind) => (SpanPosition::Begin, kind),
            ("I" | "M", kind) => (SpanPosition::Inside, kind),
            ("E" | "L", kind) => (SpanPosition::End, kind),
            ("S" | "U", kind) => (SpanPosition::Single, kind),
            // The scheme `io` may leave out the `I-`.
            _ => (SpanPosition::Inside, class.as_str()),
        };
        tags.push(match position {
            SpanPosition::Outside => OUTSIDE,
            _ => SpanTag { position, kind: number(kind) },
        });
    }
    (scheme != TagScheme::None).then_some((tags, kinds.len()))
}

/// The spans of one row, in order.
fn spans(tags: &[SpanTag], strict: bool, scheme: TagScheme) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut first = 0;
    let mut before = OUTSIDE;
    let counts = |first: usize, last: usize| !strict || follows_scheme(&tags[first..=last], scheme);
    for (step, tag) in tags.iter().copied().chain([OUTSIDE]).enumerate() {
        if ends(before, tag) && counts(first, step - 1) {
            spans.push(Span { first, last: step - 1, kind: before.kind });
        }
        if begins(before, tag) {
            first = step;
        }
        before = tag;
    }
    spans
}

/// Whether a span ends between two tags.
fn ends(before: SpanTag, tag: SpanTag) -> bool {
    match before.position {
        SpanPosition::Outside => false,
        SpanPosition::End | SpanPosition::Single => true,
        SpanPosition::Begin | SpanPosition::Inside => {
            matches!(tag.position, SpanPosition::Begin | SpanPosition::Single | SpanPosition::Outside)
                || before.kind != tag.kind
        }
    }
}

/// Whether a span begins with the second of two tags.
fn begins(before: SpanTag, tag: SpanTag) -> bool {
    match (before.position, tag.position) {
        (_, SpanPosition::Outside) => false,
        (_, SpanPosition::Begin | SpanPosition::Single) => true,
        (SpanPosition::Begin | SpanPosition::Inside, _) => before.kind != tag.kind,
        _ => true,
    }
}

/// Whether these are the tags of one span in the scheme.
fn follows_scheme(tags: &[SpanTag], scheme: TagScheme) -> bool {
    let inside = |tags: &[SpanTag]| tags.iter().all(|tag| tag.position == SpanPosition::Inside);
    match (scheme, tags) {
        (TagScheme::Bioes, [only]) => only.position == SpanPosition::Single,
        (TagScheme::Bioes, [first, middle @ .., last]) => {
            first.position == SpanPosition::Begin && inside(middle) && last.position == SpanPosition::End
        }
        (_, [first, rest @ ..]) => first.position == SpanPosition::Begin && inside(rest),
        (_, []) => false,
    }
}
