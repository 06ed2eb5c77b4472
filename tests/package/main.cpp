// The smallest program that uses an installed mabeam.
#include <mabeam/mabeam.hpp>

#include <iostream>

int main() {
  std::cout << mabeam::version() << '\n';
}
