#include "backend/local_process_fixture.h"

namespace skipjack {
namespace {

INSTANTIATE_TEST_SUITE_P(LocalProcess, BackendConformance,
                         ::testing::Values(BackendUnderTest{
                             "LocalProcess",
                             [](int capacity) {
                               return backend_with_folder<TemporaryFolder>(
                                   [&](const TemporaryFolder& folder) {
                                     LocalProcessOptions options;
                                     options.entry_point =
                                         folder.write_script("behave.sh", kBehaviourScript);
                                     options.folder = folder.path() / "trials";
                                     options.capacity = capacity;
                                     return make_local_process_backend(std::move(options));
                                   });
                             }}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace skipjack
