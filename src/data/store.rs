//! A dataset on disk: one file with a header, the arrays (little-endian; codes in as few bytes as the largest
//! code needs) and a checksum.
//!
//! Layout: `MTLDATA` and the version, header length, header (JSON), payload, payload length, checksum of
//! header and payload. Lengths and the checksum have 64 bits. The payload is streamed: a copy of all arrays
//! would double the memory that fitting needs.

mod payload;

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::persist::persist;
use crate::data::store::payload::{ArrayHeader, BLOCK, PayloadReader, PayloadWriter, checksum};
use crate::domain::array::Array;
use crate::domain::label::UnseenClass;
use crate::domain::name::{InputName, TableName, TaskName};
use crate::domain::signature::Signature;
use crate::domain::table::{Dataset, EncodedTable};
use crate::domain::vectors::WordVectors;

const MAGIC: &[u8; 8] = b"MTLDATA5";
const FILE: &str = "dataset.bin";

#[derive(Serialize, Deserialize)]
struct DatasetHeader {
    signature: Signature,
    tables: Vec<TableHeader>,
    #[serde(default)]
    vectors: Vec<VectorsHeader>,
}

#[derive(Serialize, Deserialize)]
struct VectorsHeader {
    input: InputName,
    path: String,
    tokens: ArrayHeader,
    rows: ArrayHeader,
}

#[derive(Serialize, Deserialize)]
struct TableHeader {
    name: TableName,
    rows: usize,
    inputs: Vec<(InputName, ArrayHeader)>,
    targets: Vec<(TaskName, ArrayHeader)>,
    #[serde(default)]
    unseen: Vec<(TaskName, Vec<UnseenClass>)>,
    texts: Vec<(TaskName, ArrayHeader)>,
    sample: Vec<(InputName, ArrayHeader)>,
    train: usize,
    valid: usize,
    test: usize,
    sample_rows: usize,
}

/// Writes the dataset into a folder atomically. Creates the folder if needed.
pub fn write(dataset: &Dataset, folder: &Path) -> Result<(), DataError> {
    let file = folder.join(FILE);
    let unwritable = |source| DataError::Unwritable { file: file.clone(), source };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    let header = DatasetHeader {
        signature: dataset.signature.clone(),
        tables: dataset.tables.iter().map(table_header).collect(),
        vectors: dataset.vectors.iter().map(vectors_header).collect(),
    };
    let header = serde_json::to_vec(&header)
        .map_err(|cause| DataError::Store { file: file.clone(), reason: cause.to_string() })?;
    persist(&file, |writer| {
        writer.write_all(MAGIC)?;
        writer.write_all(&(header.len() as u64).to_le_bytes())?;
        writer.write_all(&header)?;
        let mut payload = PayloadWriter::after(&header, writer);
        dataset.tables.iter().try_for_each(|table| write_table(&mut payload, table))?;
        let arrays = dataset.vectors.iter().flat_map(|vectors| [&vectors.tokens, &vectors.rows]);
        arrays.into_iter().try_for_each(|array| payload.array(array))?;
        payload.close()
    })
}

/// Reads the dataset of a folder.
///
/// # Errors
/// [`DataError::FileNotFound`] without a dataset file; [`DataError::Store`] when it is damaged or of another
/// version.
pub fn read(folder: &Path) -> Result<Dataset, DataError> {
    let file = folder.join(FILE);
    let bytes = std::fs::read(&file).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => DataError::FileNotFound { file: file.clone() },
        _ => DataError::Unreadable { file: file.clone(), source },
    })?;
    let mut reader = PayloadReader { bytes: &bytes, position: 0, file };
    if reader.take(MAGIC.len())? != MAGIC {
        return Err(reader.damaged("it does not begin with the bytes of this version"));
    }
    let header = reader.block()?;
    // The payload is followed by its length and the checksum, 8 bytes each.
    let length =
        bytes.len().checked_sub(reader.position + 16).ok_or_else(|| reader.damaged("it is truncated"))?;
    let payload = reader.take(length)?;
    if reader.number()? != length as u64 {
        return Err(reader.damaged("it is truncated"));
    }
    if payload.chunks(BLOCK).fold(checksum(0, header), checksum) != reader.number()? {
        return Err(reader.damaged("its checksum does not match"));
    }
    let header: DatasetHeader =
        serde_json::from_slice(header).map_err(|cause| reader.damaged(&cause.to_string()))?;
    let mut reader = PayloadReader { bytes: payload, position: 0, file: reader.file };
    let tables =
        header.tables.into_iter().map(|table| read_table(&mut reader, table)).collect::<Result<_, _>>()?;
    let vectors = header.vectors.into_iter().map(|vectors| {
        let VectorsHeader { input, path, tokens, rows } = vectors;
        Ok(WordVectors { input, path, tokens: reader.array(tokens)?, rows: reader.array(rows)? })
    });
    let vectors = vectors.collect::<Result<_, DataError>>()?;
    Ok(Dataset { signature: header.signature, tables, vectors })
}

