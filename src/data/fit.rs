//! Builds a dataset from tables: fits features and targets on training rows, and encodes all rows.
//!
//! Columns are fitted in parallel. They do not depend on one another, so that the number of threads changes
//! no result.

use std::collections::HashMap;
use std::path::PathBuf;

use rayon::prelude::*;

use crate::data::cells::Cells;
use crate::data::error::{DataError, LocatedError};
use crate::data::feature::{Feature, FeatureConfig, FeaturePart};
use crate::data::load::LoadedTable;
use crate::data::note::{DataNote, warning};
use crate::data::raw;
use crate::data::repeat::{self, UsedColumns};
use crate::data::split::SplitRows;
use crate::data::target::{self, FittedInput, LabelColumns, TargetFit};
use crate::data::vectors;
use crate::domain::answer::prediction_columns;
use crate::domain::array::Array;
use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::Path as Node;
use crate::domain::event::MissingLabels;
use crate::domain::name::{ColumnName, InputName, TableName, TaskName};
use crate::domain::score::Split;
use crate::domain::signature::{InputSignature, Signature, TaskSignature};
use crate::domain::table::{Dataset, EncodedTable};
use crate::domain::task::TargetConfig;
use crate::domain::task_remark::{TaskRemark, merge};
use crate::domain::tokenizer::TokenizerConfig;
use crate::domain::vectors::{WordVectors, WordVectorsRequest};

/// Tables, inputs and tasks to fit.
#[derive(Debug)]
pub struct FitRequest {
    /// Each table with its rows and their splits.
    pub tables: Vec<(TableName, LoadedTable, SplitRows)>,
    /// The inputs in the order of the pipeline.
    pub inputs: Vec<(InputName, FeatureConfig)>,
    /// The tasks in the order of the pipeline.
    pub tasks: Vec<TaskRequest>,
    /// The folder that paths are relative to.
    pub base: PathBuf,
    /// Inputs fitted by an earlier run, whose encodings are reused.
    pub known: Vec<InputSignature>,
    /// Pretrained vectors for embeddings.
    pub vectors: Vec<WordVectorsRequest>,
}

/// The settings of a task that concern the data.
#[derive(Clone, Debug)]
pub struct TaskRequest {
    /// The task's name.
    pub name: TaskName,
    /// The table with its labels.
    pub table: TableName,
    /// The target columns; only regression has several.
    pub columns: Vec<ColumnName>,
    /// The settings of the target.
    pub target: TargetConfig,
    /// Whether missing labels are refused (`missing: error`).
    pub missing_is_error: bool,
}

/// A fitted dataset, notes for the user, and the number of missing labels.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The encoded tables and the signature.
    pub dataset: Dataset,
    /// What the user should know about the data.
    pub notes: Vec<DataNote>,
    /// Missing labels per task and split.
    pub missing: Vec<MissingLabels>,
}

/// Raw rows kept of each table, for verifying the exported model.
const SAMPLE: usize = 16;

/// Fits features and targets on training rows, and encodes every row.
///
/// # Errors
/// All problems of the data, at `inputs.<input>` and `tasks.<task>.target`.
pub fn fit(request: &FitRequest) -> Result<Fitted, DataError> {
    let samples: Vec<Vec<u32>> = request.tables.iter().map(|(_, _, rows)| sample(rows)).collect();
    let known: HashMap<&InputName, &InputSignature> =
        request.known.iter().map(|input| (&input.name, input)).collect();
    let features: Vec<Result<Feature, Vec<LocatedError>>> = request
        .inputs
        .par_iter()
        .map(|(name, config)| fit_feature(request, name, config, &samples, &known))
        .collect();
    let mut problems = Vec::new();
    let features: Vec<Option<Feature>> =
        features.into_iter().map(|feature| feature.map_err(|errors| problems.extend(errors)).ok()).collect();
    let targets: Vec<Result<TargetFit, Vec<LocatedError>>> =
        request.tasks.par_iter().map(|task| fit_task(request, task, &features)).collect();
    let targets: Vec<Option<TargetFit>> =
        targets.into_iter().map(|target| target.map_err(|errors| problems.extend(errors)).ok()).collect();
    let vectors: Vec<Option<(WordVectors, DataNote)>> = request
        .vectors
        .par_iter()
        .map(|wanted| read_vectors(request, wanted, &features))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|vectors| vectors.map_err(|error| problems.push(error)).ok().flatten())
        .collect();
    DataError::unless_empty(problems)?;
    let mut fitted = assemble(
        request,
        features.into_iter().flatten().collect(),
        targets.into_iter().flatten().collect(),
        samples,
    );
    for (vectors, note) in vectors.into_iter().flatten() {
        fitted.dataset.vectors.push(vectors);
        fitted.notes.push(note);
    }
    Ok(fitted)
}

