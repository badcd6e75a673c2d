//! Properties of text generation: ONNX Runtime generates the same texts as candle, for every decoder and
//! search.

use std::path::Path;

use candle_core::{Device, Tensor};
use mtl::domain::array::{Array, ArrayValues, ElementType};
use mtl::domain::decoder::DecoderConfig;
use mtl::domain::name::{InputName, TableName, TaskName};
use mtl::domain::search::SearchConfig;
use mtl::domain::signature::{Encoding, InputSignature, Signature, TaskSignature};
use mtl::domain::table::EncodedTable;
use mtl::domain::task::FittedTarget;
use mtl::domain::text::{Segmenter, Tokenizer};
use mtl::domain::tokenizer::TruncationSide;
use mtl::model::config::{NetworkConfig, TaskNetworkConfig};
use mtl::model::network::Network;
use mtl::model::sharing::SharingConfig;
use mtl::model::weights::host;
use mtl::onnx;
use mtl::onnx::runtime::{OnnxRuntime, RuntimeSearch};
use mtl::run::generation::{OnnxDecoder, continue_inputs};
use serde_json::{Value, json};

use crate::laws::tensor::{largest_difference, session, tensor};

const WIDTH: usize = 3;
const LENGTHS: [usize; 5] = [4, 1, 6, 3, 5];
const LENGTH: usize = 7;

fn tokenizer() -> Tokenizer {
    Tokenizer {
        segmenter: Segmenter::None,
        json: "{}".into(),
        size: 12,
        pad: 0,
        unknown: Some(1),
        begin: Some(2),
        end: Some(3),
        leading: 0,
        trailing: 0,
    }
}

fn decoders() -> Vec<Value> {
    vec![
        json!({"gru": {"units": 6, "width": 5}}),
        json!({"gru": {"units": 6, "width": 6, "tied": true}}),
        json!({"lstm": {"units": 6, "width": 4}}),
        json!({"transformer": {"layers": 2, "heads": 2, "width": 8, "hidden": 9}}),
        json!({"gru": {"units": 6, "width": 5, "attention": "additive", "shared": "pen"}}),
        json!({"gru": {"units": 6, "width": 5, "attention": "additive", "shared": "pen"}}),
        json!({"lstm": {"units": 6, "width": 4, "attention": "dot"}}),
        json!({"lstm": {"units": 6, "width": 4, "attention": "none"}}),
    ]
}

fn searches() -> Vec<Value> {
    vec![
        json!("greedy"),
        json!({"beam": {"width": 3, "length_penalty": 1.0, "no_repeat": 2}}),
        json!({"sample": {"temperature": 1.5, "top_k": 6, "top_p": 0.9, "minimum": 2}}),
    ]
}

