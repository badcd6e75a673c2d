"""Answers one row per request with an exported model: a JSON object in, a JSON object out.

    python3 serve.py model 8000

Needs onnxruntime and numpy, not mtl. It is for rows of numbers and categories; `predict.py`, which stands
in every bundle, also reads texts.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import onnxruntime

bundle, port = Path(sys.argv[1]), int(sys.argv[2])
card = json.loads((bundle / "mtl.json").read_text())["signature"]
session = onnxruntime.InferenceSession(bundle / "model.onnx")


def array(field, value):
    """One cell as `[1, 1]`: an empty text or NaN where it is missing; the model fills it in as in training."""
    if field["raw"] == "text":
        return np.array([[str(value or "")]], dtype=object)
    return np.array([[np.nan if value is None else float(value)]], field["raw"])


def answer(row):
    known = {field["name"] for field in card["inputs"]}
    if unknown := set(row) - known:
        raise ValueError(f"unknown inputs: {', '.join(sorted(unknown))}")
    feeds = {field["name"]: array(field, row.get(field["name"])) for field in card["inputs"]}
    outputs = dict(zip([port.name for port in session.get_outputs()], session.run(None, feeds)))
    said = {}
    for task in card["tasks"]:
        name, target = task["name"], task["target"]
        values = outputs[name][0]
        if target["kind"] == "binary":
            said[name] = {"class": target["classes"][int(values[0] >= target["threshold"])], "probability": float(values[0])}
        elif target["kind"] in ("multiclass", "ordinal"):
            best = int(values.argmax())
            said[name] = {"class": target["classes"][best], "probability": float(values[best])}
        else:
            said[name] = float(values[0])
    return said


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        try:
            row = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, said = 200, answer(row)
        except (ValueError, TypeError, AttributeError) as error:
            status, said = 400, {"error": str(error)}
        body = json.dumps(said).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
