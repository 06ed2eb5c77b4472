// Modules: agent types from shared objects that the configuration names.
#include "tests/support/runtime_fixture.hpp"

#include "mabeam/client.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace mabeam::tests {
namespace {

using std::chrono::seconds;

class ModulesTest : public RuntimeFixture {};

// The linker merges the variables of templates over all shared objects that export them.
TEST_F(ModulesTest, TwoMayHaveClassesOfOneName) {
  configure("[runtime]\nworkers = 1\n[worker]\nmodules = [\"" MABEAM_MODULE_DIR
            "/twin_left.so\", \"" MABEAM_MODULE_DIR "/twin_right.so\"]\n");
  start_ready();
  Client client = Client::attach(name()).value();
  for (const std::string side : {"left", "right"}) {
    const auto twin = client.create("twin_" + side);
    ASSERT_TRUE(twin) << side;
    EXPECT_EQ(client.call(twin->at(0), "who", {}, seconds{20})->payload().text(), side);
  }
}

}  // namespace
}  // namespace mabeam::tests
