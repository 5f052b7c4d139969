#include "common/node.hpp"
#include "nodes/saga_orchestrator/saga_orchestrator.hpp"

int main(int argc, char** argv) {
  remuda::saga::SagaOrchestrator node;
  return remuda::run_node(node, argc, argv);
}
