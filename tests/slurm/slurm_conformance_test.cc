// The promises of Backend, kept by a real Slurm.
#include "slurm/slurm_fixture.h"

namespace skipjack {
namespace {

/// A backend whose folder goes with it.
class OwningBackend final : public Backend {
 public:
  explicit OwningBackend(int capacity) {
    SlurmOptions options = quick_options(folder_, kBehaviourScript);
    options.capacity = capacity;
    backend_ = make_slurm_backend(std::move(options));
  }
  void start(const StartRequest& request) override { backend_->start(request); }
  void end(AttemptId id, EndAs as) override { backend_->end(id, as); }
  std::vector<BackendEvent> wait(Duration timeout) override { return backend_->wait(timeout); }
  void wake() override { backend_->wake(); }
  int capacity() const override { return backend_->capacity(); }
  std::vector<AttemptId> reconcile(const std::vector<AttemptId>& attempts) override {
    return backend_->reconcile(attempts);
  }
  void delete_checkpoint(TrialId trial) override { backend_->delete_checkpoint(trial); }

 private:
  SharedFolder folder_;
  std::unique_ptr<Backend> backend_;
};

INSTANTIATE_TEST_SUITE_P(
    Slurm, BackendConformance,
    ::testing::Values(BackendUnderTest{
        .name = "Slurm",
        .make = [](int capacity) { return std::make_unique<OwningBackend>(capacity); },
        .num_short_attempts = 40}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace skipjack
