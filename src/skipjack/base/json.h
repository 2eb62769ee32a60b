// JSON values. One ordered value type serves configurations, metrics, journals and results. Text
// may hold NaN, Infinity and -Infinity, as Python's json module writes and reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace skipjack {

/// null, bool, 64-bit integer, double, string, array or object (in insertion order, keys unique).
/// 1 and 1.0 are different values of different types, as in Python's repr. A value type: copies are
/// deep.
class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;

  Json() : value_(nullptr) {}
  Json(std::nullptr_t) : value_(nullptr) {}
  Json(bool value) : value_(value) {}
  Json(int value) : value_(static_cast<std::int64_t>(value)) {}
  Json(std::int64_t value) : value_(value) {}
  Json(long long value) : value_(static_cast<std::int64_t>(value)) {}
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_int() const { return std::holds_alternative<std::int64_t>(value_); }
  bool is_double() const { return std::holds_alternative<double>(value_); }
  bool is_number() const { return is_int() || is_double(); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }

  /// Each throws InvalidArgument if the value is of another type. as_double takes integers too;
  /// as_int takes doubles that are whole numbers.
  bool as_bool() const;
  std::int64_t as_int() const;
  double as_double() const;
  const std::string& as_string() const;
  const Array& as_array() const;
  const Object& as_object() const;
  Array& as_array();
  Object& as_object();

  /// Object member, or nullptr if there is none or this is no object.
  const Json* find(std::string_view key) const;
  /// Object member; throws InvalidArgument naming the key if it is missing.
  const Json& at(std::string_view key) const;
  /// Sets an object member, appending it if it is new; makes an object of null.
  void set(std::string_view key, Json value);

  friend bool operator==(const Json&, const Json&) = default;

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> value_;
};

/// Parses one JSON value that fills the whole text. Throws InvalidArgument with the position for
/// bad text, nesting deeper than 100 levels and invalid UTF-8. Integers outside 64 bits become
/// doubles.
Json parse_json(std::string_view text);
/// The same, nullopt for bad text: for input in which errors are ordinary.
std::optional<Json> try_parse_json(std::string_view text);

/// One line ("{\"a\":1}"), or indented by two spaces.
enum class JsonStyle { Compact, Indented };
std::string to_json_text(const Json& value, JsonStyle style = JsonStyle::Compact);

/// The value as Python's str() prints it: 1e-05, 0.1, 1.0, True, None, nan, [1, 'a'].
std::string to_python_text(const Json& value);

/// The shortest decimal that reads back as the same double.
std::string shortest_decimal(double value);

}  // namespace skipjack
