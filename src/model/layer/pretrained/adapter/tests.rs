//! Adapters against what Hugging Face's peft computes with them (`tests/pretrained/make_adapters.py`), and
//! what is written against what peft wrote.

use std::path::Path;

use candle_core::{Device, Tensor};
use serde_json::Value;

use crate::model::autograd::record;
use crate::model::kernel::reference_check::near;
use crate::model::layer::Module;
use crate::model::layer::pretrained::PretrainedConfig;
use crate::model::layer::pretrained::model_cell::ModelFolders;
use crate::model::layer::pretrained::tests::{Expected, built, config, folder};
use crate::model::mode::Mode;
use crate::model::pretrained::PeftAdapter;
use crate::model::weights::{Weights, host};

/// The adapters, each with its base model.
const ADAPTERS: [(&str, &str); 4] = [
    ("adapter_bert", "bert"),
    ("adapter_bert_dora", "bert"),
    ("adapter_gpt2", "gpt2"),
    ("adapter_modernbert", "modernbert"),
];
/// Modules that several of our projections are parts of.
const PACKED: [&str; 3] = ["c_attn", "Wqkv", "mlp.Wi"];

fn adapted(base: &str, adapter: &str, more: &str) -> Result<PretrainedConfig, String> {
    let json = format!(r#"{{"path": "{base}", "adapter": "{adapter}"{more}}}"#);
    let config = config(&json, &folder())?;
    config.read_adapter(&ModelFolders::in_folder(&folder())).map_err(|error| error.to_string())?;
    Ok(config)
}

/// The hidden states, 0 at padding.
fn hidden(layer: &dyn Module, base: &str, mode: &Mode) -> Tensor {
    let y = layer.forward(&Expected::read(base).input(), mode).expect("hidden states");
    let mask = y.mask.as_ref().expect("a mask").steps.unsqueeze(2).expect("a column");
    y.x.broadcast_mul(&mask).expect("hidden states")
}

fn t(x: &Tensor) -> Tensor {
    x.t().and_then(|x| x.contiguous()).expect("a matrix")
}

#[test]
fn hidden_states_and_gradients_equal_peft() {
    for (adapter, base) in ADAPTERS {
        let config = adapted(base, adapter, "").expect("an adapter");
        let (layer, weights) = built(&config);
        let expected = Expected::read(adapter);
        let upstream = Expected::read(base).0["upstream"].clone();
        let (hidden, tape) =
            record(|| Ok::<_, crate::model::ModelError>(hidden(&*layer, base, &Mode::evaluate())))
                .expect("hidden states");
        near(adapter, &hidden, &expected.0["hidden"], 2e-5);
        let mut gradients = tape.backward_from(&hidden, upstream).expect("gradients");
        let mut gradient_of = |own: &str, part: &str| {
            let name = format!("encoder.{own}.{part}");
            let weight = weights.iter().find(|weight| weight.name == name).expect("a weight");
            gradients.remove(&weight.var).unwrap_or_else(|| panic!("no gradient of {name}"))
        };
        let mut compared = 0;
        let loaded = config.adapter_files.get().expect("an adapter");
        let modules: std::collections::BTreeSet<&str> =
            loaded.updates.iter().map(|update| update.part.module.as_str()).collect();
        for module in modules {
            let own: Vec<_> = loaded.updates.iter().filter(|update| update.part.module == module).collect();
            let theirs = |part: &str| expected.0.get(&format!("gradient.base_model.model.{module}.{part}"));
            // A is shared by the columns of a packed module: its gradient is the sum over our copies.
            let mut of_a = gradient_of(&own[0].part.own, "lora_a");
            for update in &own[1..] {
                of_a = (of_a + gradient_of(&update.part.own, "lora_a")).expect("a sum");
            }
            near(module, &t(&of_a), theirs("lora_A.weight").expect("a gradient"), 1e-4);
            for update in &own {
                let columns = |x: &Tensor| x.narrow(0, update.part.first, update.part.columns).expect("rows");
                let of_b = columns(theirs("lora_B.weight").expect("a gradient"));
                near(module, &t(&gradient_of(&update.part.own, "lora_b")), &of_b, 1e-4);
                if let Some(of_m) = theirs("lora_magnitude_vector") {
                    near(module, &gradient_of(&update.part.own, "lora_magnitude"), &columns(of_m), 1e-4);
                }
            }
            compared += 2 + usize::from(theirs("lora_magnitude_vector").is_some());
        }
        let stored = expected.0.keys().filter(|name| name.starts_with("gradient.")).count();
        assert_eq!(compared, stored, "{adapter}");
    }
}

/// Frozen with the model, an adapter is still applied.
#[test]
fn a_frozen_adapter_is_applied_and_not_trained() {
    let (layer, weights) = built(&adapted("bert", "adapter_bert", r#", "freeze": "all""#).expect("a model"));
    assert_eq!(weights.trainable().count(), 0);
    let expected = &Expected::read("adapter_bert").0["hidden"];
    near("hidden", &hidden(&*layer, "bert", &Mode::train(1, 1)), expected, 1e-5);
}

#[test]
fn dora_begins_with_the_pretrained_model_whatever_is_dropped_out() {
    let dora = r#"{"path": "bert", "dropout": 0,
        "lora": {"rank": 2, "dora": true, "dropout": 0.5, "targets": ["query", "output", "up"]}}"#;
    let (layer, weights) = built(&config(dora, &folder()).expect("a model"));
    let expected = &Expected::read("bert").0["hidden"];
    for mode in [Mode::evaluate(), Mode::train(1, 1)] {
        near("hidden", &hidden(&*layer, "bert", &mode), expected, 1e-5);
    }
    let magnitudes = weights.trainable().filter(|weight| weight.name.ends_with(".lora_magnitude"));
    assert_eq!(magnitudes.map(|weight| weight.shape[0]).collect::<Vec<_>>(), [16, 16, 24, 16, 16, 24]);
}

/// Writes the adapter of a built layer as `mtl` exports it.
fn write(weights: &Weights, folder: &Path) {
    let files = weights.peft_files().expect("an adapter").remove(0);
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(folder.join("adapter_config.json"), files.config).expect("written");
    std::fs::write(folder.join("adapter_model.safetensors"), files.weights).expect("written");
}

/// A written adapter has the tensors that peft wrote, bit by bit; a packed one, whose parts have a matrix A
/// each, has them in another form, and computes the same. The script's `--check` loads them with peft.
#[test]
fn what_is_written_is_what_peft_wrote() {
    let temporary = tempfile::tempdir().expect("a folder");
    let root = std::env::var_os("MTL_WRITE_ADAPTERS");
    let root = root.map_or(temporary.path().to_owned(), std::path::PathBuf::from);
    for (adapter, base) in ADAPTERS {
        let (_, weights) = built(&adapted(base, adapter, "").expect("an adapter"));
        let written = root.join(adapter);
        write(&weights, &written);
        let tensors = |folder: &Path| {
            candle_core::safetensors::load(folder.join("adapter_model.safetensors"), &Device::Cpu)
                .expect("tensors")
        };
        let (ours, theirs) = (tensors(&written), tensors(&folder().join(adapter)));
        assert_eq!(ours.len(), theirs.len(), "{adapter}");
        let is_packed = |name: &str| PACKED.iter().any(|module| name.contains(module));
        for (name, theirs) in theirs.iter().filter(|(name, _)| !is_packed(name)) {
            assert_eq!(ours[name].dims(), theirs.dims(), "{name}");
            assert_eq!(host(&ours[name]).expect("ours"), host(theirs).expect("theirs"), "{name}");
        }
        let absolute = written.to_string_lossy().into_owned();
        let (layer, _) = built(&adapted(base, &absolute, "").expect("our adapter"));
        let expected = &Expected::read(adapter).0["hidden"];
        near(adapter, &hidden(&*layer, base, &Mode::evaluate()), expected, 2e-5);
    }
}

/// A copy of an adapter whose settings a test changes.
fn changed(adapter: &str, change: impl Fn(&mut Value)) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
        std::fs::copy(folder().join(adapter).join(file), copy.path().join(file)).expect("copied");
    }
    let file = copy.path().join("adapter_config.json");
    let mut json = serde_json::from_slice(&std::fs::read(&file).expect("read")).expect("JSON");
    change(&mut json);
    std::fs::write(file, json.to_string()).expect("written");
    copy
}

