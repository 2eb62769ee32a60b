// Methods that go by earlier experiments, and by nothing else where they begin.
#include <algorithm>
#include <utility>

#include "skipjack/method/recipe.h"
#include "skipjack/search/bounding_box.h"
#include "skipjack/search/quantile_transfer.h"
#include "skipjack/search/zero_shot.h"

namespace skipjack {
namespace {

constexpr std::string_view kBoundingBox = "bounding_box", kAshaQuantile = "asha_quantile_transfer";
constexpr HalvingDefaults kAsha{};

/// Throws InvalidArgument if the space can have no configuration of any source: what follows would
/// be a random search that calls itself transfer.
void require_something_learnt(std::string_view method, const MethodOptions& o) {
  const auto says_something = [&](const SourceExperiment& source) {
    return !carry_over(o.space, source).empty();
  };
  if (std::any_of(o.sources.begin(), o.sources.end(), says_something)) return;
  throw Error(ErrorCode::InvalidArgument,
              "method '" + std::string(method) +
                  "': no earlier experiment has a configuration that this space can have",
              "name experiments with the same parameters, or use another method");
}

std::unique_ptr<Scheduler> make_box(const MethodOptions& o) {
  (void)only_objective(kBoundingBox, o, Constraints::Keep);
  require_something_learnt(kBoundingBox, o);
  const std::string inner = option(o, "searcher", as_string).value_or("random");
  const MethodRow& row = find_method(inner);
  if (row.needs_sources || row.multi_fidelity || row.objectives == Objectives::Several)
    throw Error(ErrorCode::InvalidArgument,
                "method option 'searcher': '" + inner + "' can't search in a box",
                "name a method for one objective whose trials run to their end");
  const auto per_source = option(o, "num_hyperparameters_per_task", as_int).value_or(1);
  if (per_source < 1)
    throw Error(ErrorCode::InvalidArgument, "method option 'num_hyperparameters_per_task' = " +
                                                std::to_string(per_source) + " must be >= 1");
  const double least_side =
      option(o, "least_side", as_double).value_or(BoundingBoxOptions().least_side);
  MethodOptions inside = o;
  inside.space = bounding_box({.space = o.space,
                               .sources = o.sources,
                               .number_per_source = static_cast<std::size_t>(per_source),
                               .points = o.points_to_evaluate,
                               .least_side = least_side});
  inside.sources.clear();
  inside.options = option(o, "searcher_options", as_object).value_or(Json(Json::Object{}));
  // The box's own option says that.
  inside.options.set(kCapOption, false);
  return make_scheduler(inner, inside);
}

std::unique_ptr<Searcher> make_zero_shot(const MethodOptions& o) {
  (void)only_objective("zero_shot", o);
  require_something_learnt("zero_shot", o);
  return make_zero_shot_search({.space = o.space, .seed = o.seed, .sources = o.sources});
}

std::unique_ptr<Searcher> make_quantile_of(std::string_view method, const MethodOptions& o) {
  (void)only_objective(method, o);
  require_something_learnt(method, o);
  QuantileTransferOptions options{.space = o.space, .seed = o.seed, .sources = o.sources};
  options.num_candidates = option(o, "num_candidates", as_int).value_or(options.num_candidates);
  options.max_fit_samples = option(o, "max_fit_samples", as_int).value_or(options.max_fit_samples);
  return make_quantile_transfer_search(std::move(options));
}

std::unique_ptr<Searcher> make_quantile(const MethodOptions& o) {
  return make_quantile_of("quantile_transfer", o);
}

std::unique_ptr<Scheduler> make_asha_quantile(const MethodOptions& o) {
  return make_halving(halving_options(kAshaQuantile, o, kAsha, make_quantile_of(kAshaQuantile, o)));
}

std::vector<MethodOption> quantile_entries() {
  const QuantileTransferOptions defaults;
  return {{"num_candidates", "random configurations in the pool, in [1, 100000]",
           defaults.num_candidates},
          {"max_fit_samples", "rows that the forest is fitted to, in [3, 100000]",
           defaults.max_fit_samples}};
}

}  // namespace

std::vector<Recipe> transfer_recipes() {
  return {
      {{.name = kBoundingBox,
        .description = "searches the box around the best of earlier experiments",
        .aliases = {"BoundingBox"},
        .options = {{"searcher", "method that searches the box; trials run to their end", "random"},
                    {"searcher_options", "the options of that method", Json::Object{}},
                    {"num_hyperparameters_per_task",
                     "best of each earlier experiment that the box holds, >= 1", 1},
                    {"least_side", "of the box in units of an axis, in (0, 1]",
                     BoundingBoxOptions().least_side}},
        .transfers = true,
        .needs_sources = true},
       make_box},
      {{.name = "zero_shot",
        .description = "what was best in earlier experiments, as a portfolio; then random",
        .aliases = {"ZeroShotTransfer"},
        .transfers = true,
        .needs_sources = true},
       in_fifo<make_zero_shot>},
      {{.name = "quantile_transfer",
        .description = "Thompson sampling on a forest of earlier experiments' quantiles",
        .aliases = {"QuantileBasedSurrogateSearcher", "CTS"},
        .options = quantile_entries(),
        .transfers = true,
        .needs_sources = true},
       in_fifo<make_quantile>},
      {{.name = kAshaQuantile,
        .description = "successive halving around quantile_transfer",
        .aliases = {"ASHACTS"},
        .options = with_halving_options(kAsha, quantile_entries()),
        .transfers = true,
        .needs_sources = true,
        .multi_fidelity = true,
        .page = "quantile_transfer"},
       make_asha_quantile},
  };
}

}  // namespace skipjack
