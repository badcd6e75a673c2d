"""Makes tiny pretrained models with random weights, and what transformers computes with them.

    python -m pip install torch==2.11.0 transformers==5.24.0 safetensors==0.8.0
    python tests/pretrained/make.py

Every family's folder gets `config.json` and `model.safetensors` as `save_pretrained` writes them, and
`expected.safetensors`: `input_ids` [rows, time], `lengths` [rows], `hidden` [rows, time, width] (0 at padding),
`upstream` of the same shape, and, as `gradient.NAME`, gradients of sum(hidden * upstream) with respect to
some weights. Evaluation mode, f32, eager attention. The same bytes each time.
"""

import pathlib

import torch
import transformers
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).resolve().parent
LENGTHS = [7, 4, 1]


def random_weights(model, seed):
    """Every weight random, also biases and norms, so that a forgotten one shows."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            noise = torch.randn(weight.shape, generator=generator)
            is_norm = weight.ndim == 1 and name.endswith("weight")
            weight.copy_(1 + 0.1 * noise if is_norm else 0.3 * noise if weight.ndim > 1 else 0.1 * noise)


def make(name, model, seed, vocabulary, gradients):
    random_weights(model, seed)
    model.eval()
    folder = FOLDER / name
    folder.mkdir(exist_ok=True)
    model.save_pretrained(folder)
    generator = torch.Generator().manual_seed(seed + 1)
    ids = torch.randint(3, vocabulary, (len(LENGTHS), max(LENGTHS)), generator=generator)
    lengths = torch.tensor(LENGTHS)
    mask = torch.arange(max(LENGTHS))[None, :] < lengths[:, None]
    ids = torch.where(mask, ids, torch.zeros_like(ids))
    hidden = model(input_ids=ids, attention_mask=mask.long()).last_hidden_state * mask[:, :, None]
    upstream = torch.randn(hidden.shape, generator=generator) * mask[:, :, None]
    (hidden * upstream).sum().backward()
    expected = {
        "input_ids": ids.float(),
        "lengths": lengths.float(),
        "hidden": hidden.detach().contiguous(),
        "upstream": upstream.contiguous(),
    }
    weights = dict(model.named_parameters())
    for weight in gradients:
        expected[f"gradient.{weight}"] = weights[weight].grad.contiguous()
    save_file(expected, folder / "expected.safetensors")
    print(name, sum(file.stat().st_size for file in folder.iterdir()), "bytes")


def bert():
    config = transformers.BertConfig(
        vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
        max_position_embeddings=12, type_vocab_size=2, attn_implementation="eager",
    )
    gradients = [
        "embeddings.word_embeddings.weight",
        "embeddings.token_type_embeddings.weight",
        "encoder.layer.0.attention.self.query.weight",
        "encoder.layer.0.attention.output.LayerNorm.weight",
        "encoder.layer.1.output.dense.bias",
    ]
    make("bert", transformers.BertModel(config, add_pooling_layer=False), 1, 60, gradients)


if __name__ == "__main__":
    bert()
