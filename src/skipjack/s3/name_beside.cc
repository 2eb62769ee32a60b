#include "skipjack/s3/name_beside.h"

#include <climits>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>

#include "skipjack/s3/crc.h"

namespace skipjack::s3 {

std::filesystem::path name_beside(const std::filesystem::path& path, std::string_view suffix) {
  std::string name = path.filename().string();
  if (name.size() + suffix.size() > NAME_MAX) {
    char hash[18];
    std::snprintf(hash, sizeof hash, ".%016llx",
                  static_cast<unsigned long long>(
                      crc_update(CrcKind::Crc64Nvme, 0, std::as_bytes(std::span(name)))));
    std::size_t size = NAME_MAX - suffix.size() - (sizeof hash - 1);
    // Not within a character: some file systems take UTF-8 only.
    while (size > 0 && (name[size] & 0xc0) == 0x80) --size;
    name = name.substr(0, size) + hash;
  }
  std::filesystem::path result = path;
  return result.replace_filename(name.append(suffix));
}

}  // namespace skipjack::s3
