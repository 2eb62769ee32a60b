// A search space from YAML, and so from JSON. What people write ("lr: loguniform(1e-6, 1)", lists
// as choices) and Syne Tune's JSON form are told apart by the "domain_cls" of the latter. Aliases
// are followed, within limits on depth and on the number of values, since the text may be hostile.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <set>
#include <sstream>

#include "skipjack/base/error.h"
#include "skipjack/base/invalid.h"
#include "skipjack/space/conditions.h"
#include "skipjack/space/constraint.h"
#include "skipjack/space/scalar.h"
#include "skipjack/space/search_space.h"

namespace skipjack {
namespace {

constexpr std::size_t kMaxText = std::size_t{1} << 20;
constexpr int kMaxDepth = 50;
constexpr int kMaxValues = 100000;

std::string line_of(const YAML::Mark& mark) {
  return mark.is_null() ? "" : "line " + std::to_string(mark.line + 1) + ": ";
}

/// Runs action; an Error that it throws comes out with line and what in front of the message.
template <class Action>
auto naming(const YAML::Node& node, const std::string& what, Action action) {
  try {
    return action();
  } catch (const Error& error) {
    throw Error(error.code(), line_of(node.Mark()) + what + error.what(), error.try_this());
  }
}

bool is_quoted(const YAML::Node& node) { return node.Tag() == "!"; }

/// identifier(...): a call, whether we know the name or not.
bool is_call(std::string_view text) {
  const std::size_t open = text.find('(');
  if (open == 0 || open == std::string_view::npos || text.back() != ')') return false;
  return text.substr(0, open).find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
         std::string_view::npos;
}

/// Passes over everything.
class Ignore final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

/// Load alone would pass over what follows; LoadAll of yaml-cpp 0.7 never ends on some bad text,
/// such as a ']' or ',' after the first document.
void require_one_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Ignore ignore;
  if (parser.HandleNextDocument(ignore) && parser.HandleNextDocument(ignore))
    invalid("the text holds more than one YAML document, or something after its end",
            "remove the line ---, and check brackets");
}

class Reader {
 public:
  SearchSpace read(const YAML::Node& root) {
    if (root.IsNull())
      invalid("the search space is empty", "write name: domain, such as lr: loguniform(1e-6, 1)");
    if (!root.IsMap())
      invalid(line_of(root.Mark()) + "a search space must be a map of names and domains",
              "write name: domain, such as lr: loguniform(1e-6, 1)");
    if (is_json_form(root)) return SearchSpace::from_json(to_json(root, 0));
    std::vector<YAML::Node> constraints;
    YAML::Node conditions;
    for (const auto& entry : root) {
      const YAML::Node &key = entry.first, &value = entry.second;
      if (!key.IsScalar()) invalid(line_of(key.Mark()) + "a parameter's name must be a text");
      const std::string& name = key.Scalar();
      if (name == "constraints")
        naming(value, "constraints: ", [&] { constraints = list_constraints(value); });
      else if (name == "conditions")
        conditions.reset(value);
      else
        naming(key,
               "parameter '" + name.substr(0, 100) + "': ", [&] { add_parameter(name, value); });
    }
    std::vector<std::string> texts;
    for (const YAML::Node& node : constraints) {
      texts.push_back(node.Scalar());
      naming(node, "constraint \"" + node.Scalar().substr(0, 100) + "\": ", [&] {
        Constraint(parameters_, node.Scalar());
      });
    }
    if (parameters_.empty()) invalid("the search space holds no parameter");
    std::vector<Condition> whens = read_conditions(conditions);
    return SearchSpace(std::move(parameters_), std::move(texts), std::move(whens));
  }

 private:
  static bool is_json_domain(const YAML::Node& node) {
    return node.IsMap() && node["domain_cls"].IsDefined();
  }

  /// Everything written as Syne Tune writes it: some parameter has a domain_cls, none is text of
  /// ours.
  static bool is_json_form(const YAML::Node& root) {
    const YAML::Node inner = root["parameters"];
    if (inner.IsDefined() && inner.IsMap() && !is_json_domain(inner)) {
      bool only_ours = true;
      for (const auto& entry : root)
        only_ours = only_ours && entry.first.IsScalar() &&
                    (entry.first.Scalar() == "parameters" ||
                     entry.first.Scalar() == "constraints" || entry.first.Scalar() == "conditions");
      if (only_ours) return true;
    }
    if (root["constraints"].IsDefined()) return false;
    if (root["conditions"].IsDefined() && root["conditions"].IsMap()) return false;
    bool any = false;
    for (const auto& entry : root) {
      const YAML::Node& value = entry.second;
      any = any || is_json_domain(value);
      if (value.IsScalar() && !is_quoted(value) && looks_like_domain(value.Scalar())) return false;
    }
    return any;
  }

