// The places in which attempts run at the same time, and the devices that go with one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace skipjack {

struct Slot {
  int index = 0;
  /// Ascending.
  std::vector<std::size_t> gpus;
};

class Slots {
 public:
  /// gpus_per_slot of num_gpus devices for each slot; needs num_gpus = 0 (then slots have none) or
  /// num_slots * gpus_per_slot <= num_gpus.
  Slots(int num_slots, std::size_t num_gpus, int gpus_per_slot);
  int num_taken() const { return num_taken_; }
  /// The free slot of lowest index, with the devices that were used least. One must be free.
  Slot take();
  void release(const Slot& slot);

 private:
  const int gpus_per_slot_;
  int num_taken_ = 0;
  std::vector<bool> slot_taken_, gpu_taken_;
  std::vector<std::int64_t> gpu_uses_;
};

}  // namespace skipjack
