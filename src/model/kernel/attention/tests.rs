//! Attention against PyTorch, its composed form and finite differences, and its treatment of padding.

use std::sync::Arc;

use candle_core::{Device, Tensor, Var};

use crate::model::kernel::attention::{
    AttentionDropout, AttentionOptions, attention, composed, self_attention,
};
use crate::model::kernel::reference_check::{check_against, near, variable};
use crate::model::random::{RandomPurpose, stream};
use crate::model::weights::host;

fn unmasked(heads: usize, causal: bool) -> AttentionOptions {
    AttentionOptions { heads, causal, queries: None, keys: None, dropout: None }
}

/// A different number of real steps for each row.
fn lengths(batch: usize, time: usize) -> Option<Arc<[u32]>> {
    Some((0..batch).map(|row| (time - row * 5 % time) as u32).collect())
}

/// A sequence `[1, 3, 4]`.
fn three_steps(each: impl Fn(usize) -> f32) -> Var {
    let values: Vec<f32> = (0..12).map(each).collect();
    Var::from_tensor(&Tensor::from_vec(values, (1, 3, 4), &Device::Cpu).unwrap()).unwrap()
}

#[test]
fn values_and_gradients_of_pytorch() {
    // q = torch.arange(12.).reshape(1,3,4)/10-0.5; k = ((torch.arange(12.)*5%7)/5-0.6).reshape(1,3,4)
    // v = ((torch.arange(12.)*3%11)/4-1).reshape(1,3,4); split = lambda x: x.reshape(1,3,2,2).transpose(1,2)
    // y = F.scaled_dot_product_attention(split(q),split(k),split(v),is_causal=causal)
    // y = y.transpose(1,2).reshape(1,3,4); (y*torch.arange(12.).reshape(1,3,4)).sum().backward()
    let q = three_steps(|i| i as f32 / 10.0 - 0.5);
    let k = three_steps(|i| (i * 5 % 7) as f32 / 5.0 - 0.6);
    let v = three_steps(|i| (i * 3 % 11) as f32 / 4.0 - 1.0);
    let weights = Tensor::arange(0f32, 12.0, &Device::Cpu).unwrap().reshape((1, 3, 4)).unwrap();
    #[rustfmt::skip]
    let expected: [[[f32; 12]; 4]; 2] = [
        [
            [-0.771_554_23, -0.021_554_211, 0.745_444_6, 0.634_437_2, -0.755_987_6, -0.005_987_677,
             0.759_728_37, 0.509_350_5, -0.742_171_23, 0.007_828_801, 0.775_676_5, 0.379_223_17],
            [0.066_022_776, -0.025_217_11, 0.258_093_06, -1.103_875_6, 0.547_255_64, -0.215_463_64,
             0.635_973_1, -2.649_677_3, 0.925_777_8, -0.379_977, 1.065_324_1, -4.270_180_2],
            [-0.192_739, -0.347_004_26, 0.745_781_66, 1.012_396_6, -0.013_712_951, -0.015_511_245,
             1.102_594_9, 1.549_060_2, 0.206_451_95, 0.362_515_48, -1.848_375_9, -2.561_456_2],
            [3.810_777_7, 4.865_989, 5.753_651, 6.724_013, 4.223_726_3, 5.192_156_3,
             5.268_597_6, 6.204_476_4, 3.965_496_3, 4.941_855_4, 6.977_750_8, 8.071_51],
        ],
        [
            [-1.0, -0.25, 0.5, 1.25, -0.880_300_1, -0.130_300_12,
             0.622_348_67, 1.372_348_7, -0.742_171_23, 0.007_828_801, 0.775_676_5, 0.379_223_17],
            [0.0, 0.0, 0.0, 0.0, 0.476_439, -0.079_406_52,
             -0.114_853_26, -0.114_853_62, 0.925_777_8, -0.379_977, 1.065_324_1, -4.270_180_2],
            [-0.240_101_37, -0.373_072_8, 0.700_346_95, 0.794_475_1, -0.050_059_535, -0.013_808_391,
             1.205_190_8, 1.492_170_2, 0.290_160_9, 0.386_881_17, -1.905_537, -2.286_644_5],
            [4.492_257, 6.314_389_7, 8.205_488, 10.030_279, 4.849_765_8, 5.695_387,
             5.625_589_4, 6.383_907, 2.657_976_9, 2.990_223_9, 4.168_920_9, 4.585_813],
        ],
    ];
    for (causal, expected) in [(false, expected[0]), (true, expected[1])] {
        let options = unmasked(2, causal);
        let y = attention(&q, &k, &v, &options).unwrap();
        let store = y.mul(&weights).unwrap().sum_all().unwrap().backward().unwrap();
        let result = [&y, store.get(&q).unwrap(), store.get(&k).unwrap(), store.get(&v).unwrap()];
        for (part, (result, expected)) in result.into_iter().zip(expected).enumerate() {
            let expected = Tensor::from_slice(&expected, (1, 3, 4), &Device::Cpu).unwrap();
            near(&format!("causal {causal}, part {part}"), result, &expected, 2e-5);
        }
        let packed = Tensor::cat(&[q.as_tensor(), k.as_tensor(), v.as_tensor()], 2).unwrap();
        near("packed", &self_attention(&packed, &options).unwrap(), &y, 0.0);
    }
}

