//! Texts written by ONNX Runtime: a decoder's graph, called once for every token.

use std::ops::Range;
use std::path::Path;

use crate::decode::search::beam_parents::BeamParents;
use crate::decode::search::continuation::FullContextStepper;
use crate::decode::search::{DecodeRequest, Stepper, search};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::name::TaskName;
use crate::domain::signature::{Encoding, Signature, TaskSignature};
use crate::domain::task::FittedTarget;
use crate::domain::tokenizer::Tokenizer;
use crate::onnx::error::OnnxError;
use crate::onnx::runtime::OnnxRuntime;
use crate::onnx::session::OnnxSession;

const TOKEN: &str = "token";
const LOGITS: &str = "logits";
const NEXT: &str = "_next";

/// One task's decoder, ready to write.
#[derive(Debug)]
pub struct OnnxWriter {
    session: OnnxSession,
    task: TaskSignature,
}

impl OnnxWriter {
    /// The decoder of a task that writes texts, from its file; `None` for any other task.
    pub fn open(runtime: &OnnxRuntime, file: &Path, task: &TaskSignature) -> Result<Option<Self>, OnnxError> {
        if !matches!(task.target, FittedTarget::Text { .. }) {
            return Ok(None);
        }
        let session = OnnxSession::open(runtime, file)?;
        Ok(Some(Self { session, task: task.clone() }))
    }

    /// The text of each row, as tokens without the end, from what the main model gave for a batch. `first` is
    /// the number of its first row.
    pub fn write(
        &mut self,
        outputs: &[(String, Array)],
        first: u64,
        seed: u64,
    ) -> Result<Vec<Vec<u32>>, OnnxError> {
        let FittedTarget::Text { tokenizer, length, search: config, .. } = &self.task.target else {
            return Ok(Vec::new());
        };
        let mut stepper = OnnxStepper::new(&mut self.session, &self.task.name, outputs, tokenizer.size)?;
        let rows: Range<u64> = first..first + stepper.lineage.len() as u64;
        match DecodeRequest::for_rows(tokenizer, *length, rows, seed) {
            Some(order) => search(&mut stepper, config, &order),
            None => Ok(vec![Vec::new(); stepper.lineage.len()]),
        }
    }
}

impl OnnxWriter {
    /// The logits of the token that comes after this text of one row.
    pub fn after(
        &mut self,
        outputs: &[(String, Array)],
        row: u32,
        text: &[u32],
    ) -> Result<Vec<f32>, OnnxError> {
        let Some(vocabulary) = self.task.target.writes().map(|tokenizer| tokenizer.size) else {
            return Ok(Vec::new());
        };
        let own = outputs.iter().filter(|(_, array)| array.rows() > row as usize);
        let own: Vec<_> = own.map(|(name, array)| (name.clone(), array.gather(&[row]))).collect();
        let mut stepper = OnnxStepper::new(&mut self.session, &self.task.name, &own, vocabulary)?;
        let mut logits = Vec::new();
        for token in std::iter::once(vocabulary as u32).chain(text.iter().copied()) {
            logits = stepper.step(&[token], &[0])?;
        }
        Ok(logits)
    }
}

/// A language model that reads nothing but tokens, and reads all of them again at every step.
struct LanguageModelStepper<'a> {
    session: &'a mut OnnxSession,
    tokenizer: &'a Tokenizer,
    input: &'a str,
    /// Tokens that are read at most.
    longest: usize,
    wanted: String,
    /// The batch's texts.
    texts: Vec<Vec<u32>>,
}

impl<'a> LanguageModelStepper<'a> {
    /// `None` where the model reads anything but tokens.
    fn for_task(
        session: &'a mut OnnxSession,
        signature: &'a Signature,
        task: &'a TaskSignature,
        inputs: &[(String, Array)],
    ) -> Option<Self> {
        let (FittedTarget::LanguageModel { tokenizer, .. }, [input]) = (&task.target, &signature.inputs[..])
        else {
            return None;
        };
        let Encoding::Tokens { length: longest, .. } = &input.encoding else { return None };
        let (_, array) = inputs.iter().find(|(name, _)| name == input.name.as_str())?;
        let ArrayValues::I64(tokens) = &array.values else { return None };
        let pad = i64::from(tokenizer.pad);
        let real =
            |row: &[i64]| row.iter().filter(|token| **token != pad).map(|token| *token as u32).collect();
        let texts = tokens.chunks(array.width().max(1)).map(real).collect();
        let (input, wanted) = (input.name.as_str(), format!("{}_{LOGITS}", task.name));
        Some(Self { session, tokenizer, input, longest: *longest, wanted, texts })
    }

    /// The logits of the token after each of these texts.
    fn next(&mut self, texts: &[Vec<u32>]) -> Result<Vec<f32>, OnnxError> {
        let (pad, longest) = (i64::from(self.tokenizer.pad), texts.iter().map(Vec::len).max().unwrap_or(0));
        let padded = texts.iter().flat_map(|text| {
            let tokens = text.iter().map(|token| i64::from(*token));
            tokens.chain(std::iter::repeat_n(pad, longest - text.len()))
        });
        let fed = Array::new(&[texts.len(), longest], ArrayValues::I64(padded.collect()));
        let outputs = self.session.run(&[(self.input.to_owned(), fed)])?;
        match outputs.into_iter().find(|(name, _)| *name == self.wanted) {
            Some((_, Array { values: ArrayValues::F32(logits), .. })) => {
                counted(&self.wanted, logits.len(), texts.len() * self.tokenizer.size)?;
                Ok(logits)
            }
            _ => Err(OnnxError::Run { reason: format!("it gave no output `{}`", self.wanted) }),
        }
    }
}

