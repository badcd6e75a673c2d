//! A bundle: a folder with a model and the card that explains it. All that predicting and proving
//! need; no run, no data, no database.

mod proof;

use std::path::{Path, PathBuf};

use crate::data::raw;
pub use crate::data::raw::RawRows;
use crate::disk::whole_file::same_file;
use crate::domain::answer::answer_names;
use crate::domain::array::Array;
use crate::domain::file_name::FileName;
use crate::domain::name::{RunId, TaskName};
use crate::domain::score::Score;
use crate::onnx::bundle::{CARD, MODEL, ModelCard};
use crate::onnx::bundle_file::{BundleFile, BundleRole, DECODER, TOKENIZER, members};
use crate::onnx::runtime::{OnnxRuntime, RuntimeSearch};
use crate::onnx::session::OnnxSession;
use crate::onnx::{self, seal};
use crate::run::answer::{AnswerCollector, steps};
use crate::run::answer_columns::selected_columns;
use crate::run::destination::PredictedTable;
use crate::run::error::RunError;
use crate::run::preference;
use crate::run::publish;
use crate::run::text_generator::TextGenerator;
use crate::run::warm_start;

/// The example of reading and answering rows in Python, as it lies in a bundle.
const EXAMPLE: &str = "predict.py";
const EXAMPLE_TEXT: &str = include_str!("../../pipelines/predict.py");

/// What Python leaves beside the example.
const CACHE: &str = "__pycache__";

fn is_ours(name: &str) -> bool {
    [MODEL, CARD, EXAMPLE, CACHE].contains(&name) || name.ends_with(TOKENIZER) || name.ends_with(DECODER)
}

/// A model and its card.
pub struct ModelBundle {
    folder: PathBuf,
    card: ModelCard,
    files: Vec<BundleFile>,
}

