#include "skipjack/schedule/sync_hyperband.h"

#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/schedule/sync_scheduler.h"

namespace skipjack {
namespace {

class SearcherProposer final : public SyncProposer {
 public:
  SearcherProposer(std::unique_ptr<Searcher> searcher, std::vector<Configuration> points,
                   std::size_t num_ladders)
      : searcher_(std::move(searcher)), points_(std::move(points)), num_ladders_(num_ladders) {}

  Suggestion propose(const SchedulerView& view, const SyncPlace& place) override {
    const std::size_t number = view.history.trials().size();
    if (number < points_.size()) return Proposal{.configuration = points_[number]};
    return searcher_->suggest(view.history,
                              {.resource = place.ladder_rung.level,
                               .bracket = static_cast<int>(place.bracket % num_ladders_),
                               .remaining_fraction = view.remaining_fraction});
  }
  void begin(const Trial&, const SyncPlace&) override {}
  void finish(TrialId, std::optional<double>) override {}
  void restore(const Json& fitted) override { searcher_->restore(fitted); }

 private:
  std::unique_ptr<Searcher> searcher_;
  std::vector<Configuration> points_;
  std::size_t num_ladders_;
};

}  // namespace

std::unique_ptr<Scheduler> make_sync_hyperband(SyncHyperbandOptions options) {
  if (!options.searcher)
    throw Error(ErrorCode::InvalidArgument,
                "searcher = null: synchronous Hyperband needs a searcher");
  auto ladders = sync_ladders(options.resource, options.brackets);
  auto proposer = std::make_unique<SearcherProposer>(
      std::move(options.searcher), std::move(options.points_to_evaluate), ladders.size());
  return make_sync_scheduler({.proposer = std::move(proposer),
                              .metric = std::move(options.metric),
                              .resource = std::move(options.resource),
                              .ladders = std::move(ladders),
                              .advance = [](std::size_t) { return Advance::Promote; }});
}

}  // namespace skipjack
