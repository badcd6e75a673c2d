//! An exported model: a folder with the ONNX files and the card that describes them. It is all that
//! prediction and verification need; no run, no data, no database.

mod measure;
mod proof;

use std::path::{Path, PathBuf};

use crate::data::raw;
pub use crate::data::raw::RawRows;
use crate::disk::whole_file::same_file;
use crate::domain::answer::prediction_columns;
use crate::domain::array::Array;
use crate::domain::file_name::FileName;
use crate::domain::name::{RunId, TaskName};
use crate::domain::precision::Precision;
use crate::domain::score::Score;
use crate::onnx::bundle::{CARD, MODEL, ModelCard};
use crate::onnx::bundle_file::{ADAPTER, BundleFile, BundleRole, DATA, DECODER, TOKENIZER, members};
use crate::onnx::runtime::{OnnxRuntime, RuntimeSearch};
use crate::onnx::session::OnnxSession;
use crate::onnx::{self, seal};
use crate::run::destination::PredictedTable;
use crate::run::error::RunError;
use crate::run::kept_columns::selected_columns;
use crate::run::metadata;
use crate::run::prediction::{PredictionCollector, sequence_lengths};
use crate::run::preference;
use crate::run::publish;
use crate::run::text_generator::TextGenerator;

/// The Python example that reads rows and predicts, as written into the folder.
const EXAMPLE: &str = "predict.py";
const EXAMPLE_TEXT: &str = include_str!("../../pipelines/predict.py");

/// The folder that Python creates beside the example.
const CACHE: &str = "__pycache__";

fn is_ours(name: &str) -> bool {
    let graph = name.strip_suffix(DATA).unwrap_or(name);
    [CARD, EXAMPLE, CACHE].contains(&name)
        || ADAPTER.contains(&name)
        || graph == MODEL
        || name.ends_with(TOKENIZER)
        || graph.ends_with(DECODER)
}

/// An exported model: its folder, its card and its files.
pub struct ModelBundle {
    folder: PathBuf,
    card: ModelCard,
    files: Vec<BundleFile>,
}

