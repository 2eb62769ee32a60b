// From the bytes of a connection to answers: the head, and how long the body is. What a body of
// known length holds never passes through here: whoever receives it puts it where it belongs. Pure;
// the bytes are hostile.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

/// How the end of an answer's body is known.
enum class BodyEnd {
  None,     ///< there is no body
  Length,   ///< after so many bytes
  Chunks,   ///< chunked: feed the reader on
  Closing,  ///< when the connection closes
};

class HttpReader {
 public:
  HttpReader();
  ~HttpReader();
  HttpReader(const HttpReader&) = delete;
  HttpReader& operator=(const HttpReader&) = delete;

  /// Begins with the answer to a request of this method ("HEAD" has no body whatever it says).
  void begin(std::string_view method);

  /// Reads a head, interim answers (1xx) skipped; returns the bytes that were consumed: all, or up
  /// to the end of the head. Throws Error (Network) for what is no HTTP/1.x and for a head longer
  /// than 64 KiB.
  std::size_t read_head(std::span<const std::byte> bytes);
  bool has_head() const;
  const HttpHead& head() const;
  BodyEnd body_end() const;
  /// For BodyEnd::Length.
  std::int64_t body_length() const;
  /// Whether the connection may serve another request when the body has ended.
  bool keeps_alive() const;

  /// Reads a chunked body; take gets its bytes and says whether it took them. Returns the bytes
  /// consumed, fewer than there are when the body has ended or take refused. Throws Error (Network)
  /// for what is not chunked.
  std::size_t read_chunks(std::span<const std::byte> bytes,
                          const std::function<bool(std::span<const std::byte>)>& take);
  bool chunks_ended() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace skipjack::s3
