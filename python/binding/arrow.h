// A table for Arrow: buffers that pyarrow, polars and others take as they are, by the C stream
// interface of the Arrow specification. Private to the binding.
#pragma once

#include <nanobind/nanobind.h>

#include "skipjack/results/table.h"

namespace skipjack::python {

/// A capsule "arrow_array_stream" of one batch. A column is of 64-bit integers, of doubles or of
/// truth values where all its cells are, else of texts, as CSV has them; empty cells are nulls.
nanobind::object arrow_stream(const Table& table);

}  // namespace skipjack::python
