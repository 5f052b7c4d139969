#include "common/node.hpp"
#include "nodes/windowed_counter/windowed_counter.hpp"

int main(int argc, char** argv) {
  remuda::WindowedCounter node;
  return remuda::run_node(node, argc, argv);
}
