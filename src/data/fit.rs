//! From tables to a dataset: features and targets fitted on training rows, all rows encoded.
//!
//! Columns are independent of one another, so threads change no number.

use rayon::prelude::*;

use crate::data::error::{Error, Located};
use crate::data::feature::{Feature, FeatureSpec, Part};
use crate::data::load::Loaded;
use crate::data::split::Rows;
use crate::data::target::{self, FittedTarget, LabelColumns};
use crate::domain::array::Array;
use crate::domain::diagnostic::{Path as Node, Severity};
use crate::domain::event::MissingLabels;
use crate::domain::name::{ColumnName, InputName, TableName, TaskName};
use crate::domain::score::Split;
use crate::domain::signature::{InputSignature, Signature, TaskSignature};
use crate::domain::table::{Dataset, Table};
use crate::domain::task::TargetSpec;

/// What to fit.
#[derive(Debug)]
pub struct FitRequest {
    pub tables: Vec<(TableName, Loaded, Rows)>,
    pub inputs: Vec<(InputName, FeatureSpec)>,
    pub tasks: Vec<TaskRequest>,
}

/// One task's words, as far as data is concerned.
#[derive(Clone, Debug)]
pub struct TaskRequest {
    pub name: TaskName,
    pub table: TableName,
    pub columns: Vec<ColumnName>,
    pub target: TargetSpec,
    /// `missing: error`: refuse an empty label.
    pub missing_is_error: bool,
}

/// What fitting gives.
#[derive(Clone, Debug)]
pub struct Fitted {
    pub dataset: Dataset,
    pub notes: Vec<Note>,
    pub missing: Vec<MissingLabels>,
}

/// Something a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub severity: Severity,
    pub text: String,
}

/// Raw rows kept of each table, for proving the exported model.
const SAMPLE: usize = 16;

/// Fits features and targets on training rows, and encodes every row. All problems at once, at
/// `inputs.<input>` and `tasks.<task>.target`.
pub fn fit(request: &FitRequest) -> Result<Fitted, Error> {
    let samples: Vec<Vec<u32>> = request.tables.iter().map(|(_, _, rows)| sample(rows)).collect();
    let features: Vec<Result<Feature, Vec<Located>>> =
        request.inputs.par_iter().map(|(name, spec)| feature(request, name, spec, &samples)).collect();
    let targets: Vec<Result<FittedTarget, Vec<Located>>> =
        request.tasks.par_iter().map(|task| fit_task(request, task)).collect();
    let mut problems = Vec::new();
    let features = keep(features, &mut problems);
    let targets = keep(targets, &mut problems);
    Error::unless_empty(problems)?;
    Ok(assemble(request, features, targets, samples))
}

fn keep<T>(results: Vec<Result<T, Vec<Located>>>, problems: &mut Vec<Located>) -> Vec<T> {
    let good = results.into_iter().filter_map(|result| result.map_err(|found| problems.extend(found)).ok());
    good.collect()
}

/// Rows spread evenly over the test split, or over another when there is none.
fn sample(rows: &Rows) -> Vec<u32> {
    let from = [&rows.test, &rows.valid, &rows.train].into_iter().find(|rows| !rows.is_empty());
    from.map_or_else(Vec::new, |from| {
        let count = SAMPLE.min(from.len());
        (0..count).map(|i| from[i * from.len() / count]).collect()
    })
}

fn feature(
    request: &FitRequest,
    name: &InputName,
    spec: &FeatureSpec,
    samples: &[Vec<u32>],
) -> Result<Feature, Vec<Located>> {
    let node = || Node::of("inputs").key(name);
    let (mut parts, mut problems) = (Vec::new(), Vec::new());
    for ((_, loaded, rows), sample) in request.tables.iter().zip(samples) {
        match loaded.frame.cells(name.as_str()) {
            Ok(cells) => parts.push(Part { frame: &loaded.frame, cells, train: &rows.train, sample }),
            Err(error) => problems.push(error.at(node())),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    spec.fit(name.as_str(), &parts).map_err(|error| vec![error.at(node())])
}

fn fit_task(request: &FitRequest, task: &TaskRequest) -> Result<FittedTarget, Vec<Located>> {
    let node = Node::of("tasks").key(&task.name);
    let Some((_, loaded, rows)) = request.tables.iter().find(|(name, ..)| *name == task.table) else {
        let error = Error::UnknownTable { table: task.table.to_string() };
        return Err(vec![error.at(node.key("data"))]);
    };
    let node = node.key("target");
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
    let labels = LabelColumns { task: task.name.as_str(), frame: &loaded.frame, columns, train: &rows.train };
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
    targets: Vec<FittedTarget>,
    samples: Vec<Vec<u32>>,
) -> Fitted {
    let mut notes = Vec::new();
    let mut tables: Vec<Table> = request
        .tables
        .iter()
        .zip(samples)
        .map(|((name, loaded, rows), sample)| empty(name, loaded, rows, sample))
        .collect();
    let mut signature = Signature { inputs: vec![], tasks: vec![] };
    for ((name, _), feature) in request.inputs.iter().zip(features) {
        let (raw, encoding) = (feature.raw, feature.encoding);
        signature.inputs.push(InputSignature { name: name.clone(), raw, encoding });
        for (table, (encoded, raw)) in tables.iter_mut().zip(feature.encoded.into_iter().zip(feature.samples))
        {
            table.inputs.push((name.clone(), encoded));
            table.sample.push((name.clone(), raw));
        }
        notes.extend(feature.notes);
    }
    let mut missing = Vec::new();
    for (task, fitted) in request.tasks.iter().zip(targets) {
        let (name, table) = (task.name.clone(), task.table.clone());
        if let Some(table) = tables.iter_mut().find(|table| table.name == task.table) {
            missing.extend(
                Split::ALL.map(|split| count_missing(&name, split, table.split(split), &fitted.truth)),
            );
            table.targets.push((name.clone(), fitted.truth));
        }
        signature.tasks.push(TaskSignature { name, table, target: fitted.target });
        notes.extend(fitted.notes);
    }
    for lacking in missing.iter().filter(|one| one.rows > 0 && one.missing == one.rows) {
        let text = format!("task `{}`: no row of {} has a label", lacking.task, lacking.split);
        notes.push(Note { severity: Severity::Warning, text });
    }
    Fitted { dataset: Dataset { signature, tables }, notes, missing }
}

fn empty(name: &TableName, loaded: &Loaded, rows: &Rows, sample: Vec<u32>) -> Table {
    Table {
        name: name.clone(),
        rows: loaded.frame.rows(),
        inputs: vec![],
        targets: vec![],
        train: rows.train.clone(),
        valid: rows.valid.clone(),
        test: rows.test.clone(),
        sample: vec![],
        sample_rows: sample,
    }
}

/// A row lacks its label when every column of it is missing.
fn count_missing(task: &TaskName, split: Split, rows: &[u32], truth: &Array) -> MissingLabels {
    let width = truth.width();
    let values = truth.as_f32().unwrap_or_default();
    let lacks = |row: u32| values[row as usize * width..][..width].iter().all(|value| value.is_nan());
    let missing = rows.iter().filter(|&&row| lacks(row)).count();
    MissingLabels { task: task.clone(), split, missing, rows: rows.len() }
}

#[cfg(test)]
mod tests;
