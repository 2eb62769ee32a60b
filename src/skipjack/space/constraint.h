// A constraint between parameters, compiled once from text and evaluated for many configurations.
// The text is read token by token here, so that names, types and byte sizes are checked with the
// user's own words in the message; the arithmetic that is left is muparser's. Conditions of
// parameters are written in the same language. Private to space.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "skipjack/space/search_space.h"

namespace skipjack {

/// An expression for messages: at most 100 bytes of it.
std::string shown_expression(const std::string& text);

/// Thread-safe. The language is that of SearchSpace's constructor.
class Constraint {
 public:
  /// Throws InvalidArgument, naming the place in the text and the reason.
  Constraint(const std::vector<Parameter>& parameters, const std::string& text);
  Constraint(Constraint&&) noexcept;
  ~Constraint();

  /// The parameters that it speaks of, by index, each once.
  const std::vector<std::size_t>& mentions() const;
  /// values: one for each of mentions(), in that order; none null. False also where the arithmetic
  /// has no answer (0/0, the logarithm of a negative number).
  bool holds(std::span<const Json* const> values) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace skipjack