fn vectors_header(vectors: &WordVectors) -> VectorsHeader {
    VectorsHeader {
        input: vectors.input.clone(),
        path: vectors.path.clone(),
        tokens: ArrayHeader::from_array(&vectors.tokens),
        rows: ArrayHeader::from_array(&vectors.rows),
    }
}

fn table_header(table: &EncodedTable) -> TableHeader {
    fn headers<N: Clone>(arrays: &[(N, Array)]) -> Vec<(N, ArrayHeader)> {
        arrays.iter().map(|(name, array)| (name.clone(), ArrayHeader::from_array(array))).collect()
    }
    TableHeader {
        name: table.name.clone(),
        rows: table.rows,
        inputs: headers(&table.inputs),
        targets: headers(&table.targets),
        unseen: table.unseen.clone(),
        texts: headers(&table.texts),
        sample: headers(&table.sample),
        train: table.train.len(),
        valid: table.valid.len(),
        test: table.test.len(),
        sample_rows: table.sample_rows.len(),
    }
}

fn write_table<W: Write>(payload: &mut PayloadWriter<W>, table: &EncodedTable) -> std::io::Result<()> {
    let inputs = table.inputs.iter().chain(&table.sample).map(|(_, array)| array);
    let targets = table.targets.iter().chain(&table.texts).map(|(_, array)| array);
    for array in inputs.chain(targets) {
        payload.array(array)?;
    }
    for rows in [&table.train, &table.valid, &table.test, &table.sample_rows] {
        rows.iter().try_for_each(|row| payload.write(&row.to_le_bytes()))?;
    }
    Ok(())
}

/// Reads the arrays in the order in which [`write_table`] writes them.
fn read_table(reader: &mut PayloadReader<'_>, header: TableHeader) -> Result<EncodedTable, DataError> {
    fn arrays<N>(
        reader: &mut PayloadReader<'_>,
        headers: Vec<(N, ArrayHeader)>,
    ) -> Result<Vec<(N, Array)>, DataError> {
        headers.into_iter().map(|(name, header)| Ok((name, reader.array(header)?))).collect()
    }
    let inputs = arrays(reader, header.inputs)?;
    let sample = arrays(reader, header.sample)?;
    let targets = arrays(reader, header.targets)?;
    let texts = arrays(reader, header.texts)?;
    let table = EncodedTable {
        name: header.name,
        rows: header.rows,
        inputs,
        targets,
        unseen: header.unseen,
        texts,
        train: reader.rows(header.train)?,
        valid: reader.rows(header.valid)?,
        test: reader.rows(header.test)?,
        sample,
        sample_rows: reader.rows(header.sample_rows)?,
    };
    match row_mismatch(&table) {
        Some(problem) => Err(reader.damaged(&format!("table `{}`: {problem}", table.name))),
        None => Ok(table),
    }
}

