// Completion and hover: where in the file the cursor stands, and what the schema says of that place.
const KEY = /^(\s*)((?:- +)*)(?:"?([\w .-]+?)"?:(?=\s|$))?/;

// The keys above this place, from the outside in; lists count for nothing.
function pathAt(doc, number) {
  const path = [];
  let limit = null;
  for (let n = number; n >= 1; n--) {
    const text = doc.line(n).text;
    if (!text.trim() || text.trim().startsWith("#")) {
      if (n === number) limit = text.length;
      continue;
    }
    const [, space, dashes, key] = KEY.exec(text);
    const at = space.length + dashes.length;
    if (n === number) {
      limit = at;
      if (dashes) limit = space.length + 1;
      continue;
    }
    if (key !== undefined && at < limit) {
      path.unshift(key);
      limit = dashes ? space.length + 1 : at;
    }
    if (limit === 0) break;
  }
  return path;
}

// Inside { } on one line: the keys that lead into the innermost open one, and what is written there so far.
function inline(text) {
  const keys = [];
  let from = -1;
  for (let i = 0, quote = ""; i < text.length; i++) {
    const c = text[i];
    if (quote) {
      if (c === quote) quote = "";
    } else if (c === '"' || c === "'") quote = c;
    else if (c === "{") {
      keys.push(/([\w .-]+):\s*\[?\s*$/.exec(text.slice(0, i))?.[1].trim() || "");
      from = i + 1;
    } else if (c === "}") {
      keys.pop();
      from = keys.length ? text.lastIndexOf("{", i - 1) + 1 : -1;
    } else if (c === "," && keys.length) from = i + 1;
  }
  return keys.length ? { keys: keys.filter(Boolean), rest: text.slice(from) } : null;
}

export class Files {
  constructor(form, schema) {
    this.kind = form.dataset.kind;
    this.names = JSON.parse(form.dataset.names || "{}");
    this.schema = schema;
  }

  expand(node, depth = 0) {
    if (!node || depth > 8) return [];
    if (node.$ref) {
      const found = this.schema.$defs?.[node.$ref.split("/").pop()];
      return this.expand(found, depth + 1).map((each) => ({ ...each, description: node.description || each.description }));
    }
    const below = [...(node.anyOf || []), ...(node.oneOf || []), ...(node.allOf || [])];
    if (below.length)
      return below
        .flatMap((each) => this.expand(each, depth + 1))
        .map((each) => ({ ...each, description: node.description || each.description }));
    if (node.type === "array" || node.prefixItems) return this.expand(node.items || node.prefixItems?.[0], depth + 1);
    return [node];
  }

  at(path) {
    let here = this.schema ? this.expand(this.schema) : [];
    for (const key of path)
      here = here.flatMap((node) => {
        const next = node.properties?.[key] || Object.values(node.patternProperties || {})[0] || node.additionalProperties;
        return next && next !== true ? this.expand(next) : [];
      });
    return here;
  }

  place(state, at) {
    const line = state.doc.lineAt(at);
    const before = line.text.slice(0, at - line.from);
    const inner = inline(before);
    const above = pathAt(state.doc, line.number);
    const own = KEY.exec(line.text)[3];
    if (inner) {
      const path = own && inner.keys[0] !== own ? [...above, own, ...inner.keys] : [...above, ...inner.keys];
      return { path, rest: inner.rest.trimStart() };
    }
    return { path: above, rest: before.replace(/^\s*(?:- +)*/, "") };
  }

  steps(state) {
    const found = [];
    let inside = false;
    for (const line of state.doc.iterLines()) {
      if (/^steps:/.test(line)) inside = true;
      else if (/^\S/.test(line)) inside = false;
      const name = inside && /^ {2}([a-z][a-z0-9_]*):/.exec(line);
      if (name) found.push(name[1]);
    }
    return found;
  }

  complete(context) {
    const { path, rest } = this.place(context.state, context.pos);
    const value = /^"?([\w .-]+?)"?:\s+(.*)$/.exec(rest);
    const typed = value ? value[2] : rest;
    if (!context.explicit && !typed && !value) return null;
    if (/["'\s]/.test(typed) && !context.explicit) return null;
    const options = value ? this.values(context.state, path, value[1]) : this.keys(path);
    return options.length ? { from: context.pos - typed.length, options, validFor: /^[\w ]*$/ } : null;
  }

  keys(path) {
    const found = new Map();
    for (const node of this.at(path))
      for (const [name, property] of Object.entries(node.properties || {})) {
        const [what] = this.expand(property);
        found.set(name, {
          label: name,
          apply: `${name}: `,
          detail: (node.required || []).includes(name) ? "*" : "",
          info: property.description || what?.description || undefined,
        });
      }
    return [...found.values()];
  }

  values(state, path, key) {
    if (this.kind === "flow" && (key === "goto" || key === "start"))
      return [
        ...this.steps(state).map((label) => ({ label, type: "variable" })),
        ...(key === "goto" ? this.names.goto || [] : []).map((label) => ({ label, detail: "→" })),
      ];
    if (this.names[key]) return this.names[key].map((label) => ({ label }));
    return this.at([...path, key]).flatMap((node) =>
      (node.enum || (node.const !== undefined ? [node.const] : node.type === "boolean" ? ["true", "false"] : [])).map(
        (each) => ({ label: String(each) }),
      ),
    );
  }

  hover(view, at) {
    const line = view.state.doc.lineAt(at);
    const keys = [...line.text.matchAll(/"?([\w-]+(?: [\w-]+)*)"?:(?=\s|$)/g)];
    const hit = keys.find((each) => at - line.from >= each.index && at - line.from <= each.index + each[0].length);
    if (!hit) return null;
    const { path } = this.place(view.state, line.from + hit.index);
    const nodes = this.at(path)
      .map((node) => node.properties?.[hit[1]])
      .filter(Boolean);
    if (!nodes.length) return null;
    const what = this.expand(nodes[0]);
    const words = [
      nodes[0].description || what[0]?.description,
      what.flatMap((node) => node.enum || []).join(", "),
      what.map((node) => (node.minimum === undefined ? "" : `${node.minimum}–${node.maximum ?? ""}`)).join(""),
      Object.keys(what[0]?.properties || {}).join(", "),
    ].filter(Boolean);
    if (!words.length) words.push([...new Set(what.map((node) => node.type).filter((type) => type && type !== "null"))].join(", "));
    return {
      pos: line.from + hit.index,
      end: line.from + hit.index + hit[1].length,
      above: true,
      create: () => {
        const dom = document.createElement("div");
        const name = document.createElement("strong");
        name.textContent = hit[1];
        dom.append(name, ...words.flatMap((word) => [document.createElement("br"), word]));
        return { dom };
      },
    };
  }
}
