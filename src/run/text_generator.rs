//! The texts that an exported model writes, as a column.

use std::path::Path;

use crate::data::raw::AnswerColumn;
use crate::data::tokenizer::TokenCodec;
use crate::domain::array::Array;
use crate::domain::name::TaskName;
use crate::domain::signature::TaskSignature;
use crate::onnx::bundle::ModelCard;
use crate::onnx::runtime::OnnxRuntime;
use crate::onnx::session::OnnxSession;
use crate::run::error::RunError;
use crate::run::generation::{OnnxWriter, go_on};

/// Writes one task's texts, batch by batch.
pub struct TextGenerator {
    task: TaskName,
    /// `None` for a language model, which goes on with its input.
    writer: Option<OnnxWriter>,
    signature: TaskSignature,
    codec: TokenCodec,
    texts: Vec<Option<String>>,
    empty: usize,
}

impl TextGenerator {
    /// The author of a task that writes, with its decoder's file where it has one; `None` for any other.
    pub fn open(
        runtime: &OnnxRuntime,
        decoder: &Path,
        task: &TaskSignature,
    ) -> Result<Option<Self>, RunError> {
        let Some(tokenizer) = task.target.writes() else { return Ok(None) };
        let writer = OnnxWriter::open(runtime, decoder, task)?;
        let codec = TokenCodec::new(tokenizer)?;
        let (name, signature) = (task.name.clone(), task.clone());
        Ok(Some(Self { task: name, writer, signature, codec, texts: Vec::new(), empty: 0 }))
    }

    pub fn task(&self) -> &TaskName {
        &self.task
    }

    /// Rows for which nothing was written.
    pub fn empty(&self) -> usize {
        self.empty
    }

    /// Writes for a batch that begins with the row `first`, from what the model was fed and gave for it.
    pub fn take(
        &mut self,
        session: &mut OnnxSession,
        card: &ModelCard,
        (inputs, outputs): (&[(String, Array)], &[(String, Array)]),
        first: u64,
    ) -> Result<(), RunError> {
        let written = match &mut self.writer {
            Some(writer) => Some(writer.write(outputs, first, card.seed)?),
            None => go_on(session, &card.signature, &self.signature, inputs, first, card.seed)?,
        };
        let Some(written) = written else {
            // A language model that reads more than tokens.
            let rows = inputs.first().map_or(0, |(_, array)| array.rows());
            self.texts.extend(std::iter::repeat_n(None, rows));
            return Ok(());
        };
        let rows = inputs.first().map_or(0, |(_, array)| array.rows());
        if written.len() != rows {
            return Err(RunError::OtherModel { output: self.task.to_string() });
        }
        for tokens in written {
            let text = self.codec.decode(&tokens)?;
            self.empty += usize::from(text.trim().is_empty());
            self.texts.push(Some(text));
        }
        Ok(())
    }

    /// What it wrote.
    pub fn column(self) -> AnswerColumn {
        AnswerColumn::Text(self.texts)
    }
}
