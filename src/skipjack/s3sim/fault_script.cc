#include "skipjack/s3sim/fault_script.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "skipjack/base/error.h"

namespace skipjack::s3sim {
namespace {

struct Kind {
  std::string_view name;
  FaultKind kind;
};
constexpr std::array kKinds = {
    Kind{"status", FaultKind::Status},
    Kind{"reset", FaultKind::Reset},
    Kind{"truncate", FaultKind::Truncate},
    Kind{"stall", FaultKind::Stall},
    Kind{"trickle", FaultKind::Trickle},
    Kind{"late-head", FaultKind::LateHead},
    Kind{"ignore-range", FaultKind::IgnoreRange},
    Kind{"wrong-range", FaultKind::WrongRange},
    Kind{"no-content-range", FaultKind::NoContentRange},
    Kind{"no-etag", FaultKind::NoEtag},
    Kind{"lower-case-headers", FaultKind::LowerCaseHeaders},
    Kind{"chunked", FaultKind::Chunked},
    Kind{"corrupt-byte", FaultKind::CorruptByte},
    Kind{"interim", FaultKind::Interim},
    Kind{"close", FaultKind::Close},
    Kind{"replace", FaultKind::Replace},
};

[[noreturn]] void reject(std::size_t index, const std::string& what) {
  throw Error(ErrorCode::InvalidArgument, "fault " + std::to_string(index) + ": " + what);
}

std::string read_blob(const Blob& blob, const ByteRange& range) {
  const auto size = static_cast<std::size_t>(range.size());
  if (blob.fd < 0) return blob.text.substr(static_cast<std::size_t>(range.begin), size);
  std::string bytes(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const std::int64_t at = range.begin + static_cast<std::int64_t>(done);
    const std::int64_t position = (blob.phase + at % blob.period) % blob.period;
    const auto piece = std::min(size - done, static_cast<std::size_t>(blob.period - position));
    const ssize_t n = ::pread(blob.fd, bytes.data() + done, piece, position);
    if (n <= 0) throw errno_error(n == 0 ? EIO : errno, "can't read an object");
    done += static_cast<std::size_t>(n);
  }
  return bytes;
}

/// The body as a text of the answer's own.
void take_text(Answer& answer) {
  if (!answer.blob) return;
  answer.text = read_blob(*answer.blob, answer.range);
  answer.blob.reset();
}

std::string* find_header(Answer& answer, std::string_view name) {
  for (auto& [header, value] : answer.headers)
    if (header == name) return &value;
  return nullptr;
}

void remove_header(Answer& answer, std::string_view name) {
  std::erase_if(answer.headers, [&](const auto& header) { return header.first == name; });
}

/// In chunks of 10,000 bytes.
std::string in_chunks(std::string_view text) {
  std::string framed;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, 10'000);
    std::array<char, 20> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
    framed.append(size.data()).append(piece).append("\r\n");
    text.remove_prefix(piece.size());
  }
  return framed + "0\r\n\r\n";
}

std::size_t offset_at(double fraction, std::size_t size) {
  return std::min(static_cast<std::size_t>(fraction * static_cast<double>(size)), size - 1);
}

}  // namespace

void validate(const FaultScript& script) {
  for (std::size_t i = 0; i < script.size(); ++i) {
    const ScriptedFault& fault = script[i];
    if (fault.first < 0) reject(i, "first = " + std::to_string(fault.first) + " must be >= 0");
    if (fault.count < 1) reject(i, "count = " + std::to_string(fault.count) + " must be >= 1");
    if (!(fault.at >= 0 && fault.at < 1))
      reject(i, "at = " + shortest_decimal(fault.at) + " must be in [0, 1)");
    if (!(fault.seconds >= 0 && fault.seconds <= 86400))
      reject(i, "seconds = " + shortest_decimal(fault.seconds) + " must be in [0, 86400]");
    if (fault.status < 300 || fault.status > 599)
      reject(i, "status = " + std::to_string(fault.status) + " must be in [300, 599]");
  }
}

FaultScript fault_script_from_json(const Json& json) {
  if (!json.is_array()) throw Error(ErrorCode::InvalidArgument, "a fault script must be a list");
  FaultScript script;
  for (const Json& item : json.as_array()) {
    const std::size_t index = script.size();
    ScriptedFault& fault = script.emplace_back();
    if (!item.is_object()) reject(index, "must be an object");
    for (const auto& [key, value] : item.as_object()) {
      if (key == "kind") {
        const auto found = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& kind) {
          return value.is_string() && kind.name == value.as_string();
        });
        if (found == kKinds.end()) reject(index, "no fault is called " + to_json_text(value));
        fault.kind = found->kind;
      } else if (key == "headers" && value.is_object()) {
        for (const auto& [name, text] : value.as_object())
          fault.headers.emplace_back(name, text.as_string());
      } else if (key == "code" && value.is_string()) {
        fault.code = value.as_string();
      } else if (key == "first" && value.is_int()) {
        fault.first = value.as_int();
      } else if (key == "count" && value.is_int()) {
        fault.count = value.as_int();
      } else if (key == "status" && value.is_int()) {
        fault.status = static_cast<int>(std::clamp<std::int64_t>(value.as_int(), 0, 1000));
      } else if (key == "at" && value.is_number()) {
        fault.at = value.as_double();
      } else if (key == "seconds" && value.is_number()) {
        fault.seconds = value.as_double();
      } else {
        reject(index, "\"" + key + "\": " + to_json_text(value) + " is not understood");
      }
    }
  }
  validate(script);
  return script;
}

const ScriptedFault* fault_for(const FaultScript& script, std::int64_t number) {
  for (const ScriptedFault& fault : script)
    if (number >= fault.first && number - fault.first < fault.count) return &fault;
  return nullptr;
}

Answer struck(const ScriptedFault& fault, const Request& request, Answer answer) {
  switch (fault.kind) {
    case FaultKind::Status: {
      Answer refused = S3Api::error(
          request,
          {.status = fault.status, .code = fault.code, .message = "This answer was asked for."});
      refused.headers.insert(refused.headers.end(), fault.headers.begin(), fault.headers.end());
      return refused;
    }
    case FaultKind::IgnoreRange:
      if (answer.status == 206) {
        answer.status = 200;
        answer.range = {0, answer.blob->size};
        remove_header(answer, "Content-Range");
      }
      break;
    case FaultKind::WrongRange:
      if (std::string* range = find_header(answer, "Content-Range"))
        *range = "bytes " + std::to_string(answer.range.begin + 1) + "-" +
                 std::to_string(answer.range.end) + range->substr(range->find('/'));
      break;
    case FaultKind::NoContentRange:
      remove_header(answer, "Content-Range");
      break;
    case FaultKind::NoEtag:
      remove_header(answer, "ETag");
      break;
    case FaultKind::Chunked:
      take_text(answer);
      answer.text = in_chunks(answer.text);
      answer.headers.emplace_back("Transfer-Encoding", "chunked");
      break;
    case FaultKind::CorruptByte:
      take_text(answer);
      if (!answer.text.empty()) answer.text[offset_at(fault.at, answer.text.size())] ^= 0x20;
      break;
    default:
      break;
  }
  return answer;
}

ObjectVersion replaced(const ObjectVersion& version) {
  ObjectVersion other = version;
  auto blob = std::make_shared<Blob>();
  blob->text = read_blob(*version.blob, {0, version.size});
  for (char& c : blob->text) c ^= 0x55;
  blob->size = version.size;
  other.blob = std::move(blob);
  other.etag = "\"another\"";
  other.checksum.reset();
  return other;
}

}  // namespace skipjack::s3sim
