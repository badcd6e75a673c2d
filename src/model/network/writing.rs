//! What a network says where a task writes tokens: texts, what true texts cost, and its decoders' graphs.

use std::ops::Range;

use crate::domain::array::{Array, Values};
use crate::domain::name::TaskName;
use crate::domain::search::continuation::Continuation;
use crate::domain::table::Table;
use crate::model::error::Result;
use crate::model::generation::generate;
use crate::model::head::writer::{Tally, Writer};
use crate::model::labels::Labels;
use crate::model::mode::Mode;
use crate::model::network::Network;
use crate::model::signal::Signal;
use crate::model::weights::host;
use crate::onnx::graph::Graph;

impl Network {
    /// The text of each row, as tokens without the end; an empty one is possible. `None` for a task that does
    /// not write texts. `rows` are the rows' numbers, on which sampling depends beside `seed`.
    pub fn generate(
        &self,
        task: usize,
        inputs: &[Signal],
        rows: Range<u64>,
        seed: u64,
    ) -> Result<Option<Vec<Vec<u32>>>> {
        let Some(x) = self.read(task, inputs)? else { return Ok(None) };
        generate(self.tasks[task].head.as_ref(), &x, &self.signature.tasks[task].target, rows, seed)
    }

    /// `generate` of these rows of a table, so many at a time as are comfortable.
    pub fn write(
        &self,
        task: usize,
        table: &Table,
        rows: &[u32],
        seed: u64,
    ) -> Result<Option<Vec<Vec<u32>>>> {
        let mut texts = Vec::with_capacity(rows.len());
        for rows in rows.chunks(self.comfortable_rows()) {
            let numbers = texts.len() as u64..(texts.len() + rows.len()) as u64;
            let Some(more) = self.generate(task, &self.signals(table, Some(rows))?, numbers, seed)? else {
                return Ok(None);
            };
            texts.extend(more);
        }
        Ok(Some(texts))
    }

    /// What the true texts of the labels' task cost; `None` for a task that does not write.
    pub fn tally(&self, inputs: &[Signal], labels: &Labels) -> Result<Option<Tally>> {
        let Some(writer) = self.tasks[labels.task].head.writer() else { return Ok(None) };
        let Some(x) = self.read(labels.task, inputs)? else { return Ok(None) };
        writer.tally(&x, labels).map(Some)
    }

    /// What the exported model gives for a task that writes, by the outputs' names.
    pub fn memory(&self, task: usize, inputs: &[Signal]) -> Result<Vec<(String, Array)>> {
        let Some(writer) = self.tasks[task].head.writer() else { return Ok(Vec::new()) };
        let Some(x) = self.read(task, inputs)? else { return Ok(Vec::new()) };
        let named = writer.memory(&x)?.into_iter().map(|(port, value)| {
            let name = format!("{}_{}", self.tasks[task].name, port.name);
            Ok((name, Array::f32(value.dims(), host(&value)?)))
        });
        named.collect()
    }

    /// The decoders of the tasks that have one, each as a graph of its own: one token more.
    pub fn emit_decoders(&self) -> Result<Vec<(TaskName, Graph)>> {
        let mut graphs = Vec::new();
        for tower in &self.tasks {
            if let Some(graph) = tower.head.writer().map(Writer::emit_decoder).transpose()?.flatten() {
                graphs.push((tower.name.clone(), graph));
            }
        }
        Ok(graphs)
    }

    /// What comes next after each text by a language model that reads nothing but them; `None` for any other
    /// task. Texts longer than `length` are read from behind.
    pub fn continuation<'a>(
        &'a self,
        task: usize,
        texts: Vec<Vec<u32>>,
        length: usize,
    ) -> Option<Continuation<impl FnMut(&[Vec<u32>]) -> Result<Vec<f32>> + use<'a>>> {
        let writer = self.tasks[task].head.writer().filter(|_| self.signature.inputs.len() == 1)?;
        let name = self.signature.inputs[0].name.clone();
        let next = move |texts: &[Vec<u32>]| {
            let mut end = 0;
            let ends = texts.iter().map(|text| {
                end += text.len() as u32;
                end
            });
            let offsets = std::iter::once(0).chain(ends).collect();
            let texts = Array::ragged(&[], Values::U32(texts.concat()), offsets);
            let inputs = self.inputs.signals(&[(name.clone(), texts)], None, self.device())?;
            let Some(x) = self.read(task, &inputs)? else { return Ok(Vec::new()) };
            match writer.memory(&x)?.pop() {
                Some((_, logits)) => host(&logits),
                None => Ok(Vec::new()),
            }
        };
        Some(Continuation::new(texts, length, next))
    }

    /// What a task's head reads, answering.
    fn read(&self, task: usize, inputs: &[Signal]) -> Result<Option<Signal>> {
        Ok(self.walk(inputs, &Mode::evaluate(), &[task])?.swap_remove(task).read)
    }
}
