#!/usr/bin/env python3
"""Speed and memory of tuning all-MiniLM-L6-v2, compared with PyTorch, transformers and peft in the same run.

    pipelines/data/fetch models
    cargo build --release --locked
    python3 benches/fine_tuning.py target/release/mtl

Run nothing else on the machine meanwhile. The text of every row has 64 tokens, a batch 32 rows; two binary heads
read the mean of the tokens; AdamW, two threads. `full`, `freeze_3` and `lora` (rank 8, queries and values) print
the median milliseconds per step and the peak memory of the process; `frozen_pass` the milliseconds per 32 rows of
the stage `features`, against ONNX Runtime with the same threads on the model that the run exports. Both sides take
turns; above 1, mtl is faster. Tokenizing is in neither time, gathering batches only in mtl's. Needs torch 2.11,
transformers 5.24, peft 0.18, onnxruntime, numpy and tokenizers.
"""

import argparse
import itertools
import json
import os
import pathlib
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from processor import processor

MODEL = pathlib.Path(__file__).resolve().parent / "../pipelines/data/models/all-MiniLM-L6-v2"
THREADS, BATCH, LENGTH = 2, 32, 64
WAYS = {
    "full": {},
    "freeze_3": {"freeze": 3},
    "lora": {"lora": {"rank": 8, "targets": ["query", "value"]}},
    "frozen_pass": {"freeze": "all"},
}


def rows(folder, count):
    """Texts of words that are one token each, so that with both special tokens all have the same length."""
    vocabulary = json.loads((MODEL / "tokenizer.json").read_text())["model"]["vocab"]
    words = [word for word in vocabulary if word.isascii() and word.isalpha() and len(word) > 3]
    draw = random.Random(0)
    with open(folder / "rows.jsonl", "w") as file:
        for _ in range(count):
            text = " ".join(draw.choice(words) for _ in range(LENGTH - 2))
            file.write(json.dumps({"text": text, "a": draw.randint(0, 1), "b": draw.randint(0, 1)}) + "\n")


def pipeline(folder, way):
    pretrained = json.dumps({"path": str(MODEL.resolve()), **WAYS[way]})
    count = 1600 if way == "frozen_pass" else 400
    rows(folder, count)
    (folder / "pipeline.yaml").write_text(f"""
name: bench
data: {{rows: {{source: {{jsonl: rows.jsonl}}, split: {{random: {{valid: 0.02, test: 0.02}}}}}}}}
inputs: {{text: {{text: {{tokenizer: {{pretrained: {json.dumps(str(MODEL.resolve()))}}}, length: {LENGTH}}}}}}}
trunk: [{{pretrained: {pretrained}}}, {{pool: mean}}]
tasks: {{a: {{target: a, kind: binary}}, b: {{target: b, kind: binary}}}}
train: {{epochs: 3, batch_size: {BATCH}, optimizer: {{adamw: {{rate: 1.0e-4}}}}}}
""")
    return count


def said(command):
    """Standard output and peak memory in MB of a process that must end well."""
    child = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))}\nended with {status}")
    return output, usage.ru_maxrss / 1024


def ours(binary, folder, way, count, bundle=None):
    """Milliseconds per batch and peak memory; copies the exported model to `bundle`."""
    with tempfile.TemporaryDirectory() as runs:
        mtl = [binary, "--runs", runs]
        only = [] if bundle else ["--only", "features" if way == "frozen_pass" else "train"]
        _, memory = said([*mtl, "run", folder / "pipeline.yaml", "--quiet", "--threads", THREADS, *only])
        if bundle:
            said([*mtl, "export", "last", "--to", bundle])
            return None
        if way == "frozen_pass":
            query = "select sum(seconds) as seconds from stages where stage like 'features%'"
            seconds = json.loads(said([*mtl, "query", query, "--format", "json"])[0])[0]["seconds"]
            return 1000 * seconds * BATCH / count, memory
        query = "select rows_per_second from epochs order by epoch"
        speeds = json.loads(said([*mtl, "query", query, "--format", "json"])[0])
        return 1000 * BATCH / statistics.median(row["rows_per_second"] for row in speeds[1:]), memory


def runtime(folder, bundle):
    """Milliseconds per batch of ONNX Runtime over all rows, the batches prepared before."""
    import onnxruntime

    sys.path.insert(0, str(bundle))
    from predict import Model

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(bundle / "model.onnx", options, providers=["CPUExecutionProvider"])
    batches = list(itertools.islice(Model(bundle).batches(folder / "rows.jsonl", BATCH), 40))
    session.run(None, batches[0])
    start = time.perf_counter()
    for batch in batches:
        session.run(None, batch)
    return 1000 * (time.perf_counter() - start) / len(batches)


def torch_step(way):
    """Milliseconds per step of the same network in PyTorch."""
    import torch
    import transformers

    torch.manual_seed(0)
    torch.set_num_threads(THREADS)
    transformers.logging.set_verbosity_error()
    encoder = transformers.AutoModel.from_pretrained(MODEL, add_pooling_layer=False)
    if way == "freeze_3":
        for part in [encoder.embeddings, *encoder.encoder.layer[:3]]:
            part.requires_grad_(False)
    if way == "lora":
        import peft

        encoder = peft.get_peft_model(encoder, peft.LoraConfig(r=8, target_modules=["query", "value"]))
    heads = torch.nn.Linear(384, 2)
    trained = [weight for part in (encoder, heads) for weight in part.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4)
    ids, mask = torch.randint(1000, 30000, (BATCH, LENGTH)), torch.ones(BATCH, LENGTH, dtype=torch.long)
    labels = torch.randint(0, 2, (BATCH, 2)).float()
    encoder.train()
    times = []
    for _ in range(15):
        start = time.perf_counter()
        optimizer.zero_grad()
        hidden = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        pooled = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(heads(pooled), labels)
        (2 * loss).backward()
        optimizer.step()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[3:])


def peer(folder, way, bundle):
    if way == "frozen_pass":
        milliseconds = runtime(folder, bundle)
    else:
        milliseconds = torch_step(way)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"milliseconds": milliseconds, "memory": memory}))


def main():
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("mtl", type=pathlib.Path, help="the binary")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default=",".join(WAYS))
    parser.add_argument("--peer", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peer:
        return peer(pathlib.Path(given.peer[0]), given.peer[1], pathlib.Path(given.peer[2]))
    binary = given.mtl.resolve()
    print(processor())
    if os.getloadavg()[0] > 0.5:
        print("the machine is busy: numbers will be off", file=sys.stderr)
    print(f"{'ms per batch':<14}{'mtl':>9}{'peer':>9}{'ratio':>7}{'MB: mtl':>10}{'peer':>7}")
    for way in given.only.split(","):
        with tempfile.TemporaryDirectory() as temporary:
            folder, bundle = pathlib.Path(temporary), pathlib.Path(temporary) / "bundle"
            count, turns = pipeline(folder, way), []
            if way == "frozen_pass":
                ours(binary, folder, way, count, bundle)
            for _ in range(given.repeats):
                mine = ours(binary, folder, way, count)
                other = json.loads(said([sys.executable, __file__, binary, "--peer", folder, way, bundle])[0].splitlines()[-1])
                turns.append((*mine, other["milliseconds"], other["memory"]))
        mine, memory, other, other_memory = (statistics.median(column) for column in zip(*turns))
        ratio = statistics.median(turn[2] / turn[0] for turn in turns)
        print(f"{way:<14}{mine:>9.1f}{other:>9.1f}{ratio:>7.2f}{memory:>10.0f}{other_memory:>7.0f}", flush=True)


if __name__ == "__main__":
    main()
