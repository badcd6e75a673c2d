//! What is wrong with pictures.

/// What is wrong with pictures.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error("{what}{}", more(*.count))]
    Unreadable { what: String, count: usize },
    #[error("column `{column}`: {found} in {place}, but {first} in {first_place}")]
    Sizes { column: String, found: String, place: String, first: String, first_place: String },
    #[error("`{file}` has {found} rows, but `{first}` has {expected}")]
    Rows { file: String, found: usize, first: String, expected: usize },
    #[error("`{folder}` has no .png, .jpg or .jpeg file{below}")]
    NoFiles { folder: String, below: &'static str },
    #[error("{what} lies outside of {folders}")]
    Outside { what: String, folders: String },
    #[error("`{link}` leads back to `{folder}`, which it stands in")]
    Loop { link: String, folder: String },
    #[error("{value} has {found} numbers for {channels} channel(s)")]
    Statistics { value: &'static str, found: usize, channels: usize },
    #[error("`range` goes from {low} to {high}; the second number is the greater one")]
    Range { low: u16, high: u16 },
    #[error("{reason}")]
    Classes { reason: String },
    #[error("column `{column}`: a pixel of {value} in {place}, but `classes` names the values 0 to {last}{}", more(*.count))]
    ClassValue { column: String, value: f32, place: String, last: usize, count: usize },
    #[error("the split `files` needs a source of one file; {kind} reads several")]
    SeveralFiles { kind: &'static str },
}

fn more(count: usize) -> String {
    if count <= 1 { String::new() } else { format!(" (and {} more)", count - 1) }
}

impl PictureError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "picture",
            Self::Sizes { .. } => "picture-size",
            Self::Rows { .. } => "other-rows",
            Self::NoFiles { .. } => "no-rows",
            Self::Outside { .. } | Self::Loop { .. } => "picture-place",
            Self::Statistics { .. } => "picture-statistics",
            Self::Range { .. } => "picture-range",
            Self::Classes { .. } | Self::ClassValue { .. } => "picture-classes",
            Self::SeveralFiles { .. } => "split-files",
        }
    }

    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable { .. } => Some("`corrupt: skip` in the source leaves such rows out"),
            Self::Sizes { .. } => {
                Some("give `height` and `width`, and `channels`, and all pictures are brought to them")
            }
            Self::Outside { .. } => Some("write `outside: true` in the source where that is meant"),
            Self::Loop { .. } => Some("every subfolder is a class of its own: remove the link"),
            Self::ClassValue { .. } => Some("name every value, or write `ignore` for pixels without a label"),
            Self::SeveralFiles { .. } => Some("use `split: {column: ...}` with a column that names the part"),
            _ => None,
        }
    }
}