/// A network that reads a sequence or a vector, with a text task for every decoder that accepts it, and for a
/// sequence a language model as last task.
fn network(sequence: bool, search: &Value) -> Network {
    let encoding = match sequence {
        true => Encoding::Series { center: vec![0.0; WIDTH], scale: vec![1.0; WIDTH], length: 9 },
        false => Encoding::Scale { center: 0.0, scale: 1.0, fill: 0.0, indicator: false },
    };
    let name = |name: &str| TaskName::new(name).unwrap();
    let table = || TableName::new("t").unwrap();
    let decoders = decoders();
    let decoders = if sequence { &decoders[..] } else { &decoders[..4] };
    let mut tasks: Vec<TaskSignature> = decoders
        .iter()
        .enumerate()
        .map(|(index, decoder)| {
            let decoder: DecoderConfig = serde_json::from_value(decoder.clone()).unwrap();
            let search: SearchConfig = serde_json::from_value(search.clone()).unwrap();
            let tokenizer = tokenizer();
            let target = FittedTarget::Text {
                tokenizer,
                length: LENGTH,
                decoder,
                search,
                copy: false,
                scheduled_sampling: None,
            };
            TaskSignature { name: name(&format!("text{index}")), table: table(), target }
        })
        .collect();
    if sequence {
        let search = serde_json::from_value(search.clone()).unwrap();
        let target =
            FittedTarget::LanguageModel { tokenizer: tokenizer(), length: LENGTH, search, pretrained: false };
        tasks.push(TaskSignature { name: name("next"), table: table(), target });
    }
    let config = |task: &TaskSignature| TaskNetworkConfig {
        name: task.name.clone(),
        from: None,
        after: vec![],
        head: vec![],
        loss: None,
    };
    let settings = NetworkConfig {
        encoders: vec![],
        preference: false,
        tabm: None,
        trunk: serde_json::from_value(json!([{"dense": {"units": 5, "activation": "tanh"}}])).unwrap(),
        sharing: SharingConfig::default(),
        tasks: tasks.iter().map(config).collect(),
    };
    let input = InputSignature {
        name: InputName::new("x").unwrap(),
        raw: ElementType::Float32,
        encoding,
        required: false,
    };
    let network = Network::build(
        &settings,
        &Signature { inputs: vec![input], tasks, readings: Default::default() },
        5,
        &Device::Cpu,
    )
    .unwrap();
    // Larger weights, so that texts depend on the input and on previous tokens.
    for weight in network.weights().iter() {
        weight.var.set(&(weight.var.as_tensor() * 2.5).unwrap()).unwrap();
    }
    network
}

/// The raw input and the encoded table.
fn rows(sequence: bool) -> (Array, EncodedTable) {
    let longest = 6;
    let all = host(&tensor(LENGTHS.len() * longest, WIDTH, 4)).unwrap();
    let (raw, encoded) = match sequence {
        true => {
            let (mut padded, mut dense, mut offsets) = (vec![], vec![], vec![0]);
            for (row, length) in LENGTHS.into_iter().enumerate() {
                let steps = &all[row * longest * WIDTH..][..length * WIDTH];
                dense.extend_from_slice(steps);
                padded.extend_from_slice(steps);
                padded.extend(vec![f32::NAN; (longest - length) * WIDTH]);
                offsets.push((dense.len() / WIDTH) as u32);
            }
            let raw = Array::f32(&[LENGTHS.len(), longest, WIDTH], padded);
            (raw, Array::ragged(&[WIDTH], ArrayValues::F32(dense), offsets))
        }
        false => {
            let numbers = Array::f32(&[LENGTHS.len(), 1], all[..LENGTHS.len()].to_vec());
            (numbers.clone(), numbers)
        }
    };
    let table = EncodedTable {
        name: TableName::new("t").unwrap(),
        rows: LENGTHS.len(),
        inputs: vec![(InputName::new("x").unwrap(), encoded)],
        targets: vec![],
        unseen: vec![],
        texts: vec![],
        train: vec![],
        valid: vec![],
        test: vec![],
        sample: vec![],
        sample_rows: vec![],
    };
    (raw, table)
}

fn decoder_file(folder: &Path, task: &TaskName) -> std::path::PathBuf {
    folder.join(format!("{task}.decoder.onnx"))
}

fn save_decoders(network: &Network, folder: &Path, opset: i64) {
    for (task, graph) in network.decoders_to_onnx().unwrap() {
        onnx::write::save(&graph.finish(opset, &[]).unwrap(), &decoder_file(folder, &task)).unwrap();
    }
}