/// Rows spread evenly over the test split, or over another split when it is empty.
fn sample(rows: &SplitRows) -> Vec<u32> {
    let from = [&rows.test, &rows.valid, &rows.train].into_iter().find(|rows| !rows.is_empty());
    from.map_or_else(Vec::new, |from| {
        let count = SAMPLE.min(from.len());
        (0..count).map(|i| from[i * from.len() / count]).collect()
    })
}

fn fit_feature(
    request: &FitRequest,
    name: &InputName,
    config: &FeatureConfig,
    samples: &[Vec<u32>],
    known: &HashMap<&InputName, &InputSignature>,
) -> Result<Feature, Vec<LocatedError>> {
    let node = || Node::from_key("inputs").key(name);
    // The column of the first table that has it; tables without it get missing cells of the same type.
    let mut frames = request.tables.iter().map(|(_, loaded, _)| &loaded.frame);
    let template = frames.find(|frame| frame.has(name.as_str()));
    let template = template.and_then(|frame| frame.cells(name.as_str()).ok());
    let (mut parts, mut problems, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for ((table, loaded, rows), sample) in request.tables.iter().zip(samples) {
        let cells = match (&template, loaded.frame.has(name.as_str())) {
            (Some(template), false) if config.allows_missing_column() => {
                notes.push(warning(format!(
                    "table `{table}` has no column `{name}`: the input is missing on all its rows"
                )));
                Ok(template.missing(loaded.frame.rows()))
            }
            (Some(_), false) => {
                let (table, column) = (table.to_string(), name.to_string());
                Err(DataError::MissingColumn { table, column, kind: config.name() })
            }
            _ => loaded.frame.cells(name.as_str()),
        };
        let second = config.second_column().map(|column| loaded.frame.cells(column.as_str())).transpose();
        match cells.and_then(|cells| Ok((cells, second?))) {
            Ok((cells, second)) => {
                let (frame, train, base) = (&loaded.frame, rows.train.as_slice(), request.base.as_path());
                let written = targets_sharing_tokenizer(request, name, table, loaded);
                parts.push(FeaturePart { frame, cells, second, written, train, sample, base });
            }
            Err(error) => problems.push(error.at(node())),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let feature = match known.get(name) {
        Some(input) => reuse_encoding(input, &parts),
        None => config.fit(name.as_str(), &parts),
    };
    let mut feature = feature.map_err(|error| vec![error.at(node())])?;
    feature.notes.splice(0..0, notes);
    Ok(feature)
}

/// The target columns of text tasks that share the tokenizer of this input. Their errors are reported by the
/// tasks.
fn targets_sharing_tokenizer(
    request: &FitRequest,
    input: &InputName,
    table: &TableName,
    loaded: &LoadedTable,
) -> Vec<Cells> {
    let shares = |task: &&TaskRequest| match &task.target {
        TargetConfig::Text(config) => {
            matches!(&config.tokenizer, TokenizerConfig::Input(shared) if shared.name == input.as_str())
        }
        _ => false,
    };
    let tasks = request.tasks.iter().filter(|task| task.table == *table).filter(shares);
    tasks
        .flat_map(|task| &task.columns)
        .filter_map(|column| loaded.frame.cells(column.as_str()).ok())
        .collect()
}

/// Encodes an input as an earlier run did.
fn reuse_encoding(input: &InputSignature, parts: &[FeaturePart<'_>]) -> Result<Feature, DataError> {
    let (mut encoded, mut samples, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        let (raw, encoded_rows, texts) =
            raw::encode_known(input, &part.cells, part.second.as_ref(), part.frame)?;
        notes.extend(texts.into_iter().map(warning));
        samples.push(raw.gather(part.sample));
        encoded.push(encoded_rows);
    }
    let (raw, encoding) = (input.raw, input.encoding.clone());
    Ok(Feature { raw, encoding, encoded, samples, notes })
}

/// The pretrained vectors of the tokens of an input; `None` when the input has errors.
fn read_vectors(
    request: &FitRequest,
    wanted: &WordVectorsRequest,
    features: &[Option<Feature>],
) -> Result<Option<(WordVectors, DataNote)>, LocatedError> {
    let position = request.inputs.iter().position(|(name, _)| *name == wanted.input);
    let Some(feature) = position.and_then(|position| features[position].as_ref()) else { return Ok(None) };
    let read = vectors::read(wanted, &feature.encoding, &request.base);
    read.map(Some).map_err(|error| error.at(wanted.setting_path.clone()))
}

fn fit_task(
    request: &FitRequest,
    task: &TaskRequest,
    features: &[Option<Feature>],
) -> Result<TargetFit, Vec<LocatedError>> {
    let node = Node::from_key("tasks").key(&task.name);
    let Some(table) = request.tables.iter().position(|(name, ..)| *name == task.table) else {
        let error = DataError::UnknownTable { table: task.table.to_string() };
        return Err(vec![error.at(node.key("data"))]);
    };
    let (_, loaded, rows) = &request.tables[table];
    let node = node.key("target");
    // Errors of inputs are already reported; a target aligned with a failed input adds none.
    if target::needs_inputs(&task.target) && features.iter().any(Option::is_none) {
        return Err(vec![]);
    }
    let (mut columns, mut problems) = (Vec::new(), Vec::new());
    for column in &task.columns {
        match loaded.frame.cells(column.as_str()) {
            Ok(cells) => columns.push(cells),
            Err(error) => problems.push(error.at(node.clone())),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let fitted_inputs = request.inputs.iter().zip(features).filter_map(|((name, config), feature)| {
        let feature = feature.as_ref()?;
        Some(FittedInput {
            name: name.as_str(),
            config,
            encoding: &feature.encoding,
            encoded: feature.encoded.get(table)?,
        })
    });
    let inputs: Vec<FittedInput<'_>> = fitted_inputs.collect();
    let labels = LabelColumns {
        task: task.name.as_str(),
        frame: &loaded.frame,
        columns,
        train: &rows.train,
        inputs: &inputs,
        base: &request.base,
    };
    let fitted = target::fit(&task.target, &labels)
        .map_err(|errors| errors.into_iter().map(|error| error.at(node.clone())).collect::<Vec<_>>())?;
    if task.missing_is_error {
        target::refuse_missing(&labels, &fitted.truth).map_err(|error| vec![error.at(node)])?;
    }
    Ok(fitted)
}

fn assemble(
    request: &FitRequest,
    features: Vec<Feature>,
    targets: Vec<TargetFit>,
    samples: Vec<Vec<u32>>,
) -> Fitted {
    let mut notes = Vec::new();
    let mut tables: Vec<EncodedTable> = request
        .tables
        .iter()
        .zip(samples)
        .map(|((name, loaded, rows), sample)| empty_table(name, loaded, rows, sample))
        .collect();
    let reading = |(name, loaded, _): &(TableName, LoadedTable, SplitRows)| {
        (name.clone(), loaded.reading.of_inputs(&input_columns(request), &loaded.frame))
    };
    let readings = request.tables.iter().map(reading).collect();
    let mut signature = Signature { inputs: vec![], tasks: vec![], readings };
    for ((name, config), feature) in request.inputs.iter().zip(features) {
        let (raw, encoding, required) = (feature.raw, feature.encoding, config.refuses_missing());
        signature.inputs.push(InputSignature { name: name.clone(), raw, encoding, required });
        for (table, (encoded, raw)) in tables.iter_mut().zip(feature.encoded.into_iter().zip(feature.samples))
        {
            table.inputs.push((name.clone(), encoded));
            table.sample.push((name.clone(), raw));
        }
        notes.extend(feature.notes);
    }
    let (mut missing, mut remarks) = (Vec::new(), Vec::new());
    for (task, fitted) in request.tasks.iter().zip(targets) {
        let (name, table) = (task.name.clone(), task.table.clone());
        if let Some(table) = tables.iter_mut().find(|table| table.name == task.table) {
            missing.extend(
                Split::ALL.map(|split| count_missing(&name, split, table.split(split), &fitted.truth)),
            );
            remarks.extend(fitted.labels.remarks.iter().cloned());
            remarks.extend(target::coverage::check_coverage(name.as_str(), &fitted, table));
            table.targets.push((name.clone(), fitted.truth));
            if !fitted.labels.unseen.is_empty() {
                table.unseen.push((name.clone(), fitted.labels.unseen));
            }
            table.texts.extend(fitted.texts.map(|texts| (name.clone(), texts)));
        }
        signature.tasks.push(TaskSignature { name, table, target: fitted.target });
        notes.extend(fitted.notes);
    }
    let unlabelled = missing.iter().filter(|labels| labels.rows > 0 && labels.missing == labels.rows);
    remarks.extend(unlabelled.map(|labels| TaskRemark {
        cause: "no label on a split",
        task: labels.task.to_string(),
        text: format!("no row of {} has a label", labels.split),
        advice: "the task cannot be scored on this split, nor choose the best epoch by it".to_owned(),
    }));
    notes.extend(merge(&remarks).into_iter().map(warning));
    notes.extend(
        prediction_columns(&signature.tasks).renamed.iter().map(|renamed| warning(renamed.message())),
    );
    let columns = input_columns(request);
    let duplicates: Vec<Option<DataNote>> = request
        .tables
        .par_iter()
        .map(|(name, loaded, rows)| {
            let used = UsedColumns {
                inputs: columns.iter().map(InputName::as_str).collect(),
                targets: target_columns(request, name),
            };
            repeat::across_splits(name.as_str(), &loaded.frame, rows, &used)
        })
        .collect();
    notes.extend(duplicates.into_iter().flatten());
    Fitted { dataset: Dataset { signature, tables, vectors: vec![] }, notes, missing }
}

/// The columns that the inputs read: those of their names, then the second ones of pairs.
fn input_columns(request: &FitRequest) -> Vec<InputName> {
    let own = request.inputs.iter().map(|(name, _)| name.clone());
    let second = request.inputs.iter().filter_map(|(_, config)| config.second_column());
    own.chain(second.filter_map(|column| InputName::new(column.as_str()))).collect()
}

/// The target columns of a table.
fn target_columns<'a>(request: &'a FitRequest, table: &TableName) -> Vec<&'a str> {
    let tasks = request.tasks.iter().filter(|task| task.table == *table);
    tasks.flat_map(|task| task.columns.iter().map(ColumnName::as_str)).collect()
}

/// A table without inputs and targets.
fn empty_table(name: &TableName, loaded: &LoadedTable, rows: &SplitRows, sample: Vec<u32>) -> EncodedTable {
    EncodedTable {
        name: name.clone(),
        rows: loaded.frame.rows(),
        inputs: vec![],
        targets: vec![],
        unseen: vec![],
        texts: vec![],
        train: rows.train.clone(),
        valid: rows.valid.clone(),
        test: rows.test.clone(),
        sample: vec![],
        sample_rows: sample,
    }
}

/// A label counts as missing when it is missing in every column, step or pixel of the row.
fn count_missing(task: &TaskName, split: Split, rows: &[u32], truth: &Array) -> MissingLabels {
    let missing = rows.iter().filter(|&&row| target::is_unlabelled(truth, row as usize)).count();
    MissingLabels { task: task.clone(), split, missing, rows: rows.len() }
}

#[cfg(test)]
mod pictures;
#[cfg(test)]
mod pieces;
#[cfg(test)]
mod sequences;
#[cfg(test)]
mod tests;
