//! Verifies that reading is reproducible: a table's own files, read with the settings of the model's card,
//! give the rows that the model was trained and evaluated on.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use polars::prelude::PlHashMap;

use crate::data::config::{SplitConfig, TableConfig};
use crate::data::error::DataError;
use crate::data::feature::encode;
use crate::data::raw::{RawRows, ReadingError, read};
use crate::data::source::SourceConfig;
use crate::domain::array::{Array, ArrayValues};
use crate::domain::name::TableName;
use crate::domain::table::Dataset;

/// Reads the files of a table again, as rows to predict, and checks that they contain every row of the
/// dataset. The order may differ, since the query may sort, and duplicates may have been dropped.
///
/// # Errors
///
/// Those of [`read`], or `ReadingError::Card` naming the first row that is not found.
pub fn verify_reading(
    dataset: &Dataset,
    name: &TableName,
    config: &TableConfig,
    base: &Path,
) -> Result<(), DataError> {
    let (signature, Some(table)) = (&dataset.signature, dataset.table(name)) else { return Ok(()) };
    let reading = signature.readings.get(name);
    if reading.is_none_or(|reading| reading.not_row_wise.is_some()) {
        return Ok(());
    }
    let mut counts: PlHashMap<u64, usize> = PlHashMap::default();
    for file in files(config, base) {
        let rows = RawRows { file, table: Some(name.to_string()), prepared: false };
        let raw = read(&rows, signature)?;
        let encoded = raw.batch(0..raw.rows).into_iter().zip(&signature.inputs);
        let encoded: Option<Vec<Array>> =
            encoded.map(|((_, array), input)| encode(&input.encoding, &array)).collect();
        let encoded = encoded.ok_or_else(|| differs(name, "an input has another type"))?;
        (0..raw.rows).for_each(|row| *counts.entry(row_hash(encoded.iter(), row)).or_default() += 1);
    }
    for row in 0..table.rows {
        match counts.get_mut(&row_hash(table.inputs.iter().map(|(_, array)| array), row)) {
            Some(count) if *count > 0 => *count -= 1,
            _ => return Err(differs(name, &format!("row {} was read differently in training", row + 1))),
        }
    }
    Ok(())
}

fn differs(table: &TableName, reason: &str) -> DataError {
    ReadingError::Card { reason: format!("table `{table}`: {reason}") }.into()
}

fn row_hash<'a>(arrays: impl Iterator<Item = &'a Array>, row: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    arrays.for_each(|array| hash_row(array, row, &mut hasher));
    hasher.finish()
}

/// Hashes a row of an array: the number of its values, and their bits.
fn hash_row(array: &Array, row: usize, hasher: &mut DefaultHasher) {
    let (steps, width) = (array.row(row), array.width());
    let range = steps.start * width..steps.end * width;
    range.len().hash(hasher);
    match &array.values {
        ArrayValues::F32(values) => values[range].iter().for_each(|value| value.to_bits().hash(hasher)),
        ArrayValues::F64(values) => values[range].iter().for_each(|value| value.to_bits().hash(hasher)),
        ArrayValues::I64(values) => values[range].hash(hasher),
        ArrayValues::U32(values) => values[range].hash(hasher),
        ArrayValues::U8(values) => values[range].hash(hasher),
        ArrayValues::Text(values) => values[range].hash(hasher),
    }
}

/// The table's files of rows.
fn files(config: &TableConfig, base: &Path) -> Vec<PathBuf> {
    let own = match &config.source {
        SourceConfig::Images(images) => images.labels.as_ref().unwrap_or(&images.path),
        other => other.path(),
    };
    let mut files = vec![base.join(own)];
    if let SplitConfig::Files(split) = &config.split {
        files.extend(split.valid.iter().chain([&split.test]).map(|file| base.join(file)));
    }
    files
}
