//! Fitting of sequences: texts, tokens, series, and targets aligned with them.

use serde_json::{Value, json};

use crate::data::error::DataError;
use crate::data::feature::encode;
use crate::data::fit::{FitRequest, Fitted, fit};
use crate::data::fixture::{Folder, csv, fit_table, most_train};
use crate::data::load::LoadedTable;
use crate::data::split::SplitRows;
use crate::data::store;
use crate::data::tokenizer::TokenCodec;
use crate::domain::array::{Array, ArrayValues};
use crate::domain::name::{InputName, TableName};
use crate::domain::signature::Encoding;
use crate::domain::task::{FittedTarget, TagScheme};

fn jsonl(text: &str) -> LoadedTable {
    let folder = Folder::new();
    folder.file("rows.jsonl", text);
    folder.load(json!({"source": {"jsonl": "rows.jsonl"}})).unwrap()
}

fn fitted(loaded: LoadedTable, inputs: Value, tasks: Value) -> Fitted {
    let rows = most_train(&loaded);
    fit_table(loaded, rows, inputs, tasks).unwrap()
}

fn problems(text: &str, inputs: Value, tasks: Value) -> Vec<String> {
    let folder = Folder::new();
    folder.file("rows.jsonl", text);
    let loaded = folder.load(json!({"source": {"jsonl": "rows.jsonl"}})).unwrap();
    let rows = most_train(&loaded);
    folder.problems(fit_table(loaded, rows, inputs, tasks))
}

fn codes(array: &Array) -> Vec<Vec<u32>> {
    let ArrayValues::U32(values) = &array.values else { panic!("{array:?}") };
    (0..array.rows()).map(|row| values[array.row(row)].to_vec()).collect()
}

fn floats(array: &Array) -> Vec<Vec<f32>> {
    let values = array.as_f32().unwrap();
    (0..array.rows()).map(|row| values[array.row(row)].to_vec()).collect()
}

fn notes(fitted: &Fitted) -> Vec<&str> {
    fitted.notes.iter().map(|note| note.text.as_str()).collect()
}

#[test]
fn texts_become_tokens_with_notes_on_problems() {
    let text = "t,y\na b a b a b c,0\n,1\nb a,0\n\" \",1\nb ☃ a,0\na z b z a,1\n";
    let result = fitted(csv(text), json!({"t": {"text": {"length": 4}}}), json!({}));
    let table = &result.dataset.tables[0];
    let encoded = &table.inputs[0].1;
    // On the four training rows: `a` and `b` 5 times, `c` once, `☃` and `z` never.
    assert_eq!(
        codes(encoded),
        [vec![4, 5, 4, 5], vec![1], vec![5, 4], vec![1], vec![5, 1, 4], vec![4, 1, 5, 1]]
    );
    let Encoding::Tokens { tokenizer, length: 4, .. } = &result.dataset.signature.inputs[0].encoding else {
        panic!("tokens");
    };
    assert_eq!(tokenizer.size, 6);
    let notes = notes(&result);
    assert!(notes[0].starts_with("input `t`: 2 texts are empty, first in "), "{notes:?}");
    assert!(notes[0].contains("line 3"));
    assert!(notes[1].contains("2 texts have more than 4 tokens (up to 7), first in"), "{notes:?}");
    assert!(notes[1].contains("line 2"));
    let unknown = "37.50 % of the tokens of validation and test rows (3 of 8) are unknown, first `☃` in";
    assert!(notes[2].contains(unknown), "{notes:?}");
    assert!(notes[2].ends_with("line 6"), "{notes:?}");
    // Encoding the model input gives the same.
    let (_, raw) = &table.sample[0];
    assert_eq!(*raw, Array::new(&[1, 4], ArrayValues::I64(vec![4, 1, 5, 1])));
    let encoding = &result.dataset.signature.inputs[0].encoding;
    assert_eq!(encode(encoding, raw).unwrap(), encoded.gather(&table.sample_rows));
    let tail = fitted(csv(text), json!({"t": {"text": {"length": 2, "side": "tail"}}}), json!({}));
    assert_eq!(codes(&tail.dataset.tables[0].inputs[0].1)[5], [1, 4]);
}

