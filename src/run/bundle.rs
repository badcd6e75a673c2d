//! A bundle: a folder with a model and the card that explains it. All that predicting and proving
//! need; no run, no data, no database.

use std::path::{Path, PathBuf};

use crate::data::raw;
pub use crate::data::raw::RawRows;
use crate::domain::answer::answer_names;
use crate::domain::array::{Array, Values};
use crate::domain::event::{OutputParity, Parity};
use crate::domain::name::RunId;
use crate::domain::score::Score;
use crate::domain::signature::{Encoding, InputSignature, Signature, TaskSignature};
use crate::domain::task::Target;
use crate::domain::whole_file::same_file;
use crate::onnx;
use crate::onnx::bundle::{CARD, Card, MODEL};
use crate::onnx::runtime::{Runtime, Search};
use crate::onnx::session::Session;
use crate::run::answer::Answer;
use crate::run::author::Author;
use crate::run::destination::Answers;
use crate::run::error::Error;
use crate::run::generation::{self, Writer};
use crate::run::kept::kept;
use crate::run::place;
use crate::run::preference;

/// The example of reading and answering rows in Python, as it lies in a bundle.
const EXAMPLE: &str = "predict.py";
const EXAMPLE_TEXT: &str = include_str!("../../pipelines/predict.py");

/// What the names of tokenizers' files end with.
const TOKENIZER: &str = ".tokenizer.json";

fn is_ours(name: &str) -> bool {
    [MODEL, CARD, EXAMPLE, "__pycache__"].contains(&name)
        || name.ends_with(TOKENIZER)
        || name.ends_with(generation::SUFFIX)
}

/// Batch sizes a model is proved with: a lone row, and several.
pub const PROOF: [usize; 2] = [1, 7];

/// A model and its card.
pub struct Bundle {
    model: PathBuf,
    card: Card,
}

