"""Makes tiny pretrained models with random weights, and what transformers computes with them.

    python -m pip install torch==2.11.0 transformers==5.24.0 safetensors==0.8.0
    python tests/pretrained/make.py [NAME...]

Every family's folder gets `config.json` and `model.safetensors` as `save_pretrained` writes them (where
transformers 4 wrote other settings, `config.v4.json` too), and `expected.safetensors`: `input_ids`
[rows, time], `lengths` [rows], `hidden` [rows, time, width] (`last_hidden_state`, of an encoder-decoder its
encoder's; 0 at padding), `upstream` of the same shape, and, as `gradient.NAME`, gradients of
sum(hidden * upstream) with respect to some weights, by their names in the base model. Also,

- of a causal language model, `logits` [rows, time, vocabulary] (0 at padding), `greedy_ids` [6] and
  `greedy_logits` [6, vocabulary]: the most probable tokens after row 0, and what they were chosen from;
- of an encoder-decoder `decoder_input_ids` [rows, 5], `decoder_logits` [rows, 5, vocabulary],
  `decoder_upstream` of the same shape, `decoder_gradient.NAME` of sum(decoder_logits * decoder_upstream), and
  `greedy_ids` [rows, 6]: the most probable tokens after the start token, whatever they are (no end, no forced
  or forbidden token).

`bert`, `bart` and `t5` also have a `vocab.txt` of as many tokens as embeddings, so that they are whole folders.

Evaluation mode, f32, eager attention. Whole numbers are stored as f32. The same bytes each time.
"""

import json
import pathlib
import shutil
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file

FOLDER = pathlib.Path(__file__).resolve().parent
LENGTHS = [7, 4, 1]
EAGER = {"attn_implementation": "eager"}
SMALL = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24)
# The margin between the first and the second token of a greedy step; a smaller one could turn by rounding.
MARGIN = 1e-3


def random_weights(model, seed, fixed=()):
    """Every weight random, also biases and norms, so that a forgotten one shows. `fixed`: weights that are
    not learned, by the end of their names."""
    generator = torch.Generator().manual_seed(seed)
    weights = sorted([*model.named_parameters(), *biases(model)], key=lambda weight: weight[0])
    with torch.no_grad():
        for name, weight in weights:
            if name.endswith(tuple(fixed)):
                continue
            noise = torch.randn(weight.shape, generator=generator)
            is_norm = weight.ndim == 1 and name.endswith("weight")
            weight.copy_(1 + 0.1 * noise if is_norm else 0.3 * noise if weight.ndim > 1 else 0.1 * noise)


def biases(model):
    """Biases of logits that are stored without being parameters."""
    return [(name, buffer) for name, buffer in model.named_buffers() if name.endswith("final_logits_bias")]


def text(seed, lengths, low, vocabulary, padding):
    """Token ids [rows, time], padded at the end, their mask, and the generator for what follows."""
    generator = torch.Generator().manual_seed(seed + 1)
    ids = torch.randint(low, vocabulary, (len(lengths), max(lengths)), generator=generator)
    mask = torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]
    return torch.where(mask, ids, torch.full_like(ids, padding)), mask, generator


def gradients_of(loss, model, names):
    weights = dict(model.named_parameters())
    found = torch.autograd.grad(loss, [weights[name] for name in names])
    return {name: gradient.contiguous() for name, gradient in zip(names, found)}


