//! Pretrained models against the tiny models and the expected values of `tests/pretrained/make.py`.

mod families;
mod layer_mix;

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};

use crate::model::activation::Activation;
use crate::model::activations::{Activations, SequenceMask};
use crate::model::autograd::record;
use crate::model::kernel::reference_check::near;
use crate::model::layer::multi_head_attention::AttentionVariant;
use crate::model::layer::pretrained::adapter::{adapted_modules, without_updates};
use crate::model::layer::pretrained::model_cell::ModelFolders;
use crate::model::layer::pretrained::{LoraConfig, PretrainedConfig};
use crate::model::layer::transformer::block::{BlockOptions, EncoderBlock, NormPosition};
use crate::model::layer::transformer::feed_forward::FeedForwardKind;
use crate::model::layer::transformer::norm::NormKind;
use crate::model::layer::{BuildLayer, Module};
use crate::model::mode::Mode;
use crate::model::ops::dense::Dense;
use crate::model::ops::{AttentionSettings, Tensors};
use crate::model::weights::{Weights, host};

pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained")
}

pub(super) fn config(json: &str, base: &Path) -> Result<PretrainedConfig, String> {
    let config: PretrainedConfig = serde_json::from_str(json).expect("settings");
    config.read(&ModelFolders::in_folder(base)).map_err(|error| error.to_string())?;
    Ok(config)
}

pub(super) fn built(config: &PretrainedConfig) -> (Box<dyn Module>, Weights) {
    let mut weights = Weights::new(1, &Device::Cpu);
    let input = config.model.get().expect("a model").family.input();
    let layer = config.build("encoder", input, &mut weights).expect("a layer");
    weights.set_pretrained().expect("pretrained values");
    (layer, weights)
}

/// What transformers computed.
pub(super) struct Expected(pub(super) std::collections::HashMap<String, Tensor>);

impl Expected {
    pub(super) fn read(family: &str) -> Self {
        let file = folder().join(family).join("expected.safetensors");
        Self(candle_core::safetensors::load(file, &Device::Cpu).expect("expected values"))
    }

    pub(super) fn input(&self) -> Activations {
        let x = self.0["input_ids"].to_dtype(DType::U32).expect("token ids");
        let lengths = self.0["lengths"].to_dtype(DType::U32).and_then(|x| x.to_vec1()).expect("lengths");
        let time = x.dim(1).expect("steps");
        Activations {
            x,
            mask: Some(SequenceMask::from_lengths(lengths, time, &Device::Cpu).expect("a mask")),
        }
    }
}

