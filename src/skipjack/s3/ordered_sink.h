// A sink for those who can take bytes in order only: a pipe, a parser. What comes early is held
// back until the bytes before it are there, and no more is let come than there is room for.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "skipjack/s3/sink.h"

namespace skipjack::s3 {

struct OrderedSinkOptions {
  /// Gets every byte once and in order, from the thread that writes. May wait; what it throws ends
  /// the download.
  std::function<void(std::span<const std::byte>)> consume{};
  /// Most bytes held back. >= 0; with 0 whatever comes next must be what it waits for.
  std::int64_t window = 0;
  /// Called by the writing thread when room_end() has grown.
  std::function<void()> on_room{};
};
std::unique_ptr<Sink> make_ordered_sink(OrderedSinkOptions options);

}  // namespace skipjack::s3