def make(name, model, seed, gradients, lengths=LENGTHS, low=3, old=None, fixed=()):
    """Writes one family's folder; returns its model and expected values."""
    random_weights(model, seed, fixed)
    model.eval()
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    config = model.config
    padding = 0 if config.pad_token_id is None else config.pad_token_id
    ids, mask, generator = text(seed, lengths, low, config.vocab_size, padding)
    inputs = {"input_ids": ids, "attention_mask": mask.long()}
    base = model.base_model
    encoder = base.get_encoder() if config.is_encoder_decoder else base
    hidden = encoder(**inputs).last_hidden_state * mask[:, :, None]
    upstream = torch.randn(hidden.shape, generator=generator) * mask[:, :, None]
    found = gradients_of((hidden * upstream).sum(), base, gradients)
    expected = {
        "input_ids": ids.float(),
        "lengths": torch.tensor(lengths).float(),
        "hidden": hidden.detach().contiguous(),
        "upstream": upstream.contiguous(),
        **{f"gradient.{weight}": gradient for weight, gradient in found.items()},
    }
    check_folder(folder, inputs, mask, expected["hidden"], config.is_encoder_decoder)
    if old:
        write_old_config(folder, old, inputs, mask, expected["hidden"])
    return model, expected, generator, inputs, mask


def write(name, expected):
    folder = FOLDER / name
    save_file(expected, folder / "expected.safetensors")
    for file in folder.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)
    print(name, sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()), "bytes")


def hidden_states(folder, inputs, mask, has_decoder):
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32, **EAGER).eval()
    with torch.no_grad():
        return (model.get_encoder() if has_decoder else model)(**inputs).last_hidden_state * mask[:, :, None]


def check_folder(folder, inputs, mask, hidden, has_decoder):
    """What was written gives the same hidden states when it is read again."""
    again = hidden_states(folder, inputs, mask, has_decoder)
    assert torch.equal(again, hidden), (folder.name, (again - hidden).abs().max())


def check_logits(name, inputs, logits):
    """The language model that was written gives the same logits when it is read again."""
    kind = json.loads((FOLDER / name / "config.json").read_text())["architectures"][0]
    model = getattr(transformers, kind).from_pretrained(FOLDER / name, **EAGER).eval()
    with torch.no_grad():
        again = model(**inputs).logits
    assert torch.equal(again, logits), (name, (again - logits).abs().max())


def write_old_config(folder, old, inputs, mask, hidden):
    """`config.v4.json`: the same model as transformers 4 described it."""
    config = json.loads((folder / "config.json").read_text())
    for key in ["rope_parameters", "layer_types", "dtype"]:
        config.pop(key, None)
    config |= {"torch_dtype": "float32", "transformers_version": "4.48.0", **old}
    content = json.dumps(config, indent=2, sort_keys=True) + "\n"
    (folder / "config.v4.json").write_text(content)
    copy = folder / "v4"
    copy.mkdir()
    (copy / "config.json").write_text(content)
    shutil.copy(folder / "model.safetensors", copy)
    try:
        again = hidden_states(copy, inputs, mask, False)
    finally:
        shutil.rmtree(copy)
    assert torch.allclose(again, hidden, atol=1e-6), (folder.name, (again - hidden).abs().max())


def chosen(logits):
    """The most probable tokens of logits [rows, vocabulary]."""
    top = logits.topk(2, dim=-1)
    margin = (top.values[:, 0] - top.values[:, 1]).min().item()
    assert margin > MARGIN, f"two tokens are nearly equal: {margin}"
    return top.indices[:, 0]


def encoder(name, model, seed, gradients, **other):
    _, expected, *_ = make(name, model, seed, gradients, **other)
    write(name, expected)


def causal(name, model, seed, gradients, **other):
    model, expected, _, inputs, mask = make(name, model, seed, gradients, **other)
    with torch.no_grad():
        logits = model(**inputs).logits
        check_logits(name, inputs, logits)
        expected["logits"] = (logits * mask[:, :, None]).contiguous()
        ids, logits = inputs["input_ids"][:1], []
        for _ in range(6):
            logits.append(model(ids).logits[:, -1])
            ids = torch.cat([ids, chosen(logits[-1])[:, None]], dim=1)
    expected["greedy_ids"] = ids[0, -6:].float()
    expected["greedy_logits"] = torch.cat(logits).contiguous()
    write(name, expected)