impl Bundle {
    /// Reads a bundle's folder.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        if let Some(lacks) = [CARD, MODEL].into_iter().find(|name| !folder.join(name).is_file()) {
            return Err(Error::NoModel { folder: folder.to_owned(), lacks });
        }
        Ok(Self { model: folder.join(MODEL), card: Card::read(&folder.join(CARD))? })
    }

    /// Is a folder a bundle, by its card?
    pub fn is_at(folder: &Path) -> bool {
        folder.join(CARD).is_file()
    }

    /// The files it learned from, as they were called then.
    pub fn learned_from(&self) -> impl Iterator<Item = &Path> {
        self.card.data.iter().map(|file| file.path.as_path())
    }

    /// Writes a copy into `folder`, which must be new or an earlier bundle, under a run's name and
    /// with its scores.
    pub fn write(&self, folder: &Path, run: &RunId, scores: Vec<Score>) -> Result<(), Error> {
        let stale = refuse_strangers(folder)?;
        if same_file(folder, self.folder()) {
            return Err(Error::OwnFolder { folder: folder.to_owned() });
        }
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        // What an earlier bundle had besides is of another model.
        let own = self.files();
        for name in stale.iter().filter(|name| *name != CARD && !own.contains(name)) {
            std::fs::remove_file(folder.join(name)).map_err(Error::io("remove", &folder.join(name)))?;
        }
        for name in own {
            let from = self.folder().join(&name);
            let content = std::fs::read(&from).map_err(Error::io("read", &from))?;
            place::write(&folder.join(&name), &content)?;
        }
        place::write(&folder.join(EXAMPLE), EXAMPLE_TEXT.as_bytes())?;
        let card = Card { run: run.clone(), metrics: scores, ..self.card.clone() };
        Ok(card.write(&folder.join(CARD))?)
    }

    fn folder(&self) -> &Path {
        self.model.parent().unwrap_or(Path::new("."))
    }

    /// The files of the bundle besides its card: the model, decoders, tokenizers.
    pub fn files(&self) -> Vec<String> {
        std::iter::once(MODEL.to_owned()).chain(beside(&self.card.signature)).collect()
    }

    /// Largest difference allowed when it is verified.
    pub fn tolerance(&self) -> f64 {
        self.card.tolerance
    }

    /// The sample rows in the card through ONNX Runtime, against the answers of the training.
    /// `say` hears of anything fetched.
    pub fn verify(&self, say: &dyn Fn(&str)) -> Result<Parity, Error> {
        let runtime = Runtime::find(&Search::everywhere(say))?;
        let mut session = Session::open(&runtime, &self.model)?;
        let (rows, expected) = (self.card.sample.inputs(), self.card.sample.outputs());
        let (tasks, tolerance) = (&self.card.signature.tasks, self.card.tolerance);
        let mut parity = onnx::verify::verify(&mut session, &rows, &expected, tasks, &PROOF, tolerance)?;
        let outputs = if self.card.texts.is_empty() { Vec::new() } else { session.run(&rows)? };
        for (name, expected) in &self.card.texts {
            let Some(task) = self.card.signature.task(name) else { continue };
            let Some(mut writer) = Writer::open(&runtime, self.folder(), task)? else { continue };
            let written = writer.write(&outputs, 0, 0)?;
            let others = written.iter().zip(expected).filter(|(a, b)| a != b).count();
            // The share of rows for which another text is written: none may be.
            let largest = others as f64 / expected.len().max(1) as f64;
            parity.largest = parity.largest.max(largest);
            parity.outputs.push(OutputParity { output: format!("{name} (text)"), largest });
        }
        Ok(parity)
    }

    /// Answers the raw rows of a file, the columns called `keep` before the answers. Label columns are not needed.
    /// `preference`: the tasks' shares, where the model reads such; none for the card's.
    pub fn predict(
        &self,
        rows: &RawRows,
        keep: &[String],
        preference: &[(String, f64)],
        batch_size: usize,
        say: &dyn Fn(&str),
    ) -> Result<Answers, Error> {
        let told = preference::told(&self.card, preference)?;
        let rows = raw::read(rows, &self.card.signature)?;
        rows.notes.iter().for_each(|note| say(note));
        let names = answer_names(&self.card.signature.tasks);
        names.renamed.iter().for_each(|renamed| say(&renamed.told()));
        let mut columns = kept(&rows, keep, &names.columns.concat(), say)?;
        let runtime = Runtime::find(&Search::everywhere(say))?;
        let mut session = Session::open(&runtime, &self.model)?;
        let tasks = self.card.signature.tasks.iter();
        let mut answers: Vec<Answer> =
            tasks.map(|task| Answer::new(task, self.card.transitions(&task.name))).collect();
        let tasks = self.card.signature.tasks.iter();
        let mut authors: Vec<Author> = tasks
            .filter_map(|task| Author::open(&runtime, self.folder(), task).transpose())
            .collect::<Result<_, _>>()?;
        for start in (0..rows.rows).step_by(batch_size) {
            let batch = rows.batch(start..(start + batch_size).min(rows.rows));
            let mut inputs: Vec<(String, Array)> =
                batch.into_iter().map(|(name, array)| (name.to_string(), array)).collect();
            inputs.extend(told.clone());
            let outputs = session.run(&inputs)?;
            let lengths = lengths(&self.card.signature, &inputs);
            for author in &mut authors {
                author.take(&mut session, &self.card, (&inputs, &outputs), start as u64)?;
            }
            for answer in &mut answers {
                answer.take(&outputs, &lengths).map_err(|output| Error::OtherModel { output })?;
            }
        }
        for (answer, names) in answers.into_iter().zip(&names.columns) {
            columns.extend(names.iter().cloned().zip(answer.columns()));
        }
        for author in authors {
            say_if_empty(&author, say);
            let place = self.card.signature.tasks.iter().position(|task| task.name == *author.task());
            let own = place.and_then(|place| names.columns[place].first().cloned()).unwrap_or_default();
            columns.push((own, author.column()));
        }
        Ok(Answers { rows: rows.rows, columns })
    }
}

