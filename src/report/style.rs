//! Width and colours of text output.

/// The width and colours of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal; `None`: unlimited.
    pub width: Option<usize>,
    /// Whether ANSI colours are written.
    pub colour: bool,
}

/// The meaning of a piece of text, which determines its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextTone {
    /// Without colour.
    Plain,
    /// A heading.
    Strong,
    /// Less important.
    Faint,
    /// Success.
    Good,
    /// A warning.
    Caution,
    /// An error.
    Bad,
}

impl Style {
    /// Without colours, of unlimited width: for files and pipes.
    pub fn plain() -> Self {
        Self::default()
    }

    /// The text in the colour of its tone, if colours are on.
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

    /// A section's heading after an empty line.
    pub(crate) fn heading(&self, text: &str, remark: &str) -> String {
        let remark = if remark.is_empty() { String::new() } else { format!("  {remark}") };
        format!("\n{}{}\n", self.paint(TextTone::Strong, text), self.paint(TextTone::Faint, &remark))
    }
}