impl ModelBundle {
    /// Reads a bundle's folder, whoever made it. Files that are not those of its card are refused.
    pub fn read(folder: &Path) -> Result<Self, RunError> {
        if let Some(missing) = [CARD, MODEL].into_iter().find(|name| !folder.join(name).is_file()) {
            return Err(RunError::NoModel { folder: folder.to_owned(), lacks: missing });
        }
        let card = ModelCard::read(&folder.join(CARD))?;
        for file in &card.files {
            let path = folder.join(&file.name);
            if seal::of_file(&path)? != (file.bytes, file.sha256.clone()) {
                return Err(onnx::OnnxError::ChangedFile { path }.into());
            }
        }
        // Cards of earlier formats do not name their files.
        let mut files = card.files.clone();
        if card.files.is_empty() {
            files = members(&card.signature);
            files.retain(|file| folder.join(&file.name).is_file());
        }
        Ok(Self { folder: folder.to_owned(), card, files })
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
    pub fn write(&self, folder: &Path, run: &RunId, scores: Vec<Score>) -> Result<(), RunError> {
        let stale = refuse_strangers(folder)?;
        if same_file(folder, &self.folder) {
            return Err(RunError::OwnFolder { folder: folder.to_owned() });
        }
        std::fs::create_dir_all(folder).map_err(RunError::io("create", folder))?;
        // What an earlier bundle had besides is of another model.
        let own = self.files();
        for name in stale.iter().filter(|name| ![CARD, CACHE].contains(&name.as_str()) && !own.contains(name))
        {
            std::fs::remove_file(folder.join(name)).map_err(RunError::io("remove", &folder.join(name)))?;
        }
        for name in own {
            let from = self.folder.join(&name);
            let content = std::fs::read(&from).map_err(RunError::io("read", &from))?;
            publish::write(&folder.join(&name), &content)?;
        }
        publish::write(&folder.join(EXAMPLE), EXAMPLE_TEXT.as_bytes())?;
        let card = ModelCard { run: run.clone(), metrics: scores, ..self.card.clone() };
        Ok(card.write(&folder.join(CARD))?)
    }

    /// The files of the bundle besides its card: the model, decoders, tokenizers.
    pub fn files(&self) -> Vec<String> {
        self.files.iter().map(|file| file.name.to_string()).collect()
    }

    /// What writes a task's texts.
    fn decoder(&self, task: &TaskName) -> PathBuf {
        let own = |file: &&BundleFile| {
            file.part == BundleRole::Decoder && file.owner.as_deref() == Some(task.as_str())
        };
        let name = self.files.iter().find(own).map(|file| file.name.clone());
        self.folder.join(name.unwrap_or_else(|| FileName::from_text(task.as_str(), DECODER)))
    }

    /// The model, ready to run: the one that the card describes.
    fn session(&self, runtime: &OnnxRuntime) -> Result<OnnxSession, RunError> {
        let session = OnnxSession::open(runtime, &self.folder.join(MODEL))?;
        warm_start::fault(&session.metadata()?, &self.card)?;
        Ok(session)
    }

    /// Largest difference allowed when it is verified.
    pub fn tolerance(&self) -> f64 {
        self.card.tolerance
    }

    /// Answers the raw rows of a file, the columns called `keep` before the answers. Label columns are not
    /// needed. `preference`: the tasks' shares, where the model reads such; none for the card's.
    pub fn predict(
        &self,
        rows: &RawRows,
        keep: &[String],
        preference: &[(String, f64)],
        batch_size: usize,
        say: &dyn Fn(&str),
    ) -> Result<PredictedTable, RunError> {
        let message = preference::feed_preference(&self.card, preference)?;
        let rows = raw::read(rows, &self.card.signature)?;
        rows.notes.iter().for_each(|note| say(note));
        let names = answer_names(&self.card.signature.tasks);
        names.renamed.iter().for_each(|renamed| say(&renamed.message()));
        let mut columns = selected_columns(&rows, keep, &names.columns.concat(), say)?;
        let runtime = OnnxRuntime::find(&RuntimeSearch::everywhere(say))?;
        let mut session = self.session(&runtime)?;
        let tasks = self.card.signature.tasks.iter();
        let mut answers: Vec<AnswerCollector> =
            tasks.map(|task| AnswerCollector::new(task, self.card.transitions(&task.name))).collect();
        let tasks = self.card.signature.tasks.iter();
        let mut authors: Vec<TextGenerator> = tasks
            .filter_map(|task| TextGenerator::open(&runtime, &self.decoder(&task.name), task).transpose())
            .collect::<Result<_, _>>()?;
        for start in (0..rows.rows).step_by(batch_size) {
            let batch = rows.batch(start..(start + batch_size).min(rows.rows));
            let mut inputs: Vec<(String, Array)> =
                batch.into_iter().map(|(name, array)| (name.to_string(), array)).collect();
            inputs.extend(message.clone());
            let outputs = session.run(&inputs)?;
            let rows = inputs.first().map_or(0, |(_, array)| array.rows());
            let is_answer =
                |name: &str| self.card.signature.tasks.iter().any(|task| task.name.as_str() == name);
            let other = |(name, array): &&(String, Array)| is_answer(name) && array.rows() != rows;
            if let Some((output, _)) = outputs.iter().find(other) {
                return Err(RunError::OtherModel { output: output.clone() });
            }
            let lengths = steps(&self.card.signature, &inputs);
            for author in &mut authors {
                author.take(&mut session, &self.card, (&inputs, &outputs), start as u64)?;
            }
            for answer in &mut answers {
                answer.take(&outputs, &lengths).map_err(|output| RunError::OtherModel { output })?;
            }
        }
        for (answer, names) in answers.into_iter().zip(&names.columns) {
            columns.extend(names.iter().cloned().zip(answer.columns()));
        }
        for author in authors {
            say_if_empty(&author, say);
            let index = self.card.signature.tasks.iter().position(|task| task.name == *author.task());
            let own = index.and_then(|index| names.columns[index].first().cloned()).unwrap_or_default();
            columns.push((own, author.column()));
        }
        Ok(PredictedTable { rows: rows.rows, columns })
    }
}

/// An empty text is an answer, but seldom the wanted one.
fn say_if_empty(author: &TextGenerator, say: &dyn Fn(&str)) {
    if author.empty() > 0 {
        say(&format!("task `{}` wrote nothing for {} row(s)", author.task(), author.empty()));
    }
}

/// The files of the earlier bundle in a folder. One with other things in it is somebody's, and not for us to
/// fill.
fn refuse_strangers(folder: &Path) -> Result<Vec<String>, RunError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(_) if folder.is_file() => return Err(RunError::NotAFolder { path: folder.to_owned() }),
        Err(error) => return Err(RunError::io("open", folder)(error)),
    };
    let names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    // A model without a card is not one that we wrote.
    let ours = |name: &String| is_ours(name) && ModelBundle::is_at(folder);
    match names.iter().find(|name| !ours(name)) {
        None => Ok(names),
        Some(name) => Err(RunError::NotABundle { folder: folder.to_owned(), holds: name.clone() }),
    }
}