#[test]
fn a_text_column_without_text_is_refused() {
    let result = problems(
        "{\"t\": \"\"}\n{\"t\": null}\n{\"t\": \"a\"}\n{\"t\": \"b\"}\n",
        json!({"t": "text"}),
        json!({}),
    );
    assert!(result[0].starts_with("all-missing at inputs.t"), "{result:?}");
    let lists = "{\"t\": [1]}\n{\"t\": [2]}\n{\"t\": [3]}\n";
    let result = problems(lists, json!({"t": {"text": {"tokenizer": "bpe"}}}), json!({}));
    assert!(result[0].starts_with("already-cut at inputs.t: column `t` is already tokenized"), "{result:?}");
}

#[test]
fn tokenized_texts_are_combined_with_other_texts() {
    let lists =
        "{\"t\": [\"我\", \"来到北京\"]}\n{\"t\": [\"北京\"]}\n{\"t\": [\"我\"]}\n{\"t\": [\"我\"]}\n";
    let config = json!({"t": {"text": {"tokenizer": {"jieba": {"minimum": 1}}}}});
    let (_, result) = tables([lists, "{\"t\": \"我来到北京\"}\n{\"t\": \"我\"}\n{\"t\": \"我\"}\n"], config);
    let result = result.unwrap();
    // Counts: 北京 2 and 我 2, then 来到 and 来到北京 once each.
    assert_eq!(codes(&result.dataset.tables[0].inputs[0].1)[..2], [vec![5, 7], vec![4]]);
    assert_eq!(codes(&result.dataset.tables[1].inputs[0].1)[0], [5, 6, 4]);
}

#[test]
fn tokens_are_lists_or_texts_split_at_a_separator() {
    let list = "{\"t\": [\"a\", \"New York\", \"a\"]}\n{\"t\": [\"New York\"]}\n{\"t\": []}\n\
                {\"t\": [\"b\", \"a\", null]}\n";
    let text = "t\na|New York|a\nNew York\n\nb|a|\n";
    let config = json!({"t": {"tokens": {"separator": "|", "minimum": 1}}});
    let lists = fitted(jsonl(list), config.clone(), json!({}));
    assert_eq!(codes(&lists.dataset.tables[0].inputs[0].1), [vec![5, 4, 5], vec![4], vec![1], vec![1, 5, 1]]);
    let texts = fitted(csv(&text.replace("\n\n", "\n\"\"\n")), config, json!({}));
    assert_eq!(codes(&texts.dataset.tables[0].inputs[0].1), [vec![5, 4, 5], vec![4], vec![1], vec![1, 5]]);
    // With an empty separator, characters are tokens.
    let config = json!({"t": {"tokens": {"separator": "", "minimum": 1}}});
    let letters = fitted(csv("t\nab\nb a\nba\nb☃\n"), config, json!({}));
    assert_eq!(
        codes(&letters.dataset.tables[0].inputs[0].1),
        [vec![4, 5], vec![5, 6, 4], vec![5, 4], vec![5, 1]]
    );
    let encoding = &letters.dataset.signature.inputs[0].encoding;
    let Encoding::Tokens { tokenizer, .. } = encoding else { panic!("tokens") };
    assert_eq!(TokenCodec::new(tokenizer).unwrap().encode("b a").unwrap(), [5, 6, 4]);
}

#[test]
fn series_are_standardized_on_training_rows() {
    let text =
        "{\"s\": [1, 3, 5]}\n{\"s\": [3, null]}\n{\"s\": []}\n{\"s\": [100, 1, 1, 1]}\n{\"s\": [7.5]}\n";
    let result = fitted(jsonl(text), json!({"s": {"series": {"length": 3}}}), json!({}));
    // numpy: mean([1, 3, 5, 3]) is 3, std is 1.4142135623730951.
    let scale = std::f64::consts::SQRT_2;
    let Encoding::Series { center, scale: found_scale, .. } = &result.dataset.signature.inputs[0].encoding
    else {
        panic!("series");
    };
    assert_eq!((center.as_slice(), found_scale.as_slice()), (&[3.0][..], &[scale][..]));
    let table = &result.dataset.tables[0];
    let rows = floats(&table.inputs[0].1);
    assert_eq!(rows[0], [-2.0 / scale, 0.0, 2.0 / scale].map(|value| value as f32));
    assert_eq!((rows[1].as_slice(), rows[2].as_slice()), (&[0.0, 0.0][..], &[0.0][..]));
    assert_eq!(rows[3].len(), 3);
    let notes = notes(&result);
    assert!(
        notes[0].contains("1 empty series") && notes[1].contains("1 series with missing numbers"),
        "{notes:?}"
    );
    assert!(notes[2].contains("1 series longer than 3 steps (up to 4)"), "{notes:?}");
    let encoding = &result.dataset.signature.inputs[0].encoding;
    assert_eq!(encode(encoding, &table.sample[0].1).unwrap(), table.inputs[0].1.gather(&table.sample_rows));
}

