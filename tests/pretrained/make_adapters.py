"""Makes LoRA adapters of the tiny models with Hugging Face's peft, and what peft computes with them.

    python -m pip install torch==2.11.0 transformers==5.24.0 safetensors==0.8.0 peft==0.18.0
    python tests/pretrained/make_adapters.py

Every folder gets `adapter_config.json` and `adapter_model.safetensors` as `save_pretrained` writes them, and
`expected.safetensors`: `hidden` (`last_hidden_state`; 0 at padding) of the inputs in the base model's
`expected.safetensors`, and, as `gradient.NAME`, gradients of sum(hidden * upstream) with respect to every
matrix and magnitude, by their names in the file. Evaluation mode, f32. The same bytes each time.

    python tests/pretrained/make_adapters.py --check FOLDER

loads what `mtl` has written with peft, and compares the hidden states with the expected ones. To write it:

    MTL_WRITE_ADAPTERS=FOLDER cargo test --release --locked --lib what_is_written_is_what_peft_wrote
"""

import json
import pathlib
import shutil
import sys

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

FOLDER = pathlib.Path(__file__).resolve().parent
START = "base_model.model."
ADAPTERS = {
    "adapter_bert": (
        "bert",
        dict(
            r=3,
            lora_alpha=6,
            target_modules=["query", "value", "intermediate.dense"],
            rank_pattern={"encoder.layer.1.attention.self.value": 2},
            alpha_pattern={"intermediate.dense": 3},
        ),
    ),
    "adapter_bert_dora": (
        "bert",
        dict(
            r=4,
            lora_alpha=8,
            target_modules=["key", "attention.output.dense", "intermediate.dense"],
            use_dora=True,
            use_rslora=True,
        ),
    ),
    "adapter_gpt2": ("gpt2", dict(r=2, lora_alpha=6, target_modules=["c_attn", "c_fc"], fan_in_fan_out=True)),
    "adapter_modernbert": (
        "modernbert",
        dict(r=2, lora_alpha=5, target_modules=["Wqkv", "mlp.Wi"], use_dora=True),
    ),
}


def base_model(name):
    return transformers.AutoModel.from_pretrained(FOLDER / name, attn_implementation="eager").eval()


def hidden_states(model, base):
    """The hidden states, 0 at padding, and what gradients are taken of."""
    expected = load_file(FOLDER / base / "expected.safetensors")
    ids, lengths = expected["input_ids"].long(), expected["lengths"].long()
    mask = torch.arange(ids.shape[1])[None, :] < lengths[:, None]
    hidden = model(input_ids=ids, attention_mask=mask.long()).last_hidden_state * mask[..., None]
    return hidden, (hidden * expected["upstream"]).sum()


def make(name, base, seed):
    config = peft.LoraConfig(task_type="FEATURE_EXTRACTION", **ADAPTERS[name][1])
    model = peft.get_peft_model(base_model(base), config).eval()
    generator = torch.Generator().manual_seed(seed)
    weights = sorted((key, weight) for key, weight in model.named_parameters() if "lora_" in key)
    with torch.no_grad():
        for key, weight in weights:
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(weight * (1 + 0.2 * noise) if "magnitude" in key else 0.3 * noise)
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    settings = json.loads((folder / "adapter_config.json").read_text())
    settings["base_model_name_or_path"] = base
    settings["target_modules"] = sorted(settings["target_modules"])
    (folder / "adapter_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    hidden, loss = hidden_states(model, base)
    gradients = torch.autograd.grad(loss, [weight for _, weight in weights])
    expected = {"hidden": hidden.detach().contiguous()}
    for (key, _), gradient in zip(weights, gradients):
        stored = key.replace(".default", "").replace("magnitude_vector.weight", "magnitude_vector")
        assert stored in load_file(folder / "adapter_model.safetensors"), stored
        expected[f"gradient.{stored}"] = gradient.contiguous()
    save_file(expected, folder / "expected.safetensors")


def check(folder):
    for name, (base, _) in ADAPTERS.items():
        model = peft.PeftModel.from_pretrained(base_model(base), folder / name).eval()
        hidden, _ = hidden_states(model, base)
        expected = load_file(FOLDER / name / "expected.safetensors")["hidden"]
        difference = (hidden - expected).abs().max().item()
        print(f"{name}: {difference:.2e}")
        assert difference < 1e-5, name


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"]:
        check(pathlib.Path(sys.argv[2]))
    else:
        for seed, (name, (base, _)) in enumerate(ADAPTERS.items()):
            make(name, base, 100 + seed)
