//! Rows that stand more than once: in two splits, where measuring them says nothing, or just again.

use std::hash::{DefaultHasher, Hash, Hasher};

use polars::prelude::{PlHashMap, PlHashSet};
use rayon::prelude::*;

use crate::data::cells::Cells;
use crate::data::error::{Error, Located};
use crate::data::fit::{Note, warning};
use crate::data::frame::Frame;
use crate::data::list::Pieces;
use crate::data::load::Loaded;
use crate::data::spec::{Deduplicate, TableSpec};
use crate::domain::array::{Array, Values};
use crate::domain::diagnostic::Path as Node;
use crate::domain::name::InputName;
use crate::domain::score::Split;
use crate::domain::table::Table;

/// A word about rows whose encoded inputs stand in two splits.
pub(in crate::data) fn across_splits(table: &Table, frame: &Frame) -> Option<Note> {
    if table.inputs.is_empty() {
        return None;
    }
    let sums = sums(table);
    // Each split's first row of an input.
    let mut seen: PlHashMap<u64, [Option<u32>; 3]> = PlHashMap::default();
    for (place, split) in Split::ALL.into_iter().enumerate() {
        for &row in table.split(split) {
            seen.entry(sums[row as usize]).or_default()[place].get_or_insert(row);
        }
    }
    let (mut count, mut first) = (0, None);
    for (place, split) in Split::ALL.into_iter().enumerate().skip(1) {
        for &row in table.split(split) {
            let rows = seen.get(&sums[row as usize]).copied().unwrap_or_default();
            if let Some(earlier) = rows[..place].iter().flatten().next() {
                count += 1;
                first.get_or_insert((row, *earlier));
            }
        }
    }
    let (row, earlier) = first?;
    let measured = table.valid.len() + table.test.len();
    Some(warning(format!(
        "table `{}`: {count} of {measured} rows of valid and test have the same inputs as a row of another split, first {} \
         and {}; `deduplicate` drops rows whose columns are the same",
        table.name,
        frame.place(row as usize),
        frame.place(earlier as usize)
    )))
}

/// One number for each row's encoded inputs. Different rows have the same one in 2^64 chances.
fn sums(table: &Table) -> Vec<u64> {
    let of = |row: usize| {
        let mut sum = DefaultHasher::new();
        table.inputs.iter().for_each(|(_, array)| add(array, row, &mut sum));
        sum.finish()
    };
    (0..table.rows).into_par_iter().map(of).collect()
}

fn add(array: &Array, row: usize, sum: &mut DefaultHasher) {
    let (steps, width) = (array.row(row), array.width());
    let range = steps.start * width..steps.end * width;
    range.len().hash(sum);
    match &array.values {
        Values::F32(values) => values[range].iter().for_each(|value| value.to_bits().hash(sum)),
        Values::F64(values) => values[range].iter().for_each(|value| value.to_bits().hash(sum)),
        Values::I64(values) => values[range].hash(sum),
        Values::U32(values) => values[range].hash(sum),
        Values::U8(values) => values[range].hash(sum),
        Values::Text(values) => values[range].hash(sum),
    }
}

/// Drops rows that repeat an earlier one in the columns the words name. Problems stand at nodes below
/// `data.<table>`.
pub fn deduplicate(spec: &TableSpec, loaded: Loaded, inputs: &[InputName]) -> Result<Loaded, Error> {
    let columns: Vec<&str> = match &spec.deduplicate {
        Deduplicate::No => return Ok(loaded),
        Deduplicate::Inputs => {
            inputs.iter().map(InputName::as_str).filter(|name| loaded.frame.has(name)).collect()
        }
        Deduplicate::Columns(columns) => columns.iter().map(|name| name.as_str()).collect(),
    };
    if columns.is_empty() {
        return Ok(loaded);
    }
    let mut problems: Vec<Located> = Vec::new();
    let mut codes = Vec::new();
    for name in &columns {
        match loaded.frame.cells(name).and_then(|cells| code(&cells)) {
            Ok(found) => codes.push(found),
            Err(error) => problems.push(error.at(Node::of("deduplicate"))),
        }
    }
    Error::unless_empty(problems)?;
    let rows = loaded.frame.rows();
    let mut seen: PlHashSet<Vec<u32>> = PlHashSet::default();
    let is_new = |row: &u32| seen.insert(codes.iter().map(|codes| codes[*row as usize]).collect());
    let kept: Vec<u32> = (0..rows as u32).filter(is_new).collect();
    drop_others(loaded, &columns, &kept)
}

fn drop_others(loaded: Loaded, columns: &[&str], kept: &[u32]) -> Result<Loaded, Error> {
    let rows = loaded.frame.rows();
    let Some(first) = (0..rows as u32).find(|row| kept.get(*row as usize) != Some(row)) else {
        return Ok(loaded);
    };
    let named: Vec<String> = columns.iter().map(|name| format!("`{name}`")).collect();
    let text = format!(
        "{} rows repeat an earlier one in {} and are dropped, first {}; {} of {rows} are left",
        rows - kept.len(),
        named.join(", "),
        loaded.frame.place(first as usize),
        kept.len(),
    );
    // Rows of each file that are left.
    let parts = loaded.parts.map(|parts| {
        let mut start = 0;
        parts.map(|rows| {
            let part = start..start + rows;
            start += rows;
            kept.iter().filter(|row| part.contains(&(**row as usize))).count()
        })
    });
    let mut notes = loaded.notes;
    notes.push(warning(text));
    Ok(Loaded { frame: loaded.frame.pick(kept)?, parts, notes })
}

/// The same number for the same cells.
fn code(cells: &Cells) -> Result<Vec<u32>, Error> {
    let mut known: PlHashMap<Vec<u8>, u32> = PlHashMap::default();
    let mut codes = Vec::with_capacity(cells.len());
    let mut add = |cell: &[u8]| {
        let next = known.len() as u32;
        let code = known.get(cell).copied().unwrap_or_else(|| {
            known.insert(cell.to_vec(), next);
            next
        });
        codes.push(code);
    };
    match cells {
        Cells::Time(moments) => {
            moments
                .iter()
                .for_each(|moment| add(moment.map_or(String::new(), |moment| moment.to_string()).as_bytes()));
        }
        Cells::List(list) => match &list.inner {
            Cells::List(_) => return Err(cells.wrong("something to compare rows by")),
            _ => {
                let pieces = Pieces::of(cells, " ")?;
                // No text holds this one.
                let joined = |row| pieces.row(row).flat_map(|piece| [piece, "\u{0}"]).collect::<String>();
                (0..pieces.rows()).for_each(|row| add(joined(row).as_bytes()));
            }
        },
        Cells::Binary(values) => values.iter().for_each(|value| add(value.unwrap_or_default())),
        other => other.for_each_text(|_, text| add(text.unwrap_or("").as_bytes()))?,
    }
    Ok(codes)
}
