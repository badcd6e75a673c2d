//! The texts that an exported model writes, as a column.

use std::path::Path;

use crate::data::raw::AnswerColumn;
use crate::data::tokenizer::Codec;
use crate::domain::array::Array;
use crate::domain::name::TaskName;
use crate::domain::signature::TaskSignature;
use crate::onnx::runtime::Runtime;
use crate::run::error::Error;
use crate::run::generation::Writer;

/// Writes one task's texts, batch by batch.
pub struct Author {
    task: TaskName,
    writer: Writer,
    codec: Codec,
    texts: Vec<Option<String>>,
    empty: usize,
}

impl Author {
    /// The author of a task that writes texts; `None` for any other.
    pub fn open(runtime: &Runtime, folder: &Path, task: &TaskSignature) -> Result<Option<Self>, Error> {
        let Some(tokenizer) = task.target.writes() else { return Ok(None) };
        let Some(writer) = Writer::open(runtime, folder, task)? else { return Ok(None) };
        let codec = Codec::new(tokenizer)?;
        Ok(Some(Self { task: task.name.clone(), writer, codec, texts: Vec::new(), empty: 0 }))
    }

    pub fn task(&self) -> &TaskName {
        &self.task
    }

    /// Rows for which nothing was written.
    pub fn empty(&self) -> usize {
        self.empty
    }

    /// Writes for a batch that begins with the row `first`, from what the model gave for it.
    pub fn take(&mut self, outputs: &[(String, Array)], first: u64, seed: u64) -> Result<(), Error> {
        for tokens in self.writer.write(outputs, first, seed)? {
            let text = self.codec.decode(&tokens)?;
            self.empty += usize::from(text.trim().is_empty());
            self.texts.push(Some(text));
        }
        Ok(())
    }

    /// The column called as the task.
    pub fn column(self) -> (String, AnswerColumn) {
        (self.task.to_string(), AnswerColumn::Text(self.texts))
    }
}
