// Verify: the records of the flight recorder, and the backtraces. What a dead writer has left
// half done is no damage.
#include "shm/backtraces.hpp"
#include "shm/flight_recorder.hpp"
#include "shm/verify_pass.hpp"

namespace mabeam::shm {

void verify_recorder(VerifyPass& pass) {
  const Segment& segment = pass.segment();
  const FactList facts = read_facts(segment.recorder());
  pass.expect(
      facts.damaged == 0, [] { return std::string{"flight recorder"}; },
      "records do not match their checksums, or hold what cannot be", facts.damaged);
  const BacktracesLeft left = read_backtraces(segment.backtraces(), segment.symbols());
  pass.expect(
      left.damaged == 0, [] { return std::string{"backtraces"}; },
      "records do not match their checksums", left.damaged);
  for (std::size_t i = 0; i < facts.facts.size() + left.backtraces.size(); ++i)
    pass.count_record();
  pass.count_bytes(segment.layout()[Region::recorder].bytes +
                   segment.layout()[Region::backtraces].bytes);
}

}  // namespace mabeam::shm
