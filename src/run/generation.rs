//! Text generation with ONNX Runtime: a decoder graph that is called once per token.

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

/// The decoder graph of one task.
#[derive(Debug)]
pub struct OnnxDecoder {
    session: OnnxSession,
    task: TaskSignature,
}

impl OnnxDecoder {
    /// Opens the decoder of a sequence-to-sequence task from its file; `None` for any other task.
    pub fn open(runtime: &OnnxRuntime, file: &Path, task: &TaskSignature) -> Result<Option<Self>, OnnxError> {
        if !matches!(task.target, FittedTarget::Text { .. }) {
            return Ok(None);
        }
        let session = OnnxSession::open(runtime, file)?;
        Ok(Some(Self { session, task: task.clone() }))
    }

    /// Generates the text of each row, as tokens without the end token, from the main model's outputs for a
    /// batch. `first` is the number of the first row.
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
            Some(request) => search(&mut stepper, config, &request),
            None => Ok(vec![Vec::new(); stepper.lineage.len()]),
        }
    }

    /// The logits of the token after this text, for one row.
    pub fn next_logits(
        &mut self,
        outputs: &[(String, Array)],
        row: u32,
        text: &[u32],
    ) -> Result<Vec<f32>, OnnxError> {
        let Some(vocabulary) = self.task.target.output_tokenizer().map(|tokenizer| tokenizer.size) else {
            return Ok(Vec::new());
        };
        let row_outputs = outputs.iter().filter(|(_, array)| array.rows() > row as usize);
        let row_outputs: Vec<_> =
            row_outputs.map(|(name, array)| (name.clone(), array.gather(&[row]))).collect();
        let mut stepper = OnnxStepper::new(&mut self.session, &self.task.name, &row_outputs, vocabulary)?;
        let mut logits = Vec::new();
        for token in std::iter::once(vocabulary as u32).chain(text.iter().copied()) {
            logits = stepper.step(&[token], &[0])?;
        }
        Ok(logits)
    }
}

/// A language model whose only input is tokens; it rereads all of them at every step.
struct LanguageModelStepper<'a> {
    session: &'a mut OnnxSession,
    tokenizer: &'a Tokenizer,
    input: &'a str,
    /// The context length, in tokens.
    longest: usize,
    logits_output: String,
    /// The tokens of the batch's rows, without padding.
    texts: Vec<Vec<u32>>,
}

impl<'a> LanguageModelStepper<'a> {
    /// `None` for other tasks, and if the model has other inputs.
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
        let (input, logits_output) = (input.name.as_str(), format!("{}_{LOGITS}", task.name));
        Some(Self { session, tokenizer, input, longest: *longest, logits_output, texts })
    }

    /// The logits of the token after each text, `[texts * vocabulary]`.
    fn next(&mut self, texts: &[Vec<u32>]) -> Result<Vec<f32>, OnnxError> {
        let (pad, longest) = (i64::from(self.tokenizer.pad), texts.iter().map(Vec::len).max().unwrap_or(0));
        let padded = texts.iter().flat_map(|text| {
            let tokens = text.iter().map(|token| i64::from(*token));
            tokens.chain(std::iter::repeat_n(pad, longest - text.len()))
        });
        let input = Array::new(&[texts.len(), longest], ArrayValues::I64(padded.collect()));
        let outputs = self.session.run(&[(self.input.to_owned(), input)])?;
        match outputs.into_iter().find(|(name, _)| *name == self.logits_output) {
            Some((_, Array { values: ArrayValues::F32(logits), .. })) => {
                check_count(&self.logits_output, logits.len(), texts.len() * self.tokenizer.size)?;
                Ok(logits)
            }
            _ => Err(missing_output(&self.logits_output)),
        }
    }
}

/// The continuations that a language model generates for the tokens of a batch; `None` if the model has other
/// inputs than tokens. `first` is the number of the first row.
pub fn continue_inputs(
    session: &mut OnnxSession,
    signature: &Signature,
    task: &TaskSignature,
    inputs: &[(String, Array)],
    first: u64,
    seed: u64,
) -> Result<Option<Vec<Vec<u32>>>, OnnxError> {
    let FittedTarget::LanguageModel { length, search: config, .. } = &task.target else { return Ok(None) };
    let Some(mut model) = LanguageModelStepper::for_task(session, signature, task, inputs) else {
        return Ok(None);
    };
    let texts = std::mem::take(&mut model.texts);
    let rows = first..first + texts.len() as u64;
    let Some(request) = DecodeRequest::for_rows(model.tokenizer, *length, rows, seed) else {
        return Ok(None);
    };
    let longest = model.longest;
    search(
        &mut FullContextStepper::new(texts, longest, |texts: &[Vec<u32>]| model.next(texts)),
        config,
        &request,
    )
    .map(Some)
}