#[test]
fn onnx_runtime_generates_the_same_texts() {
    let runtime = OnnxRuntime::find(&RuntimeSearch::everywhere(&|note| eprintln!("{note}"))).unwrap();
    let all: Vec<u32> = (0..LENGTHS.len() as u32).collect();
    let mut different = std::collections::BTreeSet::new();
    for (sequence, opset) in [(true, 17), (true, 21), (false, 17)] {
        for search in searches() {
            let folder = tempfile::tempdir().unwrap();
            let network = network(sequence, &search);
            let (raw, table) = rows(sequence);
            let mut session = session(network.to_onnx().unwrap(), folder.path(), opset);
            save_decoders(&network, folder.path(), opset);
            let outputs = session.run(&[("x".to_owned(), raw)]).unwrap();
            for (index, task) in network.signature().tasks.iter().enumerate() {
                let inputs = network.input_tensors(&table, Some(&all)).unwrap();
                for (name, expected) in network.decoder_inputs(index, &inputs).unwrap() {
                    let (_, actual) = outputs.iter().find(|(output, _)| *output == name).unwrap();
                    assert_eq!(actual.shape, expected.shape, "{name}");
                    let difference =
                        largest_difference(&actual.to_f32().unwrap(), &expected.to_f32().unwrap());
                    assert!(difference < 1e-5, "{name}: {difference}");
                }
                let Some(mut writer) =
                    OnnxDecoder::open(&runtime, &decoder_file(folder.path(), &task.name), task).unwrap()
                else {
                    assert_eq!(task.name.as_str(), "next");
                    continue;
                };
                let actual = writer.write(&outputs, 0, 9).unwrap();
                let expected = network.generate_rows(index, &table, &all, 9).unwrap().unwrap();
                assert_eq!(actual, expected, "{} {search} {sequence}", task.name);
                assert!(actual.iter().all(|text| text.len() <= LENGTH));
                different.extend(actual);
            }
        }
    }
    assert!(different.len() > 60, "expected many different texts, found {}", different.len());
}

#[test]
fn a_text_does_not_depend_on_its_batch() {
    for search in searches() {
        let network = network(true, &search);
        let (_, table) = rows(true);
        for task in 0..decoders().len() {
            let whole = network.generate_rows(task, &table, &[0, 1, 2, 3, 4], 9).unwrap().unwrap();
            let inputs = network.input_tensors(&table, Some(&[1])).unwrap();
            let alone = network.generate(task, &inputs, 1..2, 9).unwrap().unwrap();
            assert_eq!(alone[0], whole[1], "{search} {task}");
        }
    }
}

#[test]
fn tasks_of_a_shared_decoder_use_its_weights() {
    let network = network(true, &json!("greedy"));
    let uses = |task: usize| -> Vec<&str> {
        let used = network.weights().iter().filter(|weight| network.uses(&[task], weight));
        used.map(|weight| weight.name.as_str()).filter(|name| name.starts_with("decoder.")).collect()
    };
    assert!(uses(0).is_empty() && uses(8).is_empty());
    assert!(uses(4).len() > 5 && uses(4) == uses(5));
}

/// A causal network that reads tokens, with a language model and text tasks.
fn token_network(search: &Value) -> (Network, EncodedTable, Array) {
    let config = |name: &str| TaskNetworkConfig {
        name: TaskName::new(name).unwrap(),
        from: None,
        after: vec![],
        head: vec![],
        loss: None,
    };
    let search = || serde_json::from_value(search.clone()).unwrap();
    let text = |decoder: usize, copy: bool| {
        let decoder = serde_json::from_value(decoders().swap_remove(decoder)).unwrap();
        FittedTarget::Text {
            tokenizer: tokenizer(),
            length: LENGTH,
            decoder,
            search: search(),
            copy,
            scheduled_sampling: None,
        }
    };
    let task = |name: &str, target| TaskSignature {
        name: TaskName::new(name).unwrap(),
        table: TableName::new("t").unwrap(),
        target,
    };
    let tasks = vec![
        task(
            "next",
            FittedTarget::LanguageModel {
                tokenizer: tokenizer(),
                length: LENGTH,
                search: search(),
                pretrained: false,
            },
        ),
        task("text", text(0, false)),
        task("copied", text(0, true)),
        task("pointed", text(3, true)),
    ];
    let settings = NetworkConfig {
        encoders: vec![],
        preference: false,
        tabm: None,
        trunk: serde_json::from_value(json!([{"embedding": {"width": 5}}, {"gru": {"units": 6}}])).unwrap(),
        sharing: SharingConfig::default(),
        tasks: ["next", "text", "copied", "pointed"].map(config).into(),
    };
    let encoding =
        Encoding::Tokens { tokenizer: tokenizer(), length: 8, side: TruncationSide::Tail, plane: None };
    let input = InputSignature {
        name: InputName::new("x").unwrap(),
        raw: ElementType::Int64,
        encoding,
        required: false,
    };
    let network = Network::build(
        &settings,
        &Signature { inputs: vec![input], tasks, readings: Default::default() },
        5,
        &Device::Cpu,
    )
    .unwrap();
    for weight in network.weights().iter() {
        weight.var.set(&(weight.var.as_tensor() * 2.5).unwrap()).unwrap();
        if weight.name.starts_with("head.") && weight.var.dims() == [12] {
            // Makes the end token unlikely.
            let mut bias = host(&weight.var).unwrap();
            bias[3] = -50.0;
            weight.var.set(&Tensor::new(bias, &Device::Cpu).unwrap()).unwrap();
        }
    }
    let texts: [&[u32]; 3] = [&[4, 9, 5, 11], &[7], &[6, 4, 4, 8, 10, 5, 9]];
    let padded = texts.iter().flat_map(|text| {
        (0..7).map(|step| text.get(step).map_or(0, |token| i64::from(*token))).collect::<Vec<_>>()
    });
    let raw = Array::new(&[3, 7], ArrayValues::I64(padded.collect()));
    let (_, mut table) = rows(false);
    table.rows = 3;
    table.inputs[0].1 = Array::ragged(&[], ArrayValues::U32(texts.concat()), vec![0, 4, 5, 12]);
    (network, table, raw)
}

