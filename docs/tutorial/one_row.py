import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model/model.onnx")
row = {"category": "shoes", "carrier": "green", "weekday": "Fri", "express": "no"}
feeds = {name: np.array([[cell]], dtype=object) for name, cell in row.items()}
feeds |= {"price": np.float32([[49.9]]), "weight_kg": np.float32([[np.nan]]), "distance_km": np.float32([[620]])}
print(session.run(["returned", "rating", "hours"], feeds))
