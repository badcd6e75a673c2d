//! Splits of real-world tables: time formats, groups of any size, duplicate rows.

use serde_json::Value;

use crate::support::{Project, Ran};

/// A pipeline whose category `seq` identifies rows: its known values are the training rows.
fn pipeline(split: &str) -> String {
    format!(
        "name: rows\nseed: 1\ndata:\n  rows:\n    source: {{csv: {{path: rows.csv}}}}\n    split: {split}\n\
         inputs:\n  x: standardize\n  seq: category\ntrunk:\n  - dense: {{units: 8, activation: relu}}\n\
         tasks:\n  y: {{target: y, kind: regression}}\ntrain: {{epochs: 1, batch_size: 32, device: cpu}}\n"
    )
}

/// Rows numbered in order of time by `seq`, in another order in the file.
fn timed(times: &[String]) -> Project {
    let rows = times.len();
    let mut text = String::from("when,x,y,seq\n");
    for place in 0..rows {
        let seq = place * 37 % rows;
        text.push_str(&format!("\"{}\",{},{},{seq}\n", times[seq], seq % 7, seq % 5));
    }
    Project::new().file("rows.csv", text)
}

fn run(project: Project, split: &str) -> (Project, Ran) {
    let project = project.file("pipeline.yaml", pipeline(split));
    let ran = project.mtl(&["run", "pipeline.yaml", "--quiet"]);
    (project, ran)
}

fn training_rows(project: &Project) -> Vec<usize> {
    project.mtl(&["export", "last", "--to", "model"]).expect(0);
    let card: Value = serde_json::from_str(&project.read("model/mtl.json")).expect("JSON");
    let inputs = card["signature"]["inputs"].as_array().expect("inputs");
    let seq = inputs.iter().find(|input| input["name"] == "seq").expect("seq");
    let keys = &seq["encoding"]["keys"];
    let keys =
        keys.as_object().and_then(|keys| keys.values().next()).and_then(Value::as_array).expect("keys");
    let mut rows: Vec<usize> = keys.iter().filter_map(|key| key.as_u64()).map(|key| key as usize).collect();
    rows.sort_unstable();
    rows
}

const DAYS: [&str; 3] = ["28", "29", "01"];

/// Sixty times half an hour apart, across the end of February 2024, from 1:05.
fn moments(write: impl Fn(usize, usize, usize, usize) -> String) -> Vec<String> {
    let one = |at: usize| {
        let minutes = 65 + 30 * at + 600;
        let (day, hour, minute) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
        let month = if day == 2 { 3 } else { 2 };
        write(month, DAYS[day].parse().expect("a day"), hour, minute)
    };
    (0..60).map(one).collect()
}

/// Fault 14 and similar: the first 48 rows train, for every time format.
#[test]
fn the_latest_rows_are_test_rows_for_every_time_format() {
    let half = |hour: usize| (hour + 11) % 12 + 1;
    let noon = |hour: usize| if hour < 12 { "AM" } else { "PM" };
    let zoned = |m: usize, d: usize, h: usize, minute: usize| {
        // Every other row is in a time zone five hours behind.
        if minute == 5 && h >= 5 {
            format!("2024-{m:02}-{d:02}T{:02}:{minute:02}:00-05:00", h - 5)
        } else {
            format!("2024-{m:02}-{d:02}T{h:02}:{minute:02}:00Z")
        }
    };
    let by = "{time: {by: when, valid: 0.1, test: 0.1}}";
    let with = |format: &str| format!("{{time: {{by: when, valid: 0.1, test: 0.1, format: \"{format}\"}}}}");
    for (times, split) in [
        (moments(|m, d, h, minute| format!("2024-{m:02}-{d:02} {h}:{minute:02}")), by.to_owned()),
        (moments(zoned), by.to_owned()),
        (moments(|m, d, h, minute| format!("{d:02}.{m:02}.2024 {h}:{minute:02}")), by.to_owned()),
        (
            moments(|m, d, h, minute| format!("{m}/{d}/2024 {}:{minute:02} {}", half(h), noon(h))),
            by.to_owned(),
        ),
        (moments(|m, d, h, minute| format!("{d:02}/{m:02}/24 {h}.{minute:02}")), with("%d/%m/%y %H.%M")),
        (moments(|m, d, h, minute| format!("{d:02}{m:02}2024{h:02}{minute:02}")), with("%d%m%Y%H%M")),
        // Nanoseconds since 1970, which float64 cannot represent.
        ((0..60).map(|at| (1_700_000_000_000_000_000_u64 + at).to_string()).collect(), by.to_owned()),
    ] {
        let first = times[0].clone();
        let (project, ran) = run(timed(&times), &split);
        ran.expect(0);
        assert_eq!(training_rows(&project), (0..48).collect::<Vec<_>>(), "{first}");
    }
}

