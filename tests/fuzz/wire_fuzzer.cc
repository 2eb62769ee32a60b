// Any bytes, cut anywhere: the decoder must not crash, must not depend on the cuts, and gives
// objects only.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "skipjack/base/utf8.h"
#include "skipjack/wire/report_decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t step = 1 + data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  skipjack::ReportDecoder whole({.max_report_bytes = 4096}), pieces({.max_report_bytes = 4096});
  std::vector<skipjack::Json> expected = whole.feed(bytes), got;
  for (std::size_t at = 0; at < bytes.size(); at += step)
    for (skipjack::Json& report : pieces.feed(bytes.substr(at, step)))
      got.push_back(std::move(report));
  whole.finish();
  pieces.finish();
  if (got.size() != expected.size() || whole.num_malformed() != pieces.num_malformed())
    std::abort();
  for (std::size_t i = 0; i < got.size(); ++i)
    if (!got[i].is_object() ||
        skipjack::to_json_text(got[i]) != skipjack::to_json_text(expected[i]))
      std::abort();
  if (!skipjack::try_parse_json(
          skipjack::to_json_text(skipjack::Json(skipjack::valid_utf8(bytes)))))
    std::abort();
  return 0;
}