impl ModelBundle {
    /// Reads an exported model, whoever made it.
    ///
    /// # Errors
    /// If the card or the model is missing or invalid, or a file differs from its checksum in the card.
    pub fn read(folder: &Path) -> Result<Self, RunError> {
        if let Some(missing) = [CARD, MODEL].into_iter().find(|name| !folder.join(name).is_file()) {
            return Err(RunError::MissingModel { folder: folder.to_owned(), missing });
        }
        let card = ModelCard::read(&folder.join(CARD))?;
        for file in &card.files {
            let path = folder.join(&file.name);
            if file.part == BundleRole::Data && !path.is_file() {
                let name = file.name.as_str();
                let graph = folder.join(name.strip_suffix(DATA).unwrap_or(name));
                return Err(onnx::OnnxError::MissingData { path: graph, data: path }.into());
            }
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

    /// Whether the folder holds a model card.
    pub fn is_at(folder: &Path) -> bool {
        folder.join(CARD).is_file()
    }

    /// The training data files, by their paths at training time.
    pub fn training_files(&self) -> impl Iterator<Item = &Path> {
        self.card.data.iter().map(|file| file.path.as_path())
    }

    /// Writes a copy into `folder`, which must be new or an earlier export, with the run's name and scores.
    ///
    /// # Errors
    /// If the folder holds other files or belongs to the run itself, or on file errors.
    pub fn write(&self, folder: &Path, run: &RunId, scores: Vec<Score>) -> Result<(), RunError> {
        let stale = existing_files(folder)?;
        if same_file(folder, &self.folder) {
            return Err(RunError::RunFolder { folder: folder.to_owned() });
        }
        std::fs::create_dir_all(folder).map_err(RunError::io("create", folder))?;
        // Files left from an earlier export belong to another model.
        let own = self.files();
        for name in stale.iter().filter(|name| ![CARD, CACHE].contains(&name.as_str()) && !own.contains(name))
        {
            std::fs::remove_file(folder.join(name)).map_err(RunError::io("remove", &folder.join(name)))?;
        }
        for file in &self.files {
            let (from, to) = (self.folder.join(&file.name), folder.join(&file.name));
            if file.part == BundleRole::Data {
                publish::copy(&from, &to)?;
                continue;
            }
            let content = std::fs::read(&from).map_err(RunError::io("read", &from))?;
            publish::write(&to, &content)?;
        }
        publish::write(&folder.join(EXAMPLE), EXAMPLE_TEXT.as_bytes())?;
        let card = ModelCard { run: run.clone(), metrics: scores, ..self.card.clone() };
        Ok(card.write(&folder.join(CARD))?)
    }

    /// The files besides the card: the model, decoders, tokenizers, an adapter.
    pub fn files(&self) -> Vec<String> {
        self.files.iter().map(|file| file.name.to_string()).collect()
    }

    /// The path of the task's decoder graph.
    fn decoder(&self, task: &TaskName) -> PathBuf {
        let is_own = |file: &&BundleFile| {
            file.part == BundleRole::Decoder && file.owner.as_deref() == Some(task.as_str())
        };
        let name = self.files.iter().find(is_own).map(|file| file.name.clone());
        self.folder.join(name.unwrap_or_else(|| FileName::from_text(task.as_str(), DECODER)))
    }

    /// Opens the model and checks that the card describes it.
    fn session(&self, runtime: &OnnxRuntime) -> Result<OnnxSession, RunError> {
        let session = OnnxSession::open(runtime, &self.folder.join(MODEL))?;
        metadata::check(&session.metadata()?, &self.card)?;
        Ok(session)
    }

    /// The precision of the model's weights.
    pub fn precision(&self) -> Precision {
        self.card.precision
    }

    /// The largest allowed difference in verification.
    pub fn tolerance(&self) -> f64 {
        self.card.tolerance
    }

    /// Predicts the raw rows of a file; the columns `keep` come before the predictions. Label columns are not
    /// needed. `preference` holds the tasks' weights if the model takes a preference; if empty, the card's
    /// default is used. `notify` receives notes for the user.
    ///
    /// # Errors
    /// If rows cannot be read, a column is unknown, or the model does not match its card.
    pub fn predict(
        &self,
        rows: &RawRows,
        keep: &[String],
        preference: &[(String, f64)],
        batch_size: usize,
        notify: &dyn Fn(&str),
    ) -> Result<PredictedTable, RunError> {
        let preference_input = preference::feed_preference(&self.card, preference)?;
        let rows = raw::read(rows, &self.card.signature)?;
        rows.notes.iter().for_each(|note| notify(note));
        let names = prediction_columns(&self.card.signature.tasks);
        names.renamed.iter().for_each(|renamed| notify(&renamed.message()));
        let mut columns = selected_columns(&rows, keep, &names.columns.concat(), notify)?;
        let runtime = OnnxRuntime::find(&RuntimeSearch::everywhere(notify))?;
        let mut session = self.session(&runtime)?;
        let tasks = self.card.signature.tasks.iter();
        let mut collectors: Vec<PredictionCollector> =
            tasks.map(|task| PredictionCollector::new(task, self.card.transitions(&task.name))).collect();
        let tasks = self.card.signature.tasks.iter();
        let mut generators: Vec<TextGenerator> = tasks
            .filter_map(|task| TextGenerator::open(&runtime, &self.decoder(&task.name), task).transpose())
            .collect::<Result<_, _>>()?;
        for start in (0..rows.rows).step_by(batch_size) {
            let batch = rows.batch(start..(start + batch_size).min(rows.rows));
            let mut inputs: Vec<(String, Array)> =
                batch.into_iter().map(|(name, array)| (name.to_string(), array)).collect();
            inputs.extend(preference_input.clone());
            let outputs = session.run(&inputs)?;
            let rows = inputs.first().map_or(0, |(_, array)| array.rows());
            let is_answer =
                |name: &str| self.card.signature.tasks.iter().any(|task| task.name.as_str() == name);
            let is_misshapen = |(name, array): &&(String, Array)| is_answer(name) && array.rows() != rows;
            if let Some((output, _)) = outputs.iter().find(is_misshapen) {
                return Err(RunError::OutputMismatch { output: output.clone() });
            }
            let lengths = sequence_lengths(&self.card.signature, &inputs);
            for generator in &mut generators {
                generator.add_batch(&mut session, &self.card, (&inputs, &outputs), start as u64)?;
            }
            for collector in &mut collectors {
                collector
                    .add_batch(&outputs, &lengths)
                    .map_err(|output| RunError::OutputMismatch { output })?;
            }
        }
        for (collector, names) in collectors.into_iter().zip(&names.columns) {
            columns.extend(names.iter().cloned().zip(collector.columns()));
        }
        for generator in generators {
            warn_if_empty(&generator, notify);
            let index = self.card.signature.tasks.iter().position(|task| task.name == *generator.task());
            let column_name =
                index.and_then(|index| names.columns[index].first().cloned()).unwrap_or_default();
            columns.push((column_name, generator.column()));
        }
        Ok(PredictedTable { rows: rows.rows, columns })
    }
}

/// Reports empty texts: valid predictions, but seldom intended.
fn warn_if_empty(generator: &TextGenerator, notify: &dyn Fn(&str)) {
    if generator.empty() > 0 {
        notify(&format!(
            "task `{}` generated an empty text for {} row(s)",
            generator.task(),
            generator.empty()
        ));
    }
}

/// The files of an earlier export in a folder. A folder that holds anything else is refused, because writing
/// there could destroy the user's files.
fn existing_files(folder: &Path) -> Result<Vec<String>, RunError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(_) if folder.is_file() => return Err(RunError::NotAFolder { path: folder.to_owned() }),
        Err(error) => return Err(RunError::io("open", folder)(error)),
    };
    let names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    // A model without a card was not written by mtl.
    let ours = |name: &String| is_ours(name) && ModelBundle::is_at(folder);
    match names.iter().find(|name| !ours(name)) {
        None => Ok(names),
        Some(name) => Err(RunError::FolderInUse { folder: folder.to_owned(), other: name.clone() }),
    }
}
