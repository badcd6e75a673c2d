//! Tagging over the pieces of words: candle, ONNX Runtime, and PyTorch.

use candle_core::{Device, Tensor};

use crate::data::feature::encode;
use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::name::InputName;
use crate::domain::signature::{Encoding, InputSignature, TokenPlane};
use crate::domain::task::TagScheme;
use crate::domain::tokenizer::{Segmenter, Tokenizer, TruncationSide};
use crate::model::activations::{Activations, GraphActivations};
use crate::model::head::Head;
use crate::model::head::output::Output;
use crate::model::head::tagging::Tagging;
use crate::model::labels::Labels;
use crate::model::loss::LossConfig;
use crate::model::mode::Mode;
use crate::model::ops::nodes::encoding::{raw_dims, sequence_to_onnx};
use crate::model::ops::{Nodes, Sequences, Tensors};
use crate::model::raw::feed;
use crate::model::weights::{Init, Weights, host};
use crate::onnx::graph::{Dim, Graph};
use crate::onnx::runtime::for_tests;
use crate::onnx::session::OnnxSession;
use crate::onnx::write::save;

/// Padded with 1, as RoBERTa's.
fn encoding() -> Encoding {
    let tokenizer = Tokenizer {
        segmenter: Segmenter::None,
        json: String::new(),
        size: 9,
        pad: 1,
        unknown: Some(3),
        begin: Some(0),
        end: Some(2),
        leading: 1,
        trailing: 1,
    };
    let plane = Some(TokenPlane::Words { separator: " ".to_owned() });
    Encoding::Tokens { tokenizer, length: 8, side: TruncationSide::Head, plane }
}

/// Words of 2, 1 and 1 pieces, and a word of 1: `[rows, time, 2]` as a model is fed.
fn raw() -> Array {
    let rows = vec![0, 0, 5, 1, 6, 0, 7, 1, 4, 1, 2, 0, 0, 0, 8, 1, 2, 0, 1, 0, 1, 0, 1, 0];
    Array::new(&[2, 6, 2], ArrayValues::I64(rows))
}

fn fed() -> Activations {
    let pieces = encode(&encoding(), &raw()).expect("pieces");
    assert_eq!((pieces.offsets.as_deref(), pieces.width()), (Some(&[0, 6, 9][..]), 2));
    feed(&encoding(), &pieces, &Device::Cpu).expect("tensors").expect("pieces")
}

#[test]
fn a_word_is_its_first_piece() {
    let mut weights = Weights::new(1, &Device::Cpu);
    let table = weights.parameter("table", &[9, 4], Init::Normal(1.0)).expect("a table");
    let classes = ["B-x", "I-x", "O"].map(String::from);
    let head = Tagging::build("a", 4, &classes, TagScheme::Bio, false, &mut weights).expect("a head");
    let fed = fed();
    let embedded = Tensors::evaluate().embedding(&table, &fed.x).expect("vectors");
    let x = Head::read(&head, fed.with(embedded)).expect("words");
    assert_eq!(x.x.dims(), [2, 3, 4]);
    let mask = x.mask.as_ref().expect("a mask");
    assert_eq!(&mask.lengths[..], [3, 1]);
    let rows = host(&table.tensor()).expect("numbers");
    let found = host(&x.x).expect("numbers");
    for (place, token) in [(0, 5), (1, 7), (2, 4), (3, 8)] {
        assert_eq!(found[4 * place..4 * place + 4], rows[4 * token..4 * token + 4], "{token}");
    }
    let expected = host(&Head::logits(&head, &x, &Mode::evaluate()).expect("logits")).expect("numbers");

    let mut graph = Graph::new("words");
    let name = InputName::new("w").expect("a name");
    let input = InputSignature { name, raw: ElementType::Int64, encoding: encoding(), required: false };
    let value = graph.input("w", ElementType::Int64, &raw_dims(&input));
    let encoded = sequence_to_onnx(&mut graph, &value, &input.encoding);
    let embedded = Nodes { graph: &mut graph }.embedding(&table, &encoded.x).expect("a node");
    let words = head.read_to_onnx(&mut graph, encoded.with(embedded)).expect("nodes");
    let logits = head.logits_to_onnx(&mut graph, &words).expect("nodes");
    let logits = GraphActivations { x: logits, mask: words.mask }.mask_padding(&mut graph);
    let dims = [Dim::Batch, Dim::Dynamic("time".to_owned()), Dim::Fixed(3)];
    graph.output("y", &logits, ElementType::Float32, &dims);
    for opset in [17, 21] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.onnx");
        save(&graph.clone().finish(opset, &[]).expect("a model"), &path).expect("a file");
        let mut session = OnnxSession::open_with(&for_tests(), &path, 1).expect("a session");
        let y = session.run(&[("w".to_owned(), raw())]).expect("outputs").remove(0).1;
        // As many places as pieces; those after the last word are 0.
        assert_eq!(y.shape, [2, 6, 3]);
        let y = y.as_f32().expect("numbers");
        for (place, step) in [(0, 0), (1, 1), (2, 2), (3, 6)] {
            for class in 0..3 {
                let difference = y[3 * step + class] - expected[3 * place + class];
                assert!(difference.abs() < 1e-6, "word {place}, class {class}: {difference}");
            }
        }
        assert!(y[9..18].iter().chain(&y[21..]).all(|logit| *logit == 0.0), "{y:?}");
    }
}

