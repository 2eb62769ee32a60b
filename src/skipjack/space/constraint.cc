// Reading has three steps: tokens, checks on the tokens (types, chained comparisons, known names),
// and an expression for muparser in which every name, number and string has become a variable or
// constant of our own naming, so that nothing a user writes can collide with muparser's language.
#include "skipjack/space/constraint.h"

#include <muParser.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>
#include <mutex>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/invalid.h"

namespace skipjack {
namespace {

constexpr std::size_t kMaxLength = 2000;
constexpr int kMaxDepth = 50;

enum class TokenKind { Number, Name, Function, Text, Operator, Open, Close, Comma };
enum class ValueKind { Number, Truth, Text };

struct Token {
  TokenKind kind;
  /// As written, without quotes; operators in muparser's spelling.
  std::string text;
  std::size_t position;
  double number = 0;
  ValueKind value = ValueKind::Number;
  /// Set for names.
  const Parameter* parameter = nullptr;
  std::size_t parameter_index = 0;
};

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_name_char(char c) { return is_name_start(c) || is_digit(c); }

bool is_comparison(const Token& token) {
  static const char* const kComparisons[] = {"<", "<=", ">", ">=", "==", "!="};
  return token.kind == TokenKind::Operator &&
         std::find(std::begin(kComparisons), std::end(kComparisons), token.text) !=
             std::end(kComparisons);
}
bool is_logical(const Token& token) {
  return token.kind == TokenKind::Operator &&
         (token.text == "&&" || token.text == "||" || token.text == "!");
}

bool is_function(const std::string& name) {
  static const char* const kFunctions[] = {"min", "max", "log", "log2", "sqrt", "ceil", "floor"};
  return std::find(std::begin(kFunctions), std::end(kFunctions), name) != std::end(kFunctions);
}

std::string at(std::size_t position) {
  return " (at character " + std::to_string(position + 1) + ")";
}

const Parameter* find_parameter(const std::vector<Parameter>& parameters, const std::string& name) {
  for (const Parameter& parameter : parameters)
    if (parameter.name == name) return &parameter;
  return nullptr;
}

ValueKind kind_of(const Json& value, const std::string& name) {
  if (value.is_number()) return ValueKind::Number;
  if (value.is_bool()) return ValueKind::Truth;
  if (value.is_string()) return ValueKind::Text;
  invalid("'" + name + "' is neither a number, a bool nor a string");
}

/// The values that a parameter may have, if they are listed.
std::vector<Json> listed_values(const Parameter& parameter) {
  if (const auto* constant = std::get_if<Json>(&parameter.domain)) return {*constant};
  const Domain& domain = std::get<Domain>(parameter.domain);
  if (const auto* categorical = std::get_if<CategoricalDomain>(&domain))
    return categorical->categories;
  if (const auto* ordinal_domain = std::get_if<OrdinalDomain>(&domain))
    return ordinal_domain->categories;
  return {};
}

ValueKind kind_of(const Parameter& parameter) {
  const std::vector<Json> values = listed_values(parameter);
  return values.empty() ? ValueKind::Number : kind_of(values.front(), parameter.name);
}

class Lexer {
 public:
  Lexer(const std::vector<Parameter>& parameters, const std::string& text)
      : parameters_(parameters), text_(text) {}

  std::vector<Token> tokens() {
    for (skip_spaces(); position_ < text_.size(); skip_spaces()) next();
    return std::move(tokens_);
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
  }
  void skip_spaces() {
    while (position_ < text_.size() && is_space(text_[position_])) ++position_;
  }
  void add(TokenKind kind, std::string text, std::size_t length) {
    tokens_.push_back({.kind = kind, .text = std::move(text), .position = position_});
    position_ += length;
  }

