// Its whole state is the number of trials started so far; the rest is the searcher's, which reads
// the history and is told of fitted models through the events.
#include "skipjack/schedule/fifo.h"

#include <utility>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

class Fifo final : public Scheduler {
 public:
  explicit Fifo(FifoOptions options) : options_(std::move(options)) {
    if (!options_.searcher)
      throw Error(ErrorCode::InvalidArgument, "searcher = null: a FIFO scheduler needs a searcher");
  }

  void apply(const Event& event, const History&) override {
    if (std::holds_alternative<TrialStarted>(event.body)) ++num_started_;
    if (const auto* fitted = std::get_if<ModelFitted>(&event.body))
      options_.searcher->restore(fitted->parameters);
  }

  std::vector<Command> decide(const SchedulerView& view) override {
    if (view.free_workers <= 0) return {};
    // What runs is still judged by who stands around this.
    if (view.starts_full)
      return {view.history.running().empty() ? Command(Finished{}) : Command(Wait{})};
    if (num_started_ < options_.points_to_evaluate.size())
      return {Start{.configuration = options_.points_to_evaluate[num_started_]}};
    Suggestion suggestion = options_.searcher->suggest(
        view.history, SuggestContext{.remaining_fraction = view.remaining_fraction});
    if (auto* proposal = std::get_if<Proposal>(&suggestion))
      return {Start{.configuration = std::move(proposal->configuration),
                    .fitted = std::move(proposal->fitted)}};
    if (std::holds_alternative<Exhausted>(suggestion))
      return {Finished{.reason = "search space exhausted"}};
    return {Wait{}};
  }

 private:
  FifoOptions options_;
  std::size_t num_started_ = 0;
};

}  // namespace

std::unique_ptr<Scheduler> make_fifo(FifoOptions options) {
  return std::make_unique<Fifo>(std::move(options));
}

}  // namespace skipjack
