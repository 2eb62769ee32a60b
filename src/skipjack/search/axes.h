// The axes of a search space as distributions see them: where each parameter's cells begin and end.
#pragma once

#include <vector>

#include "skipjack/model/axis.h"
#include "skipjack/space/search_space.h"

namespace skipjack {

/// One axis a searched parameter. A point decodes to the value in whose cell it lies, to about 1e-9
/// at the borders. Parameters of one value have one cell, real ones none; so have integers of more
/// than 4096 values, whose cells are too narrow to matter.
std::vector<Axis> make_axes(const SearchSpace& space);

}  // namespace skipjack