#[test]
fn series_may_have_several_numbers_per_step() {
    let text = "{\"s\": [[1, 10], [3, 30]]}\n{\"s\": [[5, 50]]}\n{\"s\": [[1, 1], [2, 2], [3, 3]]}\n\
                {\"s\": [[0, 0]]}\n";
    let result = fitted(jsonl(text), json!({"s": {"series": {"standardize": false}}}), json!({}));
    let encoded = &result.dataset.tables[0].inputs[0].1;
    assert_eq!((encoded.shape.as_slice(), encoded.steps(), encoded.length(2)), (&[4, 2][..], 7, 3));
    assert_eq!(encoded.as_f32().unwrap()[..6], [1., 10., 3., 30., 5., 50.]);
    assert_eq!(result.dataset.tables[0].sample[0].1.shape, [1, 1, 2]);
    let bad = text.replace("[3, 30]", "[3]");
    let result = problems(&bad, json!({"s": "series"}), json!({}));
    assert_eq!(
        result,
        ["step-width at inputs.s: column `s`, `rows.jsonl`, line 1: a time step has 1 values; expected 2"]
    );
    let config = json!({"s": {"series": {"standardize": false}}});
    let texts = fitted(csv("s\n1 2\n\"3,-4.5; 1e1\"\n5\n7\n"), config, json!({}));
    assert_eq!(texts.dataset.tables[0].inputs[0].1.as_f32().unwrap(), [1., 2., 3., -4.5, 10., 5., 7.]);
    let result =
        problems("{\"s\": \"1 2\"}\n{\"s\": \"3 x\"}\n{\"s\": \"4\"}\n", json!({"s": "series"}), json!({}));
    assert!(result[0].contains("1 row is not a number, first `x` in `rows.jsonl`, line 2"), "{result:?}");
}

const TAGGED: &str = r#"{"w": ["EU", "rejects", "German", "call"], "t": ["B-ORG", "O", "B-MISC", "O"]}
{"w": ["Peter", "Blackburn"], "t": ["B-PER", "I-PER"]}
{"w": ["EU", "call"], "t": []}
{"w": [], "t": []}
{"w": ["Peter", "call", "x"], "t": ["B-PER", null, "B-LOC"]}
{"w": ["call"], "t": ["O"]}
"#;

fn tagging(text: &str, kind: Value) -> Vec<String> {
    problems(text, json!({"w": "tokens"}), json!({"t": [["t"], {"tagging": kind}]}))
}

#[test]
fn tags_are_aligned_with_their_tokens() {
    let inputs = json!({"w": {"tokens": {"length": 3, "minimum": 1}}});
    let result =
        fitted(jsonl(TAGGED), inputs, json!({"t": [["t"], {"tagging": {"scheme": "bio", "crf": true}}]}));
    let FittedTarget::Tagging { classes, counts, scheme: TagScheme::Bio, crf: true } =
        &result.dataset.signature.tasks[0].target
    else {
        panic!("tagging");
    };
    assert_eq!(classes, &["B-MISC", "B-ORG", "B-PER", "I-PER", "O"]);
    assert_eq!(counts, &[1, 1, 1, 1, 2]);
    let table = &result.dataset.tables[0];
    let truth = &table.targets[0].1;
    assert_eq!(truth.offsets, table.inputs[0].1.offsets);
    let rows = floats(truth);
    assert_eq!(
        (rows[0].as_slice(), rows[1].as_slice(), rows[5].as_slice()),
        (&[1., 4., 0.][..], &[2., 3.][..], &[4.][..])
    );
    assert!(
        rows[2].len() == 2 && rows[3].len() == 1 && rows[2].iter().chain(&rows[3]).all(|tag| tag.is_nan())
    );
    assert!(rows[4][0] == 2.0 && rows[4][1].is_nan() && rows[4][2].is_nan());
    assert!(
        notes(&result).iter().any(|note| note.contains("1 of 6 tags occur on no training row (`B-LOC`)"))
    );
    assert_eq!(result.missing.iter().map(|labels| labels.missing).collect::<Vec<_>>(), [2, 0, 0]);
    let folder = Folder::new();
    store::write(&result.dataset, folder.path()).unwrap();
    let read = store::read(folder.path()).unwrap();
    assert_eq!(read.tables[0].inputs, result.dataset.tables[0].inputs);
    assert_eq!(read.tables[0].targets[0].1.offsets, truth.offsets);
}

