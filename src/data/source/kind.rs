//! What a column of a text file is made of, told from all its cells, and the column built of them.
//!
//! Whole-number texts with leading zeros or a plus sign stay text: `007` is a name, not an amount.

use polars::prelude::{
    BooleanChunkedBuilder, ChunkedBuilder, Float64Type, Int64Type, IntoColumn, PlSmallStr,
    PrimitiveChunkedBuilder, StringChunkedBuilder,
};

use crate::data::source::nested::Items;

/// The narrowest kind that holds every cell seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::data) enum Kind {
    /// Every cell is missing.
    #[default]
    Empty,
    Bool,
    Int,
    Float,
    Text,
    /// Lists, in a form that has such.
    List(Items),
}

impl Kind {
    /// The kind of one cell's text, which is not empty.
    pub fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let (negative, digits) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, bytes),
        };
        match digits {
            [b'0', b'0'..=b'9', ..] => Self::Text,
            _ if digits.iter().all(u8::is_ascii_digit) && !digits.is_empty() => {
                // A minus zero and numbers beyond i64 would not come back as they were written.
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

    /// The narrowest kind that holds both.
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
    pub fn new(name: &str, kind: Kind, rows: usize) -> Self {
        let name = PlSmallStr::from_str(name);
        match kind {
            Kind::Bool => Self::Bool(BooleanChunkedBuilder::new(name, rows)),
            Kind::Int => Self::Int(PrimitiveChunkedBuilder::new(name, rows)),
            Kind::Float => Self::Float(PrimitiveChunkedBuilder::new(name, rows)),
            Kind::Empty | Kind::Text | Kind::List(_) => Self::Text(StringChunkedBuilder::new(name, rows)),
        }
    }

    /// Adds a cell; its text is of the builder's kind, since the kind was told from all cells.
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
    use crate::data::source::kind::Kind;
    use crate::data::source::nested::Items;

    #[test]
    fn a_cell_tells_its_kind() {
        for (text, kind) in [
            ("0", Kind::Int),
            ("-12", Kind::Int),
            ("9223372036854775807", Kind::Int),
            ("9223372036854775808", Kind::Text),
            ("007", Kind::Text),
            ("+49", Kind::Text),
            ("-", Kind::Text),
            ("1.5", Kind::Float),
            ("-.5", Kind::Float),
            ("1e-3", Kind::Float),
            ("NaN", Kind::Float),
            ("-inf", Kind::Float),
            ("-0", Kind::Float),
            ("1,5", Kind::Text),
            ("inch", Kind::Text),
            ("True", Kind::Bool),
            ("false", Kind::Bool),
            ("2024-01-02", Kind::Text),
        ] {
            assert_eq!(Kind::of(text), kind, "{text}");
        }
    }

    #[test]
    fn kinds_join_to_the_narrowest_that_holds_both() {
        assert_eq!(Kind::Int.join(Kind::Float), Kind::Float);
        assert_eq!(Kind::Empty.join(Kind::Bool), Kind::Bool);
        assert_eq!(Kind::Bool.join(Kind::Int), Kind::Text);
        assert_eq!(Kind::Text.join(Kind::Empty), Kind::Text);
        let list = Kind::List;
        assert_eq!(list(Items::None).join(list(Items::Rows)), list(Items::Rows));
        assert_eq!(list(Items::Texts).join(list(Items::Numbers)), list(Items::Texts));
        assert_eq!(list(Items::Texts).join(list(Items::Rows)), Kind::Text);
        assert_eq!(list(Items::Texts).join(Kind::Empty), list(Items::Texts));
    }
}
