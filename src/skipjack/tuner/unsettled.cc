#include "skipjack/tuner/unsettled.h"

#include "skipjack/base/overloaded.h"

namespace skipjack {

void Unsettled::apply(const Event& event) {
  std::visit(Overloaded{
                 [&](const TrialStarted& e) {
                   if (e.deadline) deadlines.set(e.trial, *e.deadline);
                 },
                 [&](const TrialResumed& e) { lost.erase(e.id.trial); },
                 [&](const DeadlineSet& e) { deadlines.set(e.trial, e.deadline); },
                 [&](const DeadlineReached& e) { deadlines.erase(e.trial); },
                 [&](const StopOrdered& e) {
                   ending[e.trial] = EndAs::Stopped;
                   lost.erase(e.trial);
                 },
                 [&](const PauseOrdered& e) { ending[e.trial] = EndAs::Paused; },
                 [&](const CheckpointRemoved& e) { without_checkpoint.insert(e.trial); },
                 [&](const AttemptEnded& e) {
                   ending.erase(e.id.trial);
                   without_checkpoint.erase(e.id.trial);
                   if (e.end.outcome == Outcome::Lost)
                     lost.insert(e.id.trial);
                   else
                     deadlines.erase(e.id.trial);
                 },
                 [](const auto&) {},
             },
             event.body);
}

}  // namespace skipjack