#[test]
fn errors_name_invalid_tags() {
    for (from, to, kind, problem) in [
        (
            "\"B-PER\", \"I-PER\"",
            "\"B-PER\"",
            json!({}),
            "tag-count at tasks.t.target: target `t`: tags and tokens differ in number on 1 row, first in `rows.jsonl`, line 2: 1 tags, 2 tokens | write one tag per token; a row without any tag is unlabelled",
        ),
        (
            "\"I-PER\"",
            "\"PER\"",
            json!("bio"),
            "bad-tag at tasks.t.target: target `t`, `rows.jsonl`, line 2: invalid tag `PER` at position 2: expected `O`, `B-NAME` or `I-NAME` | correct the data, or write `scheme: none`, which treats every tag as an independent class",
        ),
        (
            "\"I-PER\"",
            "\"I-ORG\"",
            json!("bio"),
            "bad-tag at tasks.t.target: target `t`, `rows.jsonl`, line 2: invalid tag `I-ORG` at position 2: it must follow `B-ORG` or `I-ORG`",
        ),
        (
            "x",
            "x",
            json!("bioes"),
            "bad-tag at tasks.t.target: target `t`, `rows.jsonl`, line 1: invalid tag `O` at position 2: it must not precede `E-ORG`, which ends the open span (and 2 more such rows)",
        ),
        (
            "x",
            "x",
            json!("io"),
            "bad-tag at tasks.t.target: target `t`, `rows.jsonl`, line 1: invalid tag `B-ORG` at position 1: expected `O` or `I-NAME` (and 2 more such rows)",
        ),
    ] {
        let result = tagging(&TAGGED.replace(from, to), kind);
        assert!(result.len() == 1 && result[0].starts_with(problem), "{result:?}");
    }
    let result = problems(TAGGED, json!({}), json!({"t": [["t"], "tagging"]}));
    assert!(result[0].starts_with("tokens-input at tasks.t.target"), "{result:?}");
    // The error of an input is reported once.
    let result = problems(TAGGED, json!({"v": "tokens"}), json!({"t": [["t"], "tagging"]}));
    assert!(result.len() == 1 && result[0].starts_with("unknown-column at inputs.v"), "{result:?}");
}

#[test]
fn target_texts_end_with_an_end_token() {
    let text = "t,s\na b,x y x\nb a,\na,x y\nb,y x x x x\nb b,x w\n";
    let tasks = json!({"s": [["s"], {"text": {"tokenizer": {"word": {"minimum": 2}}, "length": 4}}]});
    let result = fitted(csv(text), json!({"t": "text"}), tasks);
    let truth = floats(&result.dataset.tables[0].targets[0].1);
    // On the three training rows: `x` 3 times, `y` twice.
    assert_eq!(
        truth,
        [vec![4., 5., 4., 3.], vec![], vec![4., 5., 3.], vec![5., 4., 4., 3.], vec![4., 1., 3.]]
    );
    let notes = notes(&result);
    let long = "task `s`: 1 text(s) of 4 or more tokens (up to 5), first in";
    assert!(notes.iter().any(|note| note.starts_with(long)), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("(1 of 12) are unknown")), "{notes:?}");
    assert_eq!(result.missing.iter().map(|labels| labels.missing).collect::<Vec<_>>(), [1, 0, 0]);
    // With the tokenizer of an input.
    let shared = json!({"s": [["s"], {"text": {"tokenizer": {"input": "t"}}}]});
    let result = fitted(csv(text), json!({"t": {"text": {"tokenizer": {"character": 1}}}}), shared);
    let (input, task) = (&result.dataset.signature.inputs[0], &result.dataset.signature.tasks[0]);
    let (Encoding::Tokens { tokenizer: a, .. }, FittedTarget::Text { tokenizer: b, .. }) =
        (&input.encoding, &task.target)
    else {
        panic!("tokens and a text");
    };
    assert_eq!(a, b);
    let ids: Vec<u32> =
        floats(&result.dataset.tables[0].targets[0].1)[0].iter().map(|id| *id as u32).collect();
    assert_eq!(TokenCodec::new(b).unwrap().decode(&ids).unwrap(), "x y x");
    // A shared tokenizer is fitted on both columns: `x` occurs in training targets, `w` does not.
    let shared = json!({"s": [["s"], {"text": {"tokenizer": {"input": "t"}}}]});
    let result = fitted(csv(text), json!({"t": {"text": {"tokenizer": {"word": {"minimum": 1}}}}}), shared);
    let Encoding::Tokens { tokenizer, .. } = &result.dataset.signature.inputs[0].encoding else {
        panic!("tokens")
    };
    assert_eq!(TokenCodec::new(tokenizer).unwrap().encode("x a w").unwrap(), [5, 4, 1]);
    let result = problems(
        "{\"t\": \"a\", \"s\": \"b\"}\n{\"t\": \"a\", \"s\": \"b\"}\n{\"t\": \"a\", \"s\": \"b\"}\n",
        json!({"t": "text"}),
        json!({"s": [["s"], {"text": {"tokenizer": {"input": "u"}}}]}),
    );
    assert!(
        result[0]
            .starts_with("tokenizer at tasks.s.target: `tokenizer: {input: u}`: there is no token input `u`"),
        "{result:?}"
    );
}