def encoder_decoder(name, model, seed, gradients, decoder_gradients, **other):
    model, expected, generator, inputs, _ = make(name, model, seed, gradients, **other)
    start = model.config.decoder_start_token_id
    rows = len(inputs["input_ids"])
    after = torch.randint(3, model.config.vocab_size, (rows, 4), generator=generator)
    ids = torch.cat([torch.full((rows, 1), start), after], dim=1)
    logits = model(**inputs, decoder_input_ids=ids).logits
    check_logits(name, {**inputs, "decoder_input_ids": ids}, logits)
    upstream = torch.randn(logits.shape, generator=generator)
    found = gradients_of((logits * upstream).sum(), model.base_model, decoder_gradients)
    expected |= {
        "decoder_input_ids": ids.float(),
        "decoder_logits": logits.detach().contiguous(),
        "decoder_upstream": upstream,
        **{f"decoder_gradient.{weight}": gradient for weight, gradient in found.items()},
    }
    with torch.no_grad():
        ids = torch.full((rows, 1), start)
        for _ in range(6):
            logits = model(**inputs, decoder_input_ids=ids).logits[:, -1]
            ids = torch.cat([ids, chosen(logits)[:, None]], dim=1)
    expected["greedy_ids"] = ids[:, 1:].float().contiguous()
    write(name, expected)


def bert():
    config = transformers.BertConfig(
        vocab_size=60, **SMALL, max_position_embeddings=12, type_vocab_size=2, **EAGER,
    )
    gradients = [
        "embeddings.word_embeddings.weight",
        "embeddings.token_type_embeddings.weight",
        "encoder.layer.0.attention.self.query.weight",
        "encoder.layer.0.attention.output.LayerNorm.weight",
        "encoder.layer.1.output.dense.bias",
    ]
    encoder("bert", transformers.BertModel(config, add_pooling_layer=False), 1, gradients)
    bert_files()


def bert_files():
    """The same BERT in other files: in halves of precision, in two shards, pickled, with the first names."""
    weights = load_file(FOLDER / "bert/model.safetensors")
    expected = load_file(FOLDER / "bert/expected.safetensors")
    ids, lengths = expected["input_ids"].long(), expected["lengths"].long()
    mask = torch.arange(ids.shape[1])[None, :] < lengths[:, None]
    inputs = {"input_ids": ids, "attention_mask": mask.long()}

    def folder(name):
        made = FOLDER / name
        made.mkdir(exist_ok=True)
        shutil.copy(FOLDER / "bert/config.json", made / "config.json")
        return made

    for name, form in [("bert_bf16", torch.bfloat16), ("bert_f16", torch.float16)]:
        made = folder(name)
        rounded = {key: value.to(form) for key, value in weights.items()}
        save_file(rounded, made / "model.safetensors", metadata={"format": "pt"})
        # Of the rounded weights, computed in f32: the only difference to `bert`.
        hidden = hidden_states(made, inputs, mask, False).contiguous()
        assert not torch.equal(hidden, expected["hidden"])
        kept = {key: expected[key] for key in ["input_ids", "lengths"]}
        write(name, {**kept, "hidden": hidden})

    made = folder("bert_shards")
    transformers.BertModel.from_pretrained(FOLDER / "bert", add_pooling_layer=False).save_pretrained(
        made, max_shard_size="12KB"
    )
    shards = sorted(file.name for file in made.glob("model-*.safetensors"))
    assert shards == [f"model-0000{number}-of-00002.safetensors" for number in [1, 2]], shards
    check_folder(made, inputs, mask, expected["hidden"], False)

    made = folder("bert_pickled")
    torch.save(weights, made / "pytorch_model.bin")

    # As the first checkpoints were converted: a prefix, `gamma` and `beta`, heads of the pretraining.
    made = folder("bert_first_names")
    names = {key: "bert." + key.replace("LayerNorm.weight", "LayerNorm.gamma") for key in weights}
    names = {key: name.replace("LayerNorm.bias", "LayerNorm.beta") for key, name in names.items()}
    heads = {"cls.predictions.bias": torch.zeros(60), "bert.pooler.dense.bias": torch.zeros(16)}
    save_file({names[key]: value for key, value in weights.items()} | heads, made / "model.safetensors",
              metadata={"format": "pt"})
    for name in ["bert_shards", "bert_pickled", "bert_first_names"]:
        for file in (FOLDER / name).iterdir():
            file.chmod(0o644)


