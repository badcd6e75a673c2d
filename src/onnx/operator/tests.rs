//! Every operator in ONNX Runtime, at every opset. Expected values are from NumPy in float64.

// Expected values are given as the reference printed them.
#![allow(clippy::approx_constant, clippy::excessive_precision)]

use std::path::Path;

use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::signature::Keys;
use crate::onnx::graph::{Dim, Graph, GraphValue};
use crate::onnx::operator as op;
use crate::onnx::runtime::for_tests;
use crate::onnx::session::OnnxSession;
use crate::onnx::verify::{compare, verify};
use crate::onnx::write::save;

const OPSETS: std::ops::RangeInclusive<i64> = 17..=21;

fn run(graph: &Graph, opset: i64, inputs: &[(String, Array)]) -> Vec<(String, Array)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    save(&graph.clone().finish(opset, &[]).unwrap(), &path).unwrap();
    open(&path).run(inputs).unwrap()
}

fn open(path: &Path) -> OnnxSession {
    OnnxSession::open_with(&for_tests(), path, 1).unwrap()
}

/// A graph with outputs and their expected values.
struct OperatorCase {
    graph: Graph,
    expected: Vec<(String, Array)>,
}

impl OperatorCase {
    fn expect(&mut self, name: &str, value: &GraphValue, shape: &[usize], values: &[f32]) {
        let dims: Vec<Dim> =
            std::iter::once(Dim::Batch).chain(shape[1..].iter().map(|&n| Dim::Fixed(n))).collect();
        self.graph.output(name, value, ElementType::Float32, &dims);
        self.expected.push((name.to_owned(), Array::f32(shape, values.to_vec())));
    }

    fn check(&self, inputs: &[(String, Array)]) {
        for opset in OPSETS {
            let actual = run(&self.graph, opset, inputs);
            for parity in compare(&self.expected, &actual, &[]) {
                let values = &actual.iter().find(|(name, _)| *name == parity.output);
                assert!(parity.largest < 2e-6, "opset {opset}: {parity:?}: {values:?}");
            }
        }
    }
}

fn case() -> (OperatorCase, GraphValue, Vec<(String, Array)>) {
    let mut graph = Graph::new("operators");
    let x = graph.input("x", ElementType::Float32, &[Dim::Batch, Dim::Fixed(3)]);
    let inputs = vec![("x".to_owned(), Array::f32(&[2, 3], vec![-1.5, 0.0, 2.0, 0.5, -0.25, 3.0]))];
    (OperatorCase { graph, expected: Vec::new() }, x, inputs)
}

