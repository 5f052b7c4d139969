#include "common/node.hpp"
#include "nodes/rfq_result/rfq_result.hpp"

int main(int argc, char** argv) {
  remuda::rides::RfqResult node;
  return remuda::run_node(node, argc, argv);
}
