//! Encoded tables: what training, evaluation and verification read.

use crate::domain::array::{Array, ArrayValues};
use crate::domain::label::UnseenClass;
use crate::domain::name::{InputName, TableName, TaskName};
use crate::domain::score::Split;
use crate::domain::signature::Signature;
use crate::domain::vectors::WordVectors;

/// Everything fitted: the signature, the encoded tables, and vectors for tokens where an embedding asks for
/// such.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    pub signature: Signature,
    pub tables: Vec<EncodedTable>,
    pub vectors: Vec<WordVectors>,
}

/// One encoded table. `inputs` stand in the signature's order; `targets` are those of the tasks
/// that learn from this table, in the signature's order.
#[derive(Clone, Debug, PartialEq)]
pub struct EncodedTable {
    pub name: TableName,
    pub rows: usize,
    /// Floats `[rows, width]` or codes `[rows]`, as the signature's encodings say.
    pub inputs: Vec<(InputName, Array)>,
    /// Floats `[rows, width]`, NaN where there is no label to learn from; see [`crate::domain::label`].
    pub targets: Vec<(TaskName, Array)>,
    /// The classes of the other splits' rows that stand on no training row, of the tasks that have such.
    pub unseen: Vec<(TaskName, Vec<UnseenClass>)>,
    /// What is to be written, as it stands in the table, of the tasks that write texts: `[rows]`, empty
    /// where it is missing. Token numbers would not tell what was cut or unknown.
    pub texts: Vec<(TaskName, Array)>,
    /// Row numbers of each split, ascending.
    pub train: Vec<u32>,
    pub valid: Vec<u32>,
    pub test: Vec<u32>,
    /// A few raw rows (of the test split, else of another) as a consumer would feed them, for
    /// proving the exported model; row numbers in `sample_rows`.
    pub sample: Vec<(InputName, Array)>,
    pub sample_rows: Vec<u32>,
}

impl EncodedTable {
    pub fn split(&self, split: Split) -> &[u32] {
        match split {
            Split::Train => &self.train,
            Split::Valid => &self.valid,
            Split::Test => &self.test,
        }
    }

    pub fn texts(&self, task: &TaskName) -> Option<&[String]> {
        let (_, array) = self.texts.iter().find(|(name, _)| name == task)?;
        match &array.values {
            ArrayValues::Text(texts) => Some(texts),
            _ => None,
        }
    }

    pub fn unseen(&self, task: &TaskName) -> &[UnseenClass] {
        let own = self.unseen.iter().find(|(name, _)| name == task);
        own.map_or(&[][..], |(_, classes)| classes.as_slice())
    }

    pub fn target(&self, task: &TaskName) -> Option<&Array> {
        self.targets.iter().find(|(name, _)| name == task).map(|(_, array)| array)
    }
}

impl Dataset {
    pub fn table(&self, name: &TableName) -> Option<&EncodedTable> {
        self.tables.iter().find(|table| table.name == *name)
    }

    /// The same as if one task alone were learned from it; `None` when there is no such task.
    pub fn alone(&self, task: &TaskName) -> Option<Self> {
        let signature = self.signature.task(task)?.clone();
        let mut table = self.table(&signature.table)?.clone();
        table.targets.retain(|(name, _)| name == task);
        table.texts.retain(|(name, _)| name == task);
        table.unseen.retain(|(name, _)| name == task);
        let signature = Signature { tasks: vec![signature], ..self.signature.clone() };
        Some(Self { signature, tables: vec![table], vectors: self.vectors.clone() })
    }
}