#[test]
fn activations() {
    let (mut case, x, inputs) = case();
    let g = &mut case.graph;
    // x = np.array([[-1.5, 0, 2], [0.5, -0.25, 3]]); sg = 1 / (1 + np.exp(-x)); e = np.exp(x)
    let values: [(&str, GraphValue, [f32; 6]); 16] = [
        // sg
        (
            "sigmoid",
            op::sigmoid(g, &x),
            [0.182_425_52, 0.5, 0.880_797_1, 0.622_459_3, 0.437_823_5, 0.952_574_13],
        ),
        // np.tanh(x)
        (
            "tanh",
            op::tanh(g, &x),
            [-0.905_148_25, 0.0, 0.964_027_6, 0.462_117_16, -0.244_918_66, 0.995_054_75],
        ),
        // np.log1p(np.exp(x))
        (
            "softplus",
            op::softplus(g, &x),
            [0.201_413_28, 0.693_147_2, 2.126_928, 0.974_077, 0.575_939_4, 3.048_587_3],
        ),
        ("relu", op::relu(g, &x), [0.0, 0.0, 2.0, 0.5, 0.0, 3.0]),
        ("leaky_relu", op::leaky_relu(g, &x, 0.01), [-0.015, 0.0, 2.0, 0.5, -0.0025, 3.0]),
        // np.where(x > 0, x, np.exp(x) - 1)
        ("elu", op::elu(g, &x), [-0.776_869_84, 0.0, 2.0, 0.5, -0.221_199_22, 3.0]),
        // 0.5 * x * (1 + erf(x / sqrt(2)))
        ("gelu", op::gelu(g, &x), [-0.100_210_8, 0.0, 1.954_499_7, 0.345_731_23, -0.100_323_42, 2.995_950_3]),
        // x * sg
        ("silu", op::silu(g, &x), [-0.273_638_3, 0.0, 1.761_594_2, 0.311_229_67, -0.109_455_87, 2.857_722_4]),
        // np.clip(x / 6 + 0.5, 0, 1), and x times it
        ("hard_sigmoid", op::hard_sigmoid(g, &x), [0.25, 0.5, 0.833_333_3, 0.583_333_3, 0.458_333_3, 1.0]),
        ("hard_swish", op::hard_swish(g, &x), [-0.375, 0.0, 1.666_666_7, 0.291_666_67, -0.114_583_336, 3.0]),
        // 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))
        (
            "gelu_tanh",
            op::gelu_tanh(g, &x),
            [-0.100_428_42, 0.0, 1.954_597_7, 0.345_714, -0.100_324_65, 2.996_362_6],
        ),
        // x / (1 + np.exp(-1.702 * x))
        (
            "quick_gelu",
            op::quick_gelu(g, &x),
            [-0.108_337_8, 0.0, 1.935_658_6, 0.350_388_44, -0.098_800_35, 2.981_928_2],
        ),
        // x * np.tanh(np.log1p(e))
        ("mish", op::mish(g, &x), [-0.298_099_74, 0.0, 1.943_959, 0.375_245_2, -0.129_926_96, 2.986_535]),
        // e / e.sum(1, keepdims=True)
        (
            "softmax",
            op::softmax(g, &x, -1),
            [0.025_908_655, 0.116_114_53, 0.857_976_8, 0.073_234, 0.034_593_29, 0.892_172_7],
        ),
        // np.log of it
        (
            "log_softmax",
            op::log_softmax(g, &x, -1),
            [-3.653_178_2, -2.153_178_2, -0.153_178_21, -2.614_095_5, -3.364_095_5, -0.114_095_54],
        ),
        ("clip", op::clip(g, &x, -1.0, 2.5), [-1.0, 0.0, 2.0, 0.5, -0.25, 2.5]),
    ];
    for (name, value, numbers) in values {
        case.expect(name, &value, &[2, 3], &numbers);
    }
    case.check(&inputs);
}

#[test]
fn normalizations_and_reductions() {
    let (mut case, x, inputs) = case();
    let g = &mut case.graph;
    let scale = g.weight("scale", &[3], &[1.0, 2.0, 3.0]);
    let bias = g.weight("bias", &[3], &[0.5, 0.0, -0.5]);
    let mean = g.weight("mean", &[3], &[0.1, 0.2, 0.3]);
    let variance = g.weight("variance", &[3], &[1.0, 4.0, 0.25]);
    let layer = op::layer_normalization(g, &x, &scale, Some(&bias), 1e-5);
    let batch = op::batch_normalization(g, &x, &scale, &bias, &mean, &variance, 1e-5);
    let reductions = [
        ("ReduceSum", [0.5, 3.25]),
        ("ReduceMean", [0.166_666_67, 1.083_333_3]),
        ("ReduceMax", [2.0, 3.0]),
        ("ReduceMin", [-1.5, -0.25]),
        // np.log(np.exp(x).sum(1)), np.sqrt((x ** 2).sum(1))
        ("ReduceLogSumExp", [2.153_178_2, 3.114_095_5]),
        ("ReduceL2", [2.5, 3.051_638_9]),
    ];
    let reduced = reductions.map(|(name, numbers)| (name, op::reduce(g, name, &x, &[1], false), numbers));
    // (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) * scale + bias
    let numbers = [-0.662_473_56, -0.232_494_71, 3.336_162_7, 0.080_168_99, -1.919_227_5, 3.638_334_3];
    case.expect("layer", &layer, &[2, 3], &numbers);
    // (x - mean) / np.sqrt(variance + 1e-5) * scale + bias
    let numbers = [-1.099_992, -0.199_999_75, 9.699_796, 0.899_998, -0.449_999_44, 15.699_676];
    case.expect("batch", &batch, &[2, 3], &numbers);
    for (name, value, numbers) in reduced {
        case.expect(name, &value, &[2], &numbers);
    }
    let kept = op::reduce(&mut case.graph, "ReduceMean", &x, &[-1], true);
    case.expect("kept", &kept, &[2, 1], &[0.166_666_67, 1.083_333_3]);
    case.check(&inputs);
}

