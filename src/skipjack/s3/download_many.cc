#include "skipjack/s3/download_many.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>

#include "skipjack/base/bytes.h"
#include "skipjack/s3/download.h"
#include "skipjack/s3/exchange.h"
#include "skipjack/s3/file_writers.h"
#include "skipjack/s3/machine.h"
#include "skipjack/s3/object_checksum.h"
#include "skipjack/s3/request_window.h"
#include "skipjack/s3/target_tree.h"
#include "skipjack/s3/task_pool.h"

namespace skipjack::s3 {
namespace {

// One GET brings an object of this size in a few tens of milliseconds; larger ones gain by parts.
constexpr std::int64_t kLargestSmall = 4 * kMiB;
// Small objects at a time: at 30 ms to the first byte, 4000 a second, which is what S3 serves under
// one prefix [S3 performance guidance: 5500 GET a second].
constexpr std::int64_t kAutoConcurrency = 128;
/// What a connection holds beside the object.
constexpr std::int64_t kSmallOverhead = 16 * kKiB;
/// Objects found and not begun: two pages.
constexpr std::size_t kMostWaiting = 2000;
constexpr std::int64_t kWriters = 4;
constexpr std::size_t kMostLarge = 2;

struct Found {
  ObjectAddress object;
  /// nullopt: not told by a listing.
  std::optional<std::int64_t> size{};
};

/// Half of the memory for small objects, a quarter for each of two large ones; where that would be
/// too little for a download, everything is for one of those.
struct Shares {
  std::int64_t small = 0, large = 0;
  std::size_t num_large = 1;
};
Shares share_out(std::int64_t memory) {
  if (memory < 4 * kMiB) return {.small = 0, .large = memory};
  return {.small = memory / 2, .large = memory / 4, .num_large = kMostLarge};
}

class DownloadMany final : public Task {
 public:
  DownloadMany(Requester& requester, const DownloadManyOptions& options, TokenBucket* bandwidth);

  bool advance(Duration now) override;
  Duration next_event(Duration now) const override;
  const DownloadManyResult& result() const { return result_; }

 private:
  /// A download in parts, and what it needs.
  struct Large {
    Found found;
    std::optional<TargetTree::Place> place;
    DownloadOptions options;
  };

  const IntoFolder* folder() const { return std::get_if<IntoFolder>(&options_.target); }
  void find(Found found);
  void take_pages(Duration now);
  void take_written();
  void start_objects();
  void start_small(Found found);
  void take_small(const Found& found, std::int64_t reserved, SmallAnswer answer);
  void verify(const ObjectAddress& object, const SmallAnswer& answer) const;
  void start_large(Found found);
  bool is_settled_without_request(const Found& found);
  void end_object(const ObjectAddress& object, std::int64_t bytes);
  void fail_object(const ObjectAddress& object, const Error& error);
  void give_back(std::int64_t bytes) { small_bytes_ -= bytes; }
  void report_progress(Duration now);

