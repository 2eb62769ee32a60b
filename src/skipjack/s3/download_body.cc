// The bytes of a download: where the next ones of an answer go, what is done with them while they
// are hot, and their way to the target.
#include <algorithm>
#include <utility>

#include "skipjack/s3/download_machine.h"

namespace skipjack::s3 {
namespace {

constexpr std::size_t kLongestErrorBody = 64 * 1024;

}  // namespace

std::span<std::byte> Download::space_for(Lane& lane) {
  if (lane.is_beaten) return {};
  if (!lane.carries_data) return scratch_;
  const Part& part = *lane.part;
  const std::int64_t known = part.frontier() - lane.at;
  if (known > 0)
    return std::span(scratch_).first(
        static_cast<std::size_t>(std::min<std::int64_t>(known, scratch_.size())));
  if (!lane.leads) {
    // The one that has caught up is the faster one.
    if (Lane* const other = companion(lane)) beat(*other);
    lane.leads = true;
  }
  const std::int64_t left = part.left();
  // An answer that says no length ends with its connection; a byte before that is one too many.
  if (left <= 0) return std::span(scratch_).first(1);
  switch (sink_->delivery()) {
    case Delivery::Dropped:
      return std::span(scratch_).first(
          static_cast<std::size_t>(std::min<std::int64_t>(left, scratch_.size())));
    case Delivery::InPlace:
      return {sink_->memory() + lane.at, static_cast<std::size_t>(left)};
    case Delivery::Written:
      break;
  }
  if (lane.buffer == nullptr) {
    lane.buffer = queue_->acquire();
    lane.buffer_offset = lane.at;
    lane.buffer_used = 0;
    lane.buffer_begin = lane.buffer_offset % alignment_;
    if (lane.buffer == nullptr) queue_->rethrow_failure();
  }
  const std::int64_t begin = lane.buffer_begin + static_cast<std::int64_t>(lane.buffer_used);
  return {lane.buffer + begin, static_cast<std::size_t>(std::min(buffer_end() - begin, left))};
}

void Download::take_body(Lane& lane, std::size_t n) {
  const Duration now = system_clock().now();
  const auto bytes = static_cast<std::int64_t>(n);
  if (bandwidth_ != nullptr) bandwidth_->take(bytes, now);
  if (lane.is_beaten) return;
  if (!lane.carries_data) {
    const std::size_t room =
        kLongestErrorBody - std::min(kLongestErrorBody, lane.error_body.size());
    lane.error_body.append(reinterpret_cast<const char*>(scratch_.data()), std::min(n, room));
    return;
  }
  if (lane.leads && lane.part->left() <= 0)
    throw Error(ErrorCode::Corrupted,
                context_.endpoint + " sent more bytes of " + to_s3_uri(options_.object) +
                    " than it was asked for",
                "check that the endpoint is an S3 server, and what stands between");
  // What is not kept says nothing of what is.
  if (!lane.leads) lane.checksum.reset();
  // While the bytes are hot.
  if (lane.checksum) lane.checksum->running.update(lane.space.first(n));
  if (lane.leads) checksum_.add(lane.at, lane.space.first(n));
  lane.at += bytes;
  lane.body_bytes += bytes;
  lane.last_byte = now;
  lane.watch.took(bytes);
  if (!lane.leads) {
    result_.hedged_bytes += bytes;
    // The budget is used up: the one that is behind goes.
    if (result_.hedged_bytes * kHedgedShare >= *size_ && companion(lane) != nullptr) beat(lane);
    return;
  }
  Part& part = *lane.part;
  part.received += bytes;
  part.attempts = 1;
  bytes_received_ += bytes;
  if (const std::int64_t missing = parts_.missing_bytes(); missing > 0)
    flight_->took({.bytes = bytes, .missing_bytes = missing}, now);
  if (lane.buffer == nullptr) return;
  lane.buffer_used += n;
  if (lane.buffer_begin + static_cast<std::int64_t>(lane.buffer_used) == buffer_end() ||
      part.left() == 0)
    flush(lane);
}

void Download::flush(Lane& lane) {
  if (lane.buffer == nullptr) return;
  const WriteQueue::Buffer buffer = std::exchange(lane.buffer, nullptr);
  if (lane.buffer_used == 0)
    queue_->release(buffer);
  else
    queue_->submit({buffer, lane.buffer_begin, lane.buffer_offset, lane.buffer_used});
  queue_->rethrow_failure();
}

}  // namespace skipjack::s3
