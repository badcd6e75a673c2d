"""What transformers computes with the tiny BERT of make.py for pairs of texts: `bert/segments.safetensors`.

    python -m pip install torch==2.11.0 transformers==5.24.0 safetensors==0.8.0
    python tests/pretrained/make_segments.py

`input_ids` and `segments` [rows, time], `lengths` [rows], `hidden` [rows, time, width] (0 at padding), `upstream`
of the same shape, and `gradient.NAME` of sum(hidden * upstream). Whole numbers are stored as f32. The same bytes
each time.
"""

import pathlib

import torch
import transformers
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).resolve().parent / "bert"
LENGTHS, FIRST = [9, 6, 4], [5, 3, 2]  # tokens of a row, and those of its first segment
GRADIENTS = ["embeddings.token_type_embeddings.weight", "embeddings.word_embeddings.weight"]

model = transformers.BertModel.from_pretrained(FOLDER, dtype=torch.float32, attn_implementation="eager").eval()
generator = torch.Generator().manual_seed(15)
places = torch.arange(max(LENGTHS))[None, :]
mask = places < torch.tensor(LENGTHS)[:, None]
segments = ((places >= torch.tensor(FIRST)[:, None]) & mask).long()
ids = torch.randint(3, model.config.vocab_size, mask.shape, generator=generator) * mask
hidden = model(input_ids=ids, token_type_ids=segments, attention_mask=mask.long()).last_hidden_state * mask[:, :, None]
upstream = torch.randn(hidden.shape, generator=generator) * mask[:, :, None]
weights = dict(model.named_parameters())
gradients = torch.autograd.grad((hidden * upstream).sum(), [weights[name] for name in GRADIENTS])
expected = {"input_ids": ids.float(), "segments": segments.float(), "lengths": torch.tensor(LENGTHS).float()}
expected |= {"hidden": hidden.detach().contiguous(), "upstream": upstream.contiguous()}
expected |= {f"gradient.{name}": gradient.contiguous() for name, gradient in zip(GRADIENTS, gradients)}
save_file(expected, FOLDER / "segments.safetensors")
(FOLDER / "segments.safetensors").chmod(0o644)
