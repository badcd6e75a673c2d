//! Hidden states and gradients of every family against those of transformers, and ONNX Runtime against both.

use std::path::Path;

use candle_core::Tensor;

use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::model::activations::{Activations, GraphActivations, GraphMask};
use crate::model::autograd::record;
use crate::model::kernel::reference_check::near;
use crate::model::layer::Module;
use crate::model::layer::pretrained::model_cell::PretrainedModel;
use crate::model::layer::pretrained::tests::{Expected, built, config, folder};
use crate::model::mode::Mode;
use crate::model::pretrained::WeightSource;
use crate::model::weights::host;
use crate::onnx::graph::{Dim, Graph};
use crate::onnx::operator;
use crate::onnx::runtime::for_tests;
use crate::onnx::session::OnnxSession;
use crate::onnx::verify::compare;
use crate::onnx::write::save;

/// Columns of a gradient and what they should be, in our layout: those of each tensor that was stored,
/// transformed like the weight itself.
fn expected_gradients(
    expected: &Expected,
    model: &PretrainedModel,
    source: &WeightSource,
    gradient: &Tensor,
) -> Vec<(Tensor, Tensor)> {
    let (last, mut first) = (gradient.rank() - 1, 0);
    let part = |name: &String| {
        let alone = WeightSource { theirs: vec![name.clone()], ..source.clone() };
        let shape = model.folder.shape(&alone, model.family.prefix()).expect("a weight");
        let columns = shape[last];
        first += columns;
        let stored = expected.0.get(&format!("gradient.{name}"))?;
        let stored = if source.transposed { stored.t().expect("a matrix") } else { stored.clone() };
        let stored = match source.is_convolution {
            true => stored.permute((2, 1, 0)).and_then(|x| x.reshape(shape)).expect("a convolution"),
            false => stored,
        };
        let rows = stored.dim(0).expect("rows") - source.skipped_rows;
        let stored = stored.narrow(0, source.skipped_rows, rows).expect("rows");
        Some((gradient.narrow(last, first - columns, columns).expect("columns"), stored))
    };
    source.theirs.iter().filter_map(part).collect()
}

fn check_family(family: &str) {
    check_folder(family, &folder());
}

/// The same with the settings as transformers 4 wrote them.
fn check_family_of_version_4(family: &str) {
    let copy = tempfile::tempdir().expect("a folder");
    let folder_of_copy = copy.path().join(family);
    std::fs::create_dir(&folder_of_copy).expect("a folder");
    for (from, to) in [("config.v4.json", "config.json"), ("model.safetensors", "model.safetensors")] {
        std::fs::copy(folder().join(family).join(from), folder_of_copy.join(to)).expect("a copy");
    }
    check_folder(family, copy.path());
}