#[test]
fn language_models_generate_the_same_in_onnx_runtime() {
    for search in searches() {
        let folder = tempfile::tempdir().unwrap();
        let (network, table, raw) = token_network(&search);
        let mut session = session(network.to_onnx().unwrap(), folder.path(), 17);
        let inputs = [("x".to_owned(), raw)];
        let outputs = session.run(&inputs).unwrap();
        let tokens = network.input_tensors(&table, Some(&[0, 1, 2])).unwrap();
        for task in 0..4 {
            for (name, expected) in network.decoder_inputs(task, &tokens).unwrap() {
                let (_, actual) = outputs.iter().find(|(output, _)| *output == name).unwrap();
                assert_eq!(actual.shape, expected.shape, "{name}");
                let difference = largest_difference(&actual.to_f32().unwrap(), &expected.to_f32().unwrap());
                assert!(difference < 1e-5, "{name}: {difference}");
            }
        }
        let (signature, task) = (network.signature(), &network.signature().tasks[0]);
        let actual = continue_inputs(&mut session, signature, task, &inputs, 0, 9).unwrap().unwrap();
        let expected = network.generate_rows(0, &table, &[0, 1, 2], 9).unwrap().unwrap();
        assert_eq!(actual, expected, "{search}");
        assert!(actual.iter().any(|text| text.len() > 2), "{search}: {actual:?}");
    }
}

#[test]
fn copy_decoders_generate_the_same_in_onnx_runtime() {
    let runtime = OnnxRuntime::find(&RuntimeSearch::everywhere(&|note| eprintln!("{note}"))).unwrap();
    for (search, opset) in searches().into_iter().zip([17, 21, 17]) {
        let folder = tempfile::tempdir().unwrap();
        let (network, table, raw) = token_network(&search);
        let mut session = session(network.to_onnx().unwrap(), folder.path(), opset);
        save_decoders(&network, folder.path(), opset);
        let outputs = session.run(&[("x".to_owned(), raw)]).unwrap();
        for task in [2, 3] {
            let config = &network.signature().tasks[task];
            let mut writer = OnnxDecoder::open(&runtime, &decoder_file(folder.path(), &config.name), config)
                .unwrap()
                .unwrap();
            let actual = writer.write(&outputs, 0, 9).unwrap();
            let expected = network.generate_rows(task, &table, &[0, 1, 2], 9).unwrap().unwrap();
            assert_eq!(actual, expected, "{} {search}", config.name);
            assert!(actual.iter().any(|text| !text.is_empty()));
        }
    }
}
