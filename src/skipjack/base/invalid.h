// What callers got wrong, said in one way.
#pragma once

#include <string>

#include "skipjack/base/error.h"

namespace skipjack {

/// Throws Error with InvalidArgument.
[[noreturn]] inline void invalid(const std::string& message, const std::string& try_this = {}) {
  throw Error(ErrorCode::InvalidArgument, message, try_this);
}

}  // namespace skipjack