def roberta():
    config = transformers.RobertaConfig(
        vocab_size=60, **SMALL, max_position_embeddings=14, type_vocab_size=1, layer_norm_eps=1e-5, **EAGER,
    )
    gradients = [
        "embeddings.word_embeddings.weight",
        "embeddings.position_embeddings.weight",
        "encoder.layer.0.attention.self.query.weight",
        "encoder.layer.0.attention.output.LayerNorm.weight",
        "encoder.layer.1.output.dense.bias",
    ]
    encoder("roberta", transformers.RobertaForMaskedLM(config), 2, gradients)


def distilbert():
    config = transformers.DistilBertConfig(
        vocab_size=60, dim=16, n_layers=2, n_heads=4, hidden_dim=24, max_position_embeddings=12, **EAGER,
    )
    gradients = [
        "embeddings.word_embeddings.weight",
        "transformer.layer.0.attention.q_lin.weight",
        "transformer.layer.0.sa_layer_norm.weight",
        "transformer.layer.1.ffn.lin2.bias",
    ]
    encoder("distilbert", transformers.DistilBertForMaskedLM(config), 3, gradients)


def electra():
    config = transformers.ElectraConfig(
        vocab_size=60, embedding_size=8, **SMALL, max_position_embeddings=12, **EAGER,
    )
    gradients = [
        "embeddings.word_embeddings.weight",
        "embeddings_project.weight",
        "encoder.layer.0.attention.self.query.weight",
        "encoder.layer.0.attention.output.LayerNorm.weight",
        "encoder.layer.1.output.dense.bias",
    ]
    encoder("electra", transformers.ElectraForPreTraining(config), 4, gradients)


def mpnet():
    # Rows of 20: distances reach the logarithmic buckets (always 32, whatever the configuration says).
    config = transformers.MPNetConfig(
        vocab_size=60, **SMALL, max_position_embeddings=24,
        layer_norm_eps=1e-5, **EAGER,
    )
    gradients = [
        "embeddings.word_embeddings.weight",
        "encoder.relative_attention_bias.weight",
        "encoder.layer.0.attention.attn.q.weight",
        "encoder.layer.0.attention.LayerNorm.weight",
        "encoder.layer.1.output.dense.bias",
    ]
    model = transformers.MPNetModel(config, add_pooling_layer=False)
    encoder("mpnet", model, 5, gradients, lengths=[20, 9, 1])


def albert():
    config = transformers.AlbertConfig(
        vocab_size=60, embedding_size=8, **SMALL | {"num_hidden_layers": 3}, max_position_embeddings=12,
        **EAGER,
    )
    layer = "encoder.albert_layer_groups.0.albert_layers.0."
    gradients = [
        "embeddings.word_embeddings.weight",
        "encoder.embedding_hidden_mapping_in.weight",
        layer + "attention.query.weight",
        layer + "full_layer_layer_norm.weight",
        layer + "ffn_output.bias",
    ]
    encoder("albert", transformers.AlbertForMaskedLM(config), 6, gradients)


def deberta(name, seed, **flags):
    config = transformers.DebertaV2Config(
        vocab_size=60, **SMALL, max_position_embeddings=16, type_vocab_size=0, relative_attention=True,
        max_relative_positions=-1, position_buckets=4, norm_rel_ebd="layer_norm", share_att_key=True,
        pos_att_type="p2c|c2p", position_biased_input=False, **flags, **EAGER,
    )
    gradients = [
        "embeddings.word_embeddings.weight",
        "encoder.rel_embeddings.weight",
        "encoder.layer.0.attention.self.query_proj.weight",
        "encoder.layer.0.attention.output.LayerNorm.weight",
        "encoder.layer.1.output.dense.bias",
        *(["encoder.conv.conv.weight"] if flags else []),
    ]
    encoder(name, transformers.DebertaV2Model(config), seed, gradients)