  void next() {
    const char c = peek();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (is_name_start(c)) return name();
    if (c == '\'' || c == '"' || c == '`') return quoted(c);
    if (c == '(') return add(TokenKind::Open, "(", 1);
    if (c == ')') return add(TokenKind::Close, ")", 1);
    if (c == ',') return add(TokenKind::Comma, ",", 1);
    for (const char* two : {"<=", ">=", "==", "!=", "&&", "||"})
      if (c == two[0] && peek(1) == two[1]) return add(TokenKind::Operator, two, 2);
    if (c == '*' && peek(1) == '*') return add(TokenKind::Operator, "^", 2);
    if (c == '=') invalid("'='" + at(position_) + " sets a value", "compare with ==");
    if (c == '&' || c == '|')
      invalid("'" + std::string(1, c) + "'" + at(position_) + " is no operator",
              "use and, or, not");
    if (std::string_view("+-*/%^<>!").find(c) != std::string_view::npos)
      return add(TokenKind::Operator, std::string(1, c), 1);
    invalid("unexpected character" + at(position_),
            "use names, numbers, quoted strings, + - * / % ^, comparisons, and, or, not");
  }

  void number() {
    const char* const start = text_.data() + position_;
    const char* const end = text_.data() + text_.size();
    double value = 0;
    const auto [after, error] = std::from_chars(start, end, value);
    if (error != std::errc{} || !std::isfinite(value)) invalid("bad number" + at(position_));
    auto length = static_cast<std::size_t>(after - start);
    // A unit, directly or after spaces, makes it a byte size.
    std::size_t unit = length;
    while (is_space(peek(unit))) ++unit;
    std::size_t unit_end = unit;
    while (is_name_char(peek(unit_end))) ++unit_end;
    const std::string word = text_.substr(position_ + unit, unit_end - unit);
    if (!word.empty() && word != "and" && word != "or") {
      try {
        value = static_cast<double>(parse_byte_size({start, unit_end}));
      } catch (const Error& size_error) {
        invalid(std::string(size_error.what()) + at(position_), size_error.try_this());
      }
      length = unit_end;
    }
    add(TokenKind::Number, text_.substr(position_, length), length);
    tokens_.back().number = value;
  }

  void name() {
    std::size_t length = 1;
    while (is_name_char(peek(length))) ++length;
    const std::string word = text_.substr(position_, length);
    if (word == "and") return add(TokenKind::Operator, "&&", length);
    if (word == "or") return add(TokenKind::Operator, "||", length);
    if (word == "not") return add(TokenKind::Operator, "!", length);
    std::size_t after = length;
    while (is_space(peek(after))) ++after;
    if (peek(after) == '(' && is_function(word)) return add(TokenKind::Function, word, length);
    if (find_parameter(parameters_, word) == nullptr &&
        (word == "true" || word == "True" || word == "false" || word == "False")) {
      add(TokenKind::Number, word, length);
      tokens_.back().number = word == "true" || word == "True" ? 1 : 0;
      tokens_.back().value = ValueKind::Truth;
      return;
    }
    add_name(word, length);
  }

  void quoted(char quote) {
    const std::size_t end = text_.find(quote, position_ + 1);
    if (end == std::string::npos) invalid("the quote" + at(position_) + " is never closed");
    const std::string content = text_.substr(position_ + 1, end - position_ - 1);
    const std::size_t length = end - position_ + 1;
    if (quote == '`') return add_name(content, length);
    add(TokenKind::Text, content, length);
    tokens_.back().value = ValueKind::Text;
  }

  void add_name(const std::string& word, std::size_t length) {
    const Parameter* parameter = find_parameter(parameters_, word);
    if (parameter == nullptr) {
      std::string known;
      for (const Parameter& other : parameters_) known += (known.empty() ? "" : ", ") + other.name;
      invalid("'" + word + "'" + at(position_) + " is no parameter",
              "the parameters are " + known.substr(0, 300) +
                  "; a text is written in quotes, a name with other signs in backquotes");
    }
    add(TokenKind::Name, word, length);
    tokens_.back().parameter = parameter;
    tokens_.back().parameter_index = static_cast<std::size_t>(parameter - parameters_.data());
    tokens_.back().value = kind_of(*parameter);
  }

