#include "common/node.hpp"
#include "nodes/prebooking_preprocessor/prebooking_preprocessor.hpp"

int main(int argc, char** argv) {
  remuda::rides::PrebookingPreprocessor node;
  return remuda::run_node(node, argc, argv);
}