/// ```python
/// import torch
/// table = torch.arange(36.).reshape(9, 4).div(10).sin().requires_grad_()
/// weight = torch.arange(12.).reshape(4, 3).cos().requires_grad_()
/// ids, first = torch.tensor([[0, 5, 6, 7, 4, 2], [0, 8, 2, 1, 1, 1]]), torch.tensor([[1, 3, 4], [1, 0, 0]])
/// x = table[ids].gather(1, first[:, :, None].expand(-1, -1, 4))
/// labels = torch.tensor([[0, -100, 2], [1, -100, -100]])
/// loss = torch.nn.functional.cross_entropy((x @ weight).flatten(0, 1), labels.flatten())
/// loss.backward()
/// print(loss.item(), weight.grad[0].tolist(), table.grad[5].tolist(), table.grad[6].abs().sum().item())
/// ```
#[test]
fn loss_and_gradients_equal_pytorch() {
    let mut weights = Weights::new(1, &Device::Cpu);
    let classes = ["B-x", "I-x", "O"].map(String::from);
    let head = Tagging::build("a", 4, &classes, TagScheme::None, false, &mut weights).expect("a head");
    let table = weights.parameter("table", &[9, 4], Init::Zeros).expect("a table");
    let numbers = |count: usize, of: fn(f32) -> f32| (0..count).map(|i| of(i as f32)).collect::<Vec<f32>>();
    let set = |name: &str, shape: &[usize], values: Vec<f32>| {
        let weight = weights.iter().find(|weight| weight.name == name).expect(name);
        weight.var.set(&Tensor::from_vec(values, shape, &Device::Cpu).expect("a tensor")).expect("set");
    };
    set("table", &[9, 4], numbers(36, |i| (i / 10.0).sin()));
    set("a.weight", &[4, 3], numbers(12, f32::cos));
    set("a.bias", &[3], vec![0.0; 3]);
    let fed = fed();
    let embedded = Tensors::evaluate().embedding(&table, &fed.x).expect("vectors");
    let x = Output::read(&head, &mut Tensors::evaluate(), fed.with(embedded)).expect("words");
    let labels = |values: [[f32; 3]; 2]| Tensor::new(&values, &Device::Cpu).expect("labels");
    let labels = Labels {
        task: 0,
        values: labels([[0.0, 0.0, 2.0], [1.0, 0.0, 0.0]]),
        mask: labels([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
        labelled: 2,
        cells: 3,
    };
    let usual = LossConfig::for_kind(crate::domain::task_kind::TaskKind::Tagging);
    assert!(Head::loss(&head, &x, &labels, &usual, &Mode::evaluate()).expect("no loss of its own").is_none());
    let logits = Head::logits(&head, &x, &Mode::evaluate()).expect("logits").reshape((6, 3)).expect("rows");
    let target = crate::domain::task::FittedTarget::Tagging {
        classes: classes.to_vec(),
        counts: vec![1; 3],
        scheme: TagScheme::None,
        crf: false,
    };
    let (truth, mask) = (labels.values.reshape((6, 1)), labels.mask.reshape((6, 1)));
    let loss = usual.view().forward(&logits, &truth.expect("labels"), &mask.expect("labels"), &target);
    let loss = loss.expect("a loss");
    let gradients = loss.backward().expect("gradients");
    let gradient = |name: &str, row: usize, width: usize| {
        let weight = weights.iter().find(|weight| weight.name == name).expect(name);
        let all = host(gradients.get(&weight.var).expect("a gradient")).expect("numbers");
        all[row * width..(row + 1) * width].to_vec()
    };
    let near = |found: &[f32], expected: &[f32]| {
        let close = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(close && found.len() == expected.len(), "{found:?} and {expected:?}");
    };
    near(&[loss.to_scalar().expect("a number")], &[1.071_084_5]);
    near(&gradient("a.weight", 0, 3), &[-0.051_521_99, 0.213_864_83, -0.162_342_85]);
    near(&gradient("table", 5, 4), &[-0.177_895_58, 0.151_773_29, -0.122_613_22, 0.090_999_07]);
    near(&gradient("table", 6, 4), &[0.0; 4]);
}
