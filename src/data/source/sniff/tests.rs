//! Typical files, and the settings inferred for them.

use crate::data::fixture::Folder;
use crate::data::source::SourceConfig;
use crate::data::source::csv::{CsvConfig, Decimal};
use crate::data::source::sniff::sniff;

fn csv(name: &str, text: &str) -> CsvConfig {
    let folder = Folder::new();
    let file = folder.file(name, text);
    match sniff(&file).unwrap() {
        SourceConfig::Csv(config) => config,
        other => panic!("{other:?}"),
    }
}

fn separator(name: &str, text: &str) -> Option<String> {
    csv(name, text).separator
}

#[test]
fn the_separator_splits_all_lines_into_the_same_number_of_fields() {
    assert_eq!(separator("a.csv", "a,b\n1,x;y\n2,z\n"), None);
    assert_eq!(separator("a.csv", "a;b\n1;x, y\n2;z\n").as_deref(), Some(";"));
    assert_eq!(separator("a.tab", "a\tb\n1\tx, y\n2\tz\n").as_deref(), Some("\t"));
    assert_eq!(separator("a.txt", "a|b|c\n1|x|2\n2|y|3\n").as_deref(), Some("|"));
    assert_eq!(separator("a.dat", "a b c\n1 2 3\n4 5 6\n").as_deref(), Some(" "));
    assert_eq!(separator("a.csv", "name,genres\nA,x|y\nB,y|z\nC,x|z\n"), None);
    assert_eq!(separator("a.csv", "when,x\n2020-01-01 10:00,1\n2020-01-02 11:00,2\n"), None);
    // A .tsv file that is separated by commas.
    assert_eq!(separator("a.tsv", "a,b\n1,2\n3,4\n").as_deref(), Some(","));
}

#[test]
fn decimal_commas_differ_from_thousands_separators() {
    let commas = csv("a.csv", "x;y\n1,5;2\n2,25;3\n");
    assert_eq!((commas.decimal, commas.separator.as_deref()), (Decimal::Comma, Some(";")));
    assert_eq!(csv("a.csv", "x;y\n1,500;2\n2,250;3\n").decimal, Decimal::Point);
    assert_eq!(csv("a.csv", "x;y\n1.5;2\n2.25;3\n").decimal, Decimal::Point);
    let quoted = csv("a.csv", "x,y\n\"1,5\",2\n\"2,25\",3\n");
    assert_eq!((quoted.decimal, quoted.separator), (Decimal::Comma, None));
    let headless = csv("a.csv", "1,5;2,5;3\n2,5;3,5;4\n2,1;3;4\n1;2;3\n");
    assert_eq!((headless.decimal, headless.header), (Decimal::Comma, false));
}

#[test]
fn a_first_line_of_values_is_not_a_header() {
    assert!(!csv("iris.data", "5.1,3.5,a\n4.9,3.0,a\n4.7,3.2,b\n").header);
    assert!(csv("a.csv", "x,y,c\n5.1,3.5,a\n4.9,3.0,a\n").header);
    assert!(!csv("mushroom.data", "p,x,s\ne,x,s\ne,b,y\np,x,y\np,b,s\n").header);
    assert!(csv("a.csv", "cap,shape\np,x\ne,b\np,b\n").header);
    assert!(csv("a.csv", ",0,1,2\n0,.5,.25,7\n1,.75,.5,8\n").header, "a header of column numbers");
    assert!(csv("a.csv", "country,2001,2002\nA,5,6\nB,7,8\n").header, "years");
    assert!(!csv("a.csv", "1,2,3\n2,1,5\n0,3,3\n").header, "a row of small numbers");
    assert!(!csv("a.csv", "?,1.5,x\na,2.5,y\nb,3.5,x\n").header);
    assert!(!csv("a.csv", "2020-01-01,x\n2020-01-02,y\n").header);
}

#[test]
fn invalid_names_are_corrected() {
    let twice = csv("a.csv", "x,x,y\n1,2,3\n4,5,6\n");
    assert_eq!(twice.columns, Some(vec!["x".to_owned(), "x_2".to_owned(), "y".to_owned()]));
    assert_eq!((twice.header, twice.skip_rows), (false, 1));
    let rows = csv("r.csv", "a b\nr1 1 2\nr2 3 4\nr3 5 6\n");
    assert_eq!(rows.columns, Some(vec!["column_1".to_owned(), "a".to_owned(), "b".to_owned()]));
    assert_eq!(csv("a.csv", ",x\n0,1\n1,2\n").columns, None, "an empty heading has a name by its position");
}

#[test]
fn lines_before_the_table_are_counted() {
    let titled = csv("a.csv", "Report of May\n\nx,y\n1,2\n3,4\n");
    assert_eq!((titled.skip_rows, titled.header), (2, true));
    let named = csv("a.csv", "sep=;\nx;y\n1;2\n3;4\n");
    assert_eq!((named.skip_rows, named.separator.as_deref()), (1, Some(";")));
}

#[test]
fn quotes_are_inferred() {
    assert_eq!(csv("a.tsv", "x\ty\n\"5 inch\t2\n3\t4\n\"7\t6\n").quote, "none");
    assert_eq!(csv("a.csv", "x,y\n'a, b',2\n'c',4\n'd',5\n").quote, "'");
    assert_eq!(csv("a.csv", "x,y\n\"a, b\",2\n\"c\",4\n").quote, "\"");
}

#[test]
fn other_formats_are_recognized_by_their_content() {
    let folder = Folder::new();
    let lines = folder.file("rows.txt", "{\"a\": 1}\n{\"a\": 2}\n");
    assert!(matches!(sniff(&lines).unwrap(), SourceConfig::Jsonl(_)));
    let document = folder.file("rows.json", "[\n{\"a\": 1},\n{\"a\": 2}\n]\n");
    assert!(sniff(&document).unwrap_err().to_string().contains("one object per line"));
    let packed = folder.file("rows.xlsx", b"PK\x03\x04\x00\x00");
    assert!(sniff(&packed).unwrap_err().to_string().contains("Excel"));
    let aligned = folder.file("housing.data", " 0.1  18.0   2\n 0.02  0.0   7\n 10.5  3.0  12\n");
    assert!(sniff(&aligned).unwrap_err().to_string().contains("several spaces"));
}
