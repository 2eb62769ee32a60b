#include "skipjack/search/multi_objective.h"

#include <string>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack {

std::unique_ptr<Searcher> make_multi_objective_search(
    const MultiObjectiveOptions& options,
    std::function<Acquisition(const AcquisitionQuestion&)> make) {
  const std::size_t number = options.objectives.size();
  if (number < 2)
    throw Error(ErrorCode::InvalidArgument,
                "objectives: " + std::to_string(number) + " of them must be 2 or more",
                "use bayesopt for one");
  std::vector<Metric> beside(options.objectives.begin() + 1, options.objectives.end());
  beside.insert(beside.end(), options.constraints.begin(), options.constraints.end());
  return make_acquisition_search({.space = options.space,
                                  .metric = options.objectives.front(),
                                  .beside = std::move(beside),
                                  .seed = options.seed,
                                  .num_initial = options.num_initial,
                                  .make = std::move(make)});
}

}  // namespace skipjack
