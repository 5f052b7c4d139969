#include "common/node.hpp"
#include "nodes/unicorn_fleet/unicorn_fleet.hpp"

int main(int argc, char** argv) {
  remuda::rides::UnicornFleet node;
  return remuda::run_node(node, argc, argv);
}
