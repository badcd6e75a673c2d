//! Convolutions against their composed forms and PyTorch's numbers.

use candle_core::{Device, Result, Tensor, Var};

use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::kernel::convolution::{ConvolutionDirection, composed, convolution, grouped, transposed};
use crate::model::kernel::pool::{Pooling, pool};
use crate::model::kernel::reference_check::{check_against, near, variable};
use crate::model::kernel::window::Window;
use crate::model::kernel::winograd::Tiles;
use crate::model::layer::LayerConfig;
use crate::model::layer::stack::Stack;
use crate::model::mode::Mode;
use crate::model::weights::Weights;
use crate::train::optimizer::OptimizerConfig;
use crate::train::optimizer::fused_step::{Optimizer, OptimizerStep, Trainable};
use crate::train::regularization::PenaltyStrength;

/// Windows of every kind over an image of this height and width.
fn windows(height: usize, width: usize) -> Vec<Window> {
    let mut windows = Vec::new();
    for (size, stride) in [(1, 1), (2, 1), (3, 1), (5, 1), (1, 2), (2, 2), (3, 2), (4, 3), (5, 2), (2, 3)] {
        for (top, left) in [(0, 0), (1, 1), (size / 2, 0), (size - 1, size - 1)] {
            if top >= size || left >= size {
                continue;
            }
            for extra in 0..2 {
                // The positions with equal padding on both sides, and one more.
                let count = |length: usize, before: usize| (length + 2 * before - size) / stride + extra;
                let (rows, columns) = (count(height, top), count(width, left));
                if rows > 0 && columns > 0 {
                    windows.push(Window { size, stride, top, left, height, width, rows, columns });
                }
            }
        }
    }
    windows
}

#[test]
fn a_convolution_agrees_with_its_composed_form() {
    for window in windows(7, 6) {
        let Window { size, .. } = window;
        let (x, weight) = (variable(&[3, 2, 7, 6], 1), variable(&[5, 2, size, size], 2));
        check_against(
            &[x, weight, variable(&[5], 3)],
            3e-5,
            |v| convolution(&v[0], &v[1], &v[2], window, Activation::Relu),
            |v| composed(&v[0], &v[1], &v[2], window, Activation::Relu, ConvolutionDirection::Read),
        );
    }
}

#[test]
fn a_transposed_convolution_agrees_with_its_composed_form() {
    for window in windows(7, 6) {
        let Window { size, rows, columns, .. } = window;
        let (x, weight) = (variable(&[3, 5, rows, columns], 1), variable(&[5, 2, size, size], 2));
        let variables = [x, weight, variable(&[2], 3)];
        let kernel = |v: &[Tensor]| transposed(&v[0], &v[1], &v[2], window, Activation::Tanh);
        let reference = |v: &[Tensor]| {
            composed(&v[0], &v[1], &v[2], window, Activation::Tanh, ConvolutionDirection::Write)
        };
        check_against(&variables, 3e-5, kernel, reference);
    }
}

#[test]
fn winograd_agrees_with_the_composed_form_for_every_padding() {
    for window in [windows(13, 11), windows(14, 9)].concat() {
        let Window { size, stride, height, width, rows, columns, .. } = window;
        if (size, stride) != (3, 1) {
            continue;
        }
        assert!(Tiles::new(window, 33, 34).is_some(), "{window:?}");
        let variables =
            [variable(&[2, 33, height, width], 1), variable(&[34, 33, 3, 3], 2), variable(&[34], 3)];
        let kernel = |v: &[Tensor]| convolution(&v[0], &v[1], &v[2], window, Activation::Tanh);
        let reference = |v: &[Tensor]| {
            composed(&v[0], &v[1], &v[2], window, Activation::Tanh, ConvolutionDirection::Read)
        };
        check_against(&variables, 2e-4, kernel, reference);
        let x = variable(&[2, 34, rows, columns], 1);
        let variables = [x, variable(&[34, 33, 3, 3], 2), variable(&[33], 3)];
        let kernel = |v: &[Tensor]| transposed(&v[0], &v[1], &v[2], window, Activation::Relu);
        let reference = |v: &[Tensor]| {
            composed(&v[0], &v[1], &v[2], window, Activation::Relu, ConvolutionDirection::Write)
        };
        check_against(&variables, 2e-4, kernel, reference);
    }
}

/// A convolution in groups, with candle's operations.
fn composed_groups(v: &[Tensor], window: Window, groups: usize, function: Activation) -> Result<Tensor> {
    grouped(&v[0], &v[1], &v[2], groups, |x, weight, bias| {
        composed(x, weight, bias, window, function, ConvolutionDirection::Read)
    })
}

