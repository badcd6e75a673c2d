//! Columns described, and what they say of one another.

use crate::data::fixture::Folder;
use crate::data::profile::column_relevance::{ColumnRelevance, TargetMeasure, gain};
use crate::data::profile::{ColumnKind, DataProfile, Pattern, survey};
use crate::data::source::SourceConfig;

fn looked_at(text: &str) -> DataProfile {
    let folder = Folder::new();
    survey(&folder.file("rows.csv", text)).unwrap()
}

#[test]
fn each_column_is_described() {
    let result = looked_at("a,b,c,d\n3,x,1.5,true\n10,y,,false\n3,x,-2,true\n").columns;
    let kinds: Vec<ColumnKind> = result.iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [ColumnKind::Whole, ColumnKind::Text, ColumnKind::Number, ColumnKind::Boolean]);
    assert_eq!(result[0].range, Some([3.0, 3.0, 10.0]));
    assert_eq!((result[0].distinct, result[0].rows, result[0].rarest), (2, 3, 1));
    assert_eq!((result[2].missing, result[2].range), (1, Some([-2.0, -2.0, 1.5])));
    assert_eq!(result[1].values, [("x".to_owned(), 2), ("y".to_owned(), 1)]);
    assert_eq!((result[1].frequent, result[0].is_whole), ([1, 0, 0], true));
}

#[test]
fn words_and_numbers_for_missing_values_are_found() {
    let missing = |text: &str| match looked_at(text).source {
        SourceConfig::Csv(config) => config.missing,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing("a,b\n1,x\nn/a,y\n3,z\n"), ["n/a"]);
    assert_eq!(missing("a,b\n1,x\n2,?\n3,z\n"), ["?"]);
    assert_eq!(missing("a,b\n1,None\n2,y\n3,z\n"), [""; 0], "a word as any other");
    assert_eq!(missing("a,b\n1,NA\n2,AT\n3,DE\n4,FR\n5,CH\n"), [""; 0], "Namibia");
    assert_eq!(missing("a,b\n-999,1\n2,4\n-999,2\n3,5\n"), ["-999"]);
    assert_eq!(missing("a,b\n-999,1\n-998,4\n-999,2\n3,5\n"), [""; 0], "a scale of its own");
}

#[test]
fn a_quote_that_never_closes_is_a_character() {
    let mut text = String::from("a,b\n");
    (0..3000).for_each(|row| text.push_str(&format!("{row},x\n")));
    text.push_str("7,\"y\n");
    match looked_at(&text).source {
        SourceConfig::Csv(config) => assert_eq!(config.quote, "none"),
        other => panic!("{other:?}"),
    }
}

/// What the first columns say of the last.
fn alone(text: &str, measure: TargetMeasure) -> Vec<ColumnRelevance> {
    let result = looked_at(text);
    let target = result.columns.len() - 1;
    let output = result.alone(&[(target, measure)]).unwrap();
    output.into_iter().take(target).map(|one| one[0].unwrap()).collect()
}

/// A whole number below `below`, the same each time.
fn drawn(row: u64, stream: u64, below: u64) -> u64 {
    let mut state = row.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream.wrapping_mul(0xd134_2543_de82_ef95);
    for _ in 0..3 {
        state = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    (state >> 32) % below
}

#[test]
fn two_classes_are_told_by_their_copies_and_not_by_identifiers() {
    let mut text = String::from("id,name,noise,copy,opposite,shifted,y\n");
    for row in 0..1000 {
        let y = drawn(row, 1, 2);
        let word = ["yes", "no"][y as usize];
        let noise = drawn(row, 2, 1000);
        let shifted = y as f64 + drawn(row, 3, 100) as f64 / 200.0;
        text.push_str(&format!("{row},n{row},{noise},{word},{},{shifted},{y}\n", 1 - y));
    }
    let scores: Vec<f64> = alone(&text, TargetMeasure::Auc).iter().map(|one| one.score).collect();
    assert!(scores[..3].iter().all(|score| (0.4..0.6).contains(score)), "{scores:?}");
    assert_eq!(scores[3..], [1.0, 1.0, 1.0]);
}

#[test]
fn numbers_are_told_by_what_they_are_made_of() {
    let mut text = String::from("noise,double,square,class,y\n");
    for row in 0..1000 {
        let y = drawn(row, 4, 10_000) as f64 / 100.0 - 50.0;
        let class = ["low", "middle", "high"][((y + 50.0) / 34.0) as usize];
        text.push_str(&format!("{},{},{},{class},{y}\n", drawn(row, 5, 1000), 2.0 * y + 7.0, y * y * y));
    }
    let output = alone(&text, TargetMeasure::R2);
    let scores: Vec<f64> = output.iter().map(|one| one.score).collect();
    assert!(scores[0] < 0.05 && scores[3] < 0.95, "{scores:?}");
    assert!(scores[1] > 0.9999 && scores[2] > 0.995, "{scores:?}");
    let steps = output[3].steps.unwrap();
    assert!(steps.are_classes() && steps.changes == 2, "classes of a number follow it: {steps:?}");
    assert!(output[0].steps.is_none());
}

#[test]
fn several_classes_are_told_by_codes() {
    let mut text = String::from("noise,code,y\n");
    for row in 0..900 {
        let class = drawn(row, 6, 6);
        text.push_str(&format!("{},{},c{class}\n", drawn(row, 7, 50), (class * 5) % 7));
    }
    let output = alone(&text, TargetMeasure::Accuracy);
    assert!(gain(output[0].score, output[0].chance) < 0.1, "{output:?}");
    assert_eq!(output[1].score, 1.0);
}

#[test]
fn patterns_and_texts_are_seen() {
    let result =
        looked_at("when,file,said\n2020-01-01,a.png,good and fast\n2020-01-02,b.png,bad and slow\n").columns;
    assert_eq!((result[0].pattern, result[1].pattern), (Some(Pattern::Date), Some(Pattern::Picture)));
    assert_eq!(result[2].prose.unwrap().words_per_text, 3.0);
}