#[test]
fn a_language_model_learns_the_next_token() {
    let text = "t\na b a\nb\n\"\"\na b a b b\nb a\n";
    let result =
        fitted(csv(text), json!({"t": {"text": {"length": 4}}}), json!({"next": [["t"], "language_model"]}));
    // Counts on training rows: a 2, b 2. The token after a truncated or an empty text is unknown.
    let truth = floats(&result.dataset.tables[0].targets[0].1);
    assert_eq!(
        (truth[0].as_slice(), truth[1].as_slice(), truth[4].as_slice()),
        (&[5., 4., 3.][..], &[3.][..], &[4., 3.][..])
    );
    assert!(truth[2].len() == 1 && truth[2][0].is_nan());
    assert!(truth[3][..3] == [5., 4., 5.] && truth[3][3].is_nan());
    let result = problems(
        "{\"t\": \"a\", \"u\": \"b\"}\n{\"t\": \"a\", \"u\": \"b\"}\n{\"t\": \"a\", \"u\": \"b\"}\n",
        json!({"t": "text"}),
        json!({"next": [["u"], "language_model"]}),
    );
    assert!(
        result[0].starts_with(
            "tokens-input at tasks.next.target: the target of a language \
             model is a token input; there is no token input `u`"
        ),
        "{result:?}"
    );
}

#[test]
fn characters_may_have_tags() {
    let text =
        "{\"t\": \"ab c\", \"s\": [\"B\", \"E\", \"S\", \"S\"]}\n{\"t\": \"ba\", \"s\": \"BE\"}\n".repeat(2);
    let text = text.replace("\"BE\"", "[\"B\", \"E\"]");
    let inputs = json!({"t": {"text": {"tokenizer": {"character": 1}, "length": 3, "side": "tail"}}});
    let result = fitted(jsonl(&text), inputs, json!({"s": [["s"], "tagging"]}));
    assert_eq!(floats(&result.dataset.tables[0].targets[0].1)[..2], [vec![1., 2., 2.], vec![0., 1.]]);
}

fn two_tables(inputs: Value) -> (Folder, Result<Fitted, DataError>) {
    let a = "{\"n\": 1, \"t\": \"a b\"}\n{\"n\": 2, \"t\": \"a\"}\n{\"n\": 3, \"t\": \"b\"}\n\
             {\"n\": 4, \"t\": \"a b\"}\n";
    tables([a, "{\"t\": \"b\"}\n{\"t\": \"a\"}\n{\"t\": \"a b\"}\n"], inputs)
}

/// Fits tables `a` and `b` given as JSON lines.
fn tables(texts: [&str; 2], inputs: Value) -> (Folder, Result<Fitted, DataError>) {
    let folder = Folder::new();
    let tables = ["a", "b"].map(|name| {
        folder.file(&format!("{name}.jsonl"), texts[usize::from(name == "b")]);
        let loaded = folder.load(json!({"source": {"jsonl": format!("{name}.jsonl")}})).unwrap();
        let rows = most_train(&loaded);
        (TableName::new(name).unwrap(), loaded, rows)
    });
    let input = |(name, config): (&String, &Value)| {
        (InputName::new(name.as_str()).unwrap(), serde_json::from_value(config.clone()).unwrap())
    };
    let inputs = inputs.as_object().unwrap().iter().map(input).collect();
    let request = FitRequest {
        tables: tables.to_vec(),
        inputs,
        tasks: vec![],
        base: folder.path().to_owned(),
        vectors: vec![],
        known: vec![],
    };
    let result = fit(&request);
    (folder, result)
}