  const std::vector<Parameter>& parameters_;
  const std::string& text_;
  std::size_t position_ = 0;
  std::vector<Token> tokens_;
};

/// What may stand on the far side of a text that is compared: an end, a bracket, a comma,
/// and/or/not.
bool is_boundary(const Token* token) {
  return token == nullptr || token->kind == TokenKind::Open || token->kind == TokenKind::Close ||
         is_logical(*token);
}

void check_text_pair(const Token& left, const Token& comparison, const Token& right) {
  if (left.value != ValueKind::Text || right.value != ValueKind::Text)
    invalid("'" + left.text + " " + comparison.text + " " + right.text + "'" + at(left.position) +
                " compares a text with a number or a bool",
            "put texts in quotes, numbers without");
  for (const auto& [name, literal] : {std::pair{&left, &right}, std::pair{&right, &left}}) {
    if (name->parameter == nullptr || literal->kind != TokenKind::Text) continue;
    const std::vector<Json> values = listed_values(*name->parameter);
    if (std::find(values.begin(), values.end(), Json(literal->text)) == values.end())
      invalid("'" + name->text + "' is never '" + literal->text + "'" + at(literal->position),
              "its values are " + to_json_text(Json(values)).substr(0, 300));
  }
}

/// Texts may only be compared, by == and !=, with texts.
void check_texts(const std::vector<Token>& tokens) {
  const auto token_at = [&](std::size_t i) { return i < tokens.size() ? &tokens[i] : nullptr; };
  const auto is_equality = [](const Token* token) {
    return token != nullptr && token->kind == TokenKind::Operator &&
           (token->text == "==" || token->text == "!=");
  };
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].value != ValueKind::Text) continue;
    const Token* before = i > 0 ? &tokens[i - 1] : nullptr;
    const Token* after = token_at(i + 1);
    if (is_equality(after) && is_boundary(before) && token_at(i + 2) != nullptr)
      check_text_pair(tokens[i], *after, tokens[i + 2]);
    else if (i >= 2 && is_equality(before) && is_boundary(after))
      check_text_pair(tokens[i - 2], *before, tokens[i]);
    else
      invalid("the text '" + tokens[i].text + "'" + at(tokens[i].position) + " can't be used so",
              "compare it: name == 'value' or name != 'value'");
  }
}

/// a < b < c would be read as (a < b) < c, which nobody means.
void check_comparisons(const std::vector<Token>& tokens) {
  std::vector<int> comparisons(1, 0);
  bool decides = false;
  for (const Token& token : tokens) {
    decides = decides || is_comparison(token) || token.value == ValueKind::Truth;
    if (token.kind == TokenKind::Open) {
      if (comparisons.size() > kMaxDepth)
        invalid("brackets are nested too deep" + at(token.position));
      comparisons.push_back(0);
    } else if (token.kind == TokenKind::Close) {
      if (comparisons.size() == 1) invalid("')'" + at(token.position) + " was never opened");
      comparisons.pop_back();
    } else if (token.kind == TokenKind::Comma) {
      if (comparisons.size() == 1) invalid("','" + at(token.position) + " belongs to no function");
      comparisons.back() = 0;
    } else if (is_logical(token)) {
      comparisons.back() = 0;
    } else if (is_comparison(token) && ++comparisons.back() > 1) {
      invalid("'" + token.text + "'" + at(token.position) + " follows another comparison",
              "write a <= b and b <= c");
    }
  }
  if (comparisons.size() > 1) invalid("a '(' is never closed");
  if (!decides) invalid("it compares nothing", "write a condition, such as a * b <= 100");
}

double modulo(double a, double b) { return std::fmod(a, b); }
double logical_not(double a) { return a == 0 ? 1 : 0; }
double natural_log(double a) { return std::log(a); }
double base2_log(double a) { return std::log2(a); }
double square_root(double a) { return std::sqrt(a); }
double round_up(double a) { return std::ceil(a); }
double round_down(double a) { return std::floor(a); }
double smallest(const double* values, int count) {
  return *std::min_element(values, values + count);
}
double largest(const double* values, int count) {
  return *std::max_element(values, values + count);
}

}  // namespace

std::string shown_expression(const std::string& text) {
  return text.size() > 100 ? text.substr(0, 97) + "..." : text;
}

struct Constraint::Compiled {
  mu::Parser parser;
  /// Evaluation writes the slots that muparser reads.
  std::mutex mutex;
  std::vector<std::size_t> mentions;
  /// One a mention; never grows after muparser has been given the addresses.
  std::vector<double> slots;
  std::map<std::string, double, std::less<>> text_numbers;

