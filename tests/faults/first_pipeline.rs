//! Drafts of `mtl init` for unknown files.

use crate::support::project::Project;

/// A deterministic pseudo-random number below `below`.
fn drawn(row: u64, stream: u64, below: u64) -> u64 {
    let mut state = row.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream.wrapping_mul(0xd134_2543_de82_ef95);
    for _ in 0..3 {
        state = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    (state >> 32) % below
}

/// A table with a header, and rows made from their numbers.
fn table(heading: &str, rows: u64, row: impl Fn(u64) -> String) -> String {
    let rows: String = (0..rows).map(|number| row(number) + "\n").collect();
    format!("{heading}\n{rows}")
}

/// Drafts a pipeline for a file; returns the draft and the notes. The draft must pass `mtl check`.
fn drafted(project: &Project, file: &str, targets: &[&str]) -> (String, String) {
    let mut arguments = vec!["init", file, "--to", "draft.yaml", "--force"];
    targets.iter().for_each(|target| arguments.extend(["--target", target]));
    let report = project.mtl(&arguments).expect(0).out();
    project.mtl(&["check", "draft.yaml"]).expect(0);
    (project.read("draft.yaml"), report)
}

/// Runs the draft; returns a score by `mtl query`.
fn trained(project: &Project, epochs: usize, metric: &str) -> f64 {
    let epochs = format!("train.epochs={epochs}");
    project.mtl(&["run", "draft.yaml", "--quiet", "--set", &epochs, "--set", "train.device=cpu"]).expect(0);
    let sql = format!(
        "select value from scores where metric = '{metric}' and split = 'test' order by rowid desc limit 1"
    );
    let output = project.mtl(&["query", &sql, "--format", "csv"]).expect(0).out();
    output.lines().last().expect("a row").parse().unwrap_or_else(|_| panic!("{output}"))
}

/// `ID`, a pair of opposite flags, and a column that spells out the target gave an AUC of 1.000 without a
/// warning.
#[test]
fn identifiers_and_leaking_columns_are_left_out() {
    let rows = table("ID,x,noise,PF_0,spelt,partly,PF_1", 600, |row| {
        let x = drawn(row, 1, 1000);
        let y = u64::from(x + drawn(row, 2, 800) > 900);
        let partly = if drawn(row, 4, 10) < 9 { y } else { 1 - y };
        format!(
            "{},{x},{}.5,{},{},{partly},{y}",
            100_000 + row,
            drawn(row, 3, 500),
            1 - y,
            ["bad", "good"][y as usize]
        )
    });
    let project = Project::new().file("rows.csv", rows);
    let (text, report) = drafted(&project, "rows.csv", &["PF_1"]);
    for line in [
        "  # ID: left out, it numbers the rows\n",
        "  # PF_0: left out, it alone predicts PF_1 (AUC 1.000 on 600 sample rows)\n",
        "  # spelt: left out, it alone predicts PF_1 (AUC 1.000 on 600 sample rows)\n",
        "  x: standardize\n",
        "  noise: standardize\n",
        "  partly: standardize",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(
        report.contains("left out  PF_0: it alone predicts PF_1 (AUC 1.000 on 600 sample rows)"),
        "{report}"
    );
    let auc = trained(&project, 10, "auroc");
    assert!((0.7..0.999).contains(&auc), "honest: {auc}");
}

#[test]
fn numbers_computed_from_the_target_are_left_out() {
    let rows = table("x,cents,level,casual,registered,total", 400, |row| {
        let (casual, registered) = (drawn(row, 1, 900), drawn(row, 2, 3000));
        let total = casual + registered;
        let level = ["low", "middle", "high"][(total / 1400).min(2) as usize];
        format!("{},{},{level},{casual},{registered},{total}", drawn(row, 3, 100), total * 100)
    });
    let project = Project::new().file("rows.csv", rows);
    let (text, _) = drafted(&project, "rows.csv", &["total"]);
    for line in [
        "  x: standardize\n",
        "# cents: left out, it alone predicts total (R2 1.000 on 400 sample rows)",
        "# level: left out, it is derived from total",
        "# casual: left out, with registered it determines total: a sum or difference (R2 1.0000 on 400 sample rows)",
        "# registered: left out, with casual it determines total",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

/// Text was dropped as "too many for a category", and no input was left.
#[test]
fn text_is_an_input_alone_and_beside_numbers() {
    let words = ["slow", "broken", "late", "awful", "fine", "great", "quick", "lovely"];
    let fill =
        ["the", "service", "here", "was", "and", "today", "very", "room", "food", "a", "staff", "really"];
    let sentence = |row: u64, y: u64| {
        let mut output: Vec<&str> = (0..7).map(|place| fill[drawn(row, 20 + place, 12) as usize]).collect();
        output.insert(3, words[(4 * y + drawn(row, 5, 4)) as usize]);
        output.join(" ")
    };
    let alone = table("text,label", 400, |row| {
        let y = drawn(row, 1, 2);
        format!("{},{}", sentence(row, y), ["bad", "good"][y as usize])
    });
    let beside = table("text,stars,city,label", 400, |row| {
        let y = drawn(row, 1, 2);
        format!(
            "{},{},c{},{}",
            sentence(row, y),
            drawn(row, 7, 50),
            drawn(row, 8, 60),
            ["bad", "good"][y as usize]
        )
    });
    let project = Project::new().file("alone.csv", alone).file("beside.csv", beside);
    for (file, others) in
        [("alone.csv", [""; 2]), ("beside.csv", ["stars: standardize", "city: {category: {minimum: 2}}"])]
    {
        let (text, _) = drafted(&project, file, &["label"]);
        assert!(text.contains("text: {text: {tokenizer: {word: {vocabulary: 20000, minimum: 1}}"), "{text}");
        assert!(text.contains("encoder: [{embedding: 64}, {dropout: 0.3}, {pool: mean}]"), "{text}");
        assert!(others.iter().all(|other| text.contains(other)), "{text}");
        let auc = trained(&project, 15, "auroc");
        assert!(auc > 0.95, "{file}: {auc}");
    }
}

#[test]
fn chinese_is_segmented_with_a_dictionary() {
    let words = ["很好", "喜欢", "推荐", "满意", "太差", "失望", "退货", "糟糕"];
    let rows = table("评论,标签", 300, |row| {
        let y = drawn(row, 1, 2);
        let word = words[(4 * y + drawn(row, 2, 4)) as usize];
        let thing = ["这本书的内容", "酒店的房间", "手机的屏幕"][drawn(row, 3, 3) as usize];
        format!("{thing}我觉得{word}第{row}次购买,{}", ["好", "坏"][y as usize])
    });
    let project = Project::new().file("rows.csv", rows);
    let (text, _) = drafted(&project, "rows.csv", &["标签"]);
    assert!(text.contains("评论: {text: {tokenizer: {jieba: {vocabulary: 20000, minimum: 1}}"), "{text}");
    assert!(trained(&project, 20, "auroc") > 0.95);
}

#[test]
fn a_split_column_is_used() {
    let part = |row: u64| ["Training", "Training", "Training", "Dev", "Test"][drawn(row, 9, 5) as usize];
    let line = |row: u64, part: &str| {
        let x = drawn(row, 1, 1000);
        format!("{x},{part},{}", u64::from(x + drawn(row, 2, 300) > 600))
    };
    let three = table("x,part,y", 500, |row| line(row, part(row)));
    let two = table("x,part,y", 500, |row| line(row, if part(row) == "Test" { "test" } else { "train" }));
    let flag = table("x,is_test,y", 500, |row| line(row, if part(row) == "Test" { "True" } else { "False" }));
    for (rows, split) in [
        (three, "split: {column: {by: part, train: Training, valid: Dev, test: Test}}"),
        (two, "split: {column: {by: part, validation_split: 0.1}}"),
        (flag, "split: {column: {by: is_test, train: \"false\", validation_split: 0.1, test: \"true\"}}"),
    ] {
        let project = Project::new().file("rows.csv", rows);
        let (text, report) = drafted(&project, "rows.csv", &["y"]);
        assert!(text.contains(split) && text.contains("left out, it defines the split"), "{text}");
        assert!(report.contains("split     by column"), "{report}");
        assert!(trained(&project, 15, "auroc") > 0.9);
    }
}

#[test]
fn the_csv_dialect_is_detected() {
    let numbers = |row: u64| (drawn(row, 1, 1000) as f64 / 8.0, drawn(row, 2, 1000) as f64 / 4.0);
    let comma = |number: f64| number.to_string().replace('.', ",");
    let semicolons = |heading: &str| {
        table(heading, 300, |row| {
            let (a, b) = numbers(row);
            format!(
                "{};{};{}",
                comma(a),
                if row % 20 == 0 { "n/a".to_owned() } else { comma(b) },
                comma(a * 2.0 + b + drawn(row, 3, 90) as f64 + 0.5)
            )
        })
    };
    let headless = semicolons("").trim_start().to_owned();
    let tabs = table("a\tb\tc", 300, |row| {
        let (a, b) = numbers(row);
        format!("{a}\t{}\t{}", if b > 125.0 { "hot" } else { "cold" }, a * 2.0 + drawn(row, 3, 90) as f64)
    });
    let titled = format!(
        "A table of May 2020\n\n{}",
        table("a|b|c", 300, |row| {
            let (a, b) = numbers(row);
            format!("{a}|{}|{}", if row % 9 == 0 { -999.0 } else { b }, a * 2.0 + drawn(row, 3, 90) as f64)
        })
    );
    for (file, text, target, source) in [
        ("rows.csv", semicolons("a;b;c"), "c", "separator: \";\", decimal: \",\", missing: [\"n/a\"]}}"),
        (
            "rows.data",
            headless,
            "column_3",
            "separator: \";\", decimal: \",\", header: false, missing: [\"n/a\"]}}",
        ),
        ("rows.tab", tabs.clone(), "c", "rows.tab, separator: \"\\t\"}}"),
        (
            "rows.txt",
            titled,
            "c",
            "separator: \"|\", skip_rows: 2, missing: [\"-999\", \"-999.0\", \"-999.00\"]}}",
        ),
        (
            "bom.csv",
            format!("\u{feff}sep=\t\r\n{}", tabs.replace('\n', "\r\n")),
            "c",
            "separator: \"\\t\", skip_rows: 1}}",
        ),
        ("mac.csv", tabs.replace('\t', ",").replace('\n', "\r"), "c", "{csv: {path: mac.csv}}"),
    ] {
        let project = Project::new().file(file, text);
        let (text, report) = drafted(&project, file, &[target]);
        assert!(text.contains(source), "{source}\n{text}");
        assert!(report.starts_with(&format!("{file}: 300 rows, 3 columns")), "{report}");
        let r2 = trained(&project, 40, "r2");
        assert!(r2 > 0.5, "{file}: {r2}");
    }
}

#[test]
fn names_that_need_quotes_or_changes_work() {
    let rows = table("\"yes\",\"a: b\",größe (cm),a.b,a_b,\"say \"\"x\"\"\",a b", 200, |row| {
        let x = drawn(row, 1, 100);
        format!(
            "{x},{},{}.5,{},{},u,{}",
            drawn(row, 2, 9),
            drawn(row, 3, 90),
            drawn(row, 4, 70),
            drawn(row, 5, 80),
            x + drawn(row, 6, 50)
        )
    });
    let project = Project::new().file("rows.csv", rows);
    let (text, _) = drafted(&project, "rows.csv", &["a b"]);
    assert!(
        text.contains("  \"yes\": standardize\n") && text.contains("  a_b_2:\n    target: \"a b\"\n"),
        "{text}"
    );
    assert!(text.contains("  # \"say \\\"x\\\"\": left out, it is `u` on every row\n"), "{text}");
    trained(&project, 3, "r2");
}

#[test]
fn target_names_are_trimmed_and_unusable_targets_reported() {
    let project = Project::new().with_rows("rows.csv", 200);
    let (text, _) = drafted(&project, "rows.csv", &["rich, weeks"]);
    assert!(text.contains("target: rich\n") && text.contains("target: weeks\n"), "{text}");
    assert!(text.contains("# 16 of 200 labels missing: masked"), "{text}");
    assert_eq!(drafted(&project, "rows.csv", &[" rich ", "weeks"]).0, text);
    let output = project.mtl(&["init", "rows.csv", "--target", "rihc, weks"]).expect(1).err();
    assert!(output.contains("did you mean `rich`?") && output.contains("did you mean `weeks`?"), "{output}");
    let alone = Project::new().file("rows.csv", table("id,y", 60, |row| format!("n{row},{}", row % 2)));
    let output = alone.mtl(&["init", "rows.csv", "--target", "y"]).expect(1).err();
    assert!(
        output.contains("no column of rows.csv can be an input") && output.contains("id: it identifies rows"),
        "{output}"
    );
}

#[test]
fn lists_in_json_lines_are_tokens_and_series() {
    let rows: String = (0..200)
        .map(|row| {
            let y = drawn(row, 1, 2);
            let tag = ["a", "b", "c", "d"][(2 * y + drawn(row, 2, 2)) as usize];
            let series: Vec<u64> = (0..6).map(|step| drawn(row, 10 + step, 9) + y).collect();
            format!("{{\"tags\": [\"{tag}\", \"x\"], \"series\": {series:?}, \"y\": {y}}}\n")
        })
        .collect();
    let project = Project::new().file("rows.jsonl", rows);
    let (text, _) = drafted(&project, "rows.jsonl", &["y"]);
    assert!(
        text.contains("source: {jsonl: {path: rows.jsonl}}") && text.contains("tags: {tokens:"),
        "{text}"
    );
    assert!(text.contains("series: {series: {length: 6, encoder:"), "{text}");
    assert!(trained(&project, 15, "auroc") > 0.9);
}
