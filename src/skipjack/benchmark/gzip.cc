#include "skipjack/benchmark/gzip.h"

#include <zlib.h>

#include "skipjack/base/error.h"

namespace skipjack::benchmark {

std::string read_gzip(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path))
    throw Error(ErrorCode::NotFound, "there is no file '" + path.string() + "'");
  gzFile file = gzopen(path.c_str(), "rb");
  std::string bytes, buffer(1 << 16, '\0');
  int got = 0;
  while (file && (got = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0)
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
  if (!file || gzclose(file) != Z_OK || got < 0)
    throw Error(ErrorCode::Corrupted, "'" + path.string() + "' can't be read to its end");
  return bytes;
}

}  // namespace skipjack::benchmark