  double number_of(const std::string& text) {
    return text_numbers.try_emplace(text, static_cast<double>(text_numbers.size())).first->second;
  }

  void define_language() {
    parser.ClearFun();
    parser.ClearConst();
    parser.ClearPostfixOprt();
    parser.DefineFun("f_log", natural_log);
    parser.DefineFun("f_log2", base2_log);
    parser.DefineFun("f_sqrt", square_root);
    parser.DefineFun("f_ceil", round_up);
    parser.DefineFun("f_floor", round_down);
    parser.DefineFun("f_min", smallest);
    parser.DefineFun("f_max", largest);
    parser.DefineOprt("%", modulo, mu::prMUL_DIV);
    // As in Python, between `and` and the comparisons: not a == b is not (a == b).
    parser.DefineInfixOprt("!", logical_not, mu::prLAND + 1);
  }

  /// Defines what the token stands for and returns how it is called in muparser's expression.
  std::string term(const Token& token, std::size_t index) {
    if (token.kind == TokenKind::Name) {
      const auto mention = std::find(mentions.begin(), mentions.end(), token.parameter_index);
      return "v" + std::to_string(mention - mentions.begin());
    }
    if (token.kind == TokenKind::Number || token.kind == TokenKind::Text) {
      const std::string name = "c" + std::to_string(index);
      parser.DefineConst(name,
                         token.kind == TokenKind::Text ? number_of(token.text) : token.number);
      return name;
    }
    return token.kind == TokenKind::Function ? "f_" + token.text : token.text;
  }
};

Constraint::Constraint(const std::vector<Parameter>& parameters, const std::string& text)
    : compiled_(std::make_unique<Compiled>()) {
  if (text.size() > kMaxLength)
    invalid("it has " + std::to_string(text.size()) + " characters, at most " +
            std::to_string(kMaxLength) + " are read");
  const std::vector<Token> tokens = Lexer(parameters, text).tokens();
  if (tokens.empty()) invalid("it is empty");
  check_texts(tokens);
  check_comparisons(tokens);
  Compiled& compiled = *compiled_;
  for (const Token& token : tokens) {
    if (token.kind != TokenKind::Name) continue;
    std::vector<std::size_t>& mentions = compiled.mentions;
    if (std::find(mentions.begin(), mentions.end(), token.parameter_index) == mentions.end())
      mentions.push_back(token.parameter_index);
    for (const Json& value : listed_values(*token.parameter))
      if (value.is_string()) compiled.number_of(value.as_string());
  }
  compiled.slots.assign(compiled.mentions.size(), 1.0);
  try {
    compiled.define_language();
    for (std::size_t i = 0; i < compiled.slots.size(); ++i)
      compiled.parser.DefineVar("v" + std::to_string(i), &compiled.slots[i]);
    std::string expression;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      // muparser knows a function by the bracket that follows it at once.
      const bool joined = i > 0 && tokens[i - 1].kind == TokenKind::Function;
      expression += (joined ? "" : " ") + compiled.term(tokens[i], i);
    }
    compiled.parser.SetExpr(expression);
    (void)compiled.parser.Eval();
    if (compiled.parser.GetNumResults() != 1) invalid("it has more than one value");
  } catch (const mu::Parser::exception_type&) {
    invalid("it is no complete expression",
            "check operators and brackets; an example: queue * chunk <= 1GiB and act != 'relu'");
  }
}

Constraint::Constraint(Constraint&&) noexcept = default;
Constraint::~Constraint() = default;

const std::vector<std::size_t>& Constraint::mentions() const { return compiled_->mentions; }

bool Constraint::holds(std::span<const Json* const> values) const {
  const std::lock_guard lock(compiled_->mutex);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Json& value = *values[i];
    double& slot = compiled_->slots[i];
    if (value.is_string()) {
      const auto number = compiled_->text_numbers.find(value.as_string());
      slot = number == compiled_->text_numbers.end() ? std::nan("") : number->second;
    } else {
      slot = value.is_bool() ? (value.as_bool() ? 1.0 : 0.0) : value.as_double();
    }
  }
  const double result = compiled_->parser.Eval();
  return result != 0 && !std::isnan(result);
}

}  // namespace skipjack