def deberta_v2():
    deberta("deberta_v2", 7, conv_kernel_size=3, conv_act="gelu", attention_head_size=4)


def deberta_v3():
    deberta("deberta_v3", 8)


def modernbert():
    config = transformers.ModernBertConfig(
        vocab_size=60, **SMALL | {"num_hidden_layers": 3}, max_position_embeddings=32, local_attention=4,
        layer_types=["full_attention", "sliding_attention", "full_attention"],
        pad_token_id=0, bos_token_id=1, cls_token_id=1, eos_token_id=2, sep_token_id=2, **EAGER,
    )
    gradients = [
        "embeddings.tok_embeddings.weight",
        "layers.0.attn.Wqkv.weight",
        "layers.1.attn_norm.weight",
        "layers.2.mlp.Wo.weight",
        "final_norm.weight",
    ]
    old = {"global_rope_theta": 160000.0, "local_rope_theta": 10000.0, "global_attn_every_n_layers": 2}
    encoder("modernbert", transformers.ModernBertForMaskedLM(config), 9, gradients, old=old)


def gpt2():
    config = transformers.GPT2Config(
        vocab_size=60, n_positions=16, n_embd=16, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0,
        **EAGER,
    )
    gradients = ["wte.weight", "h.0.attn.c_attn.weight", "h.0.ln_1.weight", "h.1.mlp.c_proj.bias"]
    causal("gpt2", transformers.GPT2LMHeadModel(config), 10, gradients)
    # The names of the published GPT-2: without the prefix.
    weights = load_file(FOLDER / "gpt2/model.safetensors")
    bare = {name.removeprefix("transformer."): value for name, value in weights.items()}
    folder = FOLDER / "gpt2_bare"
    folder.mkdir(exist_ok=True)
    shutil.copy(FOLDER / "gpt2/config.json", folder)
    save_file(bare, folder / "model.safetensors", metadata={"format": "pt"})
    for file in folder.iterdir():
        file.chmod(0o644)


ROTARY = [
    "embed_tokens.weight",
    "layers.0.self_attn.q_proj.weight",
    "layers.0.self_attn.k_proj.weight",
    "layers.0.input_layernorm.weight",
    "layers.1.mlp.down_proj.weight",
]
GROUPED = dict(vocab_size=60, **SMALL, num_key_value_heads=2, max_position_embeddings=32)


def llama():
    config = transformers.LlamaConfig(
        **GROUPED, rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, **EAGER
    )
    old = {"rope_theta": 10000.0, "rope_scaling": None}
    causal("llama", transformers.LlamaForCausalLM(config), 11, ROTARY, old=old)


def llama3():
    scaling = {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16,
    }
    config = transformers.LlamaConfig(
        **GROUPED, head_dim=8, tie_word_embeddings=True, rope_parameters=scaling | {"rope_theta": 500.0},
        **EAGER,
    )
    old = {"rope_theta": 500.0, "rope_scaling": scaling}
    causal("llama3", transformers.LlamaForCausalLM(config), 12, ROTARY, old=old)


def qwen2():
    config = transformers.Qwen2Config(
        **GROUPED, tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        **EAGER,
    )
    gradients = [*ROTARY, "layers.1.self_attn.v_proj.bias"]
    old = {"rope_theta": 1e6, "rope_scaling": None}
    causal("qwen2", transformers.Qwen2ForCausalLM(config), 13, gradients, old=old)


