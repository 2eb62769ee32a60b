// One visitor from several lambdas, for std::visit.
#pragma once

namespace skipjack {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;  // clang 16 does not deduce it

}  // namespace skipjack
