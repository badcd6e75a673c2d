"""Makes tiny image encoders with random weights, and what timm and transformers compute with them.

    python -m pip install torch==2.11.0 timm==1.0.31 transformers==5.24.0 safetensors==0.8.0
    python tests/pretrained/make_images.py

Every folder of timm gets `config.json` as timm writes it, with `model_args` that make the model tiny,
`model.safetensors` in F16 (the weights are rounded first, so that F32 would hold the same numbers), and
`expected.safetensors`: `images` [rows, channels, height, width], `features` of the last block before pooling,
`upstream` of the same shape, and, as `gradient.NAME`, gradients of sum(features * upstream) with respect to
some weights. Evaluation mode, f32. The same bytes each time.

Vision transformers are written by transformers' own `save_pretrained`, whose names of weights are those of
`gradient.NAME`. Values whose names begin with `other.` are of images of another size, with interpolated
positions.
"""

import json
import pathlib

import timm
import torch
from safetensors.torch import save_file
from timm.models import efficientnet, mobilenetv3
from transformers import (
    ConvNextConfig, ConvNextModel, DeiTConfig, DeiTModel, Dinov2Config, Dinov2Model, ViTConfig, ViTModel,
)

FOLDER = pathlib.Path(__file__).resolve().parent


def random_weights(model, seed):
    """Every weight and statistic random; activations keep their size from block to block."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in sorted(model.state_dict().items()):
            if not value.is_floating_point():
                continue
            noise = torch.randn(value.shape, generator=generator)
            if name.endswith("running_var"):
                noise = 1 + 0.5 * torch.rand(value.shape, generator=generator)
            elif value.ndim > 1:
                noise = noise * (2 / value[0].numel()) ** 0.5
            else:
                noise = 1 + 0.1 * noise if name.endswith("weight") else 0.1 * noise
            value.copy_(noise.half().float())


def make(architecture, model, seed, model_args, gradients, size=(36, 44)):
    random_weights(model, seed)
    model.eval()
    folder = FOLDER / architecture
    folder.mkdir(exist_ok=True)
    config = {
        "architecture": architecture,
        "num_classes": 0,
        "model_args": model_args,
        "pretrained_cfg": {"input_size": [3, *size], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    state = {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
    halves = {name: value.half().contiguous() for name, value in state.items()}
    save_file(halves, folder / "model.safetensors")
    generator = torch.Generator().manual_seed(seed + 1)
    images = torch.randn((2, 3, *size), generator=generator)
    features = model.forward_features(images)
    upstream = torch.randn(features.shape, generator=generator)
    (features * upstream).sum().backward()
    expected = {"images": images, "features": features.detach(), "upstream": upstream}
    weights = dict(model.named_parameters())
    for name in gradients:
        expected[f"gradient.{name}"] = weights[name].grad
    save_file({name: value.contiguous() for name, value in expected.items()}, folder / "expected.safetensors")
    sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
    print(architecture, tuple(features.shape), "largest", features.abs().max().item(), sizes)


def lite(architecture, seed, **tensorflow):
    args = {"channel_multiplier": 0.1, "depth_multiplier": 0.6}
    model = efficientnet._gen_efficientnet_lite(architecture, **args, num_classes=0, **tensorflow)
    gradients = [
        "conv_stem.weight", "bn1.weight", "blocks.0.0.conv_dw.weight", "blocks.1.0.conv_dw.weight",
        "blocks.2.0.conv_dw.weight", "blocks.3.0.conv_pw.weight", "blocks.5.1.bn3.bias",
    ]
    make(architecture, model, seed, args, gradients)


def efficientnet_b(architecture, seed):
    args = {"channel_multiplier": 0.1, "depth_multiplier": 0.6}
    model = efficientnet._gen_efficientnet(architecture, **args, num_classes=0)
    gradients = [
        "conv_stem.weight", "bn2.bias", "blocks.0.0.se.conv_reduce.weight", "blocks.1.0.conv_dw.weight",
        "blocks.3.0.se.conv_expand.bias", "blocks.3.1.conv_pwl.weight", "blocks.5.1.bn3.bias",
    ]
    make(architecture, model, seed, args, gradients)


def mobilenet(architecture, seed):
    args = {"channel_multiplier": 0.1, "depth_multiplier": 0.5}
    model = efficientnet._gen_mobilenet_v2(architecture, **args, num_classes=0)
    gradients = ["conv_stem.weight", "blocks.1.0.conv_dw.weight", "blocks.3.1.conv_pwl.weight", "bn2.bias"]
    make(architecture, model, seed, args, gradients)


def resnet(architecture, seed, layers, channels, gradients):
    args = {"layers": layers, "channels": channels}
    model = timm.create_model(architecture, num_classes=0, **args)
    make(architecture, model, seed, args, ["layer2.0.downsample.0.weight", "bn1.bias", *gradients])


def mobilenet_v3(architecture, seed, **tensorflow):
    args = {"channel_multiplier": 0.1}
    model = mobilenetv3._gen_mobilenet_v3(architecture, **args, num_classes=0, **tensorflow)
    # What comes after pooling.
    model.conv_head, model.norm_head = torch.nn.Identity(), torch.nn.Identity()
    gradients = [
        "conv_stem.weight", "blocks.2.0.conv_dw.weight", "blocks.2.0.se.conv_reduce.weight",
        "blocks.2.1.se.conv_expand.bias", "blocks.3.1.conv_pwl.weight",
        "blocks.4.0.se.conv_expand.weight", "blocks.1.0.bn2.weight",
    ]
    make(architecture, model, seed, args, gradients)


CONVNEXT = {"depths": [1, 2, 1, 1], "dims": [8, 8, 16, 16]}


def convnext(architecture, seed):
    model = timm.create_model(architecture, num_classes=0, **CONVNEXT)
    model.head = torch.nn.Identity()
    gradients = [
        "stem.0.weight", "stem.1.bias", "stages.1.downsample.0.weight", "stages.1.downsample.1.weight",
        "stages.1.blocks.1.conv_dw.weight", "stages.2.blocks.0.mlp.fc1.weight", "stages.0.blocks.0.mlp.fc2.bias",
        "stages.1.blocks.0.gamma", "stages.3.blocks.0.norm.weight",
    ]
    make(architecture, model, seed, CONVNEXT, gradients, (64, 80))


def convnext_of_transformers(seed):
    config = ConvNextConfig(depths=CONVNEXT["depths"], hidden_sizes=CONVNEXT["dims"], image_size=64)
    gradients = [
        "embeddings.patch_embeddings.weight", "encoder.stages.1.downsampling_layer.1.bias",
        "encoder.stages.1.layers.1.dwconv.bias", "encoder.stages.2.layers.0.pwconv1.weight",
        "encoder.stages.0.layers.0.layer_scale_parameter",
    ]
    vision("convnext", ConvNextModel(config), seed, gradients, [], (64, 80))


TIMM_VISION = {"embed_dim": 16, "depth": 2, "num_heads": 2, "mlp_ratio": 2.0}


def vision_of_timm(architecture, seed, size, patch, *more):
    args = {**TIMM_VISION, "patch_size": patch}
    model = timm.create_model(architecture, num_classes=0, img_size=size, dynamic_img_size=False, **args)
    gradients = [
        "cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias", "blocks.0.attn.qkv.weight",
        "blocks.1.attn.proj.bias", "blocks.0.norm1.weight", "blocks.1.mlp.fc1.weight", "norm.bias", *more,
    ]
    make(architecture, model, seed, args, gradients, size)


VISION = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 24, "patch_size": 8,
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
}
# Names in a file, and those of the module.
PARAMETERS = [
    ("attention.attention.query", "attention.q_proj"), ("attention.attention.key", "attention.k_proj"),
    ("attention.attention.value", "attention.v_proj"), ("attention.output.dense", "attention.o_proj"),
    ("intermediate.dense", "mlp.fc1"), ("output.dense", "mlp.fc2"),
]


def parameter(model, name):
    for old, new in PARAMETERS:
        name = name.replace(old, new)
    weights = dict(model.named_parameters())
    return weights[name if name in weights else name.replace("encoder.layer.", "layers.")]


def vision(folder, model, seed, gradients, others, size=(24, 24)):
    random_weights(model, seed)
    model.eval()
    model.half().save_pretrained(FOLDER / folder)
    model.float()
    generator = torch.Generator().manual_seed(seed + 1)
    expected = {}
    for part, (height, width), how in [("", size, {}), *others]:
        images = torch.randn((2, 3, height, width), generator=generator)
        features = model(images, **how).last_hidden_state
        upstream = torch.randn(features.shape, generator=generator)
        model.zero_grad()
        (features * upstream).sum().backward()
        features = features.detach().contiguous()
        expected |= {f"{part}images": images, f"{part}features": features, f"{part}upstream": upstream}
        for name in gradients:
            expected[f"{part}gradient.{name}"] = parameter(model, name).grad.clone()
    save_file(expected, FOLDER / folder / "expected.safetensors")
    print(folder, tuple(features.shape), "largest", features.abs().max().item())


def gradients_of(norm, dense, *more):
    return [
        "embeddings.cls_token", "embeddings.position_embeddings", "embeddings.patch_embeddings.projection.weight",
        "embeddings.patch_embeddings.projection.bias", "encoder.layer.0.attention.attention.query.weight",
        "encoder.layer.1.attention.attention.value.bias", f"encoder.layer.0.{norm}.weight",
        f"encoder.layer.1.{dense}.weight", *more,
    ]


def vision_transformers():
    interpolated = [("other.", (32, 16), {"interpolate_pos_encoding": True})]
    gradients = gradients_of("layernorm_before", "intermediate.dense")
    model = ViTModel(ViTConfig(**VISION, intermediate_size=24), add_pooling_layer=False)
    vision("vit", model, 6, gradients, interpolated)
    model = DeiTModel(DeiTConfig(**VISION, intermediate_size=24), add_pooling_layer=False)
    vision("deit", model, 7, [*gradients, "embeddings.distillation_token"], [])
    model = Dinov2Model(Dinov2Config(**VISION, mlp_ratio=2))
    scale = "encoder.layer.0.layer_scale1.lambda1"
    vision("dinov2", model, 8, gradients_of("norm2", "mlp.fc2", scale), [("other.", (32, 16), {})])


if __name__ == "__main__":
    lite("efficientnet_lite0", 1)
    # As timm's function of this name builds it: padding and epsilon of TensorFlow.
    lite("tf_efficientnet_lite0", 2, pad_type="same", bn_eps=1e-3)
    mobilenet("mobilenetv2_050", 3)
    resnet("resnet18", 4, [2, 1, 1, 1], [8, 8, 16, 16], ["layer1.1.conv2.weight", "layer3.0.bn1.weight"])
    resnet("resnet50", 5, [1, 2, 1, 1], [4, 4, 8, 8], ["layer1.0.conv2.weight", "layer2.1.conv3.weight"])
    vision_transformers()
    vision_of_timm("vit_tiny_patch16_224", 9, (24, 32), 8)
    vision_of_timm("deit_tiny_distilled_patch16_224", 10, (24, 24), 8, "dist_token")
    vision_of_timm("vit_small_patch14_dinov2", 11, (24, 24), 8, "blocks.0.ls1.gamma", "blocks.1.ls2.gamma")
    mobilenet_v3("mobilenetv3_small_100", 9)
    mobilenet_v3("tf_mobilenetv3_large_100", 10, pad_type="same", bn_eps=1e-3)
    convnext("convnext_tiny", 11)
    convnext_of_transformers(12)
    efficientnet_b("efficientnet_b0", 13)
