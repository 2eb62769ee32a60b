// Domains as people write them: a name and arguments, "lograndint(1MiB, 1GiB)". Reads one call
// without nesting other than one list; no expressions.
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/invalid.h"
#include "skipjack/space/domain.h"
#include "skipjack/space/scalar.h"
#include "skipjack/space/text_of.h"

namespace skipjack {
namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string shown(std::string_view text) {
  return text.size() > 100 ? std::string(text.substr(0, 97)) + "..." : std::string(text);
}

/// One argument: a value, and as written, since 8MiB is a text in one place and a number in
/// another.
struct Argument {
  std::string keyword;
  Json value;
  std::string written;
};

struct Call {
  std::string name;
  std::vector<Argument> arguments;
};

class CallReader {
 public:
  explicit CallReader(std::string_view text) : text_(trim(text)) {}

  Call read() {
    Call call;
    while (is_word(peek())) call.name += text_[position_++];
    skip_spaces();
    expect('(');
    skip_spaces();
    while (peek() != ')') {
      call.arguments.push_back(argument());
      skip_spaces();
      if (peek() == ',')
        ++position_;
      else if (peek() != ')')
        bad("',' or ')'");
      skip_spaces();
    }
    ++position_;
    if (position_ != text_.size()) bad("nothing more");
    return call;
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
  }
  void skip_spaces() {
    while (position_ < text_.size() && is_space(text_[position_])) ++position_;
  }
  void expect(char c) {
    if (peek() != c) bad("'" + std::string(1, c) + "'");
    ++position_;
  }
  [[noreturn]] void bad(const std::string& wanted) const {
    invalid("'" + shown(text_) + "': expected " + wanted + " at character " +
                std::to_string(position_ + 1),
            "write name(value, ...), such as loguniform(1e-6, 1)");
  }

  Argument argument() {
    Argument result;
    std::size_t end = position_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    std::size_t after = end;
    while (after < text_.size() && is_space(text_[after])) ++after;
    if (end > position_ && after < text_.size() && text_[after] == '=') {
      result.keyword = text_.substr(position_, end - position_);
      position_ = after + 1;
      skip_spaces();
    }
    if (peek() != '[') {
      const std::size_t start = position_;
      result.value = scalar();
      result.written = trim(text_.substr(start, position_ - start));
      return result;
    }
    ++position_;
    Json::Array items;
    skip_spaces();
    while (peek() != ']') {
      items.push_back(scalar());
      skip_spaces();
      if (peek() == ',')
        ++position_;
      else if (peek() != ']')
        bad("',' or ']'");
      skip_spaces();
    }
    ++position_;
    result.value = Json(std::move(items));
    return result;
  }

  Json scalar() {
    skip_spaces();
    if (peek() == '"') return json_string();
    if (peek() == '\'') return single_quoted();
    const std::size_t start = position_;
    while (position_ < text_.size() &&
           std::string_view(",()[]=\"'").find(text_[position_]) == std::string_view::npos)
      ++position_;
    const std::string_view word = trim(text_.substr(start, position_ - start));
    if (word.empty()) bad("a value");
    return plain_scalar(word);
  }

  Json json_string() {
    std::size_t end = position_ + 1;
    while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) bad("a closing quote");
    const auto value = try_parse_json(text_.substr(position_, end + 1 - position_));
    if (!value) bad("a string in JSON's spelling");
    position_ = end + 1;
    return *value;
  }

