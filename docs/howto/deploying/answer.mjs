// Answers one order with onnxruntime-web; the same lines run in a browser and in Node.js.
import * as ort from "onnxruntime-web";

// A browser fetches the file: InferenceSession.create("model/model.onnx").
const source = typeof window === "undefined" ? await (await import("node:fs/promises")).readFile("model/model.onnx") : "model/model.onnx";
const session = await ort.InferenceSession.create(source);

const text = (cell) => new ort.Tensor("string", [cell], [1, 1]);
const number = (cell) => new ort.Tensor("float32", [cell ?? NaN], [1, 1]);   // a missing number is NaN
const answers = await session.run({
  category: text("shoes"), carrier: text("green"), weekday: text("Fri"), express: text("no"),
  price: number(49.9), weight_kg: number(null), distance_km: number(620),
}, ["returned", "rating", "hours"]);
for (const [task, tensor] of Object.entries(answers)) console.log(task, Array.from(tensor.data, (x) => x.toFixed(4)).join(" "));
