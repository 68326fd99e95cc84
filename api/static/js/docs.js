// Shows /openapi.json without anything from elsewhere.

const METHODS = ["post", "get", "put", "patch", "delete"];

function element(kind, properties = {}, ...children) {
  const made = Object.assign(document.createElement(kind), properties);
  made.append(...children);
  return made;
}

const code = (text) => element("code", { textContent: text });

// What stands between backticks is set as code.
const words = (text) => text.split("`").map((piece, index) => (index % 2 ? code(piece) : piece));

function resolve(schema, api) {
  if (schema?.$ref) return resolve(schema.$ref.split("/").slice(1).reduce((at, name) => at[name], api), api);
  return schema ?? {};
}

function typeOf(schema, api) {
  if (schema.$ref) return typeOf(resolve(schema, api), api);
  if (schema.anyOf) return schema.anyOf.map((one) => typeOf(one, api)).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {}, api)}`;
  return schema.format ?? schema.contentMediaType ?? schema.type ?? "anything";
}

function fields(properties, required, api) {
  const list = element("dl");
  for (const [name, schema] of Object.entries(properties)) {
    const description = resolve(schema, api).description ?? schema.description;
    const about = [typeOf(schema, api), required.includes(name) ? "required" : "", description ?? ""];
    list.append(element("dt", {}, code(name)), element("dd", {}, ...words(about.filter(Boolean).join("; "))));
  }
  return list;
}

function responses(operation, api) {
  const list = element("dl");
  for (const [status, response] of Object.entries(operation.responses)) {
    list.append(element("dt", {}, code(status)), element("dd", {}, ...words(response.description)));
  }
  const parts = [element("h3", { textContent: "Answers" }), list];
  const json = Object.entries(operation.responses).find(([status]) => status < "300")?.[1].content?.["application/json"];
  const schema = resolve(json?.schema, api);
  if (schema.properties) parts.push(element("h3", { textContent: "The answer’s fields" }), fields(schema.properties, [], api));
  return parts;
}

function operationView(path, method, operation, api) {
  const heading = element("h2", {}, element("span", { className: "method", textContent: method.toUpperCase() }), code(path));
  const view = element("section", { className: "operation" }, heading, element("p", { textContent: `${operation.summary}.` }));
  if (operation.description) view.append(element("p", {}, ...words(operation.description)));
  if (operation.parameters?.length) {
    const properties = Object.fromEntries(
      operation.parameters.map((one) => [one.name, { ...one.schema, description: one.description }]),
    );
    const required = operation.parameters.filter((one) => one.required).map((one) => one.name);
    view.append(element("h3", { textContent: "Parameters" }), fields(properties, required, api));
  }
  const form = operation.requestBody?.content["multipart/form-data"]?.schema;
  if (form) view.append(element("h3", { textContent: "Form fields" }), fields(form.properties, form.required ?? [], api));
  view.append(...responses(operation, api));
  return view;
}

const api = await (await fetch("/openapi.json")).json();
document.getElementById("example").textContent = [
  "# answers 202 with the job's address",
  `curl -F recording=@minuet.m4a ${location.origin}/v1/transcriptions`,
  '# until "state" is "done"',
  `curl ${location.origin}/v1/transcriptions/ID`,
  `curl -OJ ${location.origin}/v1/transcriptions/ID/score.pdf`,
].join("\n");
const operations = document.getElementById("operations");
for (const [path, methods] of Object.entries(api.paths)) {
  for (const method of METHODS) {
    if (methods[method]) operations.append(operationView(path, method, methods[method], api));
  }
}
