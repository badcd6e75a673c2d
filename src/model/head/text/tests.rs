//! Decoders: losses, gradients, and step-by-step decoding.

use candle_core::{Device, Tensor};

use crate::domain::decoder::DecoderConfig;
use crate::domain::shape::Shape;
use crate::domain::task_kind::TaskKind;
use crate::domain::text::{Segmenter, Tokenizer};
use crate::model::activations::{Activations, SequenceMask};
use crate::model::head::Head;
use crate::model::head::text::{TextHead, TextHeadSettings};
use crate::model::head::text_writer::TextWriter;
use crate::model::kernel::reference_check::variable;
use crate::model::labels::Labels;
use crate::model::loss::LossConfig;
use crate::model::mode::Mode;
use crate::model::weights::{WeightOwner, Weights, host};

const WIDTH: usize = 6;
const END: f32 = 3.0;

fn tokenizer(json: &str) -> Tokenizer {
    let special = [Some(1), Some(2), Some(3)];
    let [unknown, begin, end] = special;
    let json = json.to_owned();
    Tokenizer {
        segmenter: Segmenter::None,
        json,
        size: 11,
        pad: 0,
        unknown,
        begin,
        end,
        leading: 0,
        trailing: 0,
    }
}

/// Decoders of these widths also copy: one of each kind.
const COPYING: [usize; 2] = [3, 6];

fn config(json: &str) -> DecoderConfig {
    serde_json::from_str(json).unwrap()
}

fn decoders() -> Vec<(DecoderConfig, bool)> {
    let on_sequence = [
        r#"{"gru": {"units": 5, "width": 4, "attention": "none"}}"#,
        r#"{"gru": {"units": 5, "width": 4, "attention": "dot"}}"#,
        r#"{"gru": {"units": 4, "width": 4, "attention": "additive", "tied": true}}"#,
        r#"{"gru": {"units": 5, "width": 3}}"#,
        r#"{"lstm": {"units": 5, "width": 4}}"#,
        r#"{"lstm": {"units": 5, "width": 3, "attention": "additive"}}"#,
        r#"{"transformer": {"layers": 2, "heads": 2, "width": 8, "hidden": 12}}"#,
        r#"{"transformer": {"layers": 1, "heads": 3, "width": 6, "hidden": 5, "tied": true}}"#,
    ];
    let on_vector = [
        r#"{"gru": {"units": 5, "width": 4}}"#,
        r#"{"lstm": {"units": 4, "width": 4, "tied": true}}"#,
        r#"{"transformer": {"layers": 1, "heads": 2, "width": 8, "hidden": 12}}"#,
    ];
    let all = on_sequence.iter().map(|text| (config(text), true));
    all.chain(on_vector.iter().map(|text| (config(text), false))).collect()
}

/// Three rows: a sequence of 4, 2 and 3 steps, or a vector.
fn memory(sequence: bool) -> Activations {
    match sequence {
        false => Activations::plain(variable(&[3, WIDTH], 5).as_tensor().clone()),
        true => Activations { x: variable(&[3, 4, WIDTH], 5).as_tensor().clone(), mask: Some(mask(4)) },
    }
}

/// The first row has token 9 twice, which is also in its true text.
fn mask(time: usize) -> SequenceMask {
    let tokens = [[9u32, 4, 9, 2], [7, 7, 0, 0], [7, 8, 5, 0]];
    let tokens = Tensor::new(&tokens, &Device::Cpu).unwrap().pad_with_zeros(1, 0, time - 4).unwrap();
    SequenceMask {
        tokens: Some(tokens),
        ..SequenceMask::from_lengths(vec![4, 2, 3], time, &Device::Cpu).unwrap()
    }
}

fn text(decoder: &DecoderConfig, sequence: bool, weights: &mut Weights) -> TextHead {
    let shape = if sequence { Shape::Sequence { width: WIDTH } } else { Shape::vector(WIDTH) };
    let copy = sequence && COPYING.contains(&decoder.width().unwrap());
    let settings =
        TextHeadSettings { decoder, tokenizer: &tokenizer("{}"), length: 8, copy, scheduled_sampling: None };
    TextHead::build("head.title.output", settings, shape, weights).unwrap()
}

/// A text of 3 tokens, a missing one, and a text of 2 tokens, both with their end tokens.
fn labels() -> Labels {
    let truth = [[5.0f32, 9.0, 4.0, END], [0.0; 4], [7.0, 5.0, END, 0.0]];
    let mask = [[1.0f32; 4], [0.0; 4], [1.0, 1.0, 1.0, 0.0]];
    let tensor = |cells: [[f32; 4]; 3]| Tensor::new(&cells, &Device::Cpu).unwrap();
    Labels { task: 0, values: tensor(truth), mask: tensor(mask), labelled: 2, cells: 7 }
}

fn loss_of(text: &TextHead, memory: &Activations, labels: &Labels) -> Tensor {
    text.loss(memory, labels, &LossConfig::for_kind(TaskKind::Text), &Mode::evaluate()).unwrap().unwrap()
}

