#include "supervisor/worker_exit.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace mabeam::supervisor {
namespace {

TEST(WorkerExit, SignalOfAChildIsItsCause) {
  const WorkerExit exit = classify_exit({.status = ChildStatus{true, SIGSEGV}});
  EXPECT_EQ(exit.cause, ExitCause::signal);
  EXPECT_EQ(exit.signal, SIGSEGV);
  EXPECT_EQ(describe(exit), "signal SIGSEGV");
}

TEST(WorkerExit, WhyTheSupervisorEndedItComesFirst) {
  const WorkerExit exit =
      classify_exit({.status = ChildStatus{true, SIGKILL}, .condemned = ExitCause::hang});
  EXPECT_EQ(exit.cause, ExitCause::hang);
  EXPECT_EQ(describe(exit), "hang (SIGKILL)");
}

TEST(WorkerExit, KernelsCountMakesAKillOneForMemory) {
  ExitEvidence evidence{.status = ChildStatus{true, SIGKILL}};
  EXPECT_EQ(classify_exit(evidence).cause, ExitCause::signal) << "anybody may send it";
  evidence.ran_out_of_memory = true;
  EXPECT_EQ(classify_exit(evidence).cause, ExitCause::memory);
  evidence.condemned = ExitCause::hang;
  EXPECT_EQ(classify_exit(evidence).cause, ExitCause::hang);
  EXPECT_EQ(classify_exit({.status = ChildStatus{true, SIGSEGV}, .ran_out_of_memory = true}).cause,
            ExitCause::signal)
      << "it was another process that was killed";
  EXPECT_EQ(classify_exit({.ran_out_of_memory = true}).cause, ExitCause::memory) << "adopted";
  EXPECT_EQ(classify_exit({.leaving = 1, .ran_out_of_memory = true}).cause, ExitCause::exit);
}

TEST(WorkerExit, OrderedExitIsAsked) {
  const WorkerExit exit =
      classify_exit({.status = ChildStatus{false, 0}, .leaving = 1, .was_ordered = true});
  EXPECT_EQ(exit.cause, ExitCause::asked);
  EXPECT_TRUE(exit.ending(true).was_planned);
}

TEST(WorkerExit, FailureWhileItDrainedIsAFailure) {
  const WorkerExit exit = classify_exit({.status = ChildStatus{false, 3}, .was_ordered = true});
  EXPECT_EQ(exit.cause, ExitCause::exit);
  EXPECT_TRUE(is_failure(exit.ending(true)));
}

TEST(WorkerExit, UnannouncedSuccessIsAFailure) {
  const WorkerExit exit = classify_exit({.status = ChildStatus{false, 0}});
  EXPECT_EQ(exit.cause, ExitCause::exit);
  EXPECT_TRUE(is_failure(exit.ending(true)));
}

TEST(WorkerExit, StatusThatAHandlerExitsWithIsNeverFinal) {
  for (const std::int32_t code : {0, 64, 77, 78}) {
    const WorkerExit exit = classify_exit({.status = ChildStatus{false, code}});
    EXPECT_EQ(exit.code, code);
    EXPECT_TRUE(is_failure(exit.ending(true)));
    EXPECT_FALSE(is_final(exit.ending(true))) << code;
  }
  EXPECT_TRUE(is_final(classify_exit({.status = ChildStatus{false, 78}}).ending(false)))
      << "before it was ready it is the worker's own";
}

TEST(WorkerExit, AnnouncedSuccessIsNone) {
  EXPECT_FALSE(
      is_failure(classify_exit({.status = ChildStatus{false, 0}, .leaving = 1}).ending(true)));
}

TEST(WorkerExit, AdoptedWorkerIsKnownByItsWord) {
  const WorkerExit exit = classify_exit({.leaving = 79});
  EXPECT_EQ(exit.cause, ExitCause::exit);
  EXPECT_EQ(exit.code, 78);
  EXPECT_TRUE(is_final(exit.ending(false)));
}

TEST(WorkerExit, AdoptedWorkerWithoutAWordIsUnknown) {
  const WorkerExit exit = classify_exit({});
  EXPECT_EQ(exit.cause, ExitCause::unknown);
  EXPECT_TRUE(is_failure(exit.ending(true)));
}

}  // namespace
}  // namespace mabeam::supervisor
