// How a word without quotes is understood in a search space's text. Private to space.
#pragma once

#include <string_view>

#include "skipjack/base/json.h"

namespace skipjack {

/// null, true, false (True, False, None as Python spells them), an integer, a real number, a byte
/// size whose unit ends in iB (8MiB; "7b" and "125m" stay text, since that is how models are
/// named), else a string.
Json plain_scalar(std::string_view word);

}  // namespace skipjack
