#include "skipjack/base/json.h"

#include <rapidjson/encodedstream.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

constexpr std::size_t kMaxDepth = 100;
// Numbers come as text and are read here: RapidJSON's own reading of them takes NaNe9 for a number
// and shifts out of range for long mantissas.
constexpr unsigned kReadFlags =
    rapidjson::kParseNanAndInfFlag | rapidjson::kParseNumbersAsStringsFlag |
    rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag;

/// nullopt for what is no number. 1e-400 is 0; RapidJSON has refused 1e400 before.
std::optional<Json> read_number(std::string_view text) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "NaN") return Json(std::numeric_limits<double>::quiet_NaN());
  if (text == "Infinity" || text == "Inf") return Json(kInfinity);
  if (text == "-Infinity" || text == "-Inf") return Json(-kInfinity);
  const char* const end = text.data() + text.size();
  if (text.find_first_of(".eE") == std::string_view::npos) {
    std::int64_t integer = 0;
    const auto result = std::from_chars(text.data(), end, integer);
    if (result.ec == std::errc{} && result.ptr == end) return Json(integer);
  }
  double real = 0;
  const auto result = std::from_chars(text.data(), end, real);
  if (result.ptr != end || result.ec == std::errc::invalid_argument) return std::nullopt;
  if (result.ec == std::errc::result_out_of_range)
    return Json(std::strtod(std::string(text).c_str(), nullptr));
  return Json(real);
}

/// Builds a Json from RapidJSON's events; open containers live on a stack.
class Builder {
 public:
  bool Null() { return add(nullptr); }
  bool Bool(bool b) { return add(b); }
  bool Int(int) { return false; }  // this and the next four: see kReadFlags
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* s, rapidjson::SizeType n, bool) {
    auto number = read_number({s, n});
    if (!number) return refuse("Invalid number.");
    return add(std::move(*number));
  }
  bool String(const char* s, rapidjson::SizeType n, bool) { return add(std::string(s, n)); }
  bool Key(const char* s, rapidjson::SizeType n, bool) {
    open_.back().key.assign(s, n);
    return true;
  }
  bool StartObject() { return start(Json::Object{}); }
  bool StartArray() { return start(Json::Array{}); }
  bool EndObject(rapidjson::SizeType) { return end(); }
  bool EndArray(rapidjson::SizeType) { return end(); }

  Json take() { return std::move(root_); }
  /// Why one of the above said no.
  const char* refusal() const { return refusal_; }

 private:
  struct Open {
    Json value;
    std::string key;
  };

  bool start(Json empty) {
    if (open_.size() >= kMaxDepth) return refuse("Nested more than 100 levels deep.");
    open_.push_back({std::move(empty), {}});
    return true;
  }
  bool refuse(const char* why) {
    refusal_ = why;
    return false;
  }
  bool end() {
    Json value = std::move(open_.back().value);
    open_.pop_back();
    return add(std::move(value));
  }
  bool add(Json value) {
    if (open_.empty())
      root_ = std::move(value);
    else if (open_.back().value.is_array())
      open_.back().value.as_array().push_back(std::move(value));
    else
      open_.back().value.set(open_.back().key, std::move(value));
    return true;
  }

  std::vector<Open> open_;
  Json root_;
  const char* refusal_ = "";
};

template <class Writer>
void write(Writer& writer, const Json& value) {
  if (value.is_null()) {
    writer.Null();
  } else if (value.is_bool()) {
    writer.Bool(value.as_bool());
  } else if (value.is_int()) {
    writer.Int64(value.as_int());
  } else if (value.is_double()) {
    const double d = value.as_double();
    const std::string text = std::isnan(d)   ? "NaN"
                             : std::isinf(d) ? (d > 0 ? "Infinity" : "-Infinity")
                                             : shortest_decimal(d);
    writer.RawValue(text.data(), text.size(), rapidjson::kNumberType);
  } else if (value.is_string()) {
    const std::string& text = value.as_string();
    writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  } else if (value.is_array()) {
    writer.StartArray();
    for (const Json& item : value.as_array()) write(writer, item);
    writer.EndArray();
  } else {
    writer.StartObject();
    for (const auto& [key, item] : value.as_object()) {
      writer.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
      write(writer, item);
    }
    writer.EndObject();
  }
}

const char* type_name(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "a bool";
  if (value.is_int()) return "an integer";
  if (value.is_double()) return "a number";
  if (value.is_string()) return "a string";
  return value.is_array() ? "a list" : "an object";
}

[[noreturn]] void wrong_type(const Json& value, const char* wanted) {
  std::string text = to_json_text(value);
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  throw Error(ErrorCode::InvalidArgument, text + " is " + type_name(value) + ", not " + wanted);
}

}  // namespace