#[test]
fn depthwise_and_grouped_convolutions_agree_with_their_composed_forms() {
    // channels, groups, filters
    for (channels, groups, filters) in [(3, 3, 3), (2, 2, 6), (4, 2, 6)] {
        for window in windows(7, 6) {
            let Window { size, .. } = window;
            let x = variable(&[3, channels, 7, 6], 1);
            let weight = variable(&[filters, channels / groups, size, size], 2);
            check_against(
                &[x, weight, variable(&[filters], 3)],
                3e-5,
                |v| convolution(&v[0], &v[1], &v[2], window, Activation::Tanh),
                |v| composed_groups(v, window, groups, Activation::Tanh),
            );
        }
    }
}

#[test]
fn depthwise_convolutions_of_many_channels_and_pixels() {
    for (images, channels, side, size, stride) in [(70, 40, 9, 5, 1), (5, 33, 30, 3, 2), (2, 3, 80, 7, 1)] {
        let before = size / 2;
        let rows = (side + 2 * before - size) / stride + 1;
        let window = Window {
            size,
            stride,
            top: before,
            left: before,
            height: side,
            width: side,
            rows,
            columns: rows,
        };
        let x = variable(&[images, channels, side, side], 1);
        let variables = [x, variable(&[channels, 1, size, size], 2), variable(&[channels], 3)];
        check_against(
            &variables,
            1e-3,
            |v| convolution(&v[0], &v[1], &v[2], window, Activation::Silu),
            |v| composed_groups(v, window, channels, Activation::Silu),
        );
    }
}

#[test]
fn groups_as_pytorch() {
    // n = lambda *s: ((torch.arange(math.prod(s)) * 7 % 11 - 5) / 5).float().reshape(s)
    // b = torch.tensor([.5, -1, 0, .25])
    // F.conv2d(n(1,2,4,3), n(4,1,3,3), b, stride=2, padding=1, groups=2).flatten()
    let bias = Tensor::new(&[0.5f32, -1.0, 0.0, 0.25], &Device::Cpu).unwrap();
    let window = Window { size: 3, stride: 2, top: 1, left: 1, height: 4, width: 3, rows: 2, columns: 2 };
    let (x, weight) = (numbers(&[1, 2, 4, 3]), numbers(&[4, 1, 3, 3]));
    let y = convolution(&x, &weight, &bias, window, Activation::Identity).unwrap();
    let expected = [
        -0.1, 0.98, 1.14, -0.26, -0.64, -0.28, -2.24, 0.12, -0.48, 0.12, -1.24, -0.28, 0.89, 2.09, 0.89,
        3.41f32,
    ];
    near("depthwise", &y, &Tensor::new(&expected, &Device::Cpu).unwrap(), 1e-6);
    // F.conv2d(n(1,4,3,2), n(4,2,2,2), b, groups=2).flatten()
    let window = Window { size: 2, stride: 1, top: 0, left: 0, height: 3, width: 2, rows: 2, columns: 1 };
    let (x, weight) = (numbers(&[1, 4, 3, 2]), numbers(&[4, 2, 2, 2]));
    let y = convolution(&x, &weight, &bias, window, Activation::Identity).unwrap();
    let expected = [2.34, -0.06, -1.24, -0.48, -1.24, 0.48, -0.83, 0.97f32];
    near("grouped", &y, &Tensor::new(&expected, &Device::Cpu).unwrap(), 1e-6);
    let refused = convolution(&numbers(&[1, 3, 3, 2]), &weight, &bias, window, Activation::Identity);
    assert!(refused.is_err());
}

#[test]
fn many_filters_channels_and_images() {
    for (images, channels, filters, side) in [(1, 70, 50, 9), (35, 9, 17, 5), (4, 16, 130, 28)] {
        let window = Window {
            size: 3,
            stride: 1,
            top: 1,
            left: 1,
            height: side,
            width: side,
            rows: side,
            columns: side,
        };
        let x = variable(&[images, channels, side, side], 1);
        let variables = [x, variable(&[filters, channels, 3, 3], 2), variable(&[filters], 3)];
        check_against(
            &variables,
            5e-4,
            |v| convolution(&v[0], &v[1], &v[2], window, Activation::Gelu),
            |v| composed(&v[0], &v[1], &v[2], window, Activation::Gelu, ConvolutionDirection::Read),
        );
    }
}

/// (i * 7 % 11 - 5) / 5
fn numbers(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| ((i * 7 % 11) as f32 - 5.0) / 5.0).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