/// The logits of the token after one row's tokens followed by this text; empty if the model has other inputs
/// than tokens.
pub fn next_logits(
    session: &mut OnnxSession,
    signature: &Signature,
    task: &TaskSignature,
    inputs: &[(String, Array)],
    (row, text): (u32, &[u32]),
) -> Result<Vec<f32>, OnnxError> {
    let Some(mut model) = LanguageModelStepper::for_task(session, signature, task, inputs) else {
        return Ok(Vec::new());
    };
    let Some(prompt) = model.texts.get(row as usize) else { return Ok(Vec::new()) };
    let mut tokens = [prompt.as_slice(), text].concat();
    tokens.drain(..tokens.len().saturating_sub(model.longest));
    model.next(&[tokens])
}

/// Computes the next tokens' logits for a batch of hypotheses.
struct OnnxStepper<'a> {
    session: &'a mut OnnxSession,
    /// The decoder's inputs, the tokens first.
    inputs: Vec<(String, Array)>,
    /// The encoder's outputs by row, with their index in `inputs`, where they are expanded by hypothesis.
    encoded: Vec<(usize, Array)>,
    /// Indices of the recurrent states in `inputs`, and the outputs with their next values.
    states: Vec<(usize, String)>,
    lineage: BeamParents,
    /// The number of logits of each hypothesis.
    vocabulary: usize,
}

/// Checks an output's size: the model file may come from anywhere.
fn check_count(name: &str, count: usize, expected: usize) -> Result<(), OnnxError> {
    match count == expected {
        true => Ok(()),
        false => Err(OnnxError::Run { reason: format!("`{name}` has {count} values, expected {expected}") }),
    }
}

fn missing_output(name: &str) -> OnnxError {
    OnnxError::Run { reason: format!("the output `{name}` is missing") }
}

impl<'a> OnnxStepper<'a> {
    fn new(
        session: &'a mut OnnxSession,
        task: &TaskName,
        outputs: &[(String, Array)],
        vocabulary: usize,
    ) -> Result<Self, OnnxError> {
        let mut inputs = vec![(TOKEN.to_owned(), Array::new(&[0], ArrayValues::I64(Vec::new())))];
        let (mut encoded, mut states) = (Vec::new(), Vec::new());
        for port in session.inputs().iter().filter(|port| port.name != TOKEN) {
            let output = format!("{task}_{}", port.name);
            let found = outputs.iter().find(|(name, _)| *name == output);
            let (_, array) = found.ok_or(OnnxError::MissingInput { name: output })?;
            let next = format!("{}{NEXT}", port.name);
            match session.outputs().iter().any(|output| output.name == next) {
                true => states.push((inputs.len(), next)),
                false => encoded.push((inputs.len(), array.clone())),
            }
            inputs.push((port.name.clone(), array.clone()));
        }
        let rows = inputs.last().map_or(0, |(_, array)| array.rows());
        inputs.iter().skip(1).try_for_each(|(name, array)| check_count(name, array.rows(), rows))?;
        Ok(Self { session, inputs, encoded, states, lineage: BeamParents::identity(rows), vocabulary })
    }
}

impl Stepper for OnnxStepper<'_> {
    type Error = OnnxError;

    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> Result<Vec<f32>, OnnxError> {
        if let Some(reordered) = self.lineage.follow(parents) {
            for (index, _) in &self.states {
                self.inputs[*index].1 = self.inputs[*index].1.gather(&reordered.parents);
            }
            if let Some(rows) = &reordered.rows {
                for (index, all) in &self.encoded {
                    self.inputs[*index].1 = all.gather(rows);
                }
            }
        }
        let tokens: Vec<i64> = tokens.iter().map(|token| i64::from(*token)).collect();
        self.inputs[0].1 = Array::new(&[tokens.len()], ArrayValues::I64(tokens));
        let mut outputs = self.session.run(&self.inputs)?;
        let mut take = |output: &str| {
            let found = outputs.iter_mut().find(|(name, _)| name == output);
            let take = |(_, array): &mut (String, Array)| std::mem::replace(array, Array::f32(&[0], vec![]));
            found.map(take).ok_or_else(|| missing_output(output))
        };
        for (index, next) in &self.states {
            let state = take(next)?;
            check_count(next, state.rows(), self.lineage.len())?;
            self.inputs[*index].1 = state;
        }
        match take(LOGITS)?.values {
            ArrayValues::F32(logits) => {
                check_count(LOGITS, logits.len(), self.lineage.len() * self.vocabulary)?;
                Ok(logits)
            }
            _ => Err(OnnxError::Run { reason: format!("`{LOGITS}` is not of type float") }),
        }
    }
}
