//! The loss over a vocabulary against its composed form and PyTorch's numbers.

use candle_core::{Device, Tensor, Var};

use crate::model::kernel::reference_check::{check_against, near, variable};
use crate::model::kernel::vocabulary_loss::{
    VocabularyTargets, composed, vocabulary_loss, vocabulary_scores,
};
use crate::model::weights::host;

fn truth_of(rows: usize, vocabulary: usize) -> (Vec<u32>, Vec<f32>) {
    let classes = (0..rows).map(|row| (row * 31 % vocabulary) as u32).collect();
    let shares = (0..rows).map(|row| [1.0, 0.0, 2.0, 0.5][row % 4]).collect();
    (classes, shares)
}

#[test]
fn agrees_with_its_composed_form() {
    for (rows, width, vocabulary, smoothing) in
        [(1, 3, 2, 0.0), (7, 5, 40, 0.1), (700, 12, 300, 0.0), (70, 8, 5000, 0.3)]
    {
        let (classes, shares) = truth_of(rows, vocabulary);
        let truth = VocabularyTargets { classes: &classes, weights: &shares };
        let variables =
            [variable(&[rows, width], 1), variable(&[width, vocabulary], 2), variable(&[vocabulary], 3)];
        check_against(
            &variables,
            2e-5,
            |v| vocabulary_loss(&v[0], &v[1], &v[2], truth, smoothing),
            |v| composed(&v[0], &v[1], &v[2], truth, smoothing),
        );
        // The transposed weight of an embedding.
        let variables =
            [variable(&[rows, width], 1), variable(&[vocabulary, width], 2), variable(&[vocabulary], 3)];
        check_against(
            &variables,
            2e-5,
            |v| vocabulary_loss(&v[0], &v[1].t()?, &v[2], truth, smoothing),
            |v| composed(&v[0], &v[1].t()?, &v[2], truth, smoothing),
        );
    }
}

#[test]
fn values_of_pytorch() {
    // h = torch.tensor([[1., -2.], [.5, .25], [3., 1.]], requires_grad=True)
    // w = torch.tensor([[.1, .2, -.3], [.4, -.5, .6]], requires_grad=True)
    // b = torch.tensor([.01, .02, .03], requires_grad=True)
    // l = F.cross_entropy((h @ w + b)[[0, 2]], torch.tensor([1, 0]), label_smoothing=.1); l.backward()
    let device = Device::Cpu;
    let var = |tensor: Tensor| Var::from_tensor(&tensor).unwrap();
    let h = var(Tensor::new(&[[1.0f32, -2.0], [0.5, 0.25], [3.0, 1.0]], &device).unwrap());
    let w = var(Tensor::new(&[[0.1f32, 0.2, -0.3], [0.4, -0.5, 0.6]], &device).unwrap());
    let b = var(Tensor::new(&[0.01f32, 0.02, 0.03], &device).unwrap());
    let truth = VocabularyTargets { classes: &[1, 9, 0], weights: &[1.0, 0.0, 1.0] };
    let loss = vocabulary_loss(&h, &w, &b, truth, 0.1).unwrap();
    assert!((loss.to_scalar::<f32>().unwrap() - 0.5292671).abs() < 1e-6, "{loss:?}");
    let gradients = loss.backward().unwrap();
    let expected = |values: &[f32], shape: &[usize]| Tensor::from_slice(values, shape, &device).unwrap();
    near(
        "h",
        gradients.get(&h).unwrap(),
        &expected(&[-0.0100453, 0.0521716, 0.0000000, 0.0000000, -0.0195361, -0.0981551], &[3, 2]),
        1e-6,
    );
    near(
        "w",
        gradients.get(&w).unwrap(),
        &expected(&[-0.5784287, 0.3254357, 0.2529930, -0.2959979, 0.2379071, 0.0580908], &[2, 3]),
        1e-6,
    );
    near("b", gradients.get(&b).unwrap(), &expected(&[-0.1633272, 0.0714990, 0.0918282], &[3]), 1e-6);
}

#[test]
fn scores_are_losses_and_most_likely_classes() {
    let (h, w, b) = (variable(&[90, 6], 1), variable(&[6, 2000], 2), variable(&[2000], 3));
    let (classes, shares) = truth_of(90, 2000);
    let truth = VocabularyTargets { classes: &classes, weights: &shares };
    let scores = vocabulary_scores(&h, &w, &b, truth).unwrap();
    let logits = host(&h.matmul(&w).unwrap().broadcast_add(&b).unwrap()).unwrap();
    let mut sum = 0.0;
    for (row, (z, (loss, best))) in logits.chunks(2000).zip(&scores).enumerate() {
        if shares[row] == 0.0 {
            assert_eq!((*loss, *best), (0.0, 0));
            continue;
        }
        assert!(z.iter().all(|z| *z <= z.max(logits[row * 2000 + *best as usize])));
        sum += f64::from(*loss) * f64::from(shares[row]);
    }
    let total: f32 = shares.iter().sum();
    let loss = vocabulary_loss(&h, &w, &b, truth, 0.0).unwrap().to_scalar::<f32>().unwrap();
    assert!((sum / f64::from(total) - f64::from(loss)).abs() < 1e-5, "{sum} {loss}");
}

#[test]
fn a_loss_without_counted_rows_is_0_and_an_unknown_class_is_refused() {
    let (h, w, b) = (variable(&[2, 3], 1), variable(&[3, 4], 2), variable(&[4], 3));
    let none = VocabularyTargets { classes: &[0, 0], weights: &[0.0, 0.0] };
    let loss = vocabulary_loss(&h, &w, &b, none, 0.0).unwrap();
    assert_eq!(loss.to_scalar::<f32>().unwrap(), 0.0);
    let gradients = loss.backward().unwrap();
    assert_eq!(host(gradients.get(&w).unwrap()).unwrap(), vec![0.0; 12]);
    let unknown = VocabularyTargets { classes: &[0, 4], weights: &[1.0, 1.0] };
    let error = vocabulary_loss(&h, &w, &b, unknown, 0.0).unwrap_err().to_string();
    assert!(error.contains("class 4 is out of range for a vocabulary of 4"), "{error}");
}
