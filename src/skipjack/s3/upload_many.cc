#include "skipjack/s3/upload_many.h"

#include <algorithm>
#include <set>

#include "skipjack/base/error.h"
#include "skipjack/s3/machine.h"
#include "skipjack/s3/task_pool.h"

namespace skipjack::s3 {
namespace {

constexpr std::int64_t kAutoConcurrency = 32;

class UploadMany final : public Task {
 public:
  UploadMany(Requester& requester, const UploadManyOptions& options, TokenBucket* bandwidth)
      : requester_(requester),
        options_(options),
        bandwidth_(bandwidth),
        memory_(plan_download(0, options.config, machine_limits()).config.memory_limit),
        small_below_(
            std::min(*with_boto3_defaults(options.config).multipart_threshold, memory_ / 4)),
        concurrency_(options.config.use_threads.value_or(true)
                         ? static_cast<std::size_t>(
                               options.config.max_concurrency.value_or(kAutoConcurrency))
                         : 1) {
    counts_.objects_known = static_cast<std::int64_t>(options.files.size());
  }

  bool advance(Duration now) override {
    small_.advance(now);
    large_.advance(now);
    while (next_ < options_.files.size() && debt(now) <= Duration(0) && start_next()) {
    }
    small_.advance(now);
    large_.advance(now);
    if (options_.progress && now - last_progress_ >= options_.progress_interval) {
      last_progress_ = now;
      ManyCounts counts = counts_;
      for (const UploadTask* task : running_) counts.bytes_done += task->bytes_done();
      options_.progress(counts);
    }
    return next_ == options_.files.size() && small_.size() == 0 && large_.size() == 0;
  }
  Duration next_event(Duration now) const override {
    const Duration next = std::min(small_.next_event(now), large_.next_event(now));
    return debt(now) > Duration(0) ? std::min(next, debt(now)) : next;
  }
  /// Begins no file more, and has those in parts aborted.
  void cancel() {
    next_ = options_.files.size();
    for (UploadTask* task : running_) task->cancel();
  }
  const ManyCounts& counts() const { return counts_; }

 private:
  struct Running {
    UploadOptions options;
    std::int64_t reserved = 0;
  };

  Duration debt(Duration now) const {
    return bandwidth_ != nullptr ? bandwidth_->debt(now) : Duration(0);
  }

  /// False if the next file has to wait.
  bool start_next() {
    const FileToUpload& file = options_.files[next_];
    std::error_code error;
    const auto size = std::filesystem::file_size(file.path, error);
    const std::int64_t bytes = error ? 0 : static_cast<std::int64_t>(size);
    // What has no size is a pipe, whose end nobody knows, or fails when it is opened.
    const bool is_small = !error && bytes < small_below_;
    if (is_small ? small_.size() >= concurrency_ ||
                       (small_bytes_ > 0 && small_bytes_ + bytes > memory_ / 2)
                 : large_.size() > 0)
      return false;
    ++next_;
    const auto running = std::make_shared<Running>();
    running->options = {.object = file.object,
                        .source = FromFile{file.path},
                        .content_type = options_.content_type,
                        .metadata = options_.metadata,
                        .access = options_.access,
                        .config = options_.config,
                        .stop = options_.stop};
    running->options.config.memory_limit = std::max(memory_ / 2, kSmallestLimit);
    running->reserved = is_small ? bytes : 0;
    try {
      auto task = start_upload(requester_, running->options, bandwidth_);
      UploadTask* const upload = task.get();
      running_.insert(upload);
      small_bytes_ += running->reserved;
      (is_small ? small_ : large_)
          .add({.task = std::move(task),
                .done =
                    [this, running, upload] {
                      leave(upload, *running);
                      const std::int64_t sent = upload->finish().bytes;
                      ++counts_.objects_done;
                      counts_.bytes_done += sent;
                      if (options_.on_end)
                        options_.on_end({.object = running->options.object, .bytes = sent});
                    },
                .failed =
                    [this, running, upload](const Error& why) {
                      leave(upload, *running);
                      fail(running->options.object, why);
                    }});
    } catch (const Error& why) {
      fail(file.object, why);
    }
    return true;
  }

  void leave(UploadTask* upload, const Running& running) {
    running_.erase(upload);
    small_bytes_ -= running.reserved;
  }
  void fail(const ObjectAddress& object, const Error& why) {
    // Told once, by the end of all.
    if (why.code() == ErrorCode::Cancelled) return;
    ++counts_.objects_failed;
    if (options_.on_end) options_.on_end({.object = object, .error = why});
  }

  static constexpr std::int64_t kSmallestLimit = std::int64_t{1} << 20;

  Requester& requester_;
  const UploadManyOptions& options_;
  TokenBucket* const bandwidth_;
  const std::int64_t memory_, small_below_;
  const std::size_t concurrency_;
  std::size_t next_ = 0;
  std::int64_t small_bytes_ = 0;
  std::set<UploadTask*> running_;
  TaskPool small_, large_;
  ManyCounts counts_;
  Duration last_progress_ = system_clock().now();
};

}  // namespace

ManyCounts run_upload_many(Requester& requester, const UploadManyOptions& options) {
  std::optional<TokenBucket> bandwidth = requester.begin(options.config);
  UploadMany many(requester, options, bandwidth ? &*bandwidth : nullptr);
  if (!drive_to_end(many, {.transport = requester.transport(), .stop = options.stop})) {
    many.cancel();
    drive_to_end(many, {.transport = requester.transport()});
    throw Error(ErrorCode::Cancelled, "the transfer was cancelled");
  }
  if (options.progress) options.progress(many.counts());
  return many.counts();
}

}  // namespace skipjack::s3
