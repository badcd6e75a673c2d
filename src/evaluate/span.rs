//! Spans of steps that tags mark, such as names in a text, and how many were found.
//!
//! A tag is a part and a kind, `B-PER`: where in its span the step stands, and of what kind the span is.
//! `O` is outside of all. Spans are read as `seqeval` reads them (Nakayama 2018).

use crate::domain::task::{FittedTarget, TagScheme};
use crate::evaluate::answers::TaskAnswers;
use crate::evaluate::decision::ClassCounts;

/// Where in its span a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SpanPosition {
    Outside,
    Begin,
    Inside,
    End,
    Single,
}

/// A tag, taken apart; kinds are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SpanTag {
    tag_position: SpanPosition,
    kind: usize,
}

const OUTSIDE: SpanTag = SpanTag { tag_position: SpanPosition::Outside, kind: usize::MAX };

/// A span's kind and its steps, the last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    first: usize,
    last: usize,
    kind: usize,
}

/// What happened to each kind of span; `None` where there are no spans or no rows.
///
/// A step without a label is outside of all spans. `strict` counts only spans that keep to the scheme;
/// otherwise any tag after which, by the rules of conlleval, a span can begin or end does so.
pub fn tally(answers: &TaskAnswers, strict: bool) -> Option<Vec<ClassCounts>> {
    let FittedTarget::Tagging { classes, scheme, .. } = answers.target else { return None };
    let unseen = answers.unseen.iter().map(|unseen| &unseen.name);
    let (tags, kinds) = tags(classes.iter().chain(unseen), *scheme)?;
    let offsets = answers.offsets?;
    let decided = answers.decided();
    let mut tallies = vec![ClassCounts::default(); kinds];
    for row in offsets.windows(2) {
        let steps = row[0] as usize..row[1] as usize;
        let class = |step: usize| answers.truth_of(answers.truth[step]);
        let true_tag = |step: usize| class(step).map_or(OUTSIDE, |class| tags[class as usize]);
        let said_tag = |step: usize| class(step).map_or(OUTSIDE, |_| tags[decided[step] as usize]);
        let truth: Vec<SpanTag> = steps.clone().map(true_tag).collect();
        let answer: Vec<SpanTag> = steps.clone().map(said_tag).collect();
        let strict = strict && *scheme != TagScheme::Io;
        let (truth, answer) = (spans(&truth, strict, *scheme), spans(&answer, strict, *scheme));
        truth.iter().for_each(|span| tallies[span.kind].truth += 1);
        answer.iter().for_each(|span| tallies[span.kind].decided += 1);
        let right = answer.iter().filter(|span| truth.binary_search(span).is_ok());
        right.for_each(|span| tallies[span.kind].right += 1);
    }
    Some(tallies)
}

/// Each class's tag, and the number of kinds; `None` without a scheme.
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
        let (index, kind) = match class.split_once('-').unwrap_or((class, "")) {
            ("O", "") => (SpanPosition::Outside, ""),
            ("B", kind) => (SpanPosition::Begin, kind),
            ("I" | "M", kind) => (SpanPosition::Inside, kind),
            ("E" | "L", kind) => (SpanPosition::End, kind),
            ("S" | "U", kind) => (SpanPosition::Single, kind),
            // Inside or outside alone may leave the `I-` out.
            _ => (SpanPosition::Inside, class.as_str()),
        };
        tags.push(if index == SpanPosition::Outside {
            OUTSIDE
        } else {
            SpanTag { tag_position: index, kind: number(kind) }
        });
    }
    (scheme != TagScheme::None).then_some((tags, kinds.len()))
}

/// The spans of one row, in order.
fn spans(tags: &[SpanTag], strict: bool, scheme: TagScheme) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut first = 0;
    let mut before = OUTSIDE;
    let closed = |first: usize, last: usize| match strict {
        true => keeps(&tags[first..=last], scheme),
        false => true,
    };
    for (step, tag) in tags.iter().copied().chain([OUTSIDE]).enumerate() {
        if ends(before, tag) && closed(first, step - 1) {
            spans.push(Span { first, last: step - 1, kind: before.kind });
        }
        if begins(before, tag) {
            first = step;
        }
        before = tag;
    }
    spans
}

/// Does a span end between these two?
fn ends(before: SpanTag, tag: SpanTag) -> bool {
    match before.tag_position {
        SpanPosition::Outside => false,
        SpanPosition::End | SpanPosition::Single => true,
        SpanPosition::Begin | SpanPosition::Inside => {
            matches!(tag.tag_position, SpanPosition::Begin | SpanPosition::Single | SpanPosition::Outside)
                || before.kind != tag.kind
        }
    }
}

/// Does a span begin with the second of these two?
fn begins(before: SpanTag, tag: SpanTag) -> bool {
    match (before.tag_position, tag.tag_position) {
        (_, SpanPosition::Outside) => false,
        (_, SpanPosition::Begin | SpanPosition::Single) => true,
        (SpanPosition::Begin | SpanPosition::Inside, _) => before.kind != tag.kind,
        _ => true,
    }
}

/// Are these the tags the scheme gives a whole span?
fn keeps(tags: &[SpanTag], scheme: TagScheme) -> bool {
    let inside = |tags: &[SpanTag]| tags.iter().all(|tag| tag.tag_position == SpanPosition::Inside);
    match (scheme, tags) {
        (TagScheme::Bioes, [only]) => only.tag_position == SpanPosition::Single,
        (TagScheme::Bioes, [first, middle @ .., last]) => {
            first.tag_position == SpanPosition::Begin
                && inside(middle)
                && last.tag_position == SpanPosition::End
        }
        (_, [first, rest @ ..]) => first.tag_position == SpanPosition::Begin && inside(rest),
        (_, []) => false,
    }
}
