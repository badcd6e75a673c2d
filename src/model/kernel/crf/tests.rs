//! The random field against its composed form, an enumeration of all paths, and pytorch-crf.

use candle_core::{Device, Tensor, Var};

use crate::model::kernel::crf::{composed, crf};
use crate::model::kernel::reference_check::{check_against, near, variable};
use crate::model::weights::host;

/// Truth and mask `[3, 4]`; labels with a mask of 0 are removed.
fn labels(known: [f32; 12]) -> (Tensor, Tensor) {
    let truth: Vec<f32> = [0, 2, 1, 1, 1, 0, 0, 0, 2, 0, 0, 0].map(|class| class as f32).to_vec();
    let truth: Vec<f32> = truth.iter().zip(known).map(|(truth, known)| truth * known).collect();
    let tensor = |values: &[f32]| Tensor::from_slice(values, (3, 4), &Device::Cpu).unwrap();
    (tensor(&truth), tensor(&known))
}

const LENGTHS: [u32; 3] = [4, 2, 1];
const ALL: [f32; 12] = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];

/// The scores of transitions, of starting and of ending.
fn scores() -> Var {
    let parts = [variable(&[3, 3], 5), variable(&[1, 3], 6), variable(&[1, 3], 7)];
    let parts: Vec<&Tensor> = parts.iter().map(Var::as_tensor).collect();
    Var::from_tensor(&Tensor::cat(&parts, 0).unwrap()).unwrap()
}

#[test]
fn agrees_with_pytorch_crf() {
    // import numpy as np, torch; from torchcrf import CRF                       # pytorch-crf 0.7.2
    // def numbers(shape, salt):
    //     i = np.arange(np.prod(shape), dtype=np.uint32) + np.uint32(salt)
    //     return torch.tensor(((i * np.uint32(2654435761) >> 8) / 2**22 - 2).astype("f4").reshape(shape))
    // crf = CRF(3, batch_first=True); crf.transitions.data = numbers((3, 3), 5)
    // crf.start_transitions.data = numbers((3,), 6); crf.end_transitions.data = numbers((3,), 7)
    // e = numbers((3, 4, 3), 4).requires_grad_()
    // mask = torch.arange(4)[None] < torch.tensor([4, 2, 1])[:, None]
    // y = torch.tensor([[0, 2, 1, 1], [1, 0, 0, 0], [2, 0, 0, 0]])
    // loss = -crf(e, y, mask=mask, reduction="token_mean"); loss.backward()
    // print(loss.item(), e.grad[1, 0])
    // print(crf.transitions.grad[0], crf.start_transitions.grad, crf.end_transitions.grad)
    let (emissions, scores) = (variable(&[3, 4, 3], 4), scores());
    let (truth, mask) = labels(ALL);
    let loss = crf(&emissions, &scores, &truth, &mask, &LENGTHS).unwrap();
    assert!((loss.to_scalar::<f32>().unwrap() - 1.472_595_8).abs() < 1e-5);
    let gradients = loss.backward().unwrap();
    let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
    let own = gradients.get(&emissions).unwrap().get(1).unwrap().get(0).unwrap();
    near("emissions", &own, &tensor(&[0.125_899_72, -0.135_891_12, 0.009_991_396]), 1e-6);
    let result = gradients.get(&scores).unwrap();
    let expected = tensor(&[0.003_274_234_7, 0.188_763_95, -0.096_530_616]);
    near("transitions", &result.get(0).unwrap(), &expected, 1e-6);
    let expected = tensor(&[0.022_386_819, -0.044_742_256, 0.022_355_452]);
    near("start", &result.get(3).unwrap(), &expected, 1e-6);
    let expected = tensor(&[-0.125_118_64, 0.169_481_44, -0.044_362_798]);
    near("end", &result.get(4).unwrap(), &expected, 1e-6);
}

#[test]
fn agrees_with_its_composed_form() {
    let some = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
    for known in [ALL, some] {
        let (truth, mask) = labels(known);
        let variables = [variable(&[3, 4, 3], 8), scores()];
        check_against(
            &variables,
            1e-5,
            |v| crf(&v[0], &v[1], &truth, &mask, &LENGTHS),
            |v| composed(&v[0], &v[1], &truth, &mask, &LENGTHS),
        );
    }
}

/// Enumerates all paths: -log of the fraction of weight of those that agree with the labels.
#[test]
fn agrees_with_an_enumeration_of_all_paths() {
    let (emissions, scores) = (variable(&[1, 4, 3], 8), scores());
    let (e, s) = (host(&emissions).unwrap(), host(&scores).unwrap());
    let labels = [Some(1), None, Some(0), None];
    let (mut all, mut right) = (0.0_f64, 0.0);
    for number in 0..81 {
        let path: Vec<usize> = (0..4).map(|step| number / 3_usize.pow(step) % 3).collect();
        let own: f32 = path.iter().enumerate().map(|(step, class)| e[step * 3 + class]).sum();
        let between: f32 = path.windows(2).map(|two| s[two[0] * 3 + two[1]]).sum();
        let weight = f64::from(own + between + s[9 + path[0]] + s[12 + path[3]]).exp();
        all += weight;
        if path.iter().zip(labels).all(|(class, label)| label.is_none_or(|label| label == *class)) {
            right += weight;
        }
    }
    let row = |values: [f32; 4]| Tensor::new(&[values], &Device::Cpu).unwrap();
    let (truth, mask) = (row([1.0, 0.0, 0.0, 0.0]), row([1.0, 0.0, 1.0, 0.0]));
    let loss = crf(&emissions, &scores, &truth, &mask, &[4]).unwrap().to_scalar::<f32>().unwrap();
    assert!((f64::from(loss) - (all / right).ln() / 2.0).abs() < 1e-5, "{loss}");
}

#[test]
fn gradients_agree_with_finite_differences() {
    let (truth, mask) = labels(ALL);
    let (emissions, scores) = (variable(&[3, 4, 3], 8), scores());
    let loss_of = |e: &Tensor, s: &Tensor| crf(e, s, &truth, &mask, &LENGTHS).unwrap();
    let gradients = loss_of(&emissions, &scores).backward().unwrap();
    for (which, var) in [&emissions, &scores].into_iter().enumerate() {
        let (values, gradient) = (host(var).unwrap(), host(gradients.get(var).unwrap()).unwrap());
        for at in 0..values.len() {
            let moved = |by: f32| {
                let mut values = values.clone();
                values[at] += by;
                let moved = Tensor::from_vec(values, var.dims(), &Device::Cpu).unwrap();
                let loss = if which == 0 { loss_of(&moved, &scores) } else { loss_of(&emissions, &moved) };
                loss.to_scalar::<f32>().unwrap()
            };
            let slope = (moved(0.01) - moved(-0.01)) / 0.02;
            assert!((slope - gradient[at]).abs() < 2e-3, "{which} {at}: {slope} {}", gradient[at]);
        }
    }
}

#[test]
fn no_labels_and_large_scores_are_finite() {
    let none = labels([0.0; 12]);
    let loss = crf(&variable(&[3, 4, 3], 8), &scores(), &none.0, &none.1, &LENGTHS).unwrap();
    assert_eq!(loss.to_scalar::<f32>().unwrap(), 0.0);
    let large = (variable(&[3, 4, 3], 8).as_tensor() * 1000.0).unwrap();
    let (truth, mask) = labels(ALL);
    let loss = crf(&large, &scores(), &truth, &mask, &LENGTHS).unwrap().to_scalar::<f32>().unwrap();
    assert!(loss.is_finite() && loss > 100.0, "{loss}");
}
