//! Errors of images and masks.

use crate::domain::image_resize::ResizeConfig;

/// A problem of images or masks.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant describes it")]
pub enum ImageError {
    #[error("{what}{}", more(*.count))]
    Unreadable { what: String, count: usize },
    #[error(
        "column `{column}`: images differ in size or channels: {first} in {first_place}, but {found} \
         in {place}"
    )]
    Sizes { column: String, found: String, place: String, first: String, first_place: String },
    #[error("`{file}` has {found} rows, but `{first}` has {expected}")]
    Rows { file: String, found: usize, first: String, expected: usize },
    #[error("`{folder}` has no .png, .jpg or .jpeg file{below}")]
    NoFiles { folder: String, below: &'static str },
    #[error("{what} is outside {folders}")]
    Outside { what: String, folders: String },
    #[error("symbolic link loop: `{link}` points to its parent folder `{folder}`")]
    Loop { link: String, folder: String },
    #[error("`{value}` has {found} numbers for {channels} channel(s)")]
    Statistics { value: &'static str, found: usize, channels: usize },
    #[error("input `{input}`: a crop of {crop} pixels does not fit in {side}, as `resize: {resize}` says")]
    Crop { input: String, resize: ResizeConfig, side: usize, crop: usize },
    #[error("`range: [{low}, {high}]` must have a second number greater than the first")]
    Range { low: u16, high: u16 },
    #[error("{reason}")]
    Classes { reason: String },
    #[error(
        "column `{column}`: pixel value {value} in {place} has no class; `classes` lists 0 to {last}{}",
        more(*.count)
    )]
    ClassValue { column: String, value: f32, place: String, last: usize, count: usize },
    #[error("`split: files` needs a single-file source; {kind} reads several files")]
    SeveralFiles { kind: &'static str },
}

fn more(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        2 => " (and 1 more row)".to_owned(),
        count => format!(" (and {} more rows)", count - 1),
    }
}

impl ImageError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "picture",
            Self::Sizes { .. } => "picture-size",
            Self::Rows { .. } => "other-rows",
            Self::NoFiles { .. } => "no-rows",
            Self::Outside { .. } | Self::Loop { .. } => "picture-place",
            Self::Statistics { .. } => "picture-statistics",
            Self::Range { .. } => "picture-range",
            Self::Crop { .. } => "picture-crop",
            Self::Classes { .. } | Self::ClassValue { .. } => "picture-classes",
            Self::SeveralFiles { .. } => "split-files",
        }
    }

    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable { .. } => Some("write `corrupt: skip` in the source to skip such rows"),
            Self::Sizes { .. } => {
                Some("set `height`, `width` and `channels`, and all images are converted to them")
            }
            Self::Crop { .. } => {
                Some("write a `resize` of at least `height` and `width`, or `resize: stretch`")
            }
            Self::Statistics { .. } => Some("write one number, or one per channel"),
            Self::Outside { .. } => Some("write `outside: true` in the source if this is intended"),
            Self::Loop { .. } => Some("every subfolder is a class: remove the link"),
            Self::ClassValue { .. } => Some("list every value, or set `ignore` for pixels without a label"),
            Self::SeveralFiles { .. } => {
                Some("use `split: {column: ...}` with a column that names the split")
            }
            _ => None,
        }
    }
}