#[test]
fn a_table_may_lack_a_number_but_not_a_text() {
    let (_, result) = two_tables(
        json!({"t": {"text": {"tokenizer": {"word": {"minimum": 1}}}}, "n": {"number": {"indicator": true}}}),
    );
    let result = result.unwrap();
    assert_eq!(notes(&result)[0], "table `b` has no column `n`: the input is missing on all its rows");
    // numpy: mean([1, 2]) is 1.5.
    assert_eq!(floats(&result.dataset.tables[1].inputs[1].1)[0], [1.5]);
    assert_eq!(result.dataset.tables[1].inputs[1].1.as_f32().unwrap(), [1.5, 1., 1.5, 1., 1.5, 1.]);
    let (folder, result) = two_tables(json!({"n": "series"}));
    let problems = folder.problems(result);
    assert_eq!(
        problems[0],
        "lacking-column at inputs.n: table `b` has no column `n`, which a series input requires | add the column with `rename` or `query`; only number and category inputs may be missing from a table"
    );
    let (folder, result) = two_tables(json!({"m": "number"}));
    assert_eq!(folder.problems(result).len(), 2);
}

#[test]
fn rows_in_two_splits_are_reported() {
    let text = "t,n\na b,1\nc,2\na b,2\na b,1\nc,3\na b,1\n";
    let rows = SplitRows { train: vec![0, 1, 2], valid: vec![3, 4], test: vec![5], notes: vec![] };
    let config = json!({"t": {"text": {"tokenizer": {"word": {"minimum": 1}}}}, "n": "number"});
    let result = fit_table(csv(text), rows, config, json!({})).unwrap();
    let notes_of_both = notes(&result);
    let last = notes_of_both.last().unwrap();
    assert!(last.starts_with(
        "table `rows`: 2 of 3 validation and test rows duplicate a row of another split in all inputs and \
         targets"
    ));
    assert!(last.contains("line 5 and") && last.contains("line 2;"), "{last}");
    let rows = SplitRows { train: vec![0, 1], valid: vec![2], test: vec![4], notes: vec![] };
    let result = fit_table(csv(text), rows, json!({"n": "number"}), json!({})).unwrap();
    assert!(notes(&result).last().unwrap().contains("1 of 2 validation and test rows"));
}

fn pretrained() -> Value {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    json!({"pretrained": root.join("tests/pretrained/tokenizer_bert").to_str().unwrap()})
}

#[test]
fn a_length_without_room_for_a_text_is_refused() {
    let inputs = json!({"t": {"text": {"tokenizer": pretrained(), "length": 2}}});
    let rows = "{\"t\": \"a\"}\n{\"t\": \"b\"}\n{\"t\": \"a\"}\n";
    assert_eq!(
        problems(rows, inputs, json!({})),
        [
            "no-room at inputs.t: `length` is 2, but the tokenizer adds 2 special tokens to every text | write at least `length: 3`"
        ]
    );
}

/// `[CLS]` and `[SEP]` (3) are added to inputs; a target has only its end token, `[SEP]`.
#[test]
fn special_tokens_of_pretrained_tokenizers_stand_once_in_targets() {
    let text = "t,s\nthe cat,the cat\na,\na,the cat\nb,the cat\n";
    let tasks = json!({"s": [["s"], {"text": {"tokenizer": pretrained(), "length": 8}}]});
    let result = fitted(csv(text), json!({"t": {"text": {"tokenizer": pretrained()}}}), tasks);
    let input = codes(&result.dataset.tables[0].inputs[0].1)[0].clone();
    assert_eq!((input.len(), input[0], input[3]), (4, 2, 3));
    let plain = floats(&result.dataset.tables[0].targets[0].1);
    assert_eq!(plain[0], [input[1] as f32, input[2] as f32, 3.0]);
    assert!(plain[1].is_empty());
    // A language model over the same rows: nothing follows the last `[SEP]`, and an empty text has no label.
    let rows = "t\nthe cat\n\"\"\na\nb\n";
    let tasks = json!({"t": [["t"], "language_model"]});
    let result = fitted(csv(rows), json!({"t": {"text": {"tokenizer": pretrained()}}}), tasks);
    let next = floats(&result.dataset.tables[0].targets[0].1);
    assert_eq!(next[0][..3], [input[1] as f32, input[2] as f32, 3.0]);
    assert!(next[0][3].is_nan() && next[1].last().is_some_and(|label| label.is_nan()));
}
