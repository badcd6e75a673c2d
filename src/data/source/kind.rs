//! Infers the type of a text file's column from all its cells, and builds the column.
//!
//! Whole numbers with leading zeros or a plus sign stay text: `007` is an identifier, not a quantity.

use polars::prelude::{
    BooleanChunkedBuilder, ChunkedBuilder, Float64Type, Int64Type, IntoColumn, PlSmallStr,
    PrimitiveChunkedBuilder, StringChunkedBuilder,
};

use crate::data::source::list_builder::ListItemKind;

/// The narrowest type that represents every cell seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::data) enum CellType {
    /// All cells are missing.
    #[default]
    Empty,
    Bool,
    Int,
    Float,
    Text,
    /// Lists, in JSON lines.
    List(ListItemKind),
}

impl CellType {
    /// The type of one cell's text, which is not empty.
    pub fn parse(text: &str) -> Self {
        let bytes = text.as_bytes();
        let (negative, digits) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, bytes),
        };
        match digits {
            [b'0', b'0'..=b'9', ..] => Self::Text,
            _ if digits.iter().all(u8::is_ascii_digit) && !digits.is_empty() => {
                // Minus zero and numbers beyond i64 would lose digits as integers.
                if negative && digits == b"0" {
                    Self::Float
                } else if text.len() < 19 || text.parse::<i64>().is_ok() {
                    Self::Int
                } else {
                    Self::Text
                }
            }
            [b'0'..=b'9' | b'.' | b'n' | b'N' | b'i' | b'I', ..] => {
                if text.parse::<f64>().is_ok() {
                    Self::Float
                } else {
                    Self::Text
                }
            }
            [b't' | b'T' | b'f' | b'F', ..] if !negative && boolean(text).is_some() => Self::Bool,
            _ => Self::Text,
        }
    }

    /// The narrowest type that represents both.
    pub fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Empty, kind) | (kind, Self::Empty) => kind,
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Self::Float,
            (Self::List(a), Self::List(b)) => a.join(b).map_or(Self::Text, Self::List),
            _ => Self::Text,
        }
    }
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// A column being built, cell by cell.
pub(in crate::data) enum Builder {
    Bool(BooleanChunkedBuilder),
    Int(PrimitiveChunkedBuilder<Int64Type>),
    Float(PrimitiveChunkedBuilder<Float64Type>),
    Text(StringChunkedBuilder),
}

impl Builder {
    pub fn new(name: &str, kind: CellType, rows: usize) -> Self {
        let name = PlSmallStr::from_str(name);
        match kind {
            CellType::Bool => Self::Bool(BooleanChunkedBuilder::new(name, rows)),
            CellType::Int => Self::Int(PrimitiveChunkedBuilder::new(name, rows)),
            CellType::Float => Self::Float(PrimitiveChunkedBuilder::new(name, rows)),
            CellType::Empty | CellType::Text | CellType::List(_) => {
                Self::Text(StringChunkedBuilder::new(name, rows))
            }
        }
    }

    /// Appends a cell. Its text parses, since the type was inferred from all cells.
    pub fn push(&mut self, cell: Option<&str>) {
        match self {
            Self::Bool(builder) => builder.append_option(cell.and_then(boolean)),
            Self::Int(builder) => builder.append_option(cell.and_then(|text| text.parse().ok())),
            Self::Float(builder) => builder.append_option(cell.and_then(|text| text.parse().ok())),
            Self::Text(builder) => builder.append_option(cell),
        }
    }

    pub fn finish(self) -> polars::prelude::Column {
        match self {
            Self::Bool(builder) => builder.finish().into_column(),
            Self::Int(builder) => builder.finish().into_column(),
            Self::Float(builder) => builder.finish().into_column(),
            Self::Text(builder) => builder.finish().into_column(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::data::source::kind::CellType;
    use crate::data::source::list_builder::ListItemKind;

    #[test]
    fn cells_are_typed_by_their_text() {
        for (text, kind) in [
            ("0", CellType::Int),
            ("-12", CellType::Int),
            ("9223372036854775807", CellType::Int),
            ("9223372036854775808", CellType::Text),
            ("007", CellType::Text),
            ("+49", CellType::Text),
            ("-", CellType::Text),
            ("1.5", CellType::Float),
            ("-.5", CellType::Float),
            ("1e-3", CellType::Float),
            ("NaN", CellType::Float),
            ("-inf", CellType::Float),
            ("-0", CellType::Float),
            ("1,5", CellType::Text),
            ("inch", CellType::Text),
            ("True", CellType::Bool),
            ("false", CellType::Bool),
            ("2024-01-02", CellType::Text),
        ] {
            assert_eq!(CellType::parse(text), kind, "{text}");
        }
    }

    #[test]
    fn types_join_to_the_narrowest_common_one() {
        assert_eq!(CellType::Int.join(CellType::Float), CellType::Float);
        assert_eq!(CellType::Empty.join(CellType::Bool), CellType::Bool);
        assert_eq!(CellType::Bool.join(CellType::Int), CellType::Text);
        assert_eq!(CellType::Text.join(CellType::Empty), CellType::Text);
        let list = CellType::List;
        assert_eq!(list(ListItemKind::None).join(list(ListItemKind::Rows)), list(ListItemKind::Rows));
        assert_eq!(list(ListItemKind::Texts).join(list(ListItemKind::Numbers)), list(ListItemKind::Texts));
        assert_eq!(list(ListItemKind::Texts).join(list(ListItemKind::Rows)), CellType::Text);
        assert_eq!(list(ListItemKind::Texts).join(CellType::Empty), list(ListItemKind::Texts));
    }
}
