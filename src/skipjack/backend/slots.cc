#include "skipjack/backend/slots.h"

#include <algorithm>
#include <optional>

#include "skipjack/base/error.h"

namespace skipjack {

Slots::Slots(int num_slots, std::size_t num_gpus, int gpus_per_slot)
    : gpus_per_slot_(num_gpus == 0 ? 0 : gpus_per_slot),
      slot_taken_(static_cast<std::size_t>(num_slots)),
      gpu_taken_(num_gpus),
      gpu_uses_(num_gpus) {}

Slot Slots::take() {
  const auto place = std::find(slot_taken_.begin(), slot_taken_.end(), false);
  SKIPJACK_CHECK(place != slot_taken_.end());
  *place = true;
  ++num_taken_;
  Slot slot{.index = static_cast<int>(place - slot_taken_.begin()), .gpus = {}};
  for (int i = 0; i < gpus_per_slot_; ++i) {
    std::optional<std::size_t> least;
    for (std::size_t gpu = 0; gpu < gpu_taken_.size(); ++gpu)
      if (!gpu_taken_[gpu] && (!least || gpu_uses_[gpu] < gpu_uses_[*least])) least = gpu;
    SKIPJACK_CHECK(least.has_value());
    gpu_taken_[*least] = true;
    ++gpu_uses_[*least];
    slot.gpus.push_back(*least);
  }
  std::sort(slot.gpus.begin(), slot.gpus.end());
  return slot;
}

void Slots::release(const Slot& slot) {
  slot_taken_[static_cast<std::size_t>(slot.index)] = false;
  --num_taken_;
  for (const std::size_t gpu : slot.gpus) gpu_taken_[gpu] = false;
}

}  // namespace skipjack