  std::vector<YAML::Node> list_constraints(const YAML::Node& node) {
    if (node.IsScalar()) return {node};
    if (!node.IsSequence()) invalid("must be a list of conditions", "write [a * b <= 100, c < 5]");
    std::vector<YAML::Node> nodes;
    for (const YAML::Node& item : node) {
      count();
      if (!item.IsScalar()) invalid("each must be a text", "put it in quotes: \"a * b <= 100\"");
      nodes.push_back(item);
    }
    return nodes;
  }

  /// Each with its own line in what it throws.
  std::vector<Condition> read_conditions(const YAML::Node& node) {
    if (!node.IsDefined() || node.IsNull()) return {};
    if (!node.IsMap())
      invalid(line_of(node.Mark()) + "conditions must be a map of parameters and expressions",
              "write conditions: {momentum: optimizer == 'sgd'}; no parameter can have that name");
    std::vector<Condition> conditions;
    for (const auto& entry : node) {
      const YAML::Node &key = entry.first, &value = entry.second;
      count();
      if (!key.IsScalar() || !value.IsScalar())
        invalid(line_of(key.Mark()) + "conditions: each must be a name and a text",
                "write momentum: optimizer == 'sgd'");
      naming(key, "", [&] {
        (void)compile_condition(parameters_, {key.Scalar(), value.Scalar()});
      });
      conditions.push_back({key.Scalar(), value.Scalar()});
    }
    naming(node, "", [&] { (void)Conditions(parameters_, conditions); });
    return conditions;
  }

  void add_parameter(const std::string& name, const YAML::Node& value) {
    if (!names_.insert(name).second) invalid("is given twice", "rename or remove one of them");
    if (value.IsSequence()) {
      std::vector<Json> categories;
      for (const YAML::Node& item : value) {
        if (!item.IsScalar() && !item.IsNull())
          invalid("a list of choices can't hold lists or maps");
        categories.push_back(to_json(item, 0));
      }
      parameters_.push_back({name, choice(std::move(categories))});
    } else if (is_json_domain(value)) {
      parameters_.push_back({name, domain_from_json(to_json(value, 0))});
    } else if (value.IsScalar() && looks_like_domain(value.Scalar())) {
      parameters_.push_back({name, domain_from_text(value.Scalar())});
    } else if (value.IsScalar() && !is_quoted(value) && is_call(value.Scalar())) {
      parameters_.push_back({name, domain_from_text(value.Scalar())});
    } else {
      parameters_.push_back({name, to_json(value, 0)});
    }
  }

  Json to_json(const YAML::Node& node, int depth) {
    count();
    if (depth > kMaxDepth)
      invalid("nested more than " + std::to_string(kMaxDepth) + " levels deep");
    if (node.IsScalar()) return is_quoted(node) ? Json(node.Scalar()) : plain_scalar(node.Scalar());
    if (node.IsSequence()) {
      Json::Array items;
      for (const YAML::Node& item : node) items.push_back(to_json(item, depth + 1));
      return Json(std::move(items));
    }
    Json::Object members;
    if (!node.IsMap()) return nullptr;
    std::set<std::string> keys;
    for (const auto& entry : node) {
      const YAML::Node &key = entry.first, &value = entry.second;
      if (!key.IsScalar()) invalid("a name in a map must be a text");
      if (!keys.insert(key.Scalar()).second) invalid("'" + key.Scalar() + "' is given twice");
      members.emplace_back(key.Scalar(), to_json(value, depth + 1));
    }
    return Json(std::move(members));
  }

  void count() {
    if (++num_values_ > kMaxValues)
      invalid("more than " + std::to_string(kMaxValues) + " values", "use a range for long lists");
  }

  std::vector<Parameter> parameters_;
  std::set<std::string> names_;
  int num_values_ = 0;
};

}  // namespace

SearchSpace SearchSpace::from_text(std::string_view yaml_or_json) {
  if (yaml_or_json.size() > kMaxText)
    invalid("a search space's text must be at most 1 MiB, not " +
            std::to_string(yaml_or_json.size()) + " bytes");
  try {
    const std::string text(yaml_or_json);
    require_one_document(text);
    return Reader().read(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    invalid(line_of(error.mark) + "bad YAML: " + error.msg,
            "put values with brackets, commas or quotes in quotes");
  }
}

}  // namespace skipjack
