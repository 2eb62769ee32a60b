#include "skipjack/base/utf8.h"

namespace skipjack {

std::size_t utf8_sequence_length(std::string_view text) {
  const auto is_in = [&](std::size_t at, unsigned first, unsigned last) {
    return at < text.size() && static_cast<unsigned char>(text[at]) >= first &&
           static_cast<unsigned char>(text[at]) <= last;
  };
  if (is_in(0, 0x00, 0x7F)) return 1;
  if (is_in(0, 0xC2, 0xDF)) return is_in(1, 0x80, 0xBF) ? 2 : 0;
  if (is_in(0, 0xE0, 0xEF)) {
    const unsigned lowest = text[0] == '\xE0' ? 0xA0 : 0x80;   // below it shorter forms exist
    const unsigned highest = text[0] == '\xED' ? 0x9F : 0xBF;  // above it are surrogates
    return is_in(1, lowest, highest) && is_in(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (is_in(0, 0xF0, 0xF4)) {
    const unsigned lowest = text[0] == '\xF0' ? 0x90 : 0x80;
    const unsigned highest = text[0] == '\xF4' ? 0x8F : 0xBF;  // above it is nothing
    return is_in(1, lowest, highest) && is_in(2, 0x80, 0xBF) && is_in(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    if (length == 0)
      valid += '?';
    else
      valid.append(text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

}  // namespace skipjack
