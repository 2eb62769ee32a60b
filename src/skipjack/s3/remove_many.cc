#include "skipjack/s3/remove_many.h"

#include <deque>

#include "skipjack/base/error.h"
#include "skipjack/s3/exchange.h"
#include "skipjack/s3/request_window.h"
#include "skipjack/s3/task_pool.h"

namespace skipjack::s3 {
namespace {

constexpr std::size_t kMostWaiting = 2000;

class RemoveMany final : public Task {
 public:
  RemoveMany(Requester& requester, const RemoveManyOptions& options)
      : requester_(requester),
        options_(options),
        window_(options.max_concurrency),
        waiting_(options.objects.begin(), options.objects.end()) {
    counts_.objects_known = static_cast<std::int64_t>(waiting_.size());
    if (!options.listed) return;
    listing_.emplace(requester, options.listed->list);
    counts_.is_listing_complete = false;
  }

  bool advance(Duration now) override {
    take_pages(now);
    pool_.advance(now);
    while (!waiting_.empty() && static_cast<std::int64_t>(pool_.size()) < window_.size())
      start(std::move(waiting_.front())), waiting_.pop_front();
    pool_.advance(now);
    return counts_.is_listing_complete && waiting_.empty() && pool_.size() == 0;
  }
  Duration next_event(Duration now) const override {
    const Duration next = pool_.next_event(now);
    return listing_ ? std::min(next, listing_->next_event(now)) : next;
  }
  const ManyCounts& counts() const { return counts_; }

 private:
  void take_pages(Duration now) {
    if (!listing_) return;
    listing_->advance(now);
    while (waiting_.size() < kMostWaiting) {
      const std::optional<ListPage> page = listing_->take_page();
      if (!page) break;
      for (const ListedObject& listed : page->objects)
        if (!options_.listed->is_wanted || options_.listed->is_wanted(listed)) {
          ++counts_.objects_known;
          waiting_.push_back({options_.listed->list.bucket, listed.key});
        }
    }
    counts_.is_listing_complete = listing_->advance(now) && !listing_->has_page();
  }

  void start(ObjectAddress object) {
    RequestSpec spec{
        .method = "DELETE",
        .object = object,
        .headers = access_headers({.is_requester_paying = options_.is_requester_paying})};
    pool_.add(
        {.task = std::make_unique<Exchange>(
             requester_, std::move(spec),
             ExchangeOptions{.on_throttled = [this] { window_.throttled(system_clock().now()); }}),
         .done =
             [this, object] {
               window_.succeeded();
               ++counts_.objects_done;
               if (options_.on_end) options_.on_end({.object = object});
             },
         .failed =
             [this, object](const Error& error) {
               ++counts_.objects_failed;
               if (options_.on_end) options_.on_end({.object = object, .error = error});
             }});
  }

  Requester& requester_;
  const RemoveManyOptions& options_;
  RequestWindow window_;
  std::deque<ObjectAddress> waiting_;
  std::optional<Listing> listing_;
  TaskPool pool_;
  ManyCounts counts_;
};

}  // namespace

ManyCounts run_remove_many(Requester& requester, const RemoveManyOptions& options) {
  if (options.max_concurrency < 1)
    throw Error(ErrorCode::InvalidArgument,
                "max_concurrency = " + std::to_string(options.max_concurrency) + " must be >= 1");
  RemoveMany many(requester, options);
  if (!drive_to_end(many, {.transport = requester.transport(), .stop = options.stop}))
    throw Error(ErrorCode::Cancelled, "the removal was cancelled");
  return many.counts();
}

}  // namespace skipjack::s3