/// The steps of each row of a batch, where an input has such: how many are no filling.
fn lengths(signature: &Signature, inputs: &[(String, Array)]) -> Vec<usize> {
    let steps = |input: &InputSignature| {
        let (_, array) = inputs.iter().find(|(name, _)| name == input.name.as_str())?;
        let time = array.shape.get(1).copied().filter(|time| *time > 0)?;
        match (&input.encoding, &array.values) {
            (Encoding::Tokens { tokenizer, .. }, Values::I64(tokens)) => {
                let pad = i64::from(tokenizer.pad);
                let real = |row: &[i64]| row.iter().filter(|token| **token != pad).count();
                Some(tokens.chunks(time).map(real).collect())
            }
            (Encoding::Series { center, .. }, Values::F32(_) | Values::F64(_)) => {
                let width = center.len().max(1);
                let real = |row: usize| {
                    let steps = (0..time).map(|step| (row * time + step) * width);
                    steps.filter(|step| !array.is_nan_at(*step)).count()
                };
                Some((0..array.rows()).map(real).collect())
            }
            _ => None,
        }
    };
    signature.inputs.iter().find_map(steps).unwrap_or_default()
}

/// An empty text is an answer, but seldom the wanted one.
fn say_if_empty(author: &Author, say: &dyn Fn(&str)) {
    if author.empty() > 0 {
        say(&format!("task `{}` wrote nothing for {} row(s)", author.task(), author.empty()));
    }
}

/// The files beside a model of this signature: what writes its texts, and what cuts texts into tokens in the
/// form of Hugging Face's `tokenizer.json`.
pub fn beside(signature: &Signature) -> Vec<String> {
    let writes = |task: &&TaskSignature| matches!(task.target, Target::Text { .. });
    let decoders = signature.tasks.iter().filter(writes).map(|task| generation::file(&task.name));
    let decoders = decoders.map(|file| file.to_string_lossy().into_owned());
    decoders.chain(tokenizers(signature).into_iter().map(|(file, _)| file)).collect()
}

/// The files of tokenizers, and what stands in them.
pub fn tokenizers(signature: &Signature) -> Vec<(String, &str)> {
    let inputs = signature.inputs.iter().filter_map(|input| match &input.encoding {
        Encoding::Tokens { tokenizer, .. } => Some((input.name.to_string(), tokenizer)),
        _ => None,
    });
    let tasks = signature.tasks.iter().filter_map(|task| match &task.target {
        Target::Text { tokenizer, .. } => Some((task.name.to_string(), tokenizer)),
        _ => None,
    });
    let mut all: Vec<(String, &str)> = Vec::new();
    for (name, tokenizer) in inputs.chain(tasks) {
        let names = (1..).map(|number| format!("{}{TOKENIZER}", file_name(&name, number)));
        let free = |name: &String| all.iter().all(|(taken, _)| !taken.eq_ignore_ascii_case(name));
        all.extend(names.into_iter().find(free).map(|name| (name, tokenizer.json.as_str())));
    }
    all
}

/// A column's name as the beginning of a file's: a column may be called `a/b` or `../x`.
fn file_name(column: &str, number: usize) -> String {
    let safe =
        |letter: char| if letter.is_alphanumeric() || "_- .,+()=@".contains(letter) { letter } else { '_' };
    let name: String = column.chars().take(50).map(safe).collect();
    let name = name.strip_prefix('.').map_or_else(|| name.clone(), |rest| format!("_{rest}"));
    if number > 1 { format!("{name}_{number}") } else { name }
}

/// The files of the earlier bundle in a folder. One with other things in it is somebody's, and not for us to fill.
fn refuse_strangers(folder: &Path) -> Result<Vec<String>, Error> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(_) if folder.is_file() => return Err(Error::NotAFolder { path: folder.to_owned() }),
        Err(error) => return Err(Error::io("open", folder)(error)),
    };
    let names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    // A model without a card is not one that we wrote.
    let ours = |name: &String| is_ours(name) && Bundle::is_at(folder);
    match names.iter().find(|name| !ours(name)) {
        None => Ok(names),
        Some(name) => Err(Error::NotABundle { folder: folder.to_owned(), holds: name.clone() }),
    }
}
