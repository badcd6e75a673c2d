//! How text is to look: how wide, and whether in colour.

/// Asked for by whoever prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal; without it, as wide as need be.
    pub width: Option<usize>,
    pub colour: bool,
}

/// What a piece of text means, from which its colour follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextTone {
    Plain,
    /// A heading.
    Strong,
    /// Less important.
    Faint,
    Good,
    Caution,
    Bad,
}

impl Style {
    /// Without colour, as wide as need be: for files and pipes.
    pub fn plain() -> Self {
        Self::default()
    }

    /// The text in its tone's colour, if colour is wanted.
    pub fn paint(&self, tone: TextTone, text: &str) -> String {
        let code = match tone {
            TextTone::Plain => return text.to_owned(),
            TextTone::Strong => "1",
            TextTone::Faint => "2",
            TextTone::Good => "32",
            TextTone::Caution => "33",
            TextTone::Bad => "1;31",
        };
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A section's heading on a line of its own, after an empty one.
    pub(crate) fn heading(&self, text: &str, remark: &str) -> String {
        let remark = if remark.is_empty() { String::new() } else { format!("  {remark}") };
        format!("\n{}{}\n", self.paint(TextTone::Strong, text), self.paint(TextTone::Faint, &remark))
    }
}