/// So that adapters of peft can be read and written.
#[test]
fn projections_are_modules_of_the_checkpoint() {
    for (family, modules) in [
        ("llama", "layers.0.mlp.gate_proj"),
        ("modernbert", "layers.0.mlp.Wi"),
        ("mpnet", "encoder.layer.0.attention.attn.q"),
        ("deberta_v3", "encoder.layer.0.attention.self.query_proj"),
        ("t5_gated", "encoder.block.0.layer.1.DenseReluDense.wi_0"),
    ] {
        let config = config(&format!(r#"{{"path": "{family}"}}"#), &folder()).expect("a model");
        let model = config.model.get().expect("a model");
        let parts = adapted_modules(model, &without_updates()).expect("modules");
        assert!(parts.iter().any(|part| part.module == modules), "{family}: {parts:?}");
    }
}

#[test]
fn families_are_frozen_and_adapted_by_block() {
    let gates =
        [("llama", 8, "gate"), ("modernbert", 16, "gate_up.gate"), ("t5", 16, ""), ("deberta_v3", 16, "")];
    for (family, keys, gate) in gates {
        let lora = r#""lora": {"rank": 2, "targets": ["key", "gate"]}"#;
        let json = format!(r#"{{"path": "{family}", "freeze": 1, {lora}}}"#);
        let (_, weights) = built(&config(&json, &folder()).expect("a model"));
        let shape = |weight: &str| {
            let weight = weights.trainable().find(|found| found.name == format!("encoder.1.{weight}"));
            weight.map(|weight| weight.shape.clone())
        };
        assert_eq!(shape("attention.input.key.lora_a"), Some(vec![16, 2]), "{family}");
        assert_eq!(shape("attention.input.key.lora_b"), Some(vec![2, keys]), "{family}");
        if !gate.is_empty() {
            assert_eq!(shape(&format!("{gate}.lora_a")), Some(vec![16, 2]), "{family}");
            assert_eq!(shape(&format!("{gate}.lora_b")), Some(vec![2, 24]), "{family}");
        }
        // Block 0 and the embeddings are frozen, of the others all but the updates.
        let is_update = |name: &str| name.contains(".lora_") && !name.starts_with("encoder.0.");
        assert!(weights.trainable().all(|weight| is_update(&weight.name)), "{family}");
    }
}

#[test]
fn settings_that_are_not_supported_are_named() {
    let edited = |family: &str, from: &str, to: &str| {
        let copy = tempfile::tempdir().expect("a folder");
        let read = |file: &str| std::fs::read(folder().join(family).join(file)).expect("a file");
        let text = String::from_utf8(read("config.json")).expect("text");
        assert!(text.contains(from), "{text}");
        std::fs::write(copy.path().join("config.json"), text.replace(from, to)).expect("a file");
        std::fs::write(copy.path().join("model.safetensors"), read("model.safetensors")).expect("a file");
        let problem = problem(&copy);
        problem.strip_prefix("FOLDER/config.json: ").expect("the file").to_owned()
    };
    assert_eq!(
        edited("llama", r#""num_key_value_heads": 2"#, r#""num_key_value_heads": 3"#),
        "`num_key_value_heads` is 3; expected a divisor of 4 heads"
    );
    assert_eq!(
        edited("llama3", r#""rope_type": "llama3""#, r#""rope_type": "yarn""#),
        "`rope_type` is `yarn`; supported: default, linear, llama3"
    );
    assert_eq!(
        edited("llama", r#""attention_bias": false"#, r#""attention_bias": true"#),
        "`attention_bias` is true; only false is supported"
    );
    assert_eq!(
        edited("t5", r#""relative_attention_num_buckets": 8"#, r#""relative_attention_num_buckets": 5"#),
        "relative attention has 5 buckets; expected an even number of at least 4"
    );
    assert_eq!(
        edited("modernbert", r#""num_hidden_layers": 3"#, r#""num_hidden_layers": 2"#),
        "`layer_types` has 3 names; expected one for each of 2 layers"
    );
    assert_eq!(
        edited("deberta_v3", r#""share_att_key": true"#, r#""share_att_key": false"#),
        "`share_att_key` is false; only true is supported"
    );
    assert!(edited("mpnet", ": 32", ": 16").contains("is 16; only 32 is supported"));
}

#[test]
fn albert_has_one_block_whose_applications_draw_dropout_of_their_own() {
    let config = config(r#"{"path": "albert", "dropout": 0.5}"#, &folder()).expect("a model");
    assert_eq!(config.model.get().expect("a model").family.blocks(), 1);
    let (_, weights) = built(&config);
    let blocks = weights.iter().filter(|weight| weight.name.ends_with("attention.input.weight")).count();
    assert_eq!(blocks, 1);
    let options = BlockOptions {
        norm: NormPosition::Post,
        norm_kind: NormKind::Layer,
        bias: true,
        feed_forward: FeedForwardKind::Plain,
        epsilon: 1e-5,
        heads: AttentionSettings::of(2),
        attention: AttentionVariant::default(),
        attention_norm: true,
        hidden: 4,
        activation: Activation::Gelu,
        dropout: 0.5,
        hidden_dropout: 0.0,
    };
    let mut weights = Weights::new(1, &Device::Cpu);
    let block = EncoderBlock::build("block", &options, 8, &mut weights).expect("a block");
    let x = Tensor::ones((1, 6, 8), DType::F32, &Device::Cpu).expect("numbers");
    let trained = |block: &EncoderBlock| {
        let mode = Mode::train(1, 1);
        host(&block.on(&mut Tensors::new(&mode), None, &x).expect("y")).expect("numbers")
    };
    assert_eq!(trained(&block), trained(&block.shared_as("block")));
    assert_ne!(trained(&block), trained(&block.shared_as("again")));
}

#[test]
fn all_that_is_not_low_rank_is_frozen_with_the_embeddings() {
    let lora = r#"{"path": "bert", "lora": {"rank": 2}}"#;
    let (_, weights) = built(&config(lora, &folder()).expect("a model"));
    let names: Vec<String> = weights.trainable().map(|weight| weight.name.clone()).collect();
    assert!(!names.is_empty() && names.iter().all(|name| name.contains(".lora_")), "{names:?}");
}

#[test]
fn frozen_blocks_get_no_gradients_and_no_dropout() {
    let names = |json: &str| {
        let config = config(json, &folder()).expect("a model");
        let (_, weights) = built(&config);
        let names: Vec<String> = weights.trainable().map(|weight| weight.name.clone()).collect();
        names
    };
    let free = names(r#"{"path": "bert"}"#);
    assert!(free.contains(&"encoder.embeddings.tokens.weight".to_owned()));
    let some = names(r#"{"path": "bert", "freeze": 1}"#);
    assert!(some.iter().all(|name| name.starts_with("encoder.1.")), "{some:?}");
    assert_eq!(names(r#"{"path": "bert", "freeze": "all"}"#), [""; 0]);
    let config = config(r#"{"path": "bert", "freeze": "all", "dropout": 0.5}"#, &folder()).expect("a model");
    let (layer, _) = built(&config);
    let input = Expected::read("bert").input();
    let evaluated = layer.forward(&input, &Mode::evaluate()).expect("hidden states").x;
    assert!(!evaluated.track_op());
    let trained = layer.forward(&input, &Mode::train(1, 1)).expect("hidden states").x;
    assert_eq!(host(&evaluated).expect("numbers"), host(&trained).expect("numbers"));
}

#[test]
fn only_low_rank_updates_are_trained_and_they_begin_with_the_pretrained_model() {
    let lora =
        r#"{"path": "bert", "freeze": 1, "dropout": 0, "lora": {"rank": 3, "targets": ["key", "up"]}}"#;
    let config = config(lora, &folder()).expect("a model");
    let (layer, weights) = built(&config);
    let names: Vec<(&str, &[usize])> =
        weights.trainable().map(|weight| (weight.name.as_str(), weight.shape.as_slice())).collect();
    assert_eq!(
        names,
        [
            ("encoder.1.attention.input.key.lora_a", [16, 3].as_slice()),
            ("encoder.1.attention.input.key.lora_b", &[3, 16]),
            ("encoder.1.up.lora_a", &[16, 3]),
            ("encoder.1.up.lora_b", &[3, 24]),
        ]
    );
    let expected = Expected::read("bert");
    let hidden = |layer: &dyn Module| {
        let y = layer.forward(&expected.input(), &Mode::train(1, 1)).expect("hidden states");
        let mask = y.mask.as_ref().expect("a mask").steps.unsqueeze(2).expect("a column");
        y.x.broadcast_mul(&mask).expect("hidden states")
    };
    near("hidden", &hidden(&*layer), &expected.0["hidden"], 1e-5);
    let targets = config.lora_targets().expect("targets");
    assert_eq!(targets, ["query", "key", "value", "output", "up", "down"]);
}

/// The update of LoRA as peft computes it.
///
/// ```python
/// # peft 0.18.0
/// f = lambda *s: (torch.arange(float(torch.Size(s).numel())) * 7 % 11 / 10 - 0.5).reshape(s)
/// # M is a module with l = torch.nn.Linear(3, 2)
/// for rs in (False, True):
///     m = get_peft_model(M(), LoraConfig(r=2, lora_alpha=6, target_modules=["l"], use_rslora=rs)).eval()
///     l = m.base_model.model.l
///     l.base_layer.weight.copy_(f(2, 3)); l.base_layer.bias.copy_(f(2))
///     l.lora_A["default"].weight.copy_(f(2, 3)); l.lora_B["default"].weight.copy_(f(2, 2))
///     print(m(f(1, 3)))
/// ```
#[test]
fn the_update_equals_peft() {
    let f = |rows: usize, columns: usize| {
        let values = (0..rows * columns).map(|i| (i * 7 % 11) as f32 / 10.0 - 0.5).collect();
        Tensor::from_vec(values, (rows, columns), &Device::Cpu).expect("a matrix")
    };
    for (stabilized, expected) in [(false, [[-0.7670_f32, -0.4230]]), (true, [[-1.0143, -0.6106]])] {
        let config =
            format!(r#"{{"rank": 2, "alpha": 6.0, "targets": ["l"], "rank_stabilized": {stabilized}}}"#);
        let config: LoraConfig = serde_json::from_str(&config).expect("settings");
        let mut weights = Weights::new(0, &Device::Cpu);
        weights.freeze_new(true);
        weights.set_low_rank(Some(config.options()));
        let dense = Dense::projection("l", 3, 2, &mut weights).expect("a layer");
        let set = |name: &str, values: Tensor| {
            let weight = weights.iter().find(|weight| weight.name == name).expect("a weight");
            weight.var.set(&values).expect("the same shape");
        };
        for (name, values) in [("l.weight", f(2, 3)), ("l.lora_a", f(2, 3)), ("l.lora_b", f(2, 2))] {
            set(name, values.t().and_then(|values| values.contiguous()).expect("a matrix"));
        }
        set("l.bias", f(1, 2).squeeze(0).expect("a vector"));
        let y = dense.apply(&f(1, 3)).expect("y");
        near("y", &y, &Tensor::new(&expected, &Device::Cpu).expect("numbers"), 1e-4);
    }
}

/// With W' = W + s A B, the gradients of A and B are s dW' B' and s A' dW', where dW' is the gradient of the
/// merged weight, which the tests of the families compare with transformers.
#[test]
fn gradients_of_updates_follow_from_those_of_the_merged_weights() {
    let lora = r#"{"path": "bert", "lora": {"rank": 2, "alpha": 6.0, "targets": ["value", "up"]}}"#;
    let (adapted, weights) = built(&config(lora, &folder()).expect("a model"));
    let (plain, merged) = built(&config(r#"{"path": "bert"}"#, &folder()).expect("a model"));
    let named = |weights: &Weights, name: &str| {
        weights.iter().find(|weight| weight.name == name).expect(name).var.clone()
    };
    let scale = 3.0;
    // The first of its columns in the packed projection, of how many.
    let parts = [("encoder.1.attention.input", ".value", 32, 16), ("encoder.1.up", "", 0, 24)];
    for (layer, part, first, columns) in parts {
        let (a, b) = (
            named(&weights, &format!("{layer}{part}.lora_a")),
            named(&weights, &format!("{layer}{part}.lora_b")),
        );
        b.set(crate::model::kernel::reference_check::variable(b.dims(), 3).as_tensor())
            .expect("the same shape");
        let weight = named(&merged, &format!("{layer}.weight"));
        let update =
            (a.as_tensor().detach().matmul(&b.as_tensor().detach()).expect("A B") * scale).expect("s A B");
        let zeros = |count: usize| Tensor::zeros((16, count), DType::F32, &Device::Cpu).expect("zeros");
        let after = weight.dims()[1] - first - columns;
        let update = Tensor::cat(&[zeros(first), update, zeros(after)], 1).expect("an update");
        weight.set(&(weight.as_tensor().detach() + update).expect("a sum")).expect("the same shape");
    }
    let expected = Expected::read("bert");
    let backward = |layer: &dyn Module| {
        let forward = || {
            let y = layer.forward(&expected.input(), &Mode::evaluate())?;
            let mask = y.mask.as_ref().expect("a mask").steps.unsqueeze(2)?;
            Ok::<_, crate::model::error::ModelError>(y.x.broadcast_mul(&mask)?)
        };
        let (hidden, tape) = record(forward).expect("hidden states");
        let gradients = tape.backward_from(&hidden, expected.0["upstream"].clone()).expect("gradients");
        (hidden, gradients)
    };
    let ((one, mut ours), (other, mut theirs)) = (backward(&*adapted), backward(&*plain));
    near("hidden", &one, &other, 1e-4);
    for (layer, part, first, columns) in parts {
        let (a, b) = (
            named(&weights, &format!("{layer}{part}.lora_a")),
            named(&weights, &format!("{layer}{part}.lora_b")),
        );
        let weight = named(&merged, &format!("{layer}.weight"));
        let gradient =
            theirs.remove(&weight).expect("a gradient").narrow(1, first, columns).expect("columns");
        let t = |x: &Tensor| x.t().and_then(|x| x.contiguous()).expect("a matrix");
        let gradient = (gradient.contiguous().expect("a matrix") * scale).expect("a product");
        let of_a = gradient.matmul(&t(&b.as_tensor().detach())).expect("a product");
        let of_b = t(&a.as_tensor().detach()).matmul(&gradient).expect("a product");
        near("A", &ours.remove(&a).expect("a gradient"), &of_a, 1e-3);
        near("B", &ours.remove(&b).expect("a gradient"), &of_b, 1e-3);
    }
}

/// A copy of the tiny BERT that a test can damage.
fn copied() -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(folder().join("bert").join(file), copy.path().join(file)).expect("a copy");
    }
    copy
}

fn problem(copy: &tempfile::TempDir) -> String {
    let error = config(r#"{"path": "."}"#, copy.path()).expect_err("an error");
    error.replace(&copy.path().join(".").display().to_string(), "FOLDER")
}

#[test]
fn damaged_folders_are_refused() {
    let edit = |file: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let copy = copied();
        let path = copy.path().join(file);
        let bytes = change(std::fs::read(&path).expect("a file"));
        std::fs::write(&path, bytes).expect("a file");
        problem(&copy)
    };
    let replace = |from: &'static str, to: &'static str| {
        edit("config.json", &move |bytes| {
            String::from_utf8(bytes).expect("text").replace(from, to).into_bytes()
        })
    };
    assert_eq!(
        replace("\"bert\"", "\"berd\""),
        "FOLDER/config.json: unknown model type `berd`; known: albert, bart, bert, camembert, convnext, \
         deberta-v2, deit, dinov2, distilbert, electra, gpt2, llama, marian, mbart, mistral, modernbert, mpnet, \
         mt5, qwen2, roberta, t5, vit, xlm-roberta"
    );
    assert_eq!(
        replace("\"hidden_act\": \"gelu\"", "\"hidden_act\": \"warm\""),
        "FOLDER/config.json: unknown activation `warm` in `hidden_act`; known: gelu, gelu_new, gelu_fast, \
         gelu_pytorch_tanh, quick_gelu, relu, silu, swish, tanh, sigmoid"
    );
    assert_eq!(
        replace("\"intermediate_size\": 24", "\"intermediate_size\": 25"),
        "FOLDER: weight `encoder.layer.0.intermediate.dense.weight` has shape [16, 24]; `config.json` \
         implies [16, 25]"
    );
    let deep = replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
    assert!(deep.starts_with("FOLDER has no weight `encoder.layer.2.attention.self.query.weight`"), "{deep}");
    assert!(replace("{", "[").contains("config.json: not JSON"));
    let cut = edit("model.safetensors", &|bytes| bytes[..bytes.len() - 8].to_vec());
    assert!(cut.contains("the file is truncated"), "{cut}");
    let short = edit("model.safetensors", &|bytes| bytes[..5].to_vec());
    assert!(short.ends_with("it has 5 bytes; a header needs at least 8"), "{short}");
    let lying = edit("model.safetensors", &|mut bytes| {
        bytes[7] = 0x7f;
        bytes
    });
    assert!(lying.contains("the header claims"), "{lying}");
    let nan = copied();
    let path = nan.path().join("model.safetensors");
    let mut bytes = std::fs::read(&path).expect("a file");
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&path, bytes).expect("a file");
    let config = config(r#"{"path": "."}"#, nan.path()).expect("headers are fine");
    let mut weights = Weights::new(1, &Device::Cpu);
    let input = config.model.get().expect("a model").family.input();
    config.build("encoder", input, &mut weights).expect("a layer");
    let error = weights.set_pretrained().expect_err("NaN").to_string();
    assert!(error.contains("contains a value that is not finite"), "{error}");
}

#[test]
fn missing_files_and_shards_are_named() {
    let missing = config(r#"{"path": "nowhere"}"#, &folder()).expect_err("no folder");
    assert!(missing.starts_with("no folder "), "{missing}");
    let copy = copied();
    std::fs::remove_file(copy.path().join("model.safetensors")).expect("a file");
    assert_eq!(
        problem(&copy),
        "FOLDER has no `model.safetensors`, `model.safetensors.index.json` or `pytorch_model.bin`"
    );
    let index = r#"{"weight_map": {"a": "model-00001-of-00002.safetensors"}}"#;
    std::fs::write(copy.path().join("model.safetensors.index.json"), index).expect("a file");
    assert_eq!(
        problem(&copy),
        "FOLDER/model.safetensors.index.json names the shard `model-00001-of-00002.safetensors`, which is not \
         in the folder"
    );
    std::fs::rename(
        copied().path().join("model.safetensors"),
        copy.path().join("model-00001-of-00002.safetensors"),
    )
    .expect("a shard");
    assert!(config(r#"{"path": "."}"#, copy.path()).is_ok());
    std::fs::remove_file(copy.path().join("config.json")).expect("a file");
    assert_eq!(problem(&copy), "FOLDER has no `config.json`");
}
