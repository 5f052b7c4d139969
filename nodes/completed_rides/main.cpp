#include "common/node.hpp"
#include "nodes/completed_rides/completed_rides.hpp"

int main(int argc, char** argv) {
  remuda::rides::CompletedRides node;
  return remuda::run_node(node, argc, argv);
}
