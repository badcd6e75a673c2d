"""A weighted mean of all hidden states of the tiny BERT, GPT-2 and ViT of make.py and make_images.py:
`mix.safetensors` in their folders.

    python -m pip install torch==2.11.0 transformers==5.24.0 safetensors==0.8.0
    python tests/pretrained/make_mix.py

`weights` [layers] and `scale` [1] as drawn, `mixed` = scale sum_i softmax(weights)_i hidden_i (0 at padding), where
the last hidden state is that of the model, after its norm; `gradient.weights` and `gradient.scale` of
sum(mixed^2) / 2. The inputs are those of `expected.safetensors`. The same bytes each time.
"""

import pathlib

import torch
import transformers
from safetensors.torch import load_file, save_file

FOLDER = pathlib.Path(__file__).resolve().parent

for name in ["bert", "gpt2", "vit"]:
    model = transformers.AutoModel.from_pretrained(FOLDER / name, dtype=torch.float32, attn_implementation="eager").eval()
    expected = load_file(FOLDER / name / "expected.safetensors")
    if name == "vit":
        inputs, mask = {"pixel_values": expected["images"]}, 1.0
    else:
        ids = expected["input_ids"].long()
        mask = (torch.arange(ids.shape[1])[None, :] < expected["lengths"][:, None]).float()
        inputs = {"input_ids": ids, "attention_mask": mask.long()}
        mask = mask[:, :, None]
    output = model(**inputs, output_hidden_states=True)
    hidden = [*output.hidden_states[:-1], output.last_hidden_state]
    generator = torch.Generator().manual_seed(7)
    weights = torch.randn(len(hidden), generator=generator).requires_grad_()
    scale = torch.tensor([1.5]).requires_grad_()
    shares = scale * weights.softmax(0)
    mixed = sum(share * state for share, state in zip(shares, hidden)) * mask
    gradients = torch.autograd.grad((mixed * mixed).sum() / 2, [weights, scale])
    made = {"weights": weights.detach(), "scale": scale.detach(), "mixed": mixed.detach().contiguous()}
    made |= dict(zip(["gradient.weights", "gradient.scale"], gradients))
    save_file(made, FOLDER / name / "mix.safetensors")
    (FOLDER / name / "mix.safetensors").chmod(0o644)
    print(name, len(hidden), (FOLDER / name / "mix.safetensors").stat().st_size, "bytes")
