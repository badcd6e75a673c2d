//! Tagging schemes: which tags are valid, and which may follow one another.

use crate::domain::task::TagScheme;

/// An invalid tag, or a tag that cannot follow the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::data) struct TagError {
    pub tag: String,
    /// The zero-based index of the tag.
    pub position: usize,
    pub reason: String,
}

/// A parsed tag with the name of its span.
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

/// The first invalid tag of a row. Empty tags are missing; any tag may precede or follow them.
pub(in crate::data) fn first_error<'a>(
    scheme: TagScheme,
    tags: impl Iterator<Item = &'a str>,
) -> Option<TagError> {
    if scheme == TagScheme::None {
        return None;
    }
    // `None` after a missing tag.
    let mut previous: Option<ParsedTag<'_>> = Some(ParsedTag::Outside);
    let mut last = None;
    for (position, tag) in tags.enumerate() {
        let error = |reason: String| Some(TagError { tag: tag.to_owned(), position, reason });
        last = Some((position, tag));
        if tag.is_empty() {
            previous = None;
            continue;
        }
        let Some(current) = ParsedTag::parse(scheme, tag) else {
            return error(format!("expected {}", valid_tags(scheme)));
        };
        if let Some(reason) = previous.and_then(|previous| conflict(scheme, previous, current)) {
            return error(reason);
        }
        previous = Some(current);
    }
    let open = match (scheme, previous) {
        (TagScheme::Bioes, Some(ParsedTag::Begin(name) | ParsedTag::Inside(name))) => name,
        _ => return None,
    };
    let (position, tag) = last?;
    let reason = format!("the row ends without `E-{open}`, which ends the open span");
    Some(TagError { tag: tag.to_owned(), position, reason })
}

/// Why `current` cannot follow `previous`.
fn conflict(scheme: TagScheme, previous: ParsedTag<'_>, current: ParsedTag<'_>) -> Option<String> {
    let open = match previous {
        ParsedTag::Begin(name) | ParsedTag::Inside(name) => Some(name),
        _ => None,
    };
    match (scheme, current) {
        (TagScheme::Bio | TagScheme::Bioes, ParsedTag::Inside(name))
        | (TagScheme::Bioes, ParsedTag::End(name)) => {
            (open != Some(name)).then(|| format!("it must follow `B-{name}` or `I-{name}`"))
        }
        (TagScheme::Bioes, ParsedTag::Outside | ParsedTag::Begin(_) | ParsedTag::Single(_)) => {
            open.map(|open| format!("it must not precede `E-{open}`, which ends the open span"))
        }
        _ => None,
    }
}

fn valid_tags(scheme: TagScheme) -> &'static str {
    match scheme {
        TagScheme::None => "any tag",
        TagScheme::Io => "`O` or `I-NAME`",
        TagScheme::Bio => "`O`, `B-NAME` or `I-NAME`",
        TagScheme::Bioes => "`O`, `B-NAME`, `I-NAME`, `E-NAME` or `S-NAME`",
    }
}

#[cfg(test)]
mod tests {
    use crate::data::target::scheme::first_error;
    use crate::domain::task::TagScheme::{self, Bio, Bioes, Io, None};

    fn position(scheme: TagScheme, tags: &str) -> Option<usize> {
        first_error(scheme, tags.split(' ')).map(|error| error.position)
    }

    #[test]
    fn valid_sequences_are_accepted() {
        for (scheme, tags) in [
            (None, "NN v x-y"),
            (Io, "O I-PER I-ORG O"),
            (Bio, "O B-PER I-PER B-PER B-ORG I-ORG O"),
            (Bioes, "S-PER O B-ORG I-ORG E-ORG B-PER E-PER"),
            // A missing tag may have any neighbours.
            (Bio, "B-PER  I-PER"),
            (Bioes, "B-PER "),
        ] {
            assert_eq!(position(scheme, tags), Option::None, "{tags}");
        }
    }

    #[test]
    fn invalid_tags_are_located() {
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
