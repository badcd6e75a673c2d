#!/usr/bin/env python3
"""Size and speed of exported models of 32, 16 and 8 bits in ONNX Runtime, on the same rows.

    for precision in f32 f16 int8; do
        mtl run pipelines/tweets_pretrained.yaml --set export.onnx.precision=$precision
        mtl export last --to bundle-$precision
    done
    python3 benches/rounding.py pipelines/data/tweets/tweets.csv bundle-f32 bundle-f16 bundle-int8

The training is cached: only the export differs. Rows are read as `predict.py` reads them. Batches of all
models take turns, so that whatever else the machine does meets all of them; a rate is that of the median
batch. Ratios are to the first model. The last line is JSON. Needs onnxruntime, numpy and tokenizers.
"""

import argparse
import itertools
import json
import pathlib
import statistics
import sys
import time

import onnxruntime

REPEATS = 5


def opened(folder, threads):
    """A bundle's session, its size in bytes, and its precision."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    card = json.loads((folder / "mtl.json").read_text())
    own = (file for file in card["files"] if file["part"] in ("model", "data") and "of" not in file)
    size = sum(file["bytes"] for file in own)
    return session, size, card.get("precision", "f32")


def main():
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("rows", type=pathlib.Path)
    parser.add_argument("bundles", type=pathlib.Path, nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--most", type=int, default=256, help="rows to predict (default 256)")
    options = parser.parse_args()
    sys.path.insert(0, str(options.bundles[0]))
    from predict import Model

    model = Model(options.bundles[0])
    models = [opened(folder, options.threads) for folder in options.bundles]
    result = {"onnxruntime": onnxruntime.__version__, "threads": options.threads, "models": []}
    for session, size, precision in models:
        result["models"].append({"precision": precision, "bytes": size, "of_first": size / models[0][1]})
    for size in (1, 32):
        times = [[] for _ in models]
        rows = list(itertools.islice(model.batches(options.rows, size), options.most // size))
        for _, batch in itertools.product(range(REPEATS), rows):
            for (session, _, _), own in zip(models, times):
                began = time.perf_counter()
                session.run(None, batch)
                own.append(time.perf_counter() - began)
        medians = [statistics.median(own) for own in times]
        for entry, median in zip(result["models"], medians):
            entry[f"rows_per_second_{size}"] = size / median
            entry[f"speed_{size}"] = medians[0] / median
    print("precision        MB  of first   rows/s of 1   speed  rows/s of 32   speed")
    for entry in result["models"]:
        print(f"{entry['precision']:<9} {entry['bytes'] / 1e6:9.1f} {entry['of_first']:9.2f} "
              f"{entry['rows_per_second_1']:13.1f} {entry['speed_1']:7.2f} "
              f"{entry['rows_per_second_32']:13.1f} {entry['speed_32']:7.2f}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