  Requester& requester_;
  const DownloadManyOptions& options_;
  TokenBucket* const bandwidth_;
  const Shares shares_;
  const std::int64_t largest_small_;
  const ChecksumValidation checksum_;
  RequestWindow window_;
  RetryOptions retry_;
  HttpHeaders access_headers_;
  std::optional<TargetTree> tree_;
  std::optional<Listing> listing_;
  std::deque<Found> waiting_, large_waiting_;
  TaskPool small_, large_;
  /// The large one that began last, while it is on its way.
  const DownloadTask* newest_large_ = nullptr;
  std::set<const DownloadTask*> running_large_;
  std::int64_t small_bytes_ = 0;
  struct Writing {
    ObjectAddress object;
    std::int64_t bytes = 0, reserved = 0;
  };
  std::map<std::int64_t, Writing> writing_;
  std::int64_t next_id_ = 0;
  DownloadManyResult result_;
  Duration last_progress_ = system_clock().now();
  FileWriters writers_;
};

std::int64_t memory_of(const TransferConfig& config) {
  return plan_download(0, config, machine_limits()).config.memory_limit;
}

DownloadMany::DownloadMany(Requester& requester, const DownloadManyOptions& options,
                           TokenBucket* bandwidth)
    : requester_(requester),
      options_(options),
      bandwidth_(bandwidth),
      shares_(share_out(memory_of(options.config))),
      largest_small_(std::min(kLargestSmall, shares_.small / 4)),
      checksum_(validation_of(options.config)),
      window_(options.config.use_threads.value_or(true)
                  ? options.config.max_concurrency.value_or(kAutoConcurrency)
                  : 1),
      access_headers_(access_headers(options.access)),
      writers_(std::holds_alternative<IntoFolder>(options.target) &&
                       options.config.use_threads.value_or(true)
                   ? kWriters
                   : 0,
               [this] { requester_.transport().wake(); }) {
  retry_.num_attempts = *with_boto3_defaults(options.config).num_download_attempts;
  requester.quota().make_room(options.config.max_concurrency.value_or(kAutoConcurrency));
  if (folder() != nullptr)
    tree_.emplace(folder()->folder,
                  TargetTreeOptions{.is_durable = options.config.fsync.value_or(false)});
  for (const ObjectAddress& object : options.objects) find({object});
  if (!options.listed) return;
  listing_.emplace(requester, options.listed->list);
  result_.counts.is_listing_complete = false;
}

void DownloadMany::find(Found found) {
  ++result_.counts.objects_known;
  result_.counts.bytes_known += found.size.value_or(0);
  waiting_.push_back(std::move(found));
}

bool DownloadMany::advance(Duration now) {
  take_pages(now);
  take_written();
  small_.advance(now);
  large_.advance(now);
  start_objects();
  // What has just been begun is sent.
  small_.advance(now);
  report_progress(now);
  return result_.counts.is_listing_complete && waiting_.empty() && large_waiting_.empty() &&
         small_.size() == 0 && large_.size() == 0 && writing_.empty();
}

Duration DownloadMany::next_event(Duration now) const {
  Duration next = std::min(small_.next_event(now), large_.next_event(now));
  if (listing_) next = std::min(next, listing_->next_event(now));
  if (options_.progress) next = std::min(next, options_.progress_interval);
  return next;
}

void DownloadMany::take_pages(Duration now) {
  if (!listing_) return;
  listing_->advance(now);
  while (waiting_.size() + large_waiting_.size() < kMostWaiting) {
    const std::optional<ListPage> page = listing_->take_page();
    if (!page) break;
    for (const ListedObject& listed : page->objects)
      if (!options_.listed->is_wanted || options_.listed->is_wanted(listed))
        find({{options_.listed->list.bucket, listed.key}, listed.size});
  }
  // Once more: there may be room for the next page now.
  result_.counts.is_listing_complete = listing_->advance(now) && !listing_->has_page();
}

void DownloadMany::take_written() {
  for (const FileWriters::Written& written : writers_.take_written()) {
    const auto entry = writing_.extract(written.id);
    const Writing& file = entry.mapped();
    give_back(file.reserved);
    if (written.error)
      fail_object(file.object, *written.error);
    else
      end_object(file.object, file.bytes);
  }
}

void DownloadMany::start_objects() {
  while (!waiting_.empty() && static_cast<std::int64_t>(small_.size()) < window_.size()) {
    const Found& next = waiting_.front();
    const bool is_small = next.size.value_or(0) <= largest_small_ && largest_small_ > 0;
    const std::int64_t wanted = next.size.value_or(largest_small_) + kSmallOverhead;
    if (is_small && small_bytes_ > 0 && small_bytes_ + wanted > shares_.small) break;
    Found found = std::move(waiting_.front());
    waiting_.pop_front();
    if (is_settled_without_request(found)) continue;
    if (is_small)
      start_small(std::move(found));
    else
      large_waiting_.push_back(std::move(found));
  }
  while (!large_waiting_.empty() && large_.size() < shares_.num_large &&
         (newest_large_ == nullptr || newest_large_->is_closing())) {
    Found found = std::move(large_waiting_.front());
    large_waiting_.pop_front();
    start_large(std::move(found));
  }
}

/// Names that can't be, and keys that stand for folders.
bool DownloadMany::is_settled_without_request(const Found& found) {
  if (!tree_) return false;
  const std::string name = folder()->name(found.object);
  // The folder that all is copied from may have an object of its own: nothing is left of its name.
  const bool is_root = name.empty() && found.object.key.ends_with('/');
  try {
    if (!name.ends_with('/') && !is_root) {
      check_relative_name(name);
      return false;
    }
    if (found.size.value_or(0) > 0)
      throw Error(ErrorCode::InvalidArgument,
                  to_s3_uri(found.object) + " has bytes, and the name of a folder",
                  "download it by itself, and name the file");
    if (!is_root) tree_->make_folder(name.substr(0, name.size() - 1));
    end_object(found.object, 0);
  } catch (const Error& error) {
    fail_object(found.object, error);
  }
  return true;
}

void DownloadMany::start_small(Found found) {
  const std::int64_t reserved = found.size.value_or(largest_small_) + kSmallOverhead;
  small_bytes_ += reserved;
  result_.peak_small_bytes = std::max(result_.peak_small_bytes, small_bytes_);
  RequestSpec spec{.object = found.object, .headers = access_headers_};
  ObjectChecksum(found.object, checksum_).ask(spec.headers);
  auto exchange = std::make_unique<Exchange>(
      requester_, std::move(spec),
      ExchangeOptions{.most_bytes = static_cast<std::size_t>(found.size.value_or(largest_small_)),
                      .retry = retry_,
                      .bandwidth = bandwidth_,
                      .on_throttled = [this] { window_.throttled(system_clock().now()); }});
  Exchange* const running = exchange.get();
  const ObjectAddress object = found.object;
  small_.add({.task = std::move(exchange),
              .done = [this, running, reserved,
                       found = std::move(found)] { take_small(found, reserved, running->take()); },
              .failed =
                  [this, reserved, object](const Error& error) {
                    give_back(reserved);
                    fail_object(object, error);
                  }});
}

void DownloadMany::take_small(const Found& found, std::int64_t reserved, SmallAnswer answer) {
  window_.succeeded();
  if (answer.is_cut) {
    // Larger than the listing said, or of unknown size.
    give_back(reserved);
    large_waiting_.push_back(found);
    return;
  }
  const auto bytes = static_cast<std::int64_t>(answer.body.size());
  verify(found.object, answer);
  if (!tree_) {
    std::get<EachInMemory>(options_.target).take(found.object, answer.body);
    give_back(reserved);
    end_object(found.object, bytes);
    return;
  }
  TargetTree::Place place = tree_->place(folder()->name(found.object));
  const std::int64_t id = next_id_++;
  writing_.emplace(id, Writing{found.object, bytes, reserved});
  writers_.submit(id, std::move(place), std::move(answer.body));
}

/// Against the checksum that the answer names. Throws Corrupted.
void DownloadMany::verify(const ObjectAddress& object, const SmallAnswer& answer) const {
  ObjectChecksum checksum(object, checksum_);
  const ByteRange whole{0, static_cast<std::int64_t>(answer.body.size())};
  checksum.learn(answer.head, {.range = whole, .fetched = whole, .object_size = whole.end});
  checksum.add(0, std::as_bytes(std::span(answer.body)));
  checksum.finish();
}

void DownloadMany::start_large(Found found) {
  auto large = std::make_shared<Large>();
  large->found = std::move(found);
  const ObjectAddress& object = large->found.object;
  try {
    large->options.object = object;
    large->options.access = options_.access;
    large->options.config = options_.config;
    large->options.config.memory_limit = shares_.large;
    large->options.stop = options_.stop;
    if (tree_) {
      large->place = tree_->place(folder()->name(object));
      const std::filesystem::path shown = folder()->folder / large->place->name;
      large->options.target = ToFile{.path = large->place->path(), .shown = shown.string()};
    } else {
      large->options.target = ToMemory{};
    }
    auto task = start_download(requester_, large->options, bandwidth_);
    DownloadTask* const running = task.get();
    newest_large_ = running;
    running_large_.insert(running);
    const auto end = [this, running] {
      if (newest_large_ == running) newest_large_ = nullptr;
      running_large_.erase(running);
    };
    const auto done = [this, large, running, end] {
      const DownloadResult result = running->finish();
      end();
      result_.counts.bytes_resumed += result.resumed_bytes;
      if (!tree_)
        std::get<EachInMemory>(options_.target).take(large->found.object, result.memory.view());
      end_object(large->found.object, result.bytes);
    };
    const auto failed = [this, large, end](const Error& error) {
      end();
      fail_object(large->found.object, error);
    };
    large_.add({std::move(task), done, failed});
  } catch (const Error& error) {
    fail_object(object, error);
  }
}

void DownloadMany::end_object(const ObjectAddress& object, std::int64_t bytes) {
  ++result_.counts.objects_done;
  result_.counts.bytes_done += bytes;
  if (options_.on_end) options_.on_end({.object = object, .bytes = bytes});
}

void DownloadMany::fail_object(const ObjectAddress& object, const Error& error) {
  // The disk is full or broken: the others would fare no better.
  if (error.code() == ErrorCode::Io || error.code() == ErrorCode::Cancelled) throw error;
  ++result_.counts.objects_failed;
  if (options_.on_end) options_.on_end({.object = object, .error = error});
}

void DownloadMany::report_progress(Duration now) {
  if (!options_.progress || now - last_progress_ < options_.progress_interval) return;
  last_progress_ = now;
  ManyCounts counts = result_.counts;
  for (const DownloadTask* task : running_large_) {
    counts.bytes_done += task->bytes_done();
    counts.bytes_resumed += task->bytes_resumed();
  }
  options_.progress(counts);
}

}  // namespace

DownloadManyResult run_download_many(Requester& requester, const DownloadManyOptions& options) {
  const Duration begin = system_clock().now();
  const std::int64_t connections_before = requester.transport().num_connections();
  std::optional<TokenBucket> bandwidth = requester.begin(options.config);
  TokenBucket* const bucket = bandwidth ? &*bandwidth : nullptr;
  DownloadMany many(requester, options, bucket);
  if (!drive_to_end(many, {.transport = requester.transport(),
                           .bandwidth = bucket,
                           .slice = options.progress_interval,
                           .stop = options.stop}))
    throw Error(ErrorCode::Cancelled, "the transfer was cancelled");
  DownloadManyResult result = many.result();
  result.duration = system_clock().now() - begin;
  result.num_connections = requester.transport().num_connections() - connections_before;
  if (options.progress) options.progress(result.counts);
  return result;
}

}  // namespace skipjack::s3
