// The course of one S3 tuning over many machines, as a Scheduler: all rows of the verdict once, to
// see what they take; search by any method, with as many trials at a time as there are workers;
// then the blocks of the head-to-head, side by side too. It differs from s3_scheduler.h in what is
// compared: machines differ, and a trial can't choose its own, so each job measures what is to be
// compared itself, one after the other on its node (steps.h). A search trial has the baseline
// before the candidate, and what the search learns of is the ratio of their times (search_jobs.h);
// that takes out drift and the kind of the machine at once, and costs what measuring the baseline
// now and then does there. A block of the verdict is one job, and only blocks of one kind of
// machine are put together.
#pragma once

#include <memory>

#include "skipjack/s3tune/s3_scheduler.h"

namespace skipjack::s3tune {

/// As make_s3_scheduler; baseline_every has no meaning here. workers: jobs at the same time, >= 1.
std::unique_ptr<Scheduler> make_cluster_scheduler(S3SchedulerOptions options, int workers);

}  // namespace skipjack::s3tune