#[test]
fn agrees_with_its_composed_form() {
    let random = stream(1, RandomPurpose::Dropout, "a");
    for (batch, time, heads, size) in [(1, 1, 1, 1), (3, 7, 2, 3), (2, 70, 2, 4), (2, 150, 1, 8)] {
        let width = heads * size;
        for (causal, masked, rate) in
            [(false, false, None), (true, false, Some(0.3)), (false, true, Some(0.3)), (true, true, None)]
        {
            let lengths = if masked { lengths(batch, time) } else { None };
            let dropout = rate.map(|rate| AttentionDropout { random: random.clone(), rate });
            let options =
                AttentionOptions { heads, causal, queries: lengths.clone(), keys: lengths, dropout };
            check_against(
                &[variable(&[batch, time, 3 * width], 5)],
                2e-5,
                |x| self_attention(&x[0], &options),
                |x| {
                    let part = |at| x[0].narrow(2, at * width, width);
                    composed(&part(0)?, &part(1)?, &part(2)?, &options)
                },
            );
        }
    }
}

#[test]
fn attention_to_another_sequence_agrees_with_its_composed_form() {
    for (time, other, causal) in [(1, 5, false), (1, 5, true), (4, 9, true), (70, 3, false), (3, 130, false)]
    {
        let options = AttentionOptions {
            heads: 2,
            causal,
            queries: lengths(3, time),
            keys: if causal { None } else { lengths(3, other) },
            dropout: None,
        };
        check_against(
            &[variable(&[3, time, 6], 1), variable(&[3, other, 6], 2), variable(&[3, other, 6], 3)],
            2e-5,
            |x| attention(&x[0], &x[1], &x[2], &options),
            |x| composed(&x[0], &x[1], &x[2], &options),
        );
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let dropout = Some(AttentionDropout { random: stream(1, RandomPurpose::Dropout, "a"), rate: 0.3 });
    let options =
        AttentionOptions { heads: 2, causal: true, queries: lengths(2, 5), keys: lengths(2, 5), dropout };
    let x = variable(&[2, 5, 12], 4);
    let factor = |i: usize| ((i * 7 % 11) as f32 - 4.5) / 5.0;
    let loss = |x: &Tensor| {
        let y = host(&self_attention(x, &options).unwrap()).unwrap();
        y.iter().enumerate().map(|(i, y)| f64::from(*y) * f64::from(factor(i))).sum::<f64>()
    };
    let y = self_attention(&x, &options).unwrap();
    let factors: Vec<f32> = (0..y.elem_count()).map(factor).collect();
    let factors = Tensor::from_vec(factors, y.dims(), &Device::Cpu).unwrap();
    let store = y.mul(&factors).unwrap().sum_all().unwrap().backward().unwrap();
    let (result, values) = (host(store.get(&x).unwrap()).unwrap(), host(&x).unwrap());
    for index in 0..values.len() {
        let at = |step: f32| {
            let mut values = values.clone();
            values[index] += step;
            loss(&Tensor::from_vec(values, (2, 5, 12), &Device::Cpu).unwrap())
        };
        let slope = (at(4e-3) - at(-4e-3)) / 8e-3;
        assert!((slope - f64::from(result[index])).abs() < 2e-3, "{index}: {slope} and {}", result[index]);
    }
}

#[test]
fn padding_does_not_change_results() {
    let x = variable(&[2, 6, 12], 1);
    let padded = |lengths: &[u32]| {
        let lengths: Option<Arc<[u32]>> = Some(lengths.into());
        AttentionOptions { heads: 2, causal: false, queries: lengths.clone(), keys: lengths, dropout: None }
    };
    let y = self_attention(&x, &padded(&[6, 4])).unwrap();
    let short = x.narrow(0, 1, 1).unwrap().narrow(1, 0, 4).unwrap();
    let alone = self_attention(&short, &padded(&[4])).unwrap();
    near("alone", &y.narrow(0, 1, 1).unwrap().narrow(1, 0, 4).unwrap(), &alone, 0.0);
    assert!(host(&y).unwrap()[2 * 6 * 4 - 8..].iter().all(|y| *y == 0.0));
}

#[test]
fn unsupported_shapes_are_refused() {
    let x = Tensor::zeros((2, 3, 12), candle_core::DType::F32, &Device::Cpu).unwrap();
    let error = |options: &AttentionOptions| self_attention(&x, options).unwrap_err().to_string();
    assert!(error(&unmasked(3, false)).contains("of 3 heads"));
    let keys: Option<Arc<[u32]>> = Some([3, 0].as_slice().into());
    let options = AttentionOptions { keys, ..unmasked(2, false) };
    assert!(error(&options).contains("every row needs at least one real key"));
}
