#include "common/node.hpp"
#include "nodes/prebooking_processor/prebooking_processor.hpp"

int main(int argc, char** argv) {
  remuda::rides::PrebookingProcessor node;
  return remuda::run_node(node, argc, argv);
}
