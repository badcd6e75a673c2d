//! Drafts of small tables.

use std::path::PathBuf;

use crate::run::draft::{Draft, draft};
use crate::run::error::RunError;

fn drafted(name: &str, text: &str, targets: &[&str]) -> Result<Draft, RunError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path: PathBuf = folder.path().join(name);
    std::fs::write(&path, text).expect("written");
    let targets: Vec<String> = targets.iter().map(|target| (*target).to_owned()).collect();
    draft(&path, name, "rows", &targets)
}

fn text(name: &str, rows: &str, targets: &[&str]) -> String {
    drafted(name, rows, targets).expect("drafted").text
}

/// A pseudorandom number less than `below`.
fn drawn(row: u64, stream: u64, below: u64) -> u64 {
    let mut state = row.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream.wrapping_mul(0xd134_2543_de82_ef95);
    for _ in 0..3 {
        state = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    (state >> 32) % below
}

/// A CSV text with a header and one line per row number.
fn table(heading: &str, rows: u64, row: impl Fn(u64) -> String) -> String {
    let rows: String = (0..rows).map(|number| row(number) + "\n").collect();
    format!("{heading}\n{rows}")
}

#[test]
fn identifiers_are_left_out_and_measurements_stay() {
    let rows = table("ID,uuid,mail,amount,zip,visits,y", 300, |row| {
        let mixed = |stream| drawn(row, stream, 1 << 30);
        let uuid = format!("{:08x}-0000-4000-8000-{:012x}", mixed(1), mixed(2));
        format!(
            "{},{uuid},a{row}@example.org,{}.{},{},{},{}",
            1000 + row * 3,
            drawn(row, 3, 900),
            row,
            10_000 + drawn(row, 4, 40),
            drawn(row, 5, 100_000),
            drawn(row, 6, 2)
        )
    });
    let text = text("rows.csv", &rows, &["y"]);
    for line in [
        "  # ID: left out, it numbers the rows\n",
        "  # uuid: left out, UUIDs, 300 on 300 rows\n",
        "  # mail: left out, e-mail addresses, 300 on 300 rows\n",
        "  amount: standardize\n",
        "  zip: {category: {minimum: 2}}    # 40 values, treated as codes because of its name\n",
        "  visits: standardize\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn targets_are_trimmed_and_their_kinds_detected() {
    let rows = table("x,\"a, b\",answer,stars,price,name", 200, |row| {
        let price = 10.0 * drawn(row, 1, 500) as f64 / 7.0;
        let answer = ["no", "yes"][drawn(row, 3, 2) as usize];
        format!(
            "{}.5,{},{answer},{},{price:.2},n{row}",
            drawn(row, 5, 900),
            drawn(row, 2, 2),
            drawn(row, 4, 5)
        )
    });
    let text = text("rows.csv", &rows, &[" a, b", "answer , stars", "price,"]);
    for part in [
        "  a__b:\n    target: \"a, b\"\n    kind: binary    # `1` is positive",
        "  answer:\n    target: answer\n    kind: binary    # `yes` is positive",
        "  stars:\n    target: stars\n    kind: multiclass    # 5 classes",
        "  price:\n    target: price\n    kind: regression",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn problems_of_all_targets_are_reported_at_once() {
    let rows = table("x,one,when,name,y", 60, |row| {
        format!("{},1,2020-01-{:02},n{row},{}", drawn(row, 1, 99), row % 28 + 1, row % 2)
    });
    let text = drafted("rows.csv", &rows, &["one,when,name,yy"]).unwrap_err().to_string();
    for part in [
        "`one` cannot be a target: its only value is `1`",
        "`when` cannot be a target: it contains dates",
        "`name` cannot be a target: every value is different",
        "did you mean `y`?",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}
