//! Encoded tables: the input of training, evaluation and verification.

use crate::domain::array::{Array, ArrayValues};
use crate::domain::label::UnseenClass;
use crate::domain::name::{InputName, TableName, TaskName};
use crate::domain::score::Split;
use crate::domain::signature::Signature;
use crate::domain::vectors::WordVectors;

/// The result of fitting: the signature, the encoded tables, and pretrained vectors for embeddings.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Inputs and outputs of the model.
    pub signature: Signature,
    /// All tables of the pipeline.
    pub tables: Vec<EncodedTable>,
    /// Pretrained vectors of the inputs that ask for them.
    pub vectors: Vec<WordVectors>,
}

/// One encoded table. `inputs` are in the order of the signature; `targets` are those of the tasks of this
/// table, in the order of the signature.
#[derive(Clone, Debug, PartialEq)]
pub struct EncodedTable {
    /// Name of the table.
    pub name: TableName,
    /// Number of rows.
    pub rows: usize,
    /// Floats `[rows, width]` or codes `[rows]`, according to the encodings in the signature.
    pub inputs: Vec<(InputName, Array)>,
    /// Floats `[rows, width]`, NaN where there is no label to train on; see [`crate::domain::label`].
    pub targets: Vec<(TaskName, Array)>,
    /// Per task, the classes that occur in the other splits but on no training row.
    pub unseen: Vec<(TaskName, Vec<UnseenClass>)>,
    /// Per text task, the reference texts `[rows]` as in the table, empty if missing. They are needed because
    /// token numbers do not show what was truncated or unknown.
    pub texts: Vec<(TaskName, Array)>,
    /// Row indices of each split, ascending.
    pub train: Vec<u32>,
    /// Rows to select epochs and settings on.
    pub valid: Vec<u32>,
    /// Rows to report scores on.
    pub test: Vec<u32>,
    /// A few raw rows (of the test split if there is one), as a consumer would feed them, to verify the
    /// exported model; `sample_rows` are their row indices.
    pub sample: Vec<(InputName, Array)>,
    /// Rows of the model card's sample.
    pub sample_rows: Vec<u32>,
}

impl EncodedTable {
    /// The rows of a split.
    pub fn split(&self, split: Split) -> &[u32] {
        match split {
            Split::Train => &self.train,
            Split::Valid => &self.valid,
            Split::Test => &self.test,
        }
    }

    /// The texts of a task that generates text, for its metrics.
    pub fn texts(&self, task: &TaskName) -> Option<&[String]> {
        let (_, array) = self.texts.iter().find(|(name, _)| name == task)?;
        match &array.values {
            ArrayValues::Text(texts) => Some(texts),
            _ => None,
        }
    }

    /// The classes of a task that occur on no training row.
    pub fn unseen(&self, task: &TaskName) -> &[UnseenClass] {
        let own = self.unseen.iter().find(|(name, _)| name == task);
        own.map_or(&[][..], |(_, classes)| classes.as_slice())
    }

    /// The labels of a task of this table.
    pub fn target(&self, task: &TaskName) -> Option<&Array> {
        self.targets.iter().find(|(name, _)| name == task).map(|(_, array)| array)
    }
}

impl Dataset {
    /// The table `name`.
    pub fn table(&self, name: &TableName) -> Option<&EncodedTable> {
        self.tables.iter().find(|table| table.name == *name)
    }

    /// Returns the dataset reduced to one task; `None` if there is no such task.
    pub fn for_task(&self, task: &TaskName) -> Option<Self> {
        let signature = self.signature.task(task)?.clone();
        let mut table = self.table(&signature.table)?.clone();
        table.targets.retain(|(name, _)| name == task);
        table.texts.retain(|(name, _)| name == task);
        table.unseen.retain(|(name, _)| name == task);
        let signature = Signature { tasks: vec![signature], ..self.signature.clone() };
        Some(Self { signature, tables: vec![table], vectors: self.vectors.clone() })
    }
}
