#include "common/node.hpp"
#include "nodes/rfq_intake/rfq_intake.hpp"

int main(int argc, char** argv) {
  remuda::rides::RfqIntake node;
  return remuda::run_node(node, argc, argv);
}
