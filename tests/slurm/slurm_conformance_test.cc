// The promises of Backend, kept by a real Slurm.
#include "slurm/slurm_fixture.h"

namespace skipjack {
namespace {

INSTANTIATE_TEST_SUITE_P(Slurm, BackendConformance,
                         ::testing::Values(BackendUnderTest{
                             .name = "Slurm",
                             .make =
                                 [](int capacity) {
                                   return backend_with_folder<SharedFolder>(
                                       [&](const SharedFolder& folder) {
                                         SlurmOptions options =
                                             quick_options(folder, kBehaviourScript);
                                         options.capacity = capacity;
                                         return make_slurm_backend(std::move(options));
                                       });
                                 },
                             .num_short_attempts = 40}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace skipjack
