//! Fused and composed kernels train every pipeline to the same results.

use mtl::spec::registry::REGISTRIES;
use serde_json::{Value, json};

use crate::support::{Project, Ran, root};

const TABLE: &str = "\
name: kernels
seed: 1
data: {rows: {source: {csv: {path: rows.csv}}, split: {random: {valid: 0.2, test: 0.2}}, query: \"select *, \
rich = 1 and age > 40 as old, case when age < 40 then 'a' when age < 55 then 'b' else 'c' end as third from \
self\"}}
inputs: {age: standardize, hours: {standardize: {missing: mean}}, work: {category: {width: 2}}}
trunk: [{dense: {units: 8, activation: relu}}, {dense: {units: 8, activation: tanh}}]
tasks:
  click: {target: rich, kind: {binary: {positive: 1}}}
  purchase: {target: old, kind: binary}
  third: {target: third, kind: multiclass}
  weeks: {target: weeks, kind: regression}
train: {epochs: 2, batch_size: 32, device: cpu}
";

const WORDS: &str = "\
name: words
seed: 1
data: {rows: {source: {csv: {path: texts.csv}}, split: {random: {valid: 0.2, test: 0.2}}}}
inputs: {text: {text: {tokenizer: {word: {vocabulary: 60}}, length: 12}}}
trunk: [{embedding: 16}, {lstm: 16}]
tasks:
  mood: {target: mood, kind: multiclass, head: [{pool: max}]}
  said: {target: said, kind: {text: {tokenizer: {input: text}, length: 6, copy: true, decoder: {gru: {units: \
  12}}}}}
train: {epochs: 2, batch_size: 16, device: cpu}
";

const TAGS: &str = "\
name: tags
seed: 1
data: {rows: {source: {csv: {path: texts.csv}}, split: {random: {valid: 0.2, test: 0.2}}}}
inputs: {text: {tokens: {length: 12}}}
trunk: [{embedding: 16}, {lstm: 16}]
tasks:
  tags: {target: tags, kind: {tagging: {scheme: none, crf: true}}}
train: {epochs: 2, batch_size: 16, device: cpu}
";

const PICTURES: &str = "\
name: pictures
seed: 1
data: {rows: {source: {idx: {images: pictures.idx, labels: {left: labels.idx, mask: masks.idx}}}, split: \
{random: {valid: 0.2, test: 0.2}}}}
inputs: {image: image}
trunk: [{conv2d: 4}]
tasks:
  left: {target: left, kind: multiclass, head: [{global_pool: mean}]}
train: {epochs: 2, batch_size: 16, device: cpu}
";

const PRETRAINED: &str = "\
name: pretrained
seed: 1
data: {rows: {source: {csv: {path: texts.csv}}, split: {random: {valid: 0.2, test: 0.2}}}}
inputs: {text: {text: {tokenizer: {word: {vocabulary: 60}}, length: 12}}}
trunk: [{pretrained: {path: MODELS/bert, lora: {rank: 2}}}, {pool: mean}]
tasks:
  mood: {target: mood, kind: multiclass}
  tags: {target: count, kind: regression}
train: {epochs: 2, batch_size: 16, device: cpu}
";

/// The largest difference between losses with fused and composed kernels, relative for losses above
/// 1.
fn largest_difference(project: &Project, pipeline: &str, space: &Value) -> f64 {
    std::fs::write(project.path("p.yaml"), format!("{pipeline}sweep: {{space: {space}}}\n"))
        .expect("written");
    let losses = |kernels: &str| -> Vec<(String, f64)> {
        let run = |arguments: &[&str]| {
            let mut command = project.command(arguments);
            Ran::of(command.env("MTL_KERNELS", kernels).env("MTL_RUNS", kernels)).expect(0).out()
        };
        run(&["run", "p.yaml", "--quiet", "--fresh"]);
        let sql = "select trial, epoch, task, value from losses \
                   where run = (select run from runs order by rowid desc limit 1) order by 1, 2, 3";
        let output = run(&["query", sql, "--format", "csv"]);
        let row = |line: &str| {
            line.rsplit_once(',').map(|(key, value)| (key.to_owned(), value.parse().expect("a loss")))
        };
        output.lines().skip(1).filter_map(row).collect()
    };
    let (fused, composed) = (losses("fused"), losses("composed"));
    assert!(
        fused.len() >= 2 && fused.len() == composed.len(),
        "{} and {} losses",
        fused.len(),
        composed.len()
    );
    let difference = |((key, a), (other, b)): (&(String, f64), &(String, f64))| {
        assert_eq!(key, other);
        (a - b).abs() / a.abs().max(1.0)
    };
    fused.iter().zip(&composed).map(difference).fold(0.0, f64::max)
}

/// All examples of a registry, except those in `excluded`.
fn examples(noun: &str, excluded: &[&str]) -> Vec<Value> {
    let registry = REGISTRIES.iter().find(|registry| registry.choice_kind == noun).expect("the registry");
    let included = registry.examples().iter().filter(|(name, _)| !excluded.contains(name));
    included
        .map(|(_, example)| {
            (serde_yaml::from_str(example)).unwrap_or_else(|error| panic!("{example}: {error}"))
        })
        .collect()
}

#[test]
fn sharings_optimizers_and_weightings() {
    let project = Project::new().with_rows("rows.csv", 160);
    // The sharings of low-rank updates need a pretrained model: `pretrained_models`.
    let sharings = examples("sharing", &["task_lora", "mtl_lora"]);
    assert!(largest_difference(&project, TABLE, &json!({"sharing": sharings})) < 1e-4);
    assert!(largest_difference(&project, TABLE, &json!({"tabm": [{"members": 2}, {"members": 5}]})) < 1e-4);
    assert!(
        largest_difference(&project, TABLE, &json!({"train.optimizer": examples("optimizer", &[])})) < 1e-4
    );
    // Settings with task names do not fit; gradient directions amplify small differences.
    let but = ["fixed", "auto_lambda", "preference", "cosmos"];
    assert!(largest_difference(&project, TABLE, &json!({"weighting": examples("weighting", &but)})) < 1e-2);
}

#[test]
fn layers_and_losses_of_vectors() {
    let project = Project::new().with_rows("rows.csv", 160);
    let trunk = |layer: Value| json!([{"dense": {"units": 8, "activation": "gelu"}}, layer, {"dense": 8}]);
    let mut trunks: Vec<Value> = ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softplus"]
        .iter()
        .map(|name| trunk(json!({"activation": name})))
        .collect();
    trunks.extend(
        [
            json!("batch_norm"),
            json!("layer_norm"),
            json!("rms_norm"),
            json!({"dropout": 0.3}),
            json!({"residual": [{"dense": 8}]}),
        ]
        .map(trunk),
    );
    assert!(largest_difference(&project, TABLE, &json!({"trunk": trunks})) < 1e-4);
    let binary =
        json!(["binary_cross_entropy", {"binary_cross_entropy": {"class_weights": "balanced"}}, "focal"]);
    assert!(largest_difference(&project, TABLE, &json!({"tasks.click.loss": binary})) < 1e-4);
    let classes = json!(["cross_entropy", {"cross_entropy": {"label_smoothing": 0.1}}, "focal"]);
    assert!(largest_difference(&project, TABLE, &json!({"tasks.third.loss": classes})) < 1e-4);
    assert!(
        largest_difference(&project, TABLE, &json!({"tasks.weeks.loss": ["mse", "mae", {"huber": 1.0}]}))
            < 1e-4
    );
}

/// Sentences of six words with a label, tags, a text and a number.
fn texts() -> String {
    let mut texts = String::from("text,mood,tags,said,count\n");
    for row in 0..80 {
        let words: Vec<&str> = (0..3 + row % 7)
            .map(|at| ["red", "cat", "sees", "a", "tree", "likes"][(row * 5 + at * at) % 6])
            .collect();
        let tags: Vec<&str> =
            words.iter().map(|word| if word.len() > 3 { "long" } else { "short" }).collect();
        let mood = if words.contains(&"likes") { "good" } else { "plain" };
        texts.push_str(&format!(
            "{},{mood},{},{},{}\n",
            words.join(" "),
            tags.join(" "),
            words[..2].join(" "),
            words.len()
        ));
    }
    texts
}

#[test]
fn layers_of_sequences_and_text_heads() {
    let project = Project::new().file("texts.csv", texts());
    let layers = [
        json!({"lstm": {"units": 8, "bidirectional": true, "layers": 2, "dropout": 0.1}}),
        json!({"gru": {"units": 8, "bidirectional": true}}),
        json!({"multi_head_attention": {"heads": 2, "rotary": true, "dropout": 0.1}}),
        json!({"transformer": {"layers": 1, "heads": 2}}),
        json!({"conv1d": {"filters": 8, "padding": "causal", "dilation": 2}}),
        json!({"positions": "learned"}),
    ];
    let trunks: Vec<Value> = layers.iter().map(|layer| json!([{"embedding": 16}, layer])).collect();
    assert!(largest_difference(&project, WORDS, &json!({"trunk": trunks})) < 1e-4);
    let pools: Vec<Value> =
        ["max", "mean", "attention", "last", "first"].iter().map(|kind| json!([{"pool": kind}])).collect();
    assert!(largest_difference(&project, WORDS, &json!({"tasks.mood.head": pools})) < 1e-4);
    assert!(largest_difference(&project, TAGS, &json!({"train.batch_size": [8, 16]})) < 1e-4);
}

#[test]
fn pretrained_models() {
    let models = root().join("tests/pretrained");
    let pipeline = PRETRAINED.replace("MODELS", &models.to_string_lossy());
    let project = Project::new().file("texts.csv", texts());
    let sharings = json!(["hard", "task_lora", {"mtl_lora": {"ups": 2}}]);
    assert!(largest_difference(&project, &pipeline, &json!({"sharing": sharings})) < 1e-4);
    let layer = |name: &str| json!([{"pretrained": {"path": models.join(name)}}, {"pool": "mean"}]);
    let families = ["albert", "deberta_v3", "gpt2", "llama", "modernbert", "mpnet", "t5_gated"].map(layer);
    assert!(largest_difference(&project, &pipeline, &json!({"trunk": families})) < 1e-4);
}

#[test]
fn layers_of_images() {
    let header = |kind: u8, dims: &[u32]| {
        let mut bytes = vec![0, 0, 8, kind];
        dims.iter().for_each(|dim| bytes.extend(dim.to_be_bytes()));
        bytes
    };
    let (mut pictures, mut labels, mut masks) =
        (header(3, &[60, 8, 8]), header(1, &[60]), header(3, &[60, 8, 8]));
    for row in 0..60_usize {
        labels.push((row % 3) as u8);
        for pixel in 0..64 {
            let lit = (pixel % 8 + row) % 3 == 0;
            pictures.push(if lit { 200 + (pixel as u8 % 50) } else { (row * pixel % 40) as u8 });
            masks.push(u8::from(lit));
        }
    }
    let project =
        Project::new().file("pictures.idx", pictures).file("labels.idx", labels).file("masks.idx", masks);
    let layers = [
        json!({"conv2d": {"filters": 4, "stride": 2}}),
        json!({"conv_transpose2d": {"filters": 4}}),
        json!({"max_pool2d": 2}),
        json!({"avg_pool2d": 2}),
        json!({"upsample": {"factor": 2, "method": "bilinear"}}),
        json!("batch_norm"),
        json!({"dropout": {"rate": 0.3, "channels": true}}),
        json!({"residual": [{"conv2d": 4}]}),
    ];
    let trunks: Vec<Value> =
        layers.iter().map(|layer| json!([{"conv2d": {"filters": 4, "activation": "relu"}}, layer])).collect();
    assert!(largest_difference(&project, PICTURES, &json!({"trunk": trunks})) < 1e-4);
    let heads = [
        json!([{"global_pool": "max"}]),
        json!(["flatten"]),
        json!(["to_sequence", {"lstm": 6}, {"pool": "mean"}]),
    ];
    assert!(largest_difference(&project, PICTURES, &json!({"tasks.left.head": heads})) < 1e-4);
    let masks = PICTURES.replace("train:", "  mask: {target: mask, kind: segmentation}\ntrain:");
    assert!(
        largest_difference(&project, &masks, &json!({"tasks.mask.loss": ["cross_entropy", "dice", "focal"]}))
            < 1e-4
    );
}

#[test]
fn unknown_kernels_are_refused() {
    let project = Project::small();
    let output = |name: &str, value: &str| {
        let mut command = project.command(&["run", "pipeline.yaml"]);
        Ran::of(command.env(name, value)).expect(2).err()
    };
    assert!(output("MTL_KERNELS", "fast").contains("expected fused or composed"));
    assert!(output("MTL_SIMD", "mmx").contains("expected auto"));
}