#[test]
fn values_of_pytorch() {
    // n = lambda *s: ((torch.arange(math.prod(s)) * 7 % 11 - 5) / 5).float().reshape(s)
    // F.conv2d(n(1,2,4,3), n(2,2,3,3), torch.tensor([.5,-1.]), stride=2, padding=1).flatten()
    let bias = Tensor::new(&[0.5f32, -1.0], &Device::Cpu).unwrap();
    let window = Window { size: 3, stride: 2, top: 1, left: 1, height: 4, width: 3, rows: 2, columns: 2 };
    let y =
        convolution(&numbers(&[1, 2, 4, 3]), &numbers(&[2, 2, 3, 3]), &bias, window, Activation::Identity);
    let expected =
        Tensor::new(&[-1.26, -0.18, 0.22, -1.78, 1.84, 0.48, -1.28, 2.52f32], &Device::Cpu).unwrap();
    near("convolution", &y.unwrap(), &expected, 1e-6);
    // F.conv_transpose2d(n(1,2,2,2), n(2,2,3,3), torch.tensor([.5,-1.]), stride=2, padding=1,
    //                    output_padding=(1,0)).flatten()
    let y = transposed(&numbers(&[1, 2, 2, 2]), &numbers(&[2, 2, 3, 3]), &bias, window, Activation::Identity);
    let expected = Tensor::new(
        &[
            0.1, 1.7, 1.18, -0.1, 1.54, 0.3, -0.38, 2.06, 0.7, 1.3, 1.78, 0.5, -0.48, -1.4, -1.52, 0.4, -0.2,
            -1.68, -0.36, -1.16, -1.4, -0.44, -1.44, -1.6f32,
        ],
        &Device::Cpu,
    )
    .unwrap();
    near("transposed", &y.unwrap(), &expected, 1e-6);
}

/// The benchmark model S2: convolutions to 64 and 128 channels of 28 x 28 pixels, pooling by 4, dense layers,
/// Adam.
///
/// CANDLE_NUM_THREADS=1 cargo test --release convolution::tests::speed -- --ignored --nocapture
#[test]
#[ignore = "prints times"]
fn speed() {
    let layers = serde_json::json!([{"conv2d": 64}, {"conv2d": 128}, {"max_pool2d": 4}, "flatten",
        {"dense": 512}, {"dense": 256}, {"dense": 2}]);
    let layers: Vec<LayerConfig> = serde_json::from_value(layers).unwrap();
    let mut weights = Weights::new(0, &Device::Cpu);
    let input = Shape::Image { channels: 3, height: 28, width: 28 };
    let trunk = Stack::build("trunk", &layers, input, &mut weights).unwrap();
    let trainable: Vec<Trainable> =
        weights.trainable().map(|w| Trainable::new(w.name.clone(), w.var.clone(), w.decay)).collect();
    let config: OptimizerConfig = serde_json::from_value(serde_json::json!("adam")).unwrap();
    let mut optimizer = Optimizer::new(config.view(), &trainable).unwrap();
    let x = Activations::plain(variable(&[32, 3, 28, 28], 1).as_detached_tensor());
    let truth = variable(&[32, 2], 2).as_detached_tensor();
    let mut best = [f64::MAX; 3];
    let mut steps = Vec::new();
    for step in 0..40 {
        let start = std::time::Instant::now();
        let elapsed = || start.elapsed().as_secs_f64() * 1e3;
        let y = trunk.forward(&x, &Mode::train(0, step)).unwrap().x;
        let loss = (y - &truth).unwrap().sqr().unwrap().mean_all().unwrap();
        let forward = elapsed();
        let store = loss.backward().unwrap();
        let gradients: Vec<_> = trainable.iter().map(|t| store.get(&t.var).cloned()).collect();
        let backward = elapsed();
        let update = OptimizerStep { rate: 1e-4, scale: 1.0, strength: PenaltyStrength::default() };
        optimizer.step(&trainable, &gradients, &update).unwrap();
        let end = elapsed();
        for (best, time) in best.iter_mut().zip([forward, backward - forward, end - backward]) {
            *best = best.min(time);
        }
        steps.push(end);
    }
    steps.sort_by(f64::total_cmp);
    let [forward, backward, adam] = best;
    println!(
        "forward {forward:.1} ms, backward {backward:.1}, Adam {adam:.1}; step: median {:.1}, best {:.1}",
        steps[20], steps[0]
    );
    let x = variable(&[32, 64, 28, 28], 1);
    let (weight, bias) = (variable(&[128, 64, 3, 3], 2), variable(&[128], 3));
    let window = Window { size: 3, stride: 1, top: 1, left: 1, height: 28, width: 28, rows: 28, columns: 28 };
    let pooled = Window { size: 4, stride: 4, top: 0, left: 0, height: 28, width: 28, rows: 7, columns: 7 };
    let mut best = [f64::MAX; 4];
    for _ in 0..15 {
        let start = std::time::Instant::now();
        let elapsed = || start.elapsed().as_secs_f64() * 1e3;
        let y = convolution(&x, &weight, &bias, window, Activation::Identity).unwrap();
        let one = elapsed();
        let two = y.backward().map(|_| elapsed()).unwrap();
        let y = Var::from_tensor(&y).unwrap();
        let begin = elapsed();
        let z = pool(&y, pooled, Pooling::Max).unwrap();
        let three = elapsed();
        z.backward().unwrap();
        for (best, time) in best.iter_mut().zip([one, two - one, three - begin, elapsed() - three]) {
            *best = best.min(time);
        }
    }
    println!("convolution, its backward, pooling, its backward: {best:.1?} ms");
}
