//! MTL-LoRA against PyTorch's automatic differentiation.

use candle_core::{Device, Tensor};

use crate::model::kernel::reference_check::near;
use crate::model::ops::Tensors;
use crate::model::ops::dense::Dense;
use crate::model::weights::{LowRankOptions, LowRankSize, LowRankTargets, TaskUpdates, Weights};

/// The numbers of the Python below.
fn f(rows: usize, columns: usize) -> Tensor {
    let values = (0..rows * columns).map(|i| (i * 7 % 11) as f32 / 10.0 - 0.5).collect();
    Tensor::from_vec(values, (rows, columns), &Device::Cpu).expect("a matrix")
}

fn t(x: &Tensor) -> Tensor {
    x.t().and_then(|x| x.contiguous()).expect("a matrix")
}

fn matrix<const R: usize, const C: usize>(rows: [[f32; C]; R]) -> Tensor {
    Tensor::new(&rows, &Device::Cpu).expect("numbers")
}

/// A projection of 3 columns to 2 with the updates of the task `one`, and its weights.
fn adapted(diagonal: bool) -> (Dense, Weights) {
    let mut weights = Weights::new(0, &Device::Cpu);
    weights.freeze_new(true);
    weights.set_low_rank(Some(LowRankOptions {
        targets: LowRankTargets::Projections {
            names: vec!["l".to_owned()],
            size: LowRankSize { rank: 2, scale: 3.0 },
        },
        dropout: 0.0,
        magnitude: false,
        frozen: false,
    }));
    let mixed = TaskUpdates::Mixed { task: "one".to_owned(), ups: 2, temperature: 0.5, diagonal };
    weights.set_task_updates(Some(mixed));
    let dense = Dense::projection("l", 3, 2, &mut weights).expect("a layer");
    (dense, weights)
}

/// ```python
/// # torch 2.11.0
/// f = lambda *s: (torch.arange(float(torch.Size(s).numel())) * 7 % 11 / 10 - 0.5).reshape(s)
/// x, W, b = f(1, 3), f(2, 3).T, f(2)
/// for diagonal in (False, True):
///     A = f(2, 3).T.clone().requires_grad_()
///     size = 1 if diagonal else 2
///     L = ((torch.ones(1, 2) if diagonal else torch.eye(2)) + f(size, 2)).requires_grad_()
///     B = [f(2, 2).requires_grad_(), (f(2, 2) * -2).requires_grad_()]
///     w = f(1, 2).requires_grad_()
///     s = torch.softmax(w / 0.5, -1)[0]
///     y = x @ W + b + 6 / 2 * x @ A @ (torch.diag(L[0]) if diagonal else L) @ (s[0] * B[0] + s[1] * B[1])
///     (y * torch.tensor([1.0, -2.0])).sum().backward()
///     print(y, A.grad, L.grad, B[0].grad, B[1].grad, w.grad)
/// ```
#[test]
fn mtl_lora_equals_pytorch() {
    let full = (
        matrix([[0.090353, 0.260815]]),
        [
            ("l.lora_a", matrix([[-1.45578, -3.41792], [0.58231, 1.36717], [-0.58231, -1.36717]])),
            ("l.one.lora_lambda", matrix([[1.25324, 1.67098], [-0.64561, -0.86081]])),
            ("l.lora_b.0", matrix([[0.1181, -0.23619], [-0.11216, 0.22432]])),
            ("l.lora_b.1", matrix([[0.4789, -0.95781], [-0.45484, 0.90968]])),
            ("l.one.lora_mixing", matrix([[0.13625, -0.13625]])),
        ],
    );
    let diagonal = (
        matrix([[0.005960, 0.321156]]),
        [
            ("l.lora_a", matrix([[-0.94942, -3.03815], [0.37977, 1.21526], [-0.37977, -1.21526]])),
            ("l.one.lora_lambda", matrix([[1.25324, -0.86081]])),
            ("l.lora_b.0", matrix([[0.09792, -0.19584], [-0.12106, 0.24213]])),
            ("l.lora_b.1", matrix([[0.39708, -0.79416], [-0.49094, 0.98187]])),
            ("l.one.lora_mixing", matrix([[0.27506, -0.27506]])),
        ],
    );
    for (is_diagonal, (y, gradients)) in [(false, full), (true, diagonal)] {
        let (dense, weights) = adapted(is_diagonal);
        let weight = |name: &str| weights.iter().find(|weight| weight.name == name).expect(name).var.clone();
        let add = |name: &str, values: Tensor| {
            let weight = weight(name);
            let sum = (weight.as_tensor().detach() + values).expect("a sum");
            weight.set(&sum).expect("the same shape");
        };
        // Lambda begins as the identity; the others are set.
        add("l.one.lora_lambda", f(if is_diagonal { 1 } else { 2 }, 2));
        let set = |name: &str, values: Tensor| weight(name).set(&values).expect("the same shape");
        set("l.weight", t(&f(2, 3)));
        set("l.bias", f(1, 2).squeeze(0).expect("a vector"));
        set("l.lora_a", t(&f(2, 3)));
        set("l.lora_b.0", f(2, 2));
        set("l.lora_b.1", (f(2, 2) * -2.0).expect("a matrix"));
        set("l.one.lora_mixing", f(1, 2));
        let found = dense.on(&mut Tensors::evaluate(), &f(1, 3)).expect("y");
        near("y", &found, &y, 1e-5);
        let loss = (found * matrix([[1.0, -2.0]])).and_then(|products| products.sum_all()).expect("a loss");
        let found = loss.backward().expect("gradients");
        for (name, expected) in gradients {
            near(name, found.get(&weight(name)).expect(name), &expected, 1e-4);
        }
        assert!(found.get(&weight("l.weight")).is_none());
    }
}

#[test]
fn mtl_lora_begins_with_the_pretrained_projection() {
    let (dense, weights) = adapted(false);
    let weight = weights.iter().find(|weight| weight.name == "l.weight").expect("a weight");
    let bias = weights.iter().find(|weight| weight.name == "l.bias").expect("a weight");
    let expected = f(1, 3).matmul(weight.var.as_tensor()).and_then(|y| y.broadcast_add(&bias.var));
    near("y", &dense.apply(&f(1, 3)).expect("y"), &expected.expect("x W + b"), 1e-6);
}