/// What a language model goes on with the tokens of a batch with; `None` when it reads anything but tokens.
/// `first` is the number of the first row.
pub fn go_on(
    session: &mut OnnxSession,
    signature: &Signature,
    task: &TaskSignature,
    inputs: &[(String, Array)],
    first: u64,
    seed: u64,
) -> Result<Option<Vec<Vec<u32>>>, OnnxError> {
    let FittedTarget::LanguageModel { length, search: config, .. } = &task.target else { return Ok(None) };
    let Some(mut reader) = LanguageModelStepper::for_task(session, signature, task, inputs) else {
        return Ok(None);
    };
    let texts = std::mem::take(&mut reader.texts);
    let rows = first..first + texts.len() as u64;
    let Some(order) = DecodeRequest::for_rows(reader.tokenizer, *length, rows, seed) else { return Ok(None) };
    let longest = reader.longest;
    search(
        &mut FullContextStepper::new(texts, longest, |texts: &[Vec<u32>]| reader.next(texts)),
        config,
        &order,
    )
    .map(Some)
}

/// The logits of the token that comes after one row's tokens and this text.
pub fn after(
    session: &mut OnnxSession,
    signature: &Signature,
    task: &TaskSignature,
    inputs: &[(String, Array)],
    (row, text): (u32, &[u32]),
) -> Result<Vec<f32>, OnnxError> {
    let Some(mut reader) = LanguageModelStepper::for_task(session, signature, task, inputs) else {
        return Ok(Vec::new());
    };
    let Some(own) = reader.texts.get(row as usize) else { return Ok(Vec::new()) };
    let mut whole = [own.as_slice(), text].concat();
    whole.drain(..whole.len().saturating_sub(reader.longest));
    reader.next(&[whole])
}

/// Says the next tokens of a batch.
struct OnnxStepper<'a> {
    session: &'a mut OnnxSession,
    /// What the decoder is fed, the tokens first.
    inputs: Vec<(String, Array)>,
    /// What was read, by row, and its place among the inputs: there it stands by hypothesis.
    read: Vec<(usize, Array)>,
    /// Places of the states among the inputs, and the outputs that come after them.
    states: Vec<(usize, String)>,
    lineage: BeamParents,
    /// Logits of each hypothesis.
    vocabulary: usize,
}

/// A model may come from anywhere: what it gives must be as much as was asked for.
fn counted(name: &str, count: usize, expected: usize) -> Result<(), OnnxError> {
    match count == expected {
        true => Ok(()),
        false => Err(OnnxError::Run { reason: format!("of `{name}` it gave {count}, expected {expected}") }),
    }
}

impl<'a> OnnxStepper<'a> {
    fn new(
        session: &'a mut OnnxSession,
        task: &TaskName,
        outputs: &[(String, Array)],
        vocabulary: usize,
    ) -> Result<Self, OnnxError> {
        let mut inputs = vec![(TOKEN.to_owned(), Array::new(&[0], ArrayValues::I64(Vec::new())))];
        let (mut read, mut states) = (Vec::new(), Vec::new());
        for port in session.inputs().iter().filter(|port| port.name != TOKEN) {
            let wanted = format!("{task}_{}", port.name);
            let count = outputs.iter().find(|(name, _)| *name == wanted);
            let (_, array) = count.ok_or(OnnxError::MissingInput { name: wanted })?;
            let next = format!("{}{NEXT}", port.name);
            match session.outputs().iter().any(|output| output.name == next) {
                true => states.push((inputs.len(), next)),
                false => read.push((inputs.len(), array.clone())),
            }
            inputs.push((port.name.clone(), array.clone()));
        }
        let rows = inputs.last().map_or(0, |(_, array)| array.rows());
        inputs.iter().skip(1).try_for_each(|(name, array)| counted(name, array.rows(), rows))?;
        Ok(Self { session, inputs, read, states, lineage: BeamParents::identity(rows), vocabulary })
    }
}

impl Stepper for OnnxStepper<'_> {
    type Error = OnnxError;

    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> Result<Vec<f32>, OnnxError> {
        if let Some(moved) = self.lineage.follow(parents) {
            for (index, _) in &self.states {
                self.inputs[*index].1 = self.inputs[*index].1.gather(&moved.parents);
            }
            if let Some(rows) = &moved.rows {
                for (index, all) in &self.read {
                    self.inputs[*index].1 = all.gather(rows);
                }
            }
        }
        let tokens: Vec<i64> = tokens.iter().map(|token| i64::from(*token)).collect();
        self.inputs[0].1 = Array::new(&[tokens.len()], ArrayValues::I64(tokens));
        let mut outputs = self.session.run(&self.inputs)?;
        let mut take = |wanted: &str| {
            let count = outputs.iter_mut().find(|(name, _)| name == wanted);
            let missing = || OnnxError::Run { reason: format!("it gave no output `{wanted}`") };
            count.map(|(_, array)| std::mem::replace(array, Array::f32(&[0], Vec::new()))).ok_or_else(missing)
        };
        for (index, next) in &self.states {
            let state = take(next)?;
            counted(next, state.rows(), self.lineage.len())?;
            self.inputs[*index].1 = state;
        }
        match take(LOGITS)?.values {
            ArrayValues::F32(logits) => {
                counted(LOGITS, logits.len(), self.lineage.len() * self.vocabulary)?;
                Ok(logits)
            }
            _ => Err(OnnxError::Run { reason: format!("`{LOGITS}` are not floats") }),
        }
    }
}