/// An array or row number that does not match the number of rows of the table. A valid checksum does not rule
/// this out: the file may have been written by another program.
fn row_mismatch(table: &EncodedTable) -> Option<String> {
    let inputs = table.inputs.iter().map(|(name, array)| (name.to_string(), array, table.rows));
    let labels = table.targets.iter().chain(&table.texts);
    let labels = labels.map(|(name, array)| (name.to_string(), array, table.rows));
    let sample = table.sample.iter().map(|(name, array)| (name.to_string(), array, table.sample_rows.len()));
    let other = inputs.chain(labels).chain(sample).find(|(_, array, rows)| array.rows() != *rows);
    if let Some((name, array, rows)) = other {
        return Some(format!("`{name}` has {} rows; expected {rows}", array.rows()));
    }
    let numbers = [&table.train, &table.valid, &table.test, &table.sample_rows];
    let beyond = numbers.into_iter().flatten().find(|row| **row as usize >= table.rows)?;
    Some(format!("row {beyond} is out of range: it has {} rows", table.rows))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::data::fixture::{Folder, csv, fit_table, most_train};
    use crate::data::store::payload::checksum;
    use crate::data::store::{read, write};
    use crate::domain::array::{Array, ArrayValues};
    use crate::domain::name::InputName;
    use crate::domain::table::{Dataset, EncodedTable};
    use crate::domain::vectors::WordVectors;

    fn dataset() -> Dataset {
        let loaded = csv("x,k,n,y\n1.1,a,3,0\n2.2,b,4,1\n,a,,0\n3.3,,4,1\n5,b,3,1\n6,a,4,\n");
        let rows = most_train(&loaded);
        let inputs = json!({"x": {"standardize": {"indicator": true}}, "k": "category", "n": "one_hot"});
        fit_table(loaded, rows, inputs, json!({"y": [["y"], "binary"]})).unwrap().dataset
    }

    #[test]
    fn a_dataset_round_trips() {
        let folder = Folder::new();
        let mut dataset = dataset();
        dataset.tables[0].sample.push((
            InputName::new("t").unwrap(),
            Array::new(&[1, 2], ArrayValues::F64(vec![1_700_000_000_000.125, f64::MIN_POSITIVE])),
        ));
        dataset.vectors.push(WordVectors {
            input: InputName::new("k").unwrap(),
            path: "v.txt".to_owned(),
            tokens: Array::new(&[2], ArrayValues::U32(vec![3, 300])),
            rows: Array::new(&[2, 2], ArrayValues::F32(vec![0.5, -1.0, 2.0, 3.0])),
        });
        write(&dataset, &folder.path().join("new")).unwrap();
        let mut restored = read(&folder.path().join("new")).unwrap();
        // A missing label is NaN, which is not equal to itself.
        for table in dataset.tables.iter_mut().chain(&mut restored.tables) {
            let label = &mut table.targets[0].1;
            assert!(label.as_f32().unwrap()[5].is_nan());
            *label = label.gather(&[0, 1, 2, 3, 4]);
        }
        assert_eq!(restored, dataset);
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let folder = Folder::new();
        write(&dataset(), folder.path()).unwrap();
        let file = folder.path().join("dataset.bin");
        let whole = std::fs::read(&file).unwrap();
        for length in (0..whole.len()).step_by(7) {
            std::fs::write(&file, &whole[..length]).unwrap();
            assert!(folder.problems(read(folder.path()))[0].starts_with("dataset-file"), "{length}");
        }
        for position in (0..whole.len()).step_by(11) {
            let mut corrupt = whole.clone();
            corrupt[position] ^= 0x40;
            std::fs::write(&file, &corrupt).unwrap();
            assert!(folder.problems(read(folder.path()))[0].starts_with("dataset-file"), "{position}");
        }
        std::fs::remove_file(&file).unwrap();
        assert!(folder.problems(read(folder.path()))[0].starts_with("file-absent"));
    }

    #[test]
    fn rows_that_do_not_match_their_table_are_refused() {
        let changes: [fn(&mut EncodedTable); 4] = [
            |table| table.rows = 5,
            |table| table.valid.push(6),
            |table| table.targets[0].1 = table.targets[0].1.gather(&[0, 1]),
            |table| table.sample_rows.push(0),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let folder = Folder::new();
            let mut dataset = dataset();
            change(&mut dataset.tables[0]);
            write(&dataset, folder.path()).unwrap();
            assert!(folder.problems(read(folder.path()))[0].starts_with("dataset-file"), "{number}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let folder = Folder::new();
        let file = folder.file("in-the-way", "");
        assert!(folder.problems(write(&dataset(), &file))[0].starts_with("file-unwritable"));
    }

    #[test]
    fn the_checksum_depends_on_order_and_length() {
        assert_ne!(checksum(0, b"12345678abcdefgh"), checksum(0, b"abcdefgh12345678"));
        assert_ne!(checksum(0, b"\0"), checksum(0, b"\0\0"));
    }
}