fn check_folder(family: &str, base: &Path) {
    let expected = Expected::read(family);
    let config = config(&format!(r#"{{"path": "{family}"}}"#), base).expect("a model");
    let (layer, weights) = built(&config);
    let model = config.model.get().expect("a model");
    let input = expected.input();
    let (hidden, tape) = record(|| {
        let y = layer.forward(&input, &Mode::evaluate())?;
        let mask = y.mask.as_ref().expect("a mask").steps.unsqueeze(2)?;
        Ok::<_, crate::model::error::ModelError>(y.x.broadcast_mul(&mask)?)
    })
    .expect("hidden states");
    near("hidden", &hidden, &expected.0["hidden"], 1e-5);
    let mut gradients = tape.backward_from(&hidden, expected.0["upstream"].clone()).expect("gradients");
    let mut compared = 0;
    for source in model.family.sources() {
        let name = format!("encoder.{}", source.ours);
        let weight = weights.iter().find(|weight| weight.name == name).expect("a weight");
        let gradient = gradients.remove(&weight.var).unwrap_or_else(|| panic!("no gradient of {name}"));
        for (gradient, expected) in expected_gradients(&expected, model, &source, &gradient) {
            near(&name, &gradient, &expected, 1e-4);
            compared += 1;
        }
    }
    let stored = expected.0.keys().filter(|name| name.starts_with("gradient.")).count();
    assert!(compared == stored && stored >= 4, "{compared} gradients compared, of {stored}");
    check_onnx(&*layer, &input, &hidden);
}

/// ONNX Runtime returns the same hidden states.
pub(super) fn check_onnx(layer: &dyn Module, input: &Activations, hidden: &Tensor) {
    let (rows, time, width) = hidden.dims3().expect("hidden states");
    let mask = &input.mask.as_ref().expect("a mask").steps;
    let mut graph = Graph::new("encoder");
    let steps = || Dim::Dynamic("time".to_owned());
    let x = graph.input("x", ElementType::Int64, &[Dim::Batch, steps()]);
    let real = graph.input("mask", ElementType::Float32, &[Dim::Batch, steps()]);
    let lengths = operator::reduce_sum(&mut graph, &real, &[1], false);
    let lengths = operator::cast(&mut graph, &lengths, ElementType::Int64);
    let mask_value = Some(GraphMask::new(real.clone(), lengths));
    let y = layer.to_onnx(&mut graph, &GraphActivations { x, mask: mask_value }).expect("a graph");
    let real = operator::unsqueeze(&mut graph, &real, &[2]);
    let y = operator::mul(&mut graph, &y.x, &real);
    graph.output("y", &y, ElementType::Float32, &[Dim::Batch, steps(), Dim::Fixed(width)]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.onnx");
    save(&graph.finish(17, &[]).expect("a model"), &path).expect("a file");
    let mut session = OnnxSession::open_with(&for_tests(), &path, 1).expect("a session");
    let ids = input.x.flatten_all().and_then(|x| x.to_vec1::<u32>()).expect("token ids");
    let ids = ArrayValues::I64(ids.into_iter().map(i64::from).collect());
    let float = |x: &Tensor| Array::f32(x.dims(), host(x).expect("numbers"));
    let inputs = [("x".to_owned(), Array::new(&[rows, time], ids)), ("mask".to_owned(), float(mask))];
    let actual = session.run(&inputs).expect("hidden states");
    for parity in compare(&[("y".to_owned(), float(hidden))], &actual, &[]) {
        assert!(parity.largest < 1e-5, "{parity:?}");
    }
}

#[test]
fn llama_equals_transformers() {
    check_family("llama");
    check_family_of_version_4("llama");
}

#[test]
fn llama_with_scaled_frequencies_equals_transformers() {
    check_family("llama3");
    check_family_of_version_4("llama3");
}

#[test]
fn qwen2_equals_transformers() {
    check_family("qwen2");
    check_family_of_version_4("qwen2");
}

#[test]
fn bert_equals_transformers() {
    check_family("bert");
}

#[test]
fn roberta_equals_transformers() {
    check_family("roberta");
}

#[test]
fn distilbert_equals_transformers() {
    check_family("distilbert");
}

#[test]
fn electra_equals_transformers() {
    check_family("electra");
}

#[test]
fn albert_equals_transformers() {
    check_family("albert");
}

#[test]
fn gpt2_equals_transformers() {
    check_family("gpt2");
}

#[test]
fn modernbert_equals_transformers() {
    check_family("modernbert");
    check_family_of_version_4("modernbert");
}

#[test]
fn mpnet_equals_transformers() {
    check_family("mpnet");
}

#[test]
fn encoders_of_t5_equal_transformers() {
    check_family("t5");
    check_family("t5_gated");
}

#[test]
fn encoders_of_bart_mbart_and_marian_equal_transformers() {
    check_family("bart");
    check_family("mbart");
    check_family("marian");
}

#[test]
fn deberta_v2_with_a_convolution_equals_transformers() {
    check_family("deberta_v2");
}

#[test]
fn deberta_v3_equals_transformers() {
    check_family("deberta_v3");
}

#[test]
fn gpt2_without_the_prefix_of_its_names_is_the_same() {
    let hidden = |family: &str| {
        let (layer, _) = built(&config(&format!(r#"{{"path": "{family}"}}"#), &folder()).expect("a model"));
        host(&layer.forward(&Expected::read("gpt2").input(), &Mode::evaluate()).expect("hidden states").x)
    };
    assert_eq!(hidden("gpt2").expect("numbers"), hidden("gpt2_bare").expect("numbers"));
}
