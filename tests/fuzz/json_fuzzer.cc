// parse_json on any bytes: refuses them or reads them, and what it read it writes and reads back
// alike.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto value = skipjack::try_parse_json(text)) {
    const std::string written = skipjack::to_json_text(*value);
    SKIPJACK_CHECK(skipjack::to_json_text(skipjack::parse_json(written)) == written);
    (void)skipjack::to_python_text(*value);
  }
  try {
    (void)skipjack::parse_byte_size(text);
  } catch (const skipjack::Error&) {
  }
  try {
    (void)skipjack::parse_duration(text);
  } catch (const skipjack::Error&) {
  }
  return 0;
}