#[test]
fn ambiguous_times_are_refused_with_a_hint() {
    let by = "{time: {by: when}}";
    let refused = |times: Vec<String>, split: &str| {
        let (_, ran) = run(timed(&times), split);
        ran.expect(1).err()
    };
    let text = refused((0..40).map(|at| format!("{:02}/{:02}/2024", at % 12 + 1, at % 11 + 1)).collect(), by);
    assert!(text.contains("ambiguous date format: in all rows, such as `01/01/2024` in"), "{text}");
    assert!(text.contains("write `format: \"%d/%m/%Y\"` or `format: \"%m/%d/%Y\"`"), "{text}");
    let mixed = |at: usize| format!("2024-03-{:02}T09:00:00{}", at % 28 + 1, if at == 7 { "" } else { "Z" });
    let text = refused((0..40).map(mixed).collect(), by);
    assert!(text.contains("mixes formats: `2024-03-01T09:00:00Z` in `rows.csv`"), "{text}");
    let other = "is a date and a time with time zone, but `2024-03-08T09:00:00` in `rows.csv`, line";
    assert!(text.contains(other) && text.contains("is a date and a time without time zone"), "{text}");
    let text = refused((0..40).map(|at| format!("{:02}{:02}2024", at % 28 + 1, at % 12 + 1)).collect(), by);
    assert!(text.contains("looks like a date with the year last") && text.contains("%d%m%Y"), "{text}");
    let text = refused((0..40).map(|at| format!("Q{} 2024", at % 4 + 1)).collect(), by);
    assert!(
        text.contains("`Q1 2024` in `rows.csv`, line 2 is not a number, date or time (and 39 more rows)"),
        "{text}"
    );
    assert!(text.contains("supported are numbers; `2024-03-05`"), "{text}");
    let lacking = |at: usize| if at == 3 { String::new() } else { format!("2024-03-{:02}", at % 28 + 1) };
    let text = refused((0..40).map(lacking).collect(), by);
    assert!(
        text.contains("is empty in 1 row, first in") && text.contains("such a row has no time"),
        "{text}"
    );
    let text = refused((0..40).map(|_| "2024-03-01".to_owned()).collect(), by);
    assert!(text.contains("has 1 distinct time; 3 splits need at least 3"), "{text}");
    let (_, ran) = run(timed(&vec!["1".to_owned(); 40]), "{time: {by: when, format: \"%d/%q\"}}");
    let text = ran.expect(3).err();
    assert!(
        text.contains("pipeline.yaml:6:") && text.contains("`%d/%q` is not a format of dates and times"),
        "{text}"
    );
}

/// Users with these numbers of rows.
fn grouped(sizes: &[usize]) -> Project {
    let mut text = String::from("user,x,y,seq\n");
    let rows = sizes.iter().enumerate().flat_map(|(user, size)| vec![user; *size]);
    for (row, user) in rows.enumerate() {
        text.push_str(&format!("u{user},{},{},{row}\n", row % 7, row % 5));
    }
    Project::new().file("rows.csv", text)
}

/// Fault 27.
#[test]
fn group_splits_are_as_close_to_the_fractions_as_possible() {
    let split = "{group: {by: user, valid: 0.1, test: 0.1}}";
    for seed in ["0", "1", "2", "3", "4", "5"] {
        let project = grouped(&[110, 8, 2]).file("pipeline.yaml", pipeline(split));
        let ran = project.mtl(&["run", "pipeline.yaml", "--seed", seed]).expect(0);
        let output = ran.out() + &ran.err();
        assert_eq!(training_rows(&project).len(), 110);
        let output = output.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(output.contains("of 120 rows, but the shares ask for 96, 12, 12"), "{output}");
        assert!(output.contains("there are 3 groups, and `user` is `u0` on 110 of 120 rows"), "{output}");
        let project = grouped(&[600, 100, 50, 100, 100]).file("pipeline.yaml", pipeline(split));
        let ran = project.mtl(&["run", "pipeline.yaml", "--seed", seed]).expect(0);
        assert_eq!(training_rows(&project).len(), 750);
        assert!(!(ran.out() + &ran.err()).contains("the shares ask for"));
    }
    let (_, ran) = run(grouped(&[110, 10]), split);
    let text = ran.expect(1).err();
    assert!(text.contains("column `user` has 2 groups; 3 splits need at least 3"), "{text}");
}

/// Inputs with few values: the former advice would have left 35 of 900 rows and changed labels.
#[test]
fn duplicates_must_have_equal_labels() {
    let arguments = |deduplicate: &str| {
        format!(
            "name: rows\nseed: 1\ndata:\n  rows:\n    source: {{csv: {{path: rows.csv}}}}\n    \
             split: {{random: {{valid: 0.1, test: 0.2}}}}\n    deduplicate: {deduplicate}\n\
             inputs: {{a: standardize, b: category}}\ntrunk:\n  - dense: {{units: 8, activation: relu}}\n\
             tasks:\n  pass: {{target: pass, kind: binary}}\ntrain: {{epochs: 1, batch_size: 32, device: \
             cpu}}\n"
        )
    };
    let output_of = |rows: &[String], deduplicate: &str| {
        let project = Project::new()
            .file("rows.csv", format!("a,b,pass\n{}\n", rows.join("\n")))
            .file("pipeline.yaml", arguments(deduplicate));
        let ran = project.mtl(&["run", "pipeline.yaml"]).expect(0);
        (ran.out() + &ran.err()).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let drawn = |row: usize| (row.wrapping_mul(6_364_136_223_846_793_005) >> 33) % 1000;
    let coarse = |row: usize| format!("{},{},{}", row % 5, row % 7, u8::from(drawn(row) > 112));
    let text = output_of(&(0..900).map(coarse).collect::<Vec<_>>(), "false");
    assert!(!text.contains("deduplicate"), "{text}");
    let mut rows: Vec<String> =
        (0..200).map(|row| format!("{}.{row},{},{}", drawn(row), row % 9, u8::from(row % 4 == 0))).collect();
    rows.extend(rows.clone().into_iter().step_by(4).collect::<Vec<_>>());
    let text = output_of(&rows, "false");
    let advice =
        "`deduplicate: true` drops 50 of 250 rows: the share of `pass` = `1` changes from 0.400 to 0.250";
    assert!(text.contains(advice), "{text}");
    let text = output_of(&rows, "true");
    let done = "50 rows duplicate an earlier row in all inputs and targets and are dropped";
    assert!(text.contains(done) && !text.contains("another split"), "{text}");
}
