// The space that a transfer is searched in: the four parameters of AWS's sample (max_concurrency,
// multipart_chunksize, max_io_queue, io_chunksize) with bounds from the object and the machine
// instead of fixed ones that ask for terabytes of memory or for parts larger than the object. All
// four are integers on a logarithmic scale; what no transfer could do (more connections than parts,
// a write larger than a part, buffers beyond the memory limit) is cut out by constraints. Also the
// starting points.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/space/search_space.h"

namespace skipjack::s3tune {

/// Names of the four parameters, boto3's.
inline constexpr std::string_view kMaxConcurrency = "max_concurrency";
inline constexpr std::string_view kMultipartChunksize = "multipart_chunksize";
inline constexpr std::string_view kMaxIoQueue = "max_io_queue";
inline constexpr std::string_view kIoChunksize = "io_chunksize";

struct TransferSpaceOptions {
  /// Bytes of the object, or of all objects together, >= 1.
  std::int64_t object_size = 0;
  /// >= 1. More than one is a folder, whose files are fetched side by side.
  std::int64_t num_objects = 1;
  /// Bytes of the largest object; 0: object_size. Bounds the parts.
  std::int64_t largest_object = 0;
  /// Cores that the client may use, >= 1. Bounds the connections: at most 64 a core.
  int cores = 1;
  /// Bytes for the client's buffers, >= 1 MiB: (max_io_queue + max_concurrency) * io_chunksize
  /// stays within.
  std::int64_t memory_limit = std::int64_t{1} << 30;
  /// Parameters with a value of their own that trials get beside the four, in order.
  std::vector<Parameter> constants;
};

/// What the bounds of any client's space come from.
struct TransferBounds {
  std::int64_t smallest_part = 1, largest_part = 1, most_connections = 1;
};
/// Throws InvalidArgument naming the option, its value and the bound.
TransferBounds transfer_bounds(const TransferSpaceOptions& options);
/// Parts of this size that there may be at most: as many connections have something to do.
std::int64_t most_parts(const TransferSpaceOptions& options, std::int64_t part);
/// The same as a constraint between two parameters, the part's in units of so many bytes.
std::string parts_constraint(const TransferSpaceOptions& options, std::string_view connections,
                             std::string_view part, std::int64_t unit = 1);

/// Throws InvalidArgument naming the option, its value and the bound.
SearchSpace transfer_space(const TransferSpaceOptions& options);

/// Values of the four parameters.
struct TransferPoint {
  std::int64_t max_concurrency = 10;
  std::int64_t multipart_chunksize = std::int64_t{8} << 20;
  std::int64_t max_io_queue = 100;
  std::int64_t io_chunksize = std::int64_t{256} << 10;
  friend bool operator==(const TransferPoint&, const TransferPoint&) = default;
};
/// boto3's defaults.
inline constexpr TransferPoint kBoto3Point{};

/// The point of the space that runs like `point`, or nearest to it: values are moved into their
/// bounds, then those that had no effect or break a constraint are lowered (connections to the
/// number of parts, a write to a part, outstanding writes to the memory). With the space's
/// constants.
Configuration nearest_configuration(const SearchSpace& space, const TransferSpaceOptions& options,
                                    TransferPoint point);
TransferPoint transfer_point(const Configuration& configuration);

/// Where a search begins.
enum class StartPoint {
  Defaults,  ///< boto3's defaults
  Midpoint,  ///< the geometric middle of the space
  Random,    ///< the searcher's own first proposal
};
/// "defaults", "midpoint", "random"; throws InvalidArgument listing them.
StartPoint parse_start_point(std::string_view text);
std::string_view to_string(StartPoint start);
/// Configurations to begin with, in order; empty for Random.
std::vector<Configuration> starting_points(const SearchSpace& space,
                                           const TransferSpaceOptions& options, StartPoint start);

}  // namespace skipjack::s3tune
