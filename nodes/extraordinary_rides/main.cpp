#include "common/node.hpp"
#include "nodes/extraordinary_rides/extraordinary_rides.hpp"

int main(int argc, char** argv) {
  remuda::rides::ExtraordinaryRides node;
  return remuda::run_node(node, argc, argv);
}
