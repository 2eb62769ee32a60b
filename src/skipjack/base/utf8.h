// Well-formed UTF-8: what programs and servers print is not always that, and JSON, terminals and
// pictures want nothing else [Unicode15, table 3-7].
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace skipjack {

/// Bytes of the well-formed sequence at the start of text, 1 to 4; 0 if there is none: an empty
/// text, a stray or missing byte, a longer form than needed, a surrogate, beyond U+10FFFF.
std::size_t utf8_sequence_length(std::string_view text);

/// text with each byte that is part of no well-formed sequence replaced by '?'.
std::string valid_utf8(std::string_view text);

}  // namespace skipjack
