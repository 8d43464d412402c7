"use strict";
const byId = (id) => document.getElementById(id);
const path = location.pathname.split("/");
const model = decodeURIComponent(path[2] || "");

// Whole numbers that a number of JavaScript would round are kept as text.
function exact(json) {
  return JSON.parse(json.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g, (token) =>
    /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token));
}

async function ask(address, body) {
  const headers = { "Content-Type": "application/json" };
  const token = byId("token").value;
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(address, body === undefined ? { headers } : { method: "POST", headers, body });
  const value = exact(await answer.text());
  if (answer.status === 401) byId("token-field").hidden = false;
  if (!answer.ok) throw new Error(value.error ? value.error.message : `status ${answer.status}`);
  return value;
}

function cell(row, text, tag = "td") {
  const made = document.createElement(tag);
  made.textContent = text === null || text === undefined ? "" : String(text);
  row.append(made);
  return made;
}

function fill(table, header, rows) {
  table.replaceChildren();
  if (header.length) header.forEach((name) => cell(table.tHead ? table.tHead.rows[0] : table.createTHead().insertRow(), name, "th"));
  const body = table.createTBody();
  rows.forEach((values) => {
    const row = body.insertRow();
    values.forEach((value) => (value instanceof Node ? row.insertCell().append(value) : cell(row, value)));
  });
}

function shown(value) {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

function field(name, kind, place) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  input.name = name;
  input.dataset.kind = kind;
  input.placeholder = kind === "timestamp" ? "2024-03-01T12:00:00Z" : kind;
  label.append(`${name} `, input);
  place.append(label);
}

// The JSON of what a person typed.
function read(input) {
  const text = input.value.trim();
  if (input.dataset.kind === "string") return JSON.stringify(input.value);
  if (text === "null") return text;
  if (input.dataset.kind === "int" && /^[-+]?\d+$/.test(text)) return String(BigInt(text.replace("+", "")));
  if (input.dataset.kind === "float" && text !== "" && Number.isFinite(Number(text))) return String(Number(text));
  if (input.dataset.kind === "bool" && (text === "true" || text === "false")) return text;
  return JSON.stringify(text);
}

async function show() {
  const about = await ask(`/models/${encodeURIComponent(model)}`);
  document.title = `Try ${about.model}`;
  byId("name").textContent = `${about.model}, version ${about.version}`;
  byId("about").textContent = about.description;
  byId("key").replaceChildren(byId("key").querySelector("legend"));
  byId("columns").replaceChildren();
  Object.entries(about.key).forEach(([name, kind]) => field(name, kind, byId("key")));
  Object.entries(about.columns).forEach(([name, kind]) => field(name, kind, byId("columns")));
}

async function list() {
  const answer = await ask("/models");
  byId("name").textContent = "Models";
  byId("ask").querySelector("button").hidden = true;
  byId("key").hidden = byId("ask").querySelector("details").hidden = true;
  byId("answer").hidden = false;
  byId("answer").querySelectorAll("h2, button").forEach((one) => (one.hidden = true));
  fill(byId("result"), ["model", "version", "what it predicts"], answer.models.map((one) => {
    const link = document.createElement("a");
    link.href = `/models/${encodeURIComponent(one.model)}/try`;
    link.textContent = one.model;
    return [link, one.version, one.description || one.problem];
  }));
}

let last = "";
byId("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("problem").textContent = "";
  byId("why").hidden = true;
  if (!model || !byId("key").querySelector("input")) return start();
  const row = [];
  byId("ask").querySelectorAll("input[name]").forEach((input) => {
    if (input.value !== "") row.push(`${JSON.stringify(input.name)}: ${read(input)}`);
  });
  try {
    const answer = await ask(`/models/${encodeURIComponent(model)}/predict`, `{${row.join(", ")}}`);
    last = answer.prediction_id;
    const { tables, scores, unlearned_nulls, ...rest } = answer;
    const lines = Object.entries(rest).concat(Object.entries(scores || {}).map(([name, score]) => [`score of ${name}`, score]));
    if (unlearned_nulls.length) lines.push(["null where training had none", unlearned_nulls.join(", ")]);
    fill(byId("result"), [], lines);
    const states = Object.entries(tables).map(([name, one]) =>
      [name, one.tick, `${Math.round(one.age_seconds / 60)} min`, one.late ? "late" : "on time", one.history ? "yes" : "none"]);
    fill(byId("tables"), ["table", "tick", "age", "refresh", "history"], states);
    byId("answer").hidden = false;
  } catch (error) {
    byId("answer").hidden = true;
    byId("problem").textContent = error.message;
  }
});

byId("explain").addEventListener("click", async () => {
  byId("problem").textContent = "";
  byId("explain").disabled = true;
  try {
    const explanation = await ask(`/predictions/${encodeURIComponent(last)}`);
    const one_class = (explanation.contributions || [])[0];
    const parts = one_class ? one_class.terms : [];
    const amounts = new Map(parts.map((one) => [one.column, one.amount]));
    const most = Math.max(1e-12, ...parts.map((one) => Math.abs(one.amount)));
    const rows = [...explanation.inputs].sort((one, other) => Math.abs(amounts.get(other.name) || 0) - Math.abs(amounts.get(one.name) || 0));
    byId("rescored").textContent = explanation.holds
      ? "Recomputed from the features of its ticks: reproduced exactly."
      : `Recomputed, it differs: ${explanation.problems.join("; ")}`;
    fill(byId("inputs"), ["input", "value", "moves the raw score by", "source rows"], rows.map((one) => {
      const amount = amounts.get(one.name);
      const bar = document.createElement("span");
      bar.className = amount < 0 ? "bar down" : "bar";
      bar.style.width = `${Math.round((100 * Math.abs(amount || 0)) / most)}px`;
      const both = document.createElement("span");
      both.append(amount === undefined ? "" : `${amount.toPrecision(3)} `, bar);
      return [one.name, shown(one.value), both, one.source_rows ? one.source_rows.count : ""];
    }));
    byId("why").hidden = false;
  } catch (error) {
    byId("problem").textContent = error.message;
  }
  byId("explain").disabled = false;
});

function start() {
  return (model ? show() : list()).catch((error) => (byId("problem").textContent = error.message));
}
start();