#[test]
fn shapes_and_arithmetic() {
    let (mut case, x, inputs) = case();
    let g = &mut case.graph;
    let parts = op::split(g, &x, 1, &[1, 2]);
    let swapped = op::concat(g, &[&parts[1], &parts[0]], 1);
    let alone = op::concat(g, &[&x], 1);
    let first = op::slice(g, &x, 1, 0, -1);
    let difference = op::sub(g, &parts[0], &parts[1]);
    let quotient = op::div(g, &x, &parts[0]);
    let squared = op::mul(g, &x, &x);
    let total = op::sum(g, &[&x, &x, &x]);
    let negative = op::neg(g, &total);
    let shifted = op::shift(g, &squared, 1.0);
    let root = op::sqrt(g, &shifted);
    let back = op::exp(g, &x);
    let back = op::log(g, &back);
    let tall = op::unsqueeze(g, &x, &[2]);
    let tall = op::transpose(g, &tall, &[0, 2, 1]);
    let flat = op::squeeze(g, &tall, &[1]);
    let zero = g.scalar(0.0);
    let positive = op::greater(g, &x, &zero);
    let positive = op::cast(g, &positive, ElementType::Float32);
    let is_zero = op::equal(g, &x, &zero);
    let replaced = op::where_(g, &is_zero, &parts[0], &x);
    let truth = op::cast_bool(g, &x);
    let truth = op::cast(g, &truth, ElementType::Float32);
    let dims = op::shape(g, &x);
    let filled = op::expand(g, &zero, &dims);
    let column = op::reshape(g, &x, &[0, 3, 1]);

    case.expect("swapped", &swapped, &[2, 3], &[0.0, 2.0, -1.5, -0.25, 3.0, 0.5]);
    case.expect("alone", &alone, &[2, 3], &[-1.5, 0.0, 2.0, 0.5, -0.25, 3.0]);
    case.expect("first", &first, &[2, 2], &[-1.5, 0.0, 0.5, -0.25]);
    case.expect("difference", &difference, &[2, 2], &[-1.5, -3.5, 0.75, -2.5]);
    case.expect("quotient", &quotient, &[2, 3], &[1.0, 0.0, -1.333_333_4, 1.0, -0.5, 6.0]);
    case.expect("squared", &squared, &[2, 3], &[2.25, 0.0, 4.0, 0.25, 0.0625, 9.0]);
    case.expect("negative", &negative, &[2, 3], &[4.5, 0.0, -6.0, -1.5, 0.75, -9.0]);
    case.expect("root", &root, &[2, 3], &[1.802_775_6, 1.0, 2.236_068, 1.118_034, 1.030_776_4, 3.162_277_7]);
    case.expect("back", &back, &[2, 3], &[-1.5, 0.0, 2.0, 0.5, -0.25, 3.0]);
    case.expect("flat", &flat, &[2, 3], &[-1.5, 0.0, 2.0, 0.5, -0.25, 3.0]);
    case.expect("positive", &positive, &[2, 3], &[0.0, 0.0, 1.0, 1.0, 0.0, 1.0]);
    case.expect("replaced", &replaced, &[2, 3], &[-1.5, -1.5, 2.0, 0.5, -0.25, 3.0]);
    case.expect("truth", &truth, &[2, 3], &[1.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
    case.expect("filled", &filled, &[2, 3], &[0.0; 6]);
    case.expect("column", &column, &[2, 3, 1], &[-1.5, 0.0, 2.0, 0.5, -0.25, 3.0]);
    case.check(&inputs);
}

/// Raw rows as in a table: a number, a text and an integer.
fn mixed(rows: usize) -> Vec<(String, Array)> {
    let pick = |index: usize| index % 7;
    let ages = (0..rows).map(|row| [39.0, f32::NAN, 17.5, 90.0, 0.0, 52.0, -1.0][pick(row)]).collect();
    let jobs = (0..rows)
        .map(|row| ["sales", "Caf\u{e9}", "", "SALES", "sales ", "admin", "?"][pick(row)].to_owned());
    let zips = (0..rows).map(|row| [10115, -5, i64::MIN, 0, i64::MAX, 10115, 7][pick(row)]).collect();
    vec![
        ("age".to_owned(), Array::f32(&[rows, 1], ages)),
        ("job title".to_owned(), Array::new(&[rows, 1], ArrayValues::Text(jobs.collect()))),
        ("zip".to_owned(), Array::new(&[rows, 1], ArrayValues::I64(zips))),
    ]
}

/// A small network over raw columns, as the model writes it.
fn network() -> Graph {
    let mut graph = Graph::new("mixed");
    let g = &mut graph;
    let column = [Dim::Batch, Dim::Fixed(1)];
    let age = g.input("age", ElementType::Float32, &column);
    let job = g.input("job title", ElementType::Text, &column);
    let zip = g.input("zip", ElementType::Int64, &column);

    g.scope("age");
    let missing = op::is_nan(g, &age);
    let fill = g.scalar(40.0);
    let filled = op::where_(g, &missing, &fill, &age);
    let centered = op::shift(g, &filled, -40.0);
    let scaled = op::scale(g, &centered, 0.1);
    let indicator = op::cast(g, &missing, ElementType::Float32);

    g.scope("job");
    let keys = ["admin", "sales", "Caf\u{e9}", ""].map(str::to_owned).to_vec();
    let codes = op::codes(g, &job, &Keys::Text(keys), 1, 0);
    let codes = op::reshape(g, &codes, &[-1]);
    let table = g.weight("job.embedding", &[5, 2], &[0.0, 0.5, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 4.0, -4.0]);
    let embedded = op::gather(g, &table, &codes, 0);

    g.scope("zip");
    let codes = op::codes(g, &zip, &Keys::Int(vec![10115, -5, i64::MIN]), 0, 3);
    let codes = op::reshape(g, &codes, &[-1]);
    let hot = op::one_hot(g, &codes, 3);

    g.scope("trunk.0");
    let x = op::concat(g, &[&scaled, &indicator, &embedded, &hot], 1);
    let w = g.weight(
        "trunk.0.weight",
        &[7, 2],
        &[1.0, 0.0, 10.0, 0.0, 0.0, 1.0, 0.0, 0.5, 1.0, 0.0, 2.0, 0.0, 3.0, 0.0],
    );
    let b = g.weight("trunk.0.bias", &[2], &[0.25, -0.25]);
    let y = op::dense(g, &x, &w, Some(&b));
    g.output("income_logits", &y, ElementType::Float32, &[Dim::Batch, Dim::Fixed(2)]);
    let prediction = op::sigmoid(g, &y);
    g.output("income", &prediction, ElementType::Float32, &[Dim::Batch, Dim::Fixed(2)]);
    graph
}

/// The outputs of `network` for the seven distinct rows, computed by hand: scaled age + 10 * missing + the
/// zip's weight (1, 2, 3 or 0) + 0.25, and the embedding's first value + half its second - 0.25.
fn expected_outputs() -> Vec<(String, Array)> {
    let logits: Vec<f32> = [
        [-0.1 + 1.0 + 0.25, 2.0 - 1.0 - 0.25],       // sales, 10115
        [0.0 + 10.0 + 2.0 + 0.25, 3.0 - 1.5 - 0.25], // Café, -5, age missing
        [-2.25 + 3.0 + 0.25, 4.0 - 2.0 - 0.25],      // "" (missing text), missing integer
        [5.0 + 0.0 + 0.25, 0.0],                     // SALES differs from sales; zip unseen
        [-4.0 + 0.0 + 0.25, 0.0],                    // so does a text with a space
        [1.2 + 1.0 + 0.25, 1.0 - 0.5 - 0.25],        // admin, 10115
        [-4.1 + 0.0 + 0.25, 0.0],                    // unseen, unseen
    ]
    .concat();
    let income = logits.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect();
    vec![
        ("income_logits".to_owned(), Array::f32(&[7, 2], logits)),
        ("income".to_owned(), Array::f32(&[7, 2], income)),
    ]
}

#[test]
fn raw_texts_and_numbers_are_inputs() {
    let folder = tempfile::tempdir().unwrap();
    for opset in OPSETS {
        let path = folder.path().join(format!("{opset}.onnx"));
        let metadata = [("mtl.run".to_owned(), "census-3f2a9c".to_owned())];
        save(&network().finish(opset, &metadata).unwrap(), &path).unwrap();
        let mut session = open(&path);
        assert_eq!(session.metadata().unwrap(), metadata);
        let names: Vec<&str> = session.inputs().iter().map(|port| port.name.as_str()).collect();
        assert_eq!(names, ["age", "job title", "zip"]);
        assert_eq!(session.inputs()[1].element, Some(ElementType::Text));
        assert_eq!(session.outputs()[1].dims, [None, Some(2)]);
        let parity = verify(&mut session, &mixed(7), &expected_outputs(), &[], &[1, 2, 7, 20], 1e-6).unwrap();
        assert!(parity.verified && parity.largest < 1e-6, "opset {opset}: {parity:?}");
    }
}

#[test]
fn a_category_without_keys_is_all_unseen() {
    let mut graph = Graph::new("empty");
    let x = graph.input("x", ElementType::Text, &[Dim::Batch, Dim::Fixed(1)]);
    let codes = op::codes(&mut graph, &x, &Keys::Text(vec![]), 1, 0);
    let shifted = op::cast(&mut graph, &codes, ElementType::Float32);
    let shifted = op::shift(&mut graph, &shifted, 0.5);
    graph.output("codes", &codes, ElementType::Int64, &[Dim::Batch, Dim::Fixed(1)]);
    graph.output("shifted", &shifted, ElementType::Float32, &[Dim::Batch, Dim::Fixed(1)]);
    let texts = ArrayValues::Text(vec!["a".to_owned(), "b".to_owned()]);
    for opset in OPSETS {
        let got = run(&graph, opset, &[("x".to_owned(), Array::new(&[2, 1], texts.clone()))]);
        assert_eq!(got[0].1, Array::new(&[2, 1], ArrayValues::I64(vec![0, 0])));
        assert_eq!(got[1].1, Array::f32(&[2, 1], vec![0.5, 0.5]));
    }
}

#[test]
fn unsuitable_inputs_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    save(&network().finish(17, &[]).unwrap(), &path).unwrap();
    let mut session = open(&path);
    let error = |session: &mut OnnxSession, change: fn(&mut Vec<(String, Array)>)| {
        let mut inputs = mixed(2);
        change(&mut inputs);
        session.run(&inputs).unwrap_err().to_string()
    };
    let missing = error(&mut session, |inputs| drop(inputs.remove(0)));
    assert!(missing.contains("missing model input `age`"), "{missing}");
    let unknown = error(&mut session, |inputs| inputs.push(("ages".to_owned(), inputs[0].1.clone())));
    assert!(unknown.contains("no input `ages`") && unknown.contains("job title"), "{unknown}");
    error(&mut session, |inputs| inputs[1].1 = inputs[0].1.clone()); // a number for a text
    error(&mut session, |inputs| inputs[0].1 = Array::f32(&[2, 2], vec![0.0; 4])); // two columns
    let nul = ArrayValues::Text(vec!["a\0b".to_owned(), String::new()]);
    let inputs =
        [mixed(2)[0].clone(), ("job title".to_owned(), Array::new(&[2, 1], nul)), mixed(2)[2].clone()];
    assert!(session.run(&inputs).is_err());
    // After all these errors it still works, even without rows.
    assert_eq!(session.run(&mixed(0)).unwrap()[1].1.shape, [0, 2]);
    assert_eq!(session.run(&mixed(7)).unwrap().len(), 2);

    std::fs::write(&path, b"not a model").unwrap();
    assert!(OnnxSession::open(&for_tests(), &path).is_err());
    assert!(OnnxSession::open(&for_tests(), &folder.path().join("absent.onnx")).is_err());
}
