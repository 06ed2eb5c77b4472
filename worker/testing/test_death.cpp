// Death in a TestShard: between turns, after so many instructions of one, or after each of them.
#include "worker/testing/stepped_child.hpp"
#include "worker/testing/test_shard_impl.hpp"

#include <cstring>
#include <stdexcept>

#include <unistd.h>

namespace mabeam::testing {
namespace {

/// The step as a worker of its own would take it: attached by name, since the mapping is not
/// inherited.
class ChildWorker {
 public:
  ChildWorker(std::string name, std::span<const TypeDescriptor> types, const Outside& outside)
      : name_(std::move(name)),
        types_(types),
        now_ns_(outside.now_ns),
        incarnation_(outside.incarnation + 1) {}

  void prepare() {
    segment_.emplace(shm::Segment::attach(name_, shm::Access::read_write).value());
    owner_.emplace(*segment_, types_, now_ns_);
    if (!owner_->adopt(incarnation_)) ::_exit(1);
  }

  void take_step() { owner_->run_turn(); }

 private:
  std::string name_;
  std::span<const TypeDescriptor> types_;
  std::int64_t now_ns_;
  std::uint32_t incarnation_;
  std::optional<shm::Segment> segment_;
  std::optional<TestOwner> owner_;
};

class SegmentCopy {
 public:
  explicit SegmentCopy(const shm::Segment& segment) : segment_(segment) {}

  void save() { bytes_.assign(segment_.bytes().begin(), segment_.bytes().end()); }

  void restore() { std::memcpy(segment_.bytes().data(), bytes_.data(), bytes_.size()); }

  /// Another than at the last save(), or never saved?
  [[nodiscard]] bool has_changed() const {
    return bytes_.empty() ||
           std::memcmp(segment_.bytes().data(), bytes_.data(), bytes_.size()) != 0;
  }

 private:
  const shm::Segment& segment_;
  std::vector<std::byte> bytes_;
};

}  // namespace

void TestShard::Impl::take_over() {
  owner.reset();
  owner.emplace(segment, types, outside.now_ns);
  if (const Result<> adopted = owner->adopt(++outside.incarnation); !adopted) {
    throw std::runtime_error("TestShard: the shard is damaged: " + describe(adopted.error()));
  }
}

void TestShard::kill() {
  impl_->take_over();
}

bool TestShard::step_killed_after(std::uint64_t instructions) {
  impl_->let_one_in();
  impl_->owner.reset();
  ChildWorker worker{std::string{impl_->segment.name()}, impl_->types, impl_->outside};
  bool goes_on = true;
  {
    SteppedChild child{[&] { worker.prepare(); }, [&] { worker.take_step(); }};
    if (!child.is_ready()) throw std::runtime_error("TestShard: ptrace is refused here");
    for (std::uint64_t i = 0; i < instructions && goes_on; ++i)
      goes_on = child.step();
  }
  ++impl_->outside.incarnation;  // the child's
  impl_->take_over();
  impl_->collect();
  return goes_on;
}

SweepReport TestShard::sweep(const std::function<std::string(TestShard& after)>& check) {
  impl_->let_one_in();
  impl_->owner.reset();
  ChildWorker worker{std::string{impl_->segment.name()}, impl_->types, impl_->outside};
  SteppedChild child{[&] { worker.prepare(); }, [&] { worker.take_step(); }};
  if (!child.is_ready()) throw std::runtime_error("TestShard: ptrace is refused here");
  ++impl_->outside.incarnation;  // the child's
  SegmentCopy copy{impl_->segment};
  SweepReport report;
  std::string wrong;
  do {
    // Nothing but the segment outlives a worker: where an instruction has changed no byte of it,
    // the death after it is the death before it.
    if (copy.has_changed()) {
      copy.save();
      const Outside before = impl_->outside;
      impl_->take_over();
      impl_->collect();
      run();
      wrong = check(*this);
      impl_->owner.reset();
      impl_->outside = before;
      copy.restore();
    }
    if (!wrong.empty() && report.broken++ == 0) {
      report.first_broken =
          "after " + std::to_string(report.kill_points) + " instructions: " + wrong;
    }
    ++report.kill_points;
  } while (child.step());
  impl_->take_over();
  impl_->collect();
  return report;
}

}  // namespace mabeam::testing
