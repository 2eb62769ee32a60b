#include "skipjack/benchmark/lcbench_file.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/json.h"
#include "skipjack/benchmark/gzip.h"

namespace skipjack::benchmark {
namespace {

static_assert(std::endian::native == std::endian::little,
              "arrays are read as they lie in the file");

constexpr std::string_view kFormat = "skipjack-lcbench-1";
/// Of width and number of gates: no file makes us allocate more than a few megabytes.
constexpr std::int64_t kMaxSize = 4096;

[[noreturn]] void corrupted(const std::string& what) { throw Error(ErrorCode::Corrupted, what); }

/// Takes the arrays one after the other, each by its name and shape.
class ArrayReader {
 public:
  ArrayReader(const Json::Array& listed, std::string_view bytes) : listed_(listed), bytes_(bytes) {}

  std::vector<float> take(const std::string& name, std::size_t rows, std::size_t columns = 0) {
    Json::Array shape = {Json(name), Json(static_cast<std::int64_t>(rows))};
    if (columns > 0) shape.emplace_back(static_cast<std::int64_t>(columns));
    if (next_ == listed_.size() || listed_[next_] != Json(shape))
      corrupted("array " + std::to_string(next_) + " is not " + to_json_text(Json(shape)));
    ++next_;
    std::vector<float> values(rows * std::max<std::size_t>(1, columns));
    const std::size_t size = values.size() * sizeof(float);
    if (bytes_.size() < size) corrupted("it ends within array '" + name + "'");
    std::memcpy(values.data(), bytes_.data(), size);
    bytes_.remove_prefix(size);
    for (const float value : values)
      if (!std::isfinite(value)) corrupted("array '" + name + "' has a value that is not finite");
    return values;
  }

  void finish() const {
    if (next_ != listed_.size() || !bytes_.empty()) corrupted("it goes on after the last array");
  }

 private:
  const Json::Array& listed_;
  std::string_view bytes_;
  std::size_t next_ = 0;
};

std::size_t size_at(const Json& header, std::string_view key) {
  const std::int64_t size = header.at(key).as_int();
  if (size < 1 || size > kMaxSize)
    corrupted(std::string(key) + " = " + std::to_string(size) + " must be in [1, " +
              std::to_string(kMaxSize) + "]");
  return static_cast<std::size_t>(size);
}

InputTransform input_transform(const Json& json) {
  const InputTransform transform{.logarithm = json.at("log").as_bool(),
                                 .shift = json.at("shift").as_double(),
                                 .scale = json.at("scale").as_double()};
  if (!(transform.scale > 0)) corrupted("the scale of an input must be > 0");
  return transform;
}

OutputTransform output_transform(const Json& header, std::size_t index, std::string_view name) {
  const Json::Array& outputs = header.at("outputs").as_array();
  if (index >= outputs.size() || outputs[index].at("name").as_string() != name)
    corrupted("output " + std::to_string(index) + " is not '" + std::string(name) + "'");
  return {.exponential = outputs[index].at("exp").as_bool(),
          .scale = outputs[index].at("scale").as_double(),
          .shift = outputs[index].at("shift").as_double()};
}

Parameter parameter(const Json& json) {
  const std::string& name = json.at("name").as_string();
  const bool logarithm = json.at("log").as_bool();
  if (json.at("integer").as_bool()) {
    const std::int64_t lower = json.at("lower").as_int(), upper = json.at("upper").as_int();
    return {name, logarithm ? log_rand_int(lower, upper) : rand_int(lower, upper)};
  }
  const double lower = json.at("lower").as_double(), upper = json.at("upper").as_double();
  return {name, logarithm ? log_uniform(lower, upper) : uniform(lower, upper)};
}

Reference reference(const Json& json) {
  return {.best = json.at("best").as_double(), .median = json.at("median").as_double()};
}

void read_header(const Json& header, LcbenchFile& file) {
  if (header.at("format") != Json(kFormat))
    corrupted("its format is not '" + std::string(kFormat) + "'");
  for (const Json& task : header.at("tasks").as_array()) {
    file.tasks.push_back(task.as_string());
    const Json& references = header.at("reference").at(task.as_string());
    file.accuracy_reference.push_back(reference(references.at("validation_accuracy")));
    file.cross_entropy_reference.push_back(reference(references.at("validation_cross_entropy")));
  }
  file.num_epochs = static_cast<int>(size_at(header, "num_epochs"));
  file.inputs.push_back(input_transform(header.at("epoch")));
  std::vector<Parameter> parameters;
  for (const Json& json : header.at("parameters").as_array()) {
    parameters.push_back(parameter(json));
    file.inputs.push_back(input_transform(json.at("input")));
  }
  file.space = SearchSpace(std::move(parameters));
  file.seconds = output_transform(header, 0, "seconds");
  file.validation_accuracy = output_transform(header, 1, "validation_accuracy");
  file.validation_cross_entropy = output_transform(header, 2, "validation_cross_entropy");
}

void read_network(const Json& header, std::string_view bytes, LcbenchFile& file) {
  GatedNetwork& network = file.network;
  network.num_inputs = file.inputs.size();
  network.width = size_at(header, "width");
  network.num_gates = size_at(header, "num_gates");
  network.num_outputs = header.at("outputs").as_array().size();
  const std::size_t w = network.width, p = network.num_gates;
  ArrayReader arrays(header.at("arrays").as_array(), bytes);
  file.task_bias = arrays.take("task_bias", file.tasks.size(), w);
  network.input = arrays.take("input", w, network.num_inputs);
  network.layers.resize(size_at(header, "num_layers"));
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    GatedLayer& layer = network.layers[i];
    const std::string number = std::to_string(i);
    layer.value = arrays.take("value" + number, p, w);
    layer.value_bias = arrays.take("value_bias" + number, p);
    layer.gate = arrays.take("gate" + number, p, w);
    layer.gate_bias = arrays.take("gate_bias" + number, p);
    layer.back = arrays.take("back" + number, w, p);
    layer.back_bias = arrays.take("back_bias" + number, w);
  }
  network.last_scale = arrays.take("last_scale", w);
  network.last_shift = arrays.take("last_shift", w);
  network.head = arrays.take("head", network.num_outputs, w);
  network.head_bias = arrays.take("head_bias", network.num_outputs);
  arrays.finish();
}

}  // namespace

LcbenchFile read_lcbench_file(const std::filesystem::path& path) {
  const std::string bytes = read_gzip(path);
  const std::size_t end = bytes.find('\n');
  try {
    if (end == std::string::npos) corrupted("it has no first line");
    const Json header = parse_json(std::string_view(bytes).substr(0, end));
    LcbenchFile file;
    read_header(header, file);
    read_network(header, std::string_view(bytes).substr(end + 1), file);
    return file;
  } catch (const Error& error) {
    throw Error(ErrorCode::Corrupted,
                "surrogate '" + path.string() + "' can't be used: " + error.what(),
                "make it again with bench/data/make_lcbench.py");
  }
}

}  // namespace skipjack::benchmark