def t5_like(name, seed, feed_forward, **flags):
    config = transformers.T5Config(
        vocab_size=60, d_model=16, d_kv=4, d_ff=24, num_layers=2, num_heads=4,
        relative_attention_num_buckets=8, relative_attention_max_distance=16, decoder_start_token_id=0,
        **flags, **EAGER,
    )
    gradients = [
        "shared.weight",
        "encoder.block.0.layer.0.SelfAttention.q.weight",
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        "encoder.block.0.layer.0.layer_norm.weight",
        "encoder.block.1.layer.1.DenseReluDense.wo.weight",
    ]
    decoder = [
        "shared.weight",
        "encoder.block.0.layer.0.SelfAttention.q.weight",
        "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        "decoder.block.0.layer.1.EncDecAttention.k.weight",
        f"decoder.block.1.layer.2.DenseReluDense.{feed_forward}.weight",
    ]
    model = transformers.T5ForConditionalGeneration(config)
    if not config.scale_decoder_outputs:
        # transformers 5 ties the two when it makes such a model; the published ones are not tied.
        model.lm_head.weight = torch.nn.Parameter(torch.empty(60, 16))
        model.config.tie_word_embeddings = False
    encoder_decoder(name, model, seed, gradients, decoder)


def t5():
    t5_like("t5", 14, "wi")


def t5_gated():
    """T5 1.1, mT5: gated feed-forward, logits with weights of their own."""
    t5_like("t5_gated", 15, "wi_0", feed_forward_proj="gated-gelu", tie_word_embeddings=False)


BART = dict(
    vocab_size=60, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
    decoder_attention_heads=4, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=16,
)
BART_ENCODER = [
    "shared.weight",
    "encoder.layers.0.self_attn.q_proj.weight",
    "encoder.layers.0.self_attn_layer_norm.weight",
    "encoder.layers.1.fc2.bias",
]
BART_DECODER = [
    "shared.weight",
    "encoder.layers.0.self_attn.q_proj.weight",
    "decoder.layers.0.encoder_attn.k_proj.weight",
    "decoder.layers.0.encoder_attn_layer_norm.weight",
    "decoder.layers.1.fc2.bias",
]


def bart():
    config = transformers.BartConfig(**BART, **EAGER)
    gradients = [*BART_ENCODER, "encoder.embed_positions.weight"]
    encoder_decoder("bart", transformers.BartForConditionalGeneration(config), 16, gradients, BART_DECODER)


def mbart():
    config = transformers.MBartConfig(**BART, scale_embedding=True, decoder_start_token_id=2, **EAGER)
    gradients = [*BART_ENCODER, "encoder.layer_norm.weight"]
    encoder_decoder("mbart", transformers.MBartForConditionalGeneration(config), 17, gradients, BART_DECODER)


def marian():
    config = transformers.MarianConfig(
        **BART, activation_function="swish", scale_embedding=True, static_position_embeddings=True,
        pad_token_id=59, decoder_start_token_id=59, eos_token_id=0, forced_eos_token_id=0, **EAGER,
    )
    model = transformers.MarianMTModel(config)
    encoder_decoder("marian", model, 18, BART_ENCODER, BART_DECODER, fixed=["embed_positions.weight"])


FAMILIES = [
    bert, roberta, distilbert, electra, mpnet, albert, deberta_v2, deberta_v3, modernbert, gpt2, llama,
    llama3, qwen2, t5, t5_gated, bart, mbart, marian,
]


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    wanted = sys.argv[1:]
    unknown = set(wanted) - {family.__name__ for family in FAMILIES}
    if unknown:
        known = ", ".join(family.__name__ for family in FAMILIES)
        sys.exit(f"no family {sorted(unknown)[0]}; known: {known}")
    for family in FAMILIES:
        if not wanted or family.__name__ in wanted:
            family()


def write_vocabulary(name):
    """Special tokens, letters, letters inside words, and a few marks."""
    count = json.loads((FOLDER / name / "config.json").read_text())["vocab_size"]
    letters = [chr(ord("a") + index) for index in range(26)]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = [*special, *letters, *(f"##{letter}" for letter in letters), ".", ",", "!"]
    (FOLDER / name / "vocab.txt").write_text("\n".join(tokens[:count]) + "\n")


if __name__ == "__main__":
    main()
    for name in ["bert", "bart", "t5"]:
        write_vocabulary(name)
