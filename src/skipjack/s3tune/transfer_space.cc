// Bounds and their reasons: a part below 1 MiB spends most of its time on its first byte at any
// rate S3 gives, and its requests cost money; a part above half the object leaves one connection
// the rest.
#include "skipjack/s3tune/transfer_space.h"

#include <algorithm>
#include <string>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"

namespace skipjack::s3tune {
namespace {

constexpr std::int64_t kSmallestPart = kMiB;
constexpr std::int64_t kSmallestWrite = 16 * kKiB;
constexpr std::int64_t kLargestWrite = 16 * kMiB;
constexpr std::int64_t kMostQueuedWrites = 1000;
constexpr std::int64_t kConnectionsPerCore = 64;
/// An object this small may be fetched whole by one connection.
constexpr std::int64_t kSinglePart = 16 * kMiB;

struct Bounds : TransferBounds {
  std::int64_t smallest_write = 1, largest_write = 1;
};

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

std::int64_t largest_of(const TransferSpaceOptions& options) {
  return options.largest_object > 0 ? options.largest_object : options.object_size;
}

Bounds bounds(const TransferSpaceOptions& options) {
  Bounds b{transfer_bounds(options)};
  b.smallest_write = std::min(kSmallestWrite, b.smallest_part);
  b.largest_write = std::clamp(options.memory_limit / 2, b.smallest_write,
                               std::min(kLargestWrite, b.largest_part));
  b.most_connections = std::max<std::int64_t>(
      1, std::min(b.most_connections, options.memory_limit / b.smallest_write - 1));
  return b;
}

void require_at_least(std::string_view name, std::int64_t value, std::int64_t least) {
  if (value < least)
    throw Error(ErrorCode::InvalidArgument, std::string(name) + " = " + std::to_string(value) +
                                                " must be >= " + std::to_string(least));
}

}  // namespace

TransferBounds transfer_bounds(const TransferSpaceOptions& options) {
  require_at_least("object_size", options.object_size, 1);
  require_at_least("num_objects", options.num_objects, 1);
  require_at_least("cores", options.cores, 1);
  require_at_least("memory_limit", options.memory_limit, kMiB);
  const std::int64_t largest = largest_of(options);
  TransferBounds b;
  b.smallest_part = std::min(kSmallestPart, largest);
  b.largest_part = std::max(divide_up(largest, 2), std::min(largest, kSinglePart));
  b.most_connections =
      std::min(most_parts(options, b.smallest_part), kConnectionsPerCore * options.cores);
  return b;
}

std::int64_t most_parts(const TransferSpaceOptions& options, std::int64_t part) {
  return divide_up(options.object_size, part) + options.num_objects - 1;
}

std::string parts_constraint(const TransferSpaceOptions& options, std::string_view connections,
                             std::string_view part, std::int64_t unit) {
  return "(" + std::string(connections) + " - " + std::to_string(options.num_objects) + ") * " +
         std::string(part) + (unit == 1 ? "" : " * " + std::to_string(unit)) + " < " +
         std::to_string(options.object_size);
}

SearchSpace transfer_space(const TransferSpaceOptions& options) {
  const Bounds b = bounds(options);
  std::vector<Parameter> parameters = {
      {std::string(kMaxConcurrency), log_rand_int(1, b.most_connections)},
      {std::string(kMultipartChunksize), log_rand_int(b.smallest_part, b.largest_part)},
      {std::string(kMaxIoQueue), log_rand_int(1, kMostQueuedWrites)},
      {std::string(kIoChunksize), log_rand_int(b.smallest_write, b.largest_write)},
  };
  parameters.insert(parameters.end(), options.constants.begin(), options.constants.end());
  return SearchSpace(std::move(parameters),
                     {parts_constraint(options, kMaxConcurrency, kMultipartChunksize),
                      "io_chunksize <= multipart_chunksize",
                      "(max_io_queue + max_concurrency) * io_chunksize <= " +
                          std::to_string(options.memory_limit)});
}

Configuration nearest_configuration(const SearchSpace& space, const TransferSpaceOptions& options,
                                    TransferPoint point) {
  const Bounds b = bounds(options);
  const std::int64_t part = std::clamp(point.multipart_chunksize, b.smallest_part, b.largest_part);
  const std::int64_t connections = std::clamp<std::int64_t>(
      std::min(point.max_concurrency, most_parts(options, part)), 1, b.most_connections);
  const std::int64_t largest_write =
      std::max(b.smallest_write,
               std::min({b.largest_write, part, options.memory_limit / (connections + 1)}));
  const std::int64_t write = std::clamp(point.io_chunksize, b.smallest_write, largest_write);
  const std::int64_t queue = std::clamp<std::int64_t>(
      std::min(point.max_io_queue, options.memory_limit / write - connections), 1,
      kMostQueuedWrites);
  Json values;
  values.set(kMaxConcurrency, connections);
  values.set(kMultipartChunksize, part);
  values.set(kMaxIoQueue, queue);
  values.set(kIoChunksize, write);
  return space.complete(values);
}

TransferPoint transfer_point(const Configuration& configuration) {
  return {.max_concurrency = configuration.at(kMaxConcurrency).as_int(),
          .multipart_chunksize = configuration.at(kMultipartChunksize).as_int(),
          .max_io_queue = configuration.at(kMaxIoQueue).as_int(),
          .io_chunksize = configuration.at(kIoChunksize).as_int()};
}

StartPoint parse_start_point(std::string_view text) {
  for (StartPoint start : {StartPoint::Defaults, StartPoint::Midpoint, StartPoint::Random})
    if (text == to_string(start)) return start;
  throw Error(ErrorCode::InvalidArgument,
              "start = '" + std::string(text) + "' must be defaults, midpoint or random");
}

std::string_view to_string(StartPoint start) {
  switch (start) {
    case StartPoint::Defaults:
      return "defaults";
    case StartPoint::Midpoint:
      return "midpoint";
    case StartPoint::Random:
      return "random";
  }
  SKIPJACK_CHECK(false);
}

std::vector<Configuration> starting_points(const SearchSpace& space,
                                           const TransferSpaceOptions& options, StartPoint start) {
  switch (start) {
    case StartPoint::Defaults:
      return {nearest_configuration(space, options, kBoto3Point)};
    case StartPoint::Midpoint:
      return {nearest_configuration(space, options, transfer_point(space.midpoint()))};
    case StartPoint::Random:
      return {};
  }
  SKIPJACK_CHECK(false);
}

}  // namespace skipjack::s3tune
