// A constraint between parameters, compiled once from text and evaluated for many configurations.
// The text is read token by token here, so that names, types and byte sizes are checked with the
// user's own words in the message; the arithmetic that is left is muparser's. Private to space.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "skipjack/space/search_space.h"

namespace skipjack {

/// Thread-safe. The language is that of SearchSpace's constructor.
class Constraint {
 public:
  /// Throws InvalidArgument, naming the place in the text and the reason.
  Constraint(const std::vector<Parameter>& parameters, const std::string& text);
  Constraint(Constraint&&) noexcept;
  ~Constraint();

  /// False also where the arithmetic has no answer (0/0, the logarithm of a negative number).
  /// Throws InvalidArgument if the configuration lacks a value that the constraint speaks of.
  bool holds(const Configuration& configuration) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace skipjack
