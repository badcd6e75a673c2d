//! Pairs of texts against transformers (`tests/pretrained/make_segments.py`), in candle and in ONNX Runtime.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use crate::data::feature::encode;
use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::name::{ColumnName, InputName};
use crate::domain::signature::{Encoding, InputSignature, TokenPlane};
use crate::domain::tokenizer::{Segmenter, Tokenizer, TruncationSide};
use crate::model::activations::{Activations, SequenceMask};
use crate::model::autograd::record;
use crate::model::kernel::reference_check::near;
use crate::model::layer::BuildLayer;
use crate::model::layer::pretrained::PretrainedConfig;
use crate::model::layer::pretrained::model_cell::ModelFolders;
use crate::model::mode::Mode;
use crate::model::ops::nodes::encoding::{raw_dims, sequence_to_onnx};
use crate::model::raw::feed;
use crate::model::weights::{Weights, host};
use crate::onnx::graph::{Dim, Graph};
use crate::onnx::runtime::for_tests;
use crate::onnx::session::OnnxSession;
use crate::onnx::write::save;

fn encoding() -> Encoding {
    let tokenizer = Tokenizer {
        segmenter: Segmenter::None,
        json: String::new(),
        size: 60,
        pad: 0,
        unknown: Some(1),
        begin: None,
        end: None,
        leading: 1,
        trailing: 1,
    };
    let plane = Some(TokenPlane::Segments { column: ColumnName::new("second").expect("a name") });
    Encoding::Tokens { tokenizer, length: 12, side: TruncationSide::Head, plane }
}

/// Ids and segments as a model is fed: `[rows, time, 2]`.
fn raw(expected: &HashMap<String, Tensor>) -> Array {
    let both = [&expected["input_ids"], &expected["segments"]];
    let both = Tensor::stack(&both, 2).and_then(|both| both.to_dtype(DType::I64)).expect("whole numbers");
    let values = both.flatten_all().and_then(|both| both.to_vec1()).expect("numbers");
    Array::new(both.dims(), ArrayValues::I64(values))
}

/// A tokenizer may number the segments of a pair for a model that knows only one.
#[test]
fn a_model_of_one_segment_ignores_segments() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained");
    let config: PretrainedConfig = serde_json::from_str(r#"{"path": "roberta"}"#).expect("settings");
    config.read(&ModelFolders::in_folder(&folder)).expect("a model");
    let mut weights = Weights::new(1, &Device::Cpu);
    let input = config.model.get().expect("a model").family.input();
    let layer = config.build("encoder", input, &mut weights).expect("a layer");
    let hidden = |segment: u32| {
        let tokens = Tensor::new(&[[5_u32, 7, 9]], &Device::Cpu).expect("tokens");
        let mask = SequenceMask::from_lengths(vec![3], 3, &Device::Cpu).expect("a mask");
        let segments = Tensor::new(&[[0, segment, segment]], &Device::Cpu).expect("segments");
        let mask = SequenceMask { segments: Some(segments), ..mask };
        let y = layer.forward(&Activations { x: tokens, mask: Some(mask) }, &Mode::evaluate());
        host(&y.expect("hidden states").x).expect("numbers")
    };
    assert_eq!(hidden(0), hidden(1));
}

#[test]
fn pairs_equal_transformers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained");
    let expected = candle_core::safetensors::load(folder.join("bert/segments.safetensors"), &Device::Cpu);
    let expected = expected.expect("expected values");
    let config: PretrainedConfig = serde_json::from_str(r#"{"path": "bert"}"#).expect("settings");
    config.read(&ModelFolders::in_folder(&folder)).expect("a model");
    let family = &config.model.get().expect("a model").family;
    let mut weights = Weights::new(1, &Device::Cpu);
    let layer = config.build("encoder", family.input(), &mut weights).expect("a layer");
    weights.set_pretrained().expect("pretrained values");
    let pairs = encode(&encoding(), &raw(&expected)).expect("pairs");
    let input = feed(&encoding(), &pairs, &Device::Cpu).expect("tensors").expect("pairs");
    let (hidden, tape) = record(|| {
        let y = layer.forward(&input, &Mode::evaluate())?;
        let mask = y.mask.as_ref().expect("a mask").steps.unsqueeze(2)?;
        Ok::<_, crate::model::error::ModelError>(y.x.broadcast_mul(&mask)?)
    })
    .expect("hidden states");
    near("hidden", &hidden, &expected["hidden"], 1e-5);
    let mut gradients = tape.backward_from(&hidden, expected["upstream"].clone()).expect("gradients");
    for (ours, theirs) in [("segments", "token_type_embeddings"), ("tokens", "word_embeddings")] {
        let name = format!("encoder.embeddings.{ours}.weight");
        let weight = weights.iter().find(|weight| weight.name == name).expect("a weight");
        let gradient = gradients.remove(&weight.var).expect("a gradient");
        near(ours, &gradient, &expected[&format!("gradient.embeddings.{theirs}.weight")], 1e-4);
    }

    let mut graph = Graph::new("pairs");
    let name = InputName::new("first").expect("a name");
    let signature = InputSignature { name, raw: ElementType::Int64, encoding: encoding(), required: false };
    let value = graph.input("first", ElementType::Int64, &raw_dims(&signature));
    let fed = sequence_to_onnx(&mut graph, &value, &signature.encoding);
    let y = layer.to_onnx(&mut graph, &fed).expect("nodes");
    let y = y.mask_padding(&mut graph);
    let dims = [Dim::Batch, Dim::Dynamic("time".to_owned()), Dim::Fixed(16)];
    graph.output("y", &y, ElementType::Float32, &dims);
    let file = tempfile::tempdir().expect("a folder");
    let path = file.path().join("model.onnx");
    save(&graph.finish(17, &[]).expect("a model"), &path).expect("a file");
    let mut session = OnnxSession::open_with(&for_tests(), &path, 1).expect("a session");
    let y = session.run(&[("first".to_owned(), raw(&expected))]).expect("outputs").remove(0).1;
    let y = Tensor::from_slice(y.as_f32().expect("numbers"), y.shape.as_slice(), &Device::Cpu);
    near("onnx", &y.expect("a tensor"), &expected["hidden"], 1e-5);
}
