//! Raw rows in, named answers out: the files of `mtl predict`.

use std::ops::Range;
use std::path::Path;

use crate::data::error::Error;
use crate::domain::array::Array;
use crate::domain::name::InputName;
use crate::domain::signature::Signature;

/// Raw rows, checked against a signature.
#[derive(Clone, Debug)]
pub struct Raw {
    pub rows: usize,
}

impl Raw {
    /// The model's inputs for some of the rows, in the signature's order, each `[rows, 1]`.
    pub fn batch(&self, rows: Range<usize>) -> Vec<(InputName, Array)> {
        let _ = rows;
        todo!()
    }

    /// The file's own columns, to stand beside the answers.
    pub fn originals(&self) -> Vec<(String, AnswerColumn)> {
        todo!()
    }
}

/// One column to write.
#[derive(Clone, Debug, PartialEq)]
pub enum AnswerColumn {
    /// Probabilities, values.
    Float(Vec<f32>),
    Number(Vec<Option<f64>>),
    Int(Vec<Option<i64>>),
    Bool(Vec<Option<bool>>),
    Text(Vec<Option<String>>),
}

/// Reads the columns a model needs; the file's kind is told by its ending. Label columns are not needed.
pub fn read(path: &Path, signature: &Signature) -> Result<Raw, Error> {
    let _ = (path, signature);
    todo!()
}

/// Writes columns of the same length; the file's kind is told by its ending. Atomic.
pub fn write(path: &Path, columns: &[(String, AnswerColumn)]) -> Result<(), Error> {
    let _ = (path, columns);
    todo!()
}