#[test]
fn an_adapter_that_does_not_fit_is_refused() {
    let error =
        |folder: &Path, base: &str| adapted(base, &folder.to_string_lossy(), "").expect_err("a misfit");
    for (change, expected) in [
        ((|json| json["peft_type"] = "IA3".into()) as fn(&mut Value), "`peft_type` is `IA3`; only `LORA`"),
        (|json| json["lora_alpha"] = (-1).into(), "`lora_alpha` is -1; expected a number from 0"),
        (|json| json["bias"] = "all".into(), "`bias` is \"all\"; expected \"none\""),
        (|json| json["init_lora_weights"] = "pissa_niter_16".into(), "which changes the pretrained weights"),
        (|json| json["lora_bias"] = true.into(), "`lora_bias` is true; expected null or false"),
        (|json| json["alpha_pattern"] = serde_json::json!({"layer.*": 2}), "only names of modules"),
        (|json| json["use_dora"] = true.into(), "query.lora_magnitude_vector`"),
    ] {
        let copy = changed("adapter_bert", change);
        let found = error(copy.path(), "bert");
        assert!(found.contains(expected), "{found}");
    }
    let found = error(&folder().join("adapter_gpt2"), "bert");
    assert!(found.contains("it adapts `h.0.attn.c_attn`, which is no projection of the model's"), "{found}");
    let found = error(&folder().join("adapter_bert"), "distilbert");
    assert!(found.contains("which is no projection of the model's blocks"), "{found}");
    let found = error(&folder().join("no_such_folder"), "bert");
    assert!(found.contains("expected a folder with `adapter_config.json`"), "{found}");
    let found = error(&folder().join("bert"), "bert");
    assert!(found.contains("has no `adapter_config.json`"), "{found}");
    let copy = changed("adapter_bert_dora", |json| json["use_dora"] = false.into());
    assert!(error(copy.path(), "bert").contains("but `use_dora` is false"));
    let copy = changed("adapter_bert", |_| {});
    std::fs::write(copy.path().join("adapter_model.safetensors"), [1, 2, 3]).expect("written");
    assert!(error(copy.path(), "bert").contains("is not a valid safetensors file"));
}

/// A wider model of the same names: the message has both shapes.
#[test]
fn matrices_of_another_width_are_refused() {
    let config = config(r#"{"path": "bert"}"#, &folder()).expect("a model");
    let model = config.model.get().expect("a model");
    let mut parts = super::adapted_modules(model, &super::without_updates()).expect("modules");
    parts.iter_mut().for_each(|part| part.width = 24);
    let adapter = PeftAdapter::read(&folder().join("adapter_bert")).expect("an adapter");
    let error = adapter.updates(&parts, &Default::default(), "bert").expect_err("another width").to_string();
    assert!(
        error.contains("has shape [2, 16]; the model needs [rank, 24]") || error.contains("[3, 16]"),
        "{error}"
    );
}
