// mabeam-worker: hosts the built-in agent types and the modules of the configuration.
#include "mabeam/agent.hpp"

int main(int argc, char** argv) {
  return mabeam::run_worker(argc, argv, {});
}
