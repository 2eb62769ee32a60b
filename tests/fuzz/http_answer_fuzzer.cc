// Any bytes as an HTTP answer, in pieces whose sizes come from the bytes themselves: an error that
// says so, or heads and bodies within bounds.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "skipjack/base/error.h"
#include "skipjack/s3/http_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = 1 + data[0];
  std::span<const std::byte> left(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  skipjack::s3::HttpReader reader;
  reader.begin(data[0] % 5 == 0 ? "HEAD" : "GET");
  try {
    while (!left.empty() && !reader.has_head()) {
      const auto part = left.first(std::min(piece, left.size()));
      const std::size_t consumed = reader.read_head(part);
      if (consumed > part.size() || (consumed < part.size() && !reader.has_head())) std::abort();
      left = left.subspan(consumed);
    }
    if (!reader.has_head()) return 0;
    if (reader.head().status < 200 || reader.body_length() < 0) std::abort();
    if (reader.body_end() != skipjack::s3::BodyEnd::Chunks) return 0;
    std::size_t taken = 0;
    while (!left.empty() && !reader.chunks_ended()) {
      const auto part = left.first(std::min(piece, left.size()));
      const std::size_t consumed = reader.read_chunks(part, [&](std::span<const std::byte> bytes) {
        taken += bytes.size();
        return true;
      });
      if (consumed > part.size() || (consumed == 0 && !reader.chunks_ended())) std::abort();
      left = left.subspan(consumed);
    }
    if (taken > size) std::abort();
  } catch (const skipjack::Error& error) {
    if (error.code() != skipjack::ErrorCode::Network) std::abort();
  }
  return 0;
}
