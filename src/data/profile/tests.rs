//! Column profiles, and how well columns predict one another.

use crate::data::fixture::Folder;
use crate::data::profile::column_relevance::{ColumnRelevance, TargetMeasure, gain};
use crate::data::profile::{ColumnKind, DataProfile, Pattern, survey};
use crate::data::source::SourceConfig;

fn profile(text: &str) -> DataProfile {
    let folder = Folder::new();
    survey(&folder.file("rows.csv", text)).unwrap()
}

#[test]
fn each_column_is_described() {
    let columns = profile("a,b,c,d\n3,x,1.5,true\n10,y,,false\n3,x,-2,true\n").columns;
    let kinds: Vec<ColumnKind> = columns.iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [ColumnKind::Whole, ColumnKind::Text, ColumnKind::Number, ColumnKind::Boolean]);
    assert_eq!(columns[0].range, Some([3.0, 3.0, 10.0]));
    assert_eq!((columns[0].distinct, columns[0].rows, columns[0].rarest_count), (2, 3, 1));
    assert_eq!((columns[2].missing, columns[2].range), (1, Some([-2.0, -2.0, 1.5])));
    assert_eq!(columns[1].values, [("x".to_owned(), 2), ("y".to_owned(), 1)]);
    assert_eq!((columns[1].frequent_counts, columns[0].is_whole), ([1, 0, 0], true));
}

#[test]
fn words_and_numbers_for_missing_values_are_detected() {
    let missing = |text: &str| match profile(text).source {
        SourceConfig::Csv(config) => config.missing,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing("a,b\n1,x\nn/a,y\n3,z\n"), ["n/a"]);
    assert_eq!(missing("a,b\n1,x\n2,?\n3,z\n"), ["?"]);
    assert_eq!(missing("a,b\n1,None\n2,y\n3,z\n"), [""; 0], "an ordinary word");
    assert_eq!(missing("a,b\n1,NA\n2,AT\n3,DE\n4,FR\n5,CH\n"), [""; 0], "Namibia");
    assert_eq!(missing("a,b\n-999,1\n2,4\n-999,2\n3,5\n"), ["-999"]);
    assert_eq!(missing("a,b\n-999,1\n-998,4\n-999,2\n3,5\n"), [""; 0], "a scale of its own");
}

#[test]
fn a_quote_that_never_closes_is_a_character() {
    let mut text = String::from("a,b\n");
    (0..3000).for_each(|row| text.push_str(&format!("{row},x\n")));
    text.push_str("7,\"y\n");
    match profile(&text).source {
        SourceConfig::Csv(config) => assert_eq!(config.quote, "none"),
        other => panic!("{other:?}"),
    }
}

/// How well each of the first columns predicts the last.
fn relevances(text: &str, measure: TargetMeasure) -> Vec<ColumnRelevance> {
    let profile = profile(text);
    let target = profile.columns.len() - 1;
    let relevances = profile.relevance(&[(target, measure)]).unwrap();
    relevances.into_iter().take(target).map(|of_targets| of_targets[0].unwrap()).collect()
}

/// A deterministic pseudo-random integer below `below`.
fn random(row: u64, stream: u64, below: u64) -> u64 {
    let mut state = row.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream.wrapping_mul(0xd134_2543_de82_ef95);
    for _ in 0..3 {
        state = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    (state >> 32) % below
}

#[test]
fn copies_predict_two_classes_and_identifiers_do_not() {
    let mut text = String::from("id,name,noise,copy,opposite,shifted,y\n");
    for row in 0..1000 {
        let y = random(row, 1, 2);
        let word = ["yes", "no"][y as usize];
        let noise = random(row, 2, 1000);
        let shifted = y as f64 + random(row, 3, 100) as f64 / 200.0;
        text.push_str(&format!("{row},n{row},{noise},{word},{},{shifted},{y}\n", 1 - y));
    }
    let scores: Vec<f64> = relevances(&text, TargetMeasure::Auc).iter().map(|column| column.score).collect();
    assert!(scores[..3].iter().all(|score| (0.4..0.6).contains(score)), "{scores:?}");
    assert_eq!(scores[3..], [1.0, 1.0, 1.0]);
}

#[test]
fn functions_of_a_number_predict_it() {
    let mut text = String::from("noise,double,square,class,y\n");
    for row in 0..1000 {
        let y = random(row, 4, 10_000) as f64 / 100.0 - 50.0;
        let class = ["low", "middle", "high"][((y + 50.0) / 34.0) as usize];
        text.push_str(&format!("{},{},{},{class},{y}\n", random(row, 5, 1000), 2.0 * y + 7.0, y * y * y));
    }
    let columns = relevances(&text, TargetMeasure::R2);
    let scores: Vec<f64> = columns.iter().map(|column| column.score).collect();
    assert!(scores[0] < 0.05 && scores[3] < 0.95, "{scores:?}");
    assert!(scores[1] > 0.9999 && scores[2] > 0.995, "{scores:?}");
    let steps = columns[3].steps.unwrap();
    assert!(steps.are_classes() && steps.changes == 2, "bins of a number follow its order: {steps:?}");
    assert!(columns[0].steps.is_none());
}

#[test]
fn codes_predict_several_classes() {
    let mut text = String::from("noise,code,y\n");
    for row in 0..900 {
        let class = random(row, 6, 6);
        text.push_str(&format!("{},{},c{class}\n", random(row, 7, 50), (class * 5) % 7));
    }
    let columns = relevances(&text, TargetMeasure::Accuracy);
    assert!(gain(columns[0].score, columns[0].chance) < 0.1, "{columns:?}");
    assert_eq!(columns[1].score, 1.0);
}

#[test]
fn patterns_and_word_counts_are_detected() {
    let columns =
        profile("when,file,said\n2020-01-01,a.png,good and fast\n2020-01-02,b.png,bad and slow\n").columns;
    assert_eq!((columns[0].pattern, columns[1].pattern), (Some(Pattern::Date), Some(Pattern::Image)));
    assert_eq!(columns[2].text.unwrap().words_per_text, 3.0);
}
