// Answers one order with ONNX Runtime's C++ API.
#include <onnxruntime_cxx_api.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

int main() {
    Ort::Env env;
    Ort::Session session(env, ORT_TSTR("model/model.onnx"), Ort::SessionOptions());
    Ort::AllocatorWithDefaultOptions allocator;
    auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    const std::array<int64_t, 2> shape{1, 1};  // [rows, 1]; more rows make a batch

    // Raw cells, as in the CSV: texts as strings, numbers as floats, a missing number as NaN.
    std::array<const char*, 4> texts{"shoes", "green", "Fri", "no"};
    std::array<float, 3> numbers{49.9f, NAN, 620.0f};
    std::array<const char*, 7> inputs{"category", "carrier", "weekday", "express", "price", "weight_kg", "distance_km"};
    std::vector<Ort::Value> values;
    for (auto& text : texts) {
        auto value = Ort::Value::CreateTensor(allocator, shape.data(), shape.size(), ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
        value.FillStringTensor(&text, 1);
        values.push_back(std::move(value));
    }
    for (auto& number : numbers)
        values.push_back(Ort::Value::CreateTensor<float>(memory, &number, 1, shape.data(), shape.size()));

    std::array<const char*, 3> outputs{"returned", "rating", "hours"};
    auto answers = session.Run(Ort::RunOptions{nullptr}, inputs.data(), values.data(), inputs.size(), outputs.data(), outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
        std::printf("%s", outputs[i]);
        const float* row = answers[i].GetTensorData<float>();
        for (size_t j = 0; j < answers[i].GetTensorTypeAndShapeInfo().GetElementCount(); ++j) std::printf(" %.4f", row[j]);
        std::printf("\n");
    }
}
