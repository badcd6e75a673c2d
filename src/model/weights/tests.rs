//! Saving, loading, initializing and outlines.

use candle_core::Device;

use crate::model::weights::{Init, Weights, host};

fn example(seed: u64) -> Weights {
    let mut weights = Weights::new(seed, &Device::Cpu);
    weights.variable("a.weight", &[3, 2], Init::fan_in(3)).unwrap();
    weights.buffer("a.mean", &[2], Init::Zeros).unwrap();
    weights
}

#[test]
fn save_and_load_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let (first, second) = (example(1), example(2));
    assert_ne!(first.snapshot().unwrap(), second.snapshot().unwrap());
    first.save(&path).unwrap();
    second.load(&path).unwrap();
    assert_eq!(first.snapshot().unwrap(), second.snapshot().unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn loading_a_truncated_file_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    example(1).save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let weights = example(2);
    let before = weights.snapshot().unwrap();
    assert!(weights.load(&path).unwrap_err().to_string().contains("is corrupt"));
    assert_eq!(weights.snapshot().unwrap(), before);
}

#[test]
fn another_networks_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    example(1).save(&path).unwrap();
    let mut other = Weights::new(1, &Device::Cpu);
    other.variable("a.weight", &[2, 3], Init::Ones).unwrap();
    assert!(other.load(&path).unwrap_err().to_string().contains("unexpected weight `a.mean`"));
    other.buffer("a.mean", &[2], Init::Zeros).unwrap();
    assert!(
        other.load(&path).unwrap_err().to_string().contains("`a.weight` is F32 [3, 2]; expected F32 [2, 3]")
    );
}

#[test]
fn an_outline_counts_parameters_without_allocating_them() {
    let mut weights = Weights::outline();
    weights.variable("a.weight", &[1 << 32, 1 << 34], Init::fan_in(1)).unwrap();
    assert_eq!(weights.parameters(), usize::MAX, "saturates");
    let mut weights = Weights::outline();
    weights.variable("a.weight", &[1 << 30, 1 << 20], Init::fan_in(1)).unwrap();
    weights.buffer("a.mean", &[1 << 40], Init::Zeros).unwrap();
    weights.variable("a.bias", &[7], Init::Ones).unwrap();
    assert_eq!(weights.parameters(), (1 << 50) + 7);
    weights.freeze(|weight| weight.name == "a.weight");
    assert_eq!(weights.parameters(), 7);
}

#[test]
fn initial_values_depend_on_seed_and_name_only() {
    let mut weights = Weights::new(7, &Device::Cpu);
    weights.variable("b", &[5], Init::Normal(1.0)).unwrap();
    let late = host(&weights.variable("a", &[400], Init::fan_in(4)).unwrap()).unwrap();
    let mut alone = Weights::new(7, &Device::Cpu);
    let early = host(&alone.variable("a", &[400], Init::fan_in(4)).unwrap()).unwrap();
    assert_eq!(late, early);
    assert!(early.iter().all(|x| x.abs() <= 0.5), "within 1/sqrt(4)");
    assert!(early.iter().any(|x| x.abs() > 0.45));
}
