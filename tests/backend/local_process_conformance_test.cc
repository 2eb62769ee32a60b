#include "backend/local_process_fixture.h"

namespace skipjack {
namespace {

/// A backend whose folder goes with it.
class OwningBackend final : public Backend {
 public:
  explicit OwningBackend(int capacity) {
    LocalProcessOptions options;
    options.entry_point = folder_.write_script("behave.sh", kBehaviourScript);
    options.folder = folder_.path() / "trials";
    options.capacity = capacity;
    backend_ = make_local_process_backend(std::move(options));
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
  TemporaryFolder folder_;
  std::unique_ptr<Backend> backend_;
};

INSTANTIATE_TEST_SUITE_P(
    LocalProcess, BackendConformance,
    ::testing::Values(BackendUnderTest{
        "LocalProcess", [](int capacity) { return std::make_unique<OwningBackend>(capacity); }}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace skipjack
