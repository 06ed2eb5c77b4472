// What is written for people and shells out of the tables that the programs themselves use.
#pragma once

#include <string>

namespace mabeam::packaging {

std::string command_manual();        ///< mabeam(1)
std::string supervisor_manual();     ///< mabeam-supervisor(8)
std::string configuration_manual();  ///< mabeam.toml(5)

/// docs/configuration.md
std::string configuration_page();

/// mabeam-supervisor's completion; that of mabeam is a command of its own.
std::string supervisor_bash();
std::string supervisor_zsh();

}  // namespace mabeam::packaging
