//! How spans are written as tags, and what cannot be such.

use crate::domain::task::TagScheme;

/// A tag that cannot stand where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::data) struct TagError {
    pub tag: String,
    /// From 0.
    pub position: usize,
    pub reason: String,
}

/// A tag, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ParsedTag<'a> {
    Outside,
    Begin(&'a str),
    Inside(&'a str),
    End(&'a str),
    Single(&'a str),
}

impl<'a> ParsedTag<'a> {
    fn parse(scheme: TagScheme, tag: &'a str) -> Option<Self> {
        if tag == "O" {
            return Some(Self::Outside);
        }
        let (letter, name) = tag.split_once('-').filter(|(_, name)| !name.is_empty())?;
        match (scheme, letter) {
            (_, "I") => Some(Self::Inside(name)),
            (TagScheme::Bio | TagScheme::Bioes, "B") => Some(Self::Begin(name)),
            (TagScheme::Bioes, "E") => Some(Self::End(name)),
            (TagScheme::Bioes, "S") => Some(Self::Single(name)),
            _ => None,
        }
    }
}

/// The first fault of a row. An empty tag is a missing one, beside which anything may stand.
pub(in crate::data) fn fault<'a>(scheme: TagScheme, tags: impl Iterator<Item = &'a str>) -> Option<TagError> {
    if scheme == TagScheme::None {
        return None;
    }
    // `None` before the first tag and beside a missing one.
    let mut before: Option<ParsedTag<'_>> = Some(ParsedTag::Outside);
    let mut last = None;
    for (position, tag) in tags.enumerate() {
        let fault = |reason: String| Some(TagError { tag: tag.to_owned(), position, reason });
        last = Some((position, tag));
        if tag.is_empty() {
            before = None;
            continue;
        }
        let Some(now) = ParsedTag::parse(scheme, tag) else {
            return fault(format!("a tag is {}", forms(scheme)));
        };
        if let Some(reason) = before.and_then(|before| conflict(scheme, before, now)) {
            return fault(reason);
        }
        before = Some(now);
    }
    let open = match (scheme, before) {
        (TagScheme::Bioes, Some(ParsedTag::Begin(name) | ParsedTag::Inside(name))) => name,
        _ => return None,
    };
    let (position, tag) = last?;
    Some(TagError { tag: tag.to_owned(), position, reason: format!("the row ends before `E-{open}`") })
}

fn conflict(scheme: TagScheme, before: ParsedTag<'_>, now: ParsedTag<'_>) -> Option<String> {
    let open = match before {
        ParsedTag::Begin(name) | ParsedTag::Inside(name) => Some(name),
        _ => None,
    };
    match (scheme, open, now) {
        (TagScheme::Bio, open, ParsedTag::Inside(name)) if open != Some(name) => {
            Some(format!("it goes on with what neither `B-{name}` nor `I-{name}` before it began"))
        }
        (TagScheme::Bioes, open, ParsedTag::Inside(name) | ParsedTag::End(name)) if open != Some(name) => {
            Some(format!("it goes on with what neither `B-{name}` nor `I-{name}` before it began"))
        }
        (TagScheme::Bioes, Some(open), ParsedTag::Outside | ParsedTag::Begin(_) | ParsedTag::Single(_)) => {
            Some(format!("it stands before `E-{open}` has come"))
        }
        _ => None,
    }
}

fn forms(scheme: TagScheme) -> &'static str {
    match scheme {
        TagScheme::None => "anything",
        TagScheme::Io => "`O` or `I-` with a name",
        TagScheme::Bio => "`O`, or `B-` or `I-` with a name",
        TagScheme::Bioes => "`O`, or `B-`, `I-`, `E-` or `S-` with a name",
    }
}

#[cfg(test)]
mod tests {
    use crate::data::target::scheme::fault;
    use crate::domain::task::TagScheme::{self, Bio, Bioes, Io, None};

    fn position(scheme: TagScheme, tags: &str) -> Option<usize> {
        fault(scheme, tags.split(' ')).map(|fault| fault.position)
    }

    #[test]
    fn what_may_stand_may_stand() {
        for (scheme, tags) in [
            (None, "NN v x-y"),
            (Io, "O I-PER I-ORG O"),
            (Bio, "O B-PER I-PER B-PER B-ORG I-ORG O"),
            (Bioes, "S-PER O B-ORG I-ORG E-ORG B-PER E-PER"),
            // A missing tag says nothing of its neighbours.
            (Bio, "B-PER  I-PER"),
            (Bioes, "B-PER "),
        ] {
            assert_eq!(position(scheme, tags), Option::None, "{tags}");
        }
    }

    #[test]
    fn what_may_not_is_found() {
        for (scheme, tags, index) in [
            (Io, "O B-PER", 1),
            (Bio, "O PER", 1),
            (Bio, "I-PER O", 0),
            (Bio, "B-PER I-ORG", 1),
            (Bio, "B-PER O I-PER", 2),
            (Bio, "B- O", 0),
            (Bio, "O S-PER", 1),
            (Bioes, "B-PER O", 1),
            (Bioes, "B-PER B-PER E-PER", 1),
            (Bioes, "O E-PER", 1),
            (Bioes, "S-PER I-PER", 1),
            (Bioes, "B-PER E-ORG", 1),
            (Bioes, "O B-PER", 1),
        ] {
            assert_eq!(position(scheme, tags), Some(index), "{tags}");
        }
    }
}
