// What workers print, in the log: a line of theirs is a line of ours, with who has printed it.
#include "supervisor/workers.hpp"

namespace mabeam::supervisor {

WorkerOutput::Tell Workers::teller(const Worker& worker) {
  return [this, index = worker.index()](std::string_view line, std::string_view agent) {
    log_.relay(index, agent, line);
  };
}

void Workers::watch_output(Worker& worker) {
  WorkerOutput& output = worker.output;
  if (!output || output.is_watched) return;
  output.is_watched = loop_.watch(output.fd(), {Source::output, worker.index()}).has_value();
}

void Workers::stop_watching_output(Worker& worker) noexcept {
  if (worker.output.is_watched) loop_.forget(worker.output.fd());
  worker.output.is_watched = false;
}

// What the worker itself drops while nobody listens, nobody counts.
void Workers::tell_left_out(const Worker& worker) {
  log_.warn("a worker prints too much: the rest of this second's lines is left out",
            {{"worker", worker.index()}});
}

void Workers::on_output(std::uint32_t index, Time now) {
  if (index >= workers_.size() || !workers_[index].output) return;
  Worker& worker = workers_[index];
  const bool goes_on = worker.output.read(now, teller(worker));
  if (!goes_on) {
    end_output(worker, now);
  } else if (worker.output.has_said_enough()) {
    tell_left_out(worker);
    stop_watching_output(worker);
  }
}

void Workers::end_lines() {
  for (Worker& worker : workers_)
    worker.output.end_line_so_far(teller(worker));
}

void Workers::resume_output(Worker& worker, Time now) {
  if (worker.output.resumes(now)) watch_output(worker);
}

// Its last words come before the line that it has died.
void Workers::end_output(Worker& worker, Time now) {
  if (!worker.output) return;
  stop_watching_output(worker);
  worker.output.read_rest(now, teller(worker));
  worker.output = {};
}

}  // namespace mabeam::supervisor