bool Json::as_bool() const {
  if (!is_bool()) wrong_type(*this, "a bool");
  return std::get<bool>(value_);
}

std::int64_t Json::as_int() const {
  if (is_int()) return std::get<std::int64_t>(value_);
  if (is_double()) {
    const double d = std::get<double>(value_);
    if (d == std::floor(d) && std::abs(d) < 0x1.0p63) return static_cast<std::int64_t>(d);
  }
  wrong_type(*this, "an integer");
}

double Json::as_double() const {
  if (is_int()) return static_cast<double>(std::get<std::int64_t>(value_));
  if (!is_double()) wrong_type(*this, "a number");
  return std::get<double>(value_);
}

const std::string& Json::as_string() const {
  if (!is_string()) wrong_type(*this, "a string");
  return std::get<std::string>(value_);
}

const Json::Array& Json::as_array() const {
  if (!is_array()) wrong_type(*this, "a list");
  return std::get<Array>(value_);
}

const Json::Object& Json::as_object() const {
  if (!is_object()) wrong_type(*this, "an object");
  return std::get<Object>(value_);
}

Json::Array& Json::as_array() { return const_cast<Array&>(std::as_const(*this).as_array()); }
Json::Object& Json::as_object() { return const_cast<Object&>(std::as_const(*this).as_object()); }

const Json* Json::find(std::string_view key) const {
  if (!is_object()) return nullptr;
  for (const auto& [name, value] : std::get<Object>(value_))
    if (name == key) return &value;
  return nullptr;
}

const Json& Json::at(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr)
    throw Error(ErrorCode::InvalidArgument, "'" + std::string(key) + "' is missing");
  return *value;
}

void Json::set(std::string_view key, Json value) {
  if (is_null()) value_ = Object{};
  Object& object = as_object();
  for (auto& [name, old] : object)
    if (name == key) {
      old = std::move(value);
      return;
    }
  object.emplace_back(std::string(key), std::move(value));
}

Json parse_json(std::string_view text) {
  Builder builder;
  rapidjson::Reader reader;
  rapidjson::MemoryStream bytes(text.data(), text.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(bytes);
  const rapidjson::ParseResult result = reader.Parse<kReadFlags>(stream, builder);
  if (result.IsError()) {
    const char* why = result.Code() == rapidjson::kParseErrorTermination
                          ? builder.refusal()
                          : rapidjson::GetParseError_En(result.Code());
    throw Error(ErrorCode::InvalidArgument,
                "bad JSON at byte " + std::to_string(result.Offset()) + ": " + why);
  }
  return builder.take();
}

std::optional<Json> try_parse_json(std::string_view text) {
  try {
    return parse_json(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string to_json_text(const Json& value, JsonStyle style) {
  rapidjson::StringBuffer buffer;
  if (style == JsonStyle::Compact) {
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    write(writer, value);
  } else {
    rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
    writer.SetIndent(' ', 2);
    write(writer, value);
  }
  return {buffer.GetString(), buffer.GetSize()};
}

std::string shortest_decimal(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  SKIPJACK_CHECK(error == std::errc{});
  std::string text(buffer, end);
  if (text.find_first_of(".eEn") == std::string::npos) text += ".0";
  return text;
}

std::string to_python_text(const Json& value) {
  if (value.is_null()) return "None";
  if (value.is_bool()) return value.as_bool() ? "True" : "False";
  if (value.is_int()) return std::to_string(value.as_int());
  if (value.is_double()) {
    const double d = value.as_double();
    if (std::isnan(d)) return "nan";
    if (std::isinf(d)) return d > 0 ? "inf" : "-inf";
    // Python prints positionally for exponents in [-4, 16), else with an exponent of two digits or
    // more.
    if (d != 0 && (std::abs(d) < 1e-4 || std::abs(d) >= 1e16)) {
      char buffer[32];
      const auto result =
          std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::scientific);
      return {buffer, result.ptr};
    }
    char buffer[64];
    const auto result = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::fixed);
    std::string text(buffer, result.ptr);
    if (text.find('.') == std::string::npos) text += ".0";
    return text;
  }
  if (value.is_string()) return value.as_string();
  const auto quoted = [](const Json& item) {
    return item.is_string() ? "'" + item.as_string() + "'" : to_python_text(item);
  };
  std::string text;
  if (value.is_array()) {
    for (const Json& item : value.as_array()) text += (text.empty() ? "" : ", ") + quoted(item);
    return "[" + text + "]";
  }
  for (const auto& [key, item] : value.as_object())
    text += (text.empty() ? "'" : ", '") + key + "': " + quoted(item);
  return "{" + text + "}";
}

}  // namespace skipjack
