#include "skipjack/space/conditions.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/invalid.h"

namespace skipjack {
namespace {

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

std::size_t index_of(const std::vector<Parameter>& parameters, const std::string& name) {
  const auto at = std::find_if(parameters.begin(), parameters.end(),
                               [&](const Parameter& parameter) { return parameter.name == name; });
  return at == parameters.end() ? kNone : static_cast<std::size_t>(at - parameters.begin());
}

/// Conditions as a graph: from each to those of the parameters that it speaks of.
class Graph {
 public:
  Graph(const std::vector<Parameter>& parameters, const std::vector<std::size_t>& conditional,
        const std::vector<Constraint>& compiled)
      : parameters_(parameters), conditional_(conditional), needs_(conditional.size()) {
    std::vector<std::size_t> condition_of(parameters.size(), kNone);
    for (std::size_t i = 0; i < conditional.size(); ++i) condition_of[conditional[i]] = i;
    for (std::size_t i = 0; i < compiled.size(); ++i)
      for (const std::size_t parameter : compiled[i].mentions())
        if (condition_of[parameter] != kNone) needs_[i].push_back(condition_of[parameter]);
  }

  /// Each after those that it needs; else in the order given. Throws InvalidArgument for a circle.
  std::vector<std::size_t> order() const {
    std::vector<std::vector<std::size_t>> needed_by(needs_.size());
    std::vector<std::size_t> num_missing(needs_.size());
    std::set<std::size_t> ready;
    for (std::size_t i = 0; i < needs_.size(); ++i) {
      num_missing[i] = needs_[i].size();
      for (const std::size_t need : needs_[i]) needed_by[need].push_back(i);
      if (needs_[i].empty()) ready.insert(i);
    }
    std::vector<std::size_t> order;
    while (!ready.empty()) {
      const std::size_t next = *ready.begin();
      ready.erase(ready.begin());
      order.push_back(next);
      for (const std::size_t i : needed_by[next])
        if (--num_missing[i] == 0) ready.insert(i);
    }
    if (order.size() < needs_.size()) throw_circle(num_missing);
    return order;
  }

 private:
  const std::string& name(std::size_t i) const { return parameters_[conditional_[i]].name; }

  /// Whatever still misses something needs another that does, so that going on ends in the circle.
  [[noreturn]] void throw_circle(const std::vector<std::size_t>& num_missing) const {
    const auto misses = [&](std::size_t i) { return num_missing[i] > 0; };
    const auto next = [&](std::size_t i) {
      return *std::find_if(needs_[i].begin(), needs_[i].end(), misses);
    };
    std::size_t start = 0;
    while (!misses(start)) ++start;
    for (std::size_t steps = 0; steps < needs_.size(); ++steps) start = next(start);
    std::string path = "'" + name(start) + "'";
    for (std::size_t i = next(start); i != start; i = next(i))
      path += " depends on '" + name(i) + "', which";
    invalid("the conditions go in a circle: " + path + " depends on '" + name(start) + "'",
            "let one of them depend on something else");
  }

  const std::vector<Parameter>& parameters_;
  const std::vector<std::size_t>& conditional_;
  std::vector<std::vector<std::size_t>> needs_;
};

}  // namespace

Constraint compile_condition(const std::vector<Parameter>& parameters, const Condition& condition) {
  const std::string what = "condition of '" + condition.parameter.substr(0, 200) + "', \"" +
                           shown_expression(condition.when) + "\": ";
  const std::size_t own = index_of(parameters, condition.parameter);
  if (own == kNone)
    invalid(what + "the space has no such parameter", "name one of the space's parameters");
  try {
    Constraint compiled(parameters, condition.when);
    const auto& mentions = compiled.mentions();
    if (std::find(mentions.begin(), mentions.end(), own) != mentions.end())
      invalid("it speaks of the parameter that it is of", "write it over other parameters");
    return compiled;
  } catch (const Error& error) {
    throw Error(error.code(), what + error.what(), error.try_this());
  }
}

Conditions::Conditions(const std::vector<Parameter>& parameters,
                       const std::vector<Condition>& conditions) {
  std::vector<std::size_t> conditional;
  std::vector<Constraint> compiled;
  std::set<std::size_t> seen, deciding;
  for (const Condition& condition : conditions) {
    compiled.push_back(compile_condition(parameters, condition));
    conditional.push_back(index_of(parameters, condition.parameter));
    if (!seen.insert(conditional.back()).second)
      invalid("parameter '" + condition.parameter + "' has two conditions",
              "join them by and, or by or");
    deciding.insert(compiled.back().mentions().begin(), compiled.back().mentions().end());
  }
  for (const std::size_t i : Graph(parameters, conditional, compiled).order())
    entries_.push_back({conditional[i], std::move(compiled[i])});
  deciding_.assign(deciding.begin(), deciding.end());
}

std::vector<bool> Conditions::active(std::span<const Json* const> values) const {
  std::vector<bool> active(values.size(), true);
  std::vector<const Json*> mentioned;
  for (const auto& [parameter, when] : entries_) {
    mentioned.clear();
    for (const std::size_t index : when.mentions())
      if (active[index] && values[index] != nullptr) mentioned.push_back(values[index]);
    active[parameter] = mentioned.size() == when.mentions().size() && when.holds(mentioned);
  }
  return active;
}

}  // namespace skipjack