#[test]
fn scheduled_sampling_replaces_some_input_tokens() {
    for (config, sequence) in decoders() {
        let mut weights = Weights::new(3, &Device::Cpu);
        let mut text = text(&config, sequence, &mut weights);
        let (memory, labels) = (memory(sequence), labels());
        let loss = |text: &TextHead, mode: Mode| {
            let loss =
                text.loss(&memory, &labels, &LossConfig::for_kind(TaskKind::Text), &mode).unwrap().unwrap();
            loss.to_scalar::<f32>().unwrap()
        };
        let forced = loss(&text, Mode::evaluate());
        text.scheduled_sampling = serde_json::from_str(r#"{"linear": {"share": 0.9, "steps": 10}}"#).unwrap();
        let texts = text.true_texts(&labels).unwrap();
        let inputs = |step| text.input_tokens(&memory, &texts, &Mode::train(7, step)).unwrap();
        assert_eq!(inputs(0), texts.classes, "none at the beginning");
        let predictions: Vec<u32> =
            text.scores(&memory, &texts).unwrap().into_iter().map(|(_, token)| token).collect();
        let late = inputs(10);
        assert_eq!(late, inputs(10), "deterministic for a step");
        let mut pairs = late.iter().zip(&texts.classes).zip(&predictions);
        assert!(pairs.all(|((token, truth), predicted)| token == truth || token == predicted));
        assert!(late != texts.classes, "{late:?}");
        assert_eq!(loss(&text, Mode::evaluate()), forced, "evaluation always uses teacher forcing");
        assert!(loss(&text, Mode::train(7, 10)).is_finite());
    }
}

#[test]
fn decoding_step_by_step_equals_teacher_forcing() {
    for (config, sequence) in decoders() {
        let mut weights = Weights::new(3, &Device::Cpu);
        let text = text(&config, sequence, &mut weights);
        let (memory, labels) = (memory(sequence), labels());
        let loss = f64::from(loss_of(&text, &memory, &labels).to_scalar::<f32>().unwrap());
        let truth = host(&labels.values).unwrap();
        // Rows 2 and 0 in this order, row 0 twice, as in a beam search.
        let mut decoding = text.start_decoding(&memory).unwrap().unwrap();
        let mut tokens = vec![text.start_token(); 3];
        let mut parents = vec![2, 0, 0];
        let (rows, mut sums) = ([2, 0, 0], [0.0f64; 3]);
        for step in 0..4 {
            let logits = decoding.step(&tokens, &parents).unwrap();
            for (index, logits) in logits.chunks(11).enumerate() {
                let class = truth[rows[index] * 4 + step] as usize;
                let largest = f64::from(logits.iter().copied().fold(f32::MIN, f32::max));
                let sum: f64 = logits.iter().map(|z| (f64::from(*z) - largest).exp()).sum();
                if index != 0 || step < 3 {
                    sums[index] += largest + sum.ln() - f64::from(logits[class]);
                }
                tokens[index] = class as u32;
            }
            parents = vec![0, 2, 1];
            sums.swap(1, 2);
        }
        assert!((sums[1] - sums[2]).abs() < 1e-9, "{config:?}: two hypotheses of one row");
        let mean = (sums[0] + sums[1]) / 7.0;
        assert!((mean - loss).abs() < 1e-5, "{config:?}: {mean} and {loss}");
        let tally = text.token_losses(&memory, &labels).unwrap();
        assert_eq!(tally.tokens, 7);
        assert!((tally.nll / 7.0 - loss).abs() < 1e-5);
    }
}

#[test]
fn padding_does_not_change_the_loss() {
    for (config, sequence) in decoders().into_iter().filter(|(_, sequence)| *sequence) {
        let mut weights = Weights::new(3, &Device::Cpu);
        let text = text(&config, sequence, &mut weights);
        let (short, labels) = (memory(sequence), labels());
        let before = loss_of(&text, &short, &labels).to_scalar::<f32>().unwrap();
        let noise = variable(&[3, 2, WIDTH], 8).as_tensor().clone();
        let long = Activations { x: Tensor::cat(&[&short.x, &noise], 1).unwrap(), mask: Some(mask(6)) };
        let after = loss_of(&text, &long, &labels).to_scalar::<f32>().unwrap();
        assert!((before - after).abs() < 1e-6, "{config:?}: {before} and {after}");
    }
}

#[test]
fn gradients_equal_difference_quotients() {
    for (config, sequence) in decoders() {
        let mut weights = Weights::new(3, &Device::Cpu);
        let text = text(&config, sequence, &mut weights);
        let (memory, labels) = (memory(sequence), labels());
        let gradients = loss_of(&text, &memory, &labels).backward().unwrap();
        for weight in weights.trainable() {
            let gradient = host(gradients.get(&weight.var).expect(&weight.name)).unwrap();
            let before = host(&weight.var).unwrap();
            let index = gradient.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).unwrap().0;
            let moved = |by: f32| {
                let mut values = before.clone();
                values[index] += by;
                weight.var.set(&Tensor::from_vec(values, weight.var.dims(), &Device::Cpu).unwrap()).unwrap();
                f64::from(loss_of(&text, &memory, &labels).to_scalar::<f32>().unwrap())
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            moved(0.0);
            let derivative = f64::from(gradient[index]);
            let near = (derivative - slope).abs() < 2e-3 + 2e-2 * slope.abs();
            assert!(near, "{config:?} {}[{index}]: {derivative} and {slope}", weight.name);
        }
    }
}

#[test]
fn tasks_share_a_decoder_except_the_start_embedding() {
    let shared = config(r#"{"gru": {"units": 5, "width": 4, "shared": "pen"}}"#);
    let mut weights = Weights::new(3, &Device::Cpu);
    let build = |task: &str, json: &str, width: usize, weights: &mut Weights| {
        let name = format!("head.{task}.output");
        let settings = TextHeadSettings {
            decoder: &shared,
            tokenizer: &tokenizer(json),
            length: 8,
            copy: false,
            scheduled_sampling: None,
        };
        TextHead::build(&name, settings, Shape::Sequence { width }, weights)
    };
    weights.set_owner(WeightOwner::Task(0));
    let one = build("title", "a", WIDTH, &mut weights).unwrap();
    let first = weights.iter().count();
    weights.set_owner(WeightOwner::Task(1));
    let other = build("answer", "a", WIDTH, &mut weights).unwrap();
    assert_eq!(weights.iter().count(), first + 1);
    let names: Vec<&str> = weights.iter().map(|weight| weight.name.as_str()).collect();
    assert!(names.contains(&"head.title.output.begin") && names.contains(&"head.answer.output.begin"));
    assert!(names.iter().filter(|name| name.starts_with("decoder.pen.")).all(|name| one.shares(name)));
    for weight in weights.iter() {
        let owner = match weight.name.as_str() {
            "head.title.output.begin" => WeightOwner::Task(0),
            "head.answer.output.begin" => WeightOwner::Task(1),
            _ => WeightOwner::Heads,
        };
        assert_eq!(weight.owner, owner, "{}", weight.name);
    }
    // Other tokens have their own tables.
    let third = build("translation", "b", WIDTH, &mut weights).unwrap();
    assert_eq!(weights.iter().count(), first + 5);
    let tables: Vec<&str> = weights
        .iter()
        .map(|weight| weight.name.as_str())
        .filter(|name| name.contains(".embedding."))
        .collect();
    let uses = |text: &TextHead| -> Vec<bool> { tables.iter().map(|name| text.shares(name)).collect() };
    assert_eq!((uses(&other), uses(&third)), (vec![true, false], vec![false, true]));
    let error = build("wide", "a", 7, &mut weights).err().unwrap().to_string();
    assert!(error.contains("is shared by tasks that need different shapes: [6, 5] and [7, 5]"), "{error}");
}

#[test]
fn probabilities_of_copied_and_generated_tokens_add_up() {
    let mut weights = Weights::new(3, &Device::Cpu);
    let text = text(&config(r#"{"gru": {"units": 5, "width": 3}}"#), true, &mut weights);
    let memory = memory(true);
    let find = |name: &str| {
        let weight = weights.iter().find(|weight| weight.name.ends_with(name)).expect(name);
        host(&weight.var).unwrap()
    };
    // A constant gate sigmoid(-ln 3) = 1/4: three quarters of the probability are copied.
    let set = |name: &str, values: Vec<f32>| {
        let weight = weights.iter().find(|weight| weight.name.ends_with(name)).expect(name);
        weight.var.set(&Tensor::from_vec(values, weight.var.dims(), &Device::Cpu).unwrap()).unwrap();
    };
    set("copy.gate.weight", vec![0.0; 5]);
    set("copy.gate.bias", vec![-(3.0f32.ln())]);
    // Zero keys: uniform attention over real steps.
    set("copy.keys.weight", vec![0.0; find("copy.keys.weight").len()]);
    let mut decoding = text.start_decoding(&memory).unwrap().unwrap();
    let logs = decoding.step(&[text.start_token(); 3], &[0, 1, 2]).unwrap();
    let sums: Vec<f32> = logs.chunks(11).map(|row| row.iter().map(|log| log.exp()).sum()).collect();
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5), "{sums:?}");
    // At least the copied part: 9 in 2 of 4 steps, 7 in 2 of 2 and in 1 of 3; at most a quarter more.
    for (index, least) in [(9, 0.375), (11 + 7, 0.75), (22 + 7, 0.25)] {
        let share = logs[index].exp();
        assert!(share > least && share < least + 0.25, "{share} for {least}");
    }
    let others = logs[11..22].iter().map(|log| log.exp()).sum::<f32>() - logs[11 + 7].exp();
    assert!(others < 0.25, "padded steps are not copied: {others}");
}
