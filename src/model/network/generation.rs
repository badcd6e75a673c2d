//! Tasks that generate text: generated texts, losses of the true texts, and decoder graphs.

use std::ops::Range;

use crate::decode::search::continuation::FullContextStepper;
use crate::decode::search::{DecodeRequest, search};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::name::TaskName;
use crate::domain::signature::{Encoding, InputSignature};
use crate::domain::table::EncodedTable;
use crate::domain::task::FittedTarget;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::generation::generate;
use crate::model::head::text_writer::{TextWriter, TokenLosses};
use crate::model::labels::Labels;
use crate::model::mode::Mode;
use crate::model::network::Network;
use crate::model::weights::host;
use crate::onnx::graph::Graph;

impl Network {
    /// Generates a text per row, as tokens without the end token; it may be empty. `None` if the task does
    /// not generate text. Sampling depends on `seed` and the row numbers `rows`.
    pub fn generate(
        &self,
        task: usize,
        inputs: &[Activations],
        rows: Range<u64>,
        seed: u64,
    ) -> ModelResult<Option<Vec<Vec<u32>>>> {
        let Some(x) = self.features(task, inputs)? else { return Ok(None) };
        generate(self.tasks[task].head.as_ref(), &x, &self.signature.tasks[task].target, rows, seed)
    }

    /// Generates a text for each of these rows of a table, in batches. A language model whose only input is
    /// tokens continues them; `None` for other language models and for tasks that do not generate text.
    pub fn generate_rows(
        &self,
        task: usize,
        table: &EncodedTable,
        rows: &[u32],
        seed: u64,
    ) -> ModelResult<Option<Vec<Vec<u32>>>> {
        let mut texts = Vec::with_capacity(rows.len());
        for rows in rows.chunks(self.inference_batch_size()) {
            let numbers = texts.len() as u64..(texts.len() + rows.len()) as u64;
            let generated = match &self.signature.tasks[task].target {
                FittedTarget::LanguageModel { .. } => self.continue_text(task, table, rows, numbers, seed)?,
                _ => self.generate(task, &self.input_tensors(table, Some(rows))?, numbers, seed)?,
            };
            let Some(generated) = generated else { return Ok(None) };
            texts.extend(generated);
        }
        Ok(Some(texts))
    }

    /// Continuations of these rows by a language model.
    fn continue_text(
        &self,
        task: usize,
        table: &EncodedTable,
        rows: &[u32],
        numbers: Range<u64>,
        seed: u64,
    ) -> ModelResult<Option<Vec<Vec<u32>>>> {
        let [input] = &self.signature.inputs[..] else { return Ok(None) };
        let FittedTarget::LanguageModel { tokenizer, length, search: config, .. } =
            &self.signature.tasks[task].target
        else {
            return Ok(None);
        };
        let Encoding::Tokens { length: longest, .. } = &input.encoding else { return Ok(None) };
        let array =
            table.inputs.iter().find(|(name, _)| *name == input.name).map(|(_, array)| array.gather(rows));
        let Some(Array { values: ArrayValues::U32(tokens), offsets: Some(offsets), .. }) = array else {
            return Ok(None);
        };
        let texts = offsets.windows(2).map(|row| tokens[row[0] as usize..row[1] as usize].to_vec()).collect();
        let next = |texts: &[Vec<u32>]| self.next_token_logits(task, input, texts);
        let Some(request) = DecodeRequest::for_rows(tokenizer, *length, numbers, seed) else {
            return Ok(None);
        };
        search(&mut FullContextStepper::new(texts, *longest, next), config, &request).map(Some)
    }

    /// Logits of the token after each text, `[texts, vocabulary]`.
    fn next_token_logits(
        &self,
        task: usize,
        input: &InputSignature,
        texts: &[Vec<u32>],
    ) -> ModelResult<Vec<f32>> {
        let mut end = 0;
        let ends = texts.iter().map(|text| {
            end += text.len() as u32;
            end
        });
        let offsets = std::iter::once(0).chain(ends).collect();
        let texts = Array::ragged(&[], ArrayValues::U32(texts.concat()), offsets);
        let inputs = self.inputs.input_tensors(&[(input.name.clone(), texts)], &[], None, self.device())?;
        let (Some(x), Some(writer)) = (self.features(task, &inputs)?, self.tasks[task].head.writer()) else {
            return Ok(Vec::new());
        };
        writer.memory(&x)?.pop().map_or(Ok(Vec::new()), |(_, logits)| host(&logits))
    }

    /// Losses of the true texts of the labels' task; `None` if it does not generate text.
    pub fn token_losses(&self, inputs: &[Activations], labels: &Labels) -> ModelResult<Option<TokenLosses>> {
        let Some(writer) = self.tasks[labels.task].head.writer() else { return Ok(None) };
        let Some(x) = self.features(labels.task, inputs)? else { return Ok(None) };
        writer.token_losses(&x, labels).map(Some)
    }

    /// The exported model's outputs for a task that generates text, by name; empty for other tasks.
    pub fn decoder_inputs(&self, task: usize, inputs: &[Activations]) -> ModelResult<Vec<(String, Array)>> {
        let Some(writer) = self.tasks[task].head.writer() else { return Ok(Vec::new()) };
        let Some(x) = self.features(task, inputs)? else { return Ok(Vec::new()) };
        let named = writer.memory(&x)?.into_iter().map(|(port, value)| {
            let name = format!("{}_{}", self.tasks[task].name, port.name);
            Ok((name, Array::f32(value.dims(), host(&value)?)))
        });
        named.collect()
    }

    /// ONNX graphs of one decoding step, one for each task with a decoder.
    pub fn decoders_to_onnx(&self) -> ModelResult<Vec<(TaskName, Graph)>> {
        let mut graphs = Vec::new();
        for head in &self.tasks {
            if let Some(graph) = head.head.writer().map(TextWriter::decoder_to_onnx).transpose()?.flatten() {
                graphs.push((head.name.clone(), graph));
            }
        }
        Ok(graphs)
    }

    /// The input of a task's output head, in evaluation mode.
    fn features(&self, task: usize, inputs: &[Activations]) -> ModelResult<Option<Activations>> {
        Ok(self.task_activations(inputs, &Mode::evaluate(), &[task])?.swap_remove(task).features)
    }
}
