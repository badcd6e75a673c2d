//! Texts written by ONNX Runtime: a decoder's graph, called once for every token.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::domain::array::{Array, Values};
use crate::domain::name::TaskName;
use crate::domain::search::continuation::Continuation;
use crate::domain::search::{Order, Stepper, search};
use crate::domain::signature::{Encoding, Signature, TaskSignature};
use crate::domain::task::Target;
use crate::onnx::error::Error;
use crate::onnx::runtime::Runtime;
use crate::onnx::session::Session;

/// The file of a task's decoder, in a bundle.
pub fn file(task: &TaskName) -> PathBuf {
    PathBuf::from(format!("{task}{SUFFIX}"))
}

/// What the names of all such files end with.
pub const SUFFIX: &str = ".decoder.onnx";

const TOKEN: &str = "token";
const LOGITS: &str = "logits";
const NEXT: &str = "_next";

/// One task's decoder, ready to write.
#[derive(Debug)]
pub struct Writer {
    session: Session,
    task: TaskSignature,
}

impl Writer {
    /// The decoder of a task that writes texts, from a bundle's folder; `None` for any other task.
    pub fn open(runtime: &Runtime, folder: &Path, task: &TaskSignature) -> Result<Option<Self>, Error> {
        if !matches!(task.target, Target::Text { .. }) {
            return Ok(None);
        }
        let session = Session::open(runtime, &folder.join(file(&task.name)))?;
        Ok(Some(Self { session, task: task.clone() }))
    }

    /// The text of each row, as tokens without the end, from what the main model gave for a batch. `first` is
    /// the number of its first row.
    pub fn write(
        &mut self,
        outputs: &[(String, Array)],
        first: u64,
        seed: u64,
    ) -> Result<Vec<Vec<u32>>, Error> {
        let Target::Text { tokenizer, length, search: words, .. } = &self.task.target else {
            return Ok(Vec::new());
        };
        let mut pen = Pen::new(&mut self.session, &self.task.name, outputs)?;
        let rows: Range<u64> = first..first + pen.origins.len() as u64;
        match Order::of(tokenizer, *length, rows, seed) {
            Some(order) => search(&mut pen, words, &order),
            None => Ok(vec![Vec::new(); pen.origins.len()]),
        }
    }
}

/// What a language model goes on with the tokens of a batch with, reading all of them again at every step;
/// `None` when it reads anything but tokens. `first` is the number of the first row.
pub fn go_on(
    session: &mut Session,
    signature: &Signature,
    task: &TaskSignature,
    inputs: &[(String, Array)],
    first: u64,
    seed: u64,
) -> Result<Option<Vec<Vec<u32>>>, Error> {
    let (Target::LanguageModel { tokenizer, length, search: words }, [input]) =
        (&task.target, &signature.inputs[..])
    else {
        return Ok(None);
    };
    let Encoding::Tokens { length: longest, .. } = &input.encoding else { return Ok(None) };
    let Some((_, Array { values: Values::I64(tokens), shape, .. })) =
        inputs.iter().find(|(name, _)| name == input.name.as_str())
    else {
        return Ok(None);
    };
    let rows = first..first + shape[0] as u64;
    let Some(order) = Order::of(tokenizer, *length, rows, seed) else { return Ok(None) };
    let pad = i64::from(tokenizer.pad);
    let real = |row: &[i64]| row.iter().filter(|token| **token != pad).map(|token| *token as u32).collect();
    let texts = tokens.chunks(shape[1].max(1)).map(real).collect();
    let wanted = format!("{}_{LOGITS}", task.name);
    let next = |texts: &[Vec<u32>]| {
        let longest = texts.iter().map(Vec::len).max().unwrap_or(0);
        let padded = texts.iter().flat_map(|text| {
            let tokens = text.iter().map(|token| i64::from(*token));
            tokens.chain(std::iter::repeat_n(pad, longest - text.len()))
        });
        let fed = Array::new(&[texts.len(), longest], Values::I64(padded.collect()));
        let outputs = session.run(&[(input.name.to_string(), fed)])?;
        match outputs.into_iter().find(|(name, _)| *name == wanted) {
            Some((_, Array { values: Values::F32(logits), .. })) => Ok(logits),
            _ => Err(Error::Run { reason: format!("it gave no output `{wanted}`") }),
        }
    };
    search(&mut Continuation::new(texts, *longest, next), words, &order).map(Some)
}

/// Says the next tokens of a batch.
struct Pen<'a> {
    session: &'a mut Session,
    /// What the decoder is fed, the tokens first.
    inputs: Vec<(String, Array)>,
    /// What was read, by row, and its place among the inputs: there it stands by hypothesis.
    read: Vec<(usize, Array)>,
    /// Places of the states among the inputs, and the outputs that come after them.
    states: Vec<(usize, String)>,
    /// The row each hypothesis belongs to.
    origins: Vec<u32>,
}

impl<'a> Pen<'a> {
    fn new(session: &'a mut Session, task: &TaskName, outputs: &[(String, Array)]) -> Result<Self, Error> {
        let mut inputs = vec![(TOKEN.to_owned(), Array::new(&[0], Values::I64(Vec::new())))];
        let (mut read, mut states) = (Vec::new(), Vec::new());
        for port in session.inputs().iter().filter(|port| port.name != TOKEN) {
            let wanted = format!("{task}_{}", port.name);
            let found = outputs.iter().find(|(name, _)| *name == wanted);
            let (_, array) = found.ok_or(Error::MissingInput { name: wanted })?;
            let next = format!("{}{NEXT}", port.name);
            match session.outputs().iter().any(|output| output.name == next) {
                true => states.push((inputs.len(), next)),
                false => read.push((inputs.len(), array.clone())),
            }
            inputs.push((port.name.clone(), array.clone()));
        }
        let rows = inputs.last().map_or(0, |(_, array)| array.rows());
        Ok(Self { session, inputs, read, states, origins: (0..rows as u32).collect() })
    }
}

impl Stepper for Pen<'_> {
    type Error = Error;

    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> Result<Vec<f32>, Error> {
        if !parents.iter().copied().eq(0..self.origins.len()) {
            let places: Vec<u32> = parents.iter().map(|parent| *parent as u32).collect();
            for (place, _) in &self.states {
                self.inputs[*place].1 = self.inputs[*place].1.gather(&places);
            }
            let origins: Vec<u32> = parents.iter().map(|parent| self.origins[*parent]).collect();
            if origins != self.origins {
                for (place, all) in &self.read {
                    self.inputs[*place].1 = all.gather(&origins);
                }
                self.origins = origins;
            }
        }
        let tokens: Vec<i64> = tokens.iter().map(|token| i64::from(*token)).collect();
        self.inputs[0].1 = Array::new(&[tokens.len()], Values::I64(tokens));
        let mut outputs = self.session.run(&self.inputs)?;
        let mut take = |wanted: &str| {
            let found = outputs.iter_mut().find(|(name, _)| name == wanted);
            let missing = || Error::Run { reason: format!("it gave no output `{wanted}`") };
            found.map(|(_, array)| std::mem::replace(array, Array::f32(&[0], Vec::new()))).ok_or_else(missing)
        };
        for (place, next) in &self.states {
            self.inputs[*place].1 = take(next)?;
        }
        match take(LOGITS)?.values {
            Values::F32(logits) => Ok(logits),
            _ => Err(Error::Run { reason: format!("`{LOGITS}` are not floats") }),
        }
    }
}