  Json single_quoted() {
    const std::size_t end = text_.find('\'', position_ + 1);
    if (end == std::string_view::npos) bad("a closing quote");
    const std::string_view content = text_.substr(position_ + 1, end - position_ - 1);
    position_ = end + 1;
    return Json(content);
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

/// Hands out the arguments by position or keyword, each once.
class Arguments {
 public:
  explicit Arguments(Call call) : call_(std::move(call)) {}

  double number(const char* keyword) {
    const Argument& argument = require(keyword);
    if (argument.value.is_number()) return argument.value.as_double();
    if (!argument.value.is_string())
      invalid(std::string(keyword) + " = " + to_json_text(argument.value) + " must be a number");
    try {
      return static_cast<double>(parse_byte_size(argument.value.as_string()));
    } catch (const Error&) {
      invalid(std::string(keyword) + " = " + shown(argument.written) + " must be a number",
              "write a number such as 1e-6, or a byte size such as 8MiB");
    }
  }

  /// Rounded to a whole number, so that lograndint(1e2, 1e5) may be written.
  std::int64_t integer(const char* keyword) {
    const double value = number(keyword);
    if (!(std::abs(value) <= 0x1.0p53))
      invalid(std::string(keyword) + " = " + to_python_text(Json(value)) +
              " must be in [-2^53, 2^53]");
    return static_cast<std::int64_t>(std::nearbyint(value));
  }

  /// The one list, or all remaining arguments without a keyword.
  std::vector<Json> categories() {
    if (const auto index = find_unused("categories", 0)) {
      const Argument& first = call_.arguments[*index];
      if (first.value.is_array()) {
        used_[*index] = true;
        return first.value.as_array();
      }
    }
    std::vector<Json> values;
    for (std::size_t i = 0; i < call_.arguments.size(); ++i) {
      if (!call_.arguments[i].keyword.empty()) continue;
      used_[i] = true;
      values.push_back(call_.arguments[i].value);
    }
    return values;
  }

  std::optional<Json> optional(const char* keyword) {
    const auto index = find_unused(keyword, next_);
    if (!index) return std::nullopt;
    used_[*index] = true;
    return call_.arguments[*index].value;
  }

  void finish() const {
    for (std::size_t i = 0; i < call_.arguments.size(); ++i)
      if (!used_[i]) {
        const Argument& extra = call_.arguments[i];
        invalid(call_.name + " has no place for the argument " +
                shown(extra.keyword.empty() ? to_json_text(extra.value) : extra.keyword + "="));
      }
  }

 private:
  /// The argument with this keyword, else the first without one from position start on.
  std::optional<std::size_t> find_unused(std::string_view keyword, std::size_t start) const {
    for (std::size_t i = 0; i < call_.arguments.size(); ++i)
      if (!used_[i] && call_.arguments[i].keyword == keyword) return i;
    for (std::size_t i = start; i < call_.arguments.size(); ++i)
      if (!used_[i] && call_.arguments[i].keyword.empty()) return i;
    return std::nullopt;
  }

  const Argument& require(const char* keyword) {
    const auto index = find_unused(keyword, next_);
    if (!index) invalid(call_.name + " needs the argument " + keyword);
    used_[*index] = true;
    next_ = *index + 1;
    return call_.arguments[*index];
  }

  Call call_;
  std::vector<bool> used_ = std::vector<bool>(call_.arguments.size(), false);
  std::size_t next_ = 0;
};

Domain make_real(Scale scale, Arguments& arguments) {
  const double lower = arguments.number("lower");
  return FloatDomain{lower, arguments.number("upper"), scale};
}

Domain make_integer(Scale scale, Arguments& arguments) {
  const std::int64_t lower = arguments.integer("lower");
  return IntegerDomain{lower, arguments.integer("upper"), scale};
}

Domain make_finite_range(Scale scale, Arguments& arguments) {
  FiniteRangeDomain domain{.scale = scale};
  domain.lower = arguments.number("lower");
  domain.upper = arguments.number("upper");
  domain.size = arguments.integer("size");
  if (const auto cast_int = arguments.optional("cast_int"))
    domain.type = cast_int->as_bool() ? ValueType::Integer : ValueType::Float;
  return domain;
}

Domain make_ordinal(Arguments& arguments) {
  std::vector<Json> categories = arguments.categories();
  const auto kind = arguments.optional("kind");
  if (!kind || kind->is_null()) return ordinal(std::move(categories));
  const std::string& name = kind->as_string();
  if (name == "equal") return ordinal(std::move(categories), OrdinalKind::Equal);
  if (name == "nn") return ordinal(std::move(categories), OrdinalKind::NearestNeighbor);
  if (name == "nn-log") return ordinal(std::move(categories), OrdinalKind::NearestNeighborLog);
  invalid("kind = '" + shown(name) + "' is unknown", "use equal, nn or nn-log");
}

Domain make_quantized(Domain base, Arguments& arguments) {
  return quantized(std::move(base), arguments.number("q"));
}

using Maker = Domain (*)(Arguments&);
struct NamedMaker {
  std::string_view name;
  Maker make;
};

constexpr std::array kMakers = {
    NamedMaker{"uniform", [](Arguments& a) { return make_real(Scale::Linear, a); }},
    NamedMaker{"loguniform", [](Arguments& a) { return make_real(Scale::Log, a); }},
    NamedMaker{"reverseloguniform", [](Arguments& a) { return make_real(Scale::ReverseLog, a); }},
    NamedMaker{"randint", [](Arguments& a) { return make_integer(Scale::Linear, a); }},
    NamedMaker{"lograndint", [](Arguments& a) { return make_integer(Scale::Log, a); }},
    NamedMaker{"choice", [](Arguments& a) { return choice(a.categories()); }},
    NamedMaker{"ordinal", [](Arguments& a) { return make_ordinal(a); }},
    NamedMaker{"logordinal", [](Arguments& a) { return log_ordinal(a.categories()); }},
    NamedMaker{"finrange", [](Arguments& a) { return make_finite_range(Scale::Linear, a); }},
    NamedMaker{"logfinrange", [](Arguments& a) { return make_finite_range(Scale::Log, a); }},
    NamedMaker{"quniform",
               [](Arguments& a) { return make_quantized(make_real(Scale::Linear, a), a); }},
    NamedMaker{"qloguniform",
               [](Arguments& a) { return make_quantized(make_real(Scale::Log, a), a); }},
    NamedMaker{"qrandint",
               [](Arguments& a) { return make_quantized(make_integer(Scale::Linear, a), a); }},
    NamedMaker{"qlograndint",
               [](Arguments& a) { return make_quantized(make_integer(Scale::Log, a), a); }},
};

const NamedMaker* find_maker(std::string_view name) {
  for (const NamedMaker& maker : kMakers)
    if (maker.name == name) return &maker;
  return nullptr;
}

std::string number_text(double value) { return to_python_text(Json(value)); }
std::string number_text(std::int64_t value) { return std::to_string(value); }

std::string category_text(const Json& value) {
  if (!value.is_string()) return value.is_bool() ? to_json_text(value) : to_python_text(value);
  const std::string& text = value.as_string();
  for (const char c : text)
    if (c == '\'' || c == '\\' || static_cast<unsigned char>(c) < ' ') return to_json_text(value);
  return "'" + text + "'";
}

std::string list_text(const std::vector<Json>& categories) {
  std::string text;
  for (const Json& category : categories)
    text += (text.empty() ? "" : ", ") + category_text(category);
  return "[" + text + "]";
}

template <class Interval>
std::string bounds_text(const Interval& domain) {
  return number_text(domain.lower) + ", " + number_text(domain.upper);
}

std::string interval_name(const FloatDomain& domain) {
  return domain.scale == Scale::Linear ? "uniform"
         : domain.scale == Scale::Log  ? "loguniform"
                                       : "reverseloguniform";
}
std::string interval_name(const IntegerDomain& domain) {
  return domain.scale == Scale::Log ? "lograndint" : "randint";
}

std::string text_of(const FloatDomain& d) { return interval_name(d) + "(" + bounds_text(d) + ")"; }
std::string text_of(const IntegerDomain& d) {
  return interval_name(d) + "(" + bounds_text(d) + ")";
}
std::string text_of(const FiniteRangeDomain& d) {
  return std::string(d.scale == Scale::Log ? "logfinrange(" : "finrange(") + bounds_text(d) + ", " +
         number_text(d.size) + (d.type == ValueType::Integer ? ", cast_int=true)" : ")");
}
std::string text_of(const CategoricalDomain& d) {
  return "choice(" + list_text(d.categories) + ")";
}
std::string text_of(const OrdinalDomain& d) {
  if (d.kind == OrdinalKind::NearestNeighborLog)
    return "logordinal(" + list_text(d.categories) + ")";
  const char* const kind = d.kind == OrdinalKind::Equal ? ", kind=equal)" : ", kind=nn)";
  return "ordinal(" + list_text(d.categories) + kind;
}
std::string text_of(const QuantizedDomain& d) {
  return std::visit(
      [&](const auto& base) {
        return "q" + interval_name(base) + "(" + bounds_text(base) + ", " + number_text(d.quantum) +
               ")";
      },
      d.base);
}

}  // namespace

Json plain_scalar(std::string_view word) {
  if (word == "null" || word == "~" || word == "None" || word.empty()) return nullptr;
  if (word == "true" || word == "True") return true;
  if (word == "false" || word == "False") return false;
  std::string_view digits = word;
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  const char* const end = digits.data() + digits.size();
  const bool numeric = std::isdigit(static_cast<unsigned char>(digits[0])) != 0 ||
                       digits[0] == '-' || digits[0] == '.';
  if (numeric) {
    std::int64_t integer = 0;
    const auto as_integer = std::from_chars(digits.data(), end, integer);
    if (as_integer.ec == std::errc{} && as_integer.ptr == end) return integer;
    double real = 0;
    const auto as_real = std::from_chars(digits.data(), end, real);
    if (as_real.ec == std::errc{} && as_real.ptr == end && std::isfinite(real)) return real;
  }
  if (word.size() > 3 && word.substr(word.size() - 2) == "iB" && numeric && digits[0] != '-') {
    try {
      return parse_byte_size(word);
    } catch (const Error&) {
      return word;
    }
  }
  return word;
}

std::string to_text(const Domain& domain) {
  return std::visit([](const auto& kind) { return text_of(kind); }, domain);
}

bool looks_like_domain(std::string_view text) {
  text = trim(text);
  std::size_t length = 0;
  while (length < text.size() && is_word(text[length])) ++length;
  if (find_maker(text.substr(0, length)) == nullptr) return false;
  while (length < text.size() && is_space(text[length])) ++length;
  return length < text.size() && text[length] == '(';
}

Domain domain_from_text(std::string_view text) {
  Call call = CallReader(text).read();
  const NamedMaker* maker = find_maker(call.name);
  if (maker == nullptr) {
    std::string names;
    for (const NamedMaker& known : kMakers)
      names += (names.empty() ? "" : ", ") + std::string(known.name);
    invalid("'" + shown(call.name) + "' is no domain", "use one of " + names);
  }
  Arguments arguments(std::move(call));
  Domain domain = maker->make(arguments);
  arguments.finish();
  validate(domain);
  return domain;
}

}  // namespace skipjack
