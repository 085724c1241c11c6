"use strict";
// dagitty's library answers the questions of benchmarks/criteria.py: a line of JSON in, a line out.
//
//     node dagitty.js PATH
//
// PATH is a CommonJS build of the library (dagitty-node.js), or the folder that holds it as part of the wheel of
// jupyterlab-dagitty. There it is packed, and only what the extension needs is exported, so the parts that answer
// questions are named by what they are called for and exported as it is loaded.

const fs = require("fs");
const path = require("path");
const readline = require("readline");

function unpacked(folder) {
  const modules = {};
  const packed = /^"use strict";\(self\.(\w+)=/;
  const wanted = { GraphAnalyzer: "violatesAdjustmentCriterion", GraphTransformer: "backDoorGraph", Graph: "Vertex" };
  let main = null;
  for (const file of fs.readdirSync(folder).filter((name) => name.endsWith(".js"))) {
    let text = fs.readFileSync(path.join(folder, file), "utf8");
    const chunk = text.match(packed);
    if (!chunk) continue;
    const named = Object.entries(wanted).map(([name, use]) => [name, text.match(new RegExp(`\\b(\\w+)\\.${use}\\b`))]);
    const holds = text.includes("this.GraphParser=");
    const exported = holds ? named.map(([name, found]) => `this.${name}=${found[1]},`).join("") : "";
    // The library sets variables that it never declares, which strict mode forbids.
    text = text.replace('"use strict";', "").replace("this.GraphParser=", exported + "this.GraphParser=");
    const take = { push: ([, held]) => Object.assign(modules, held) };
    new Function("self", text)({ [chunk[1]]: take });
    if (holds) main = Object.keys(modules).find((id) => modules[id].toString().includes("this.GraphParser="));
  }
  if (main === null) throw new Error(`no part of ${folder} holds dagitty`);
  const loaded = {};
  const underscore = Object.keys(modules).find((id) => modules[id].toString().includes("extendOwn:()"));
  function load(asked) {
    const id = asked in modules ? asked : underscore; // the one library that it needs, under another number
    if (!(id in loaded)) {
      loaded[id] = { exports: {} };
      modules[id].call(loaded[id].exports, loaded[id], loaded[id].exports, load);
    }
    return loaded[id].exports;
  }
  load.g = globalThis;
  load.r = () => undefined;
  load.d = (exports, one, other) => {
    for (const [name, get] of Object.entries(other || one)) Object.defineProperty(exports, name, { get, enumerable: true });
  };
  load.n = (module) => Object.assign(() => module.default || module, { a: module.default || module });
  return load(main);
}

const place = path.resolve(process.argv[2]);
const dagitty = fs.statSync(place).isDirectory() ? unpacked(place) : require(place);
const { Graph, GraphAnalyzer, GraphTransformer } = dagitty;

const LEAST = 2;
let graph = null;
const vertex = (i) => graph.getVertex("v" + i);
const number = (v) => Number(v.id.slice(1));
const sets = (found) => found.map((one) => one.map(number));

function build(task) {
  graph = new Graph();
  graph.setType("dag");
  for (let i = 0; i < task.nodes; i++) graph.addVertex(new Graph.Vertex({ id: "v" + i }));
  for (const [a, b] of task.edges) graph.quickAddEdge(vertex(a), vertex(b), Graph.Edgetype.Directed);
}

function pose(x, y) {
  graph.removePropertyFromAllVertices("source");
  graph.removePropertyFromAllVertices("target");
  graph.addSource(vertex(x));
  graph.addTarget(vertex(y));
}

const minimal = (limit) => ({
  before: ([x, y]) => pose(x, y),
  ask: () => GraphAnalyzer.listMsasTotalEffect(graph, [], [], limit),
});

// Each question: what is laid out beforehand, what is timed, and how the answer is told.
const QUESTIONS = {
  connected: {
    before: ([x, z]) => [vertex(x), z.map(vertex)],
    ask: (_, [x, z]) => GraphAnalyzer.dConnected(graph, [x], [], z),
    tell: (found) => found.map(number),
  },
  one_set: { ...minimal(1), tell: (found) => (found.length ? found[0].map(number) : null) },
  hundred_sets: { ...minimal(100), tell: sets },
  valid: {
    before: ([x, y, z]) => (pose(x, y), z.map(vertex)),
    ask: (_, z) => GraphAnalyzer.isAdjustmentSet(graph, z),
    tell: (verdict) => verdict,
  },
  instruments: {
    before: ([x, y]) => pose(x, y),
    ask: () => GraphAnalyzer.conditionalInstruments(graph),
    tell: (found) => found.map(([z, given]) => [number(z), given.map(number)]),
  },
  cpdag: {
    before: () => null,
    ask: () => GraphTransformer.dagToCpdag(graph),
    tell: (found) =>
      found
        .getEdges()
        .filter((e) => e.directed === Graph.Edgetype.Undirected)
        .map((e) => [number(e.v1), number(e.v2)]),
  },
};

function seconds(work) {
  const start = process.hrtime.bigint();
  const answer = work();
  return [Number(process.hrtime.bigint() - start) / 1e9, answer];
}

function answered({ question, queries, repeats }) {
  if (!(question in QUESTIONS)) return { offered: false };
  const { before, ask, tell } = QUESTIONS[question];
  const times = [];
  const answers = [];
  for (const query of queries) {
    const laid = before(query);
    let [best, answer] = seconds(() => ask(query, laid));
    let spent = best;
    const again = times.length ? 2 : 10;
    for (let calls = 1; best < again && calls < repeats && (calls < LEAST || spent < 1); calls++) {
      const [took] = seconds(() => ask(query, laid));
      best = Math.min(best, took);
      spent += took;
    }
    times.push(best);
    answers.push(tell(answer));
  }
  return { times, answers };
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  let reply;
  try {
    if (request.edges) {
      const [took] = seconds(() => build(request));
      reply = { built: took, version: dagitty.version || "", node: process.version };
    } else {
      reply = answered(request);
    }
  } catch (error) {
    reply = { failed: String(error) };
  }
  process.stdout.write(JSON.stringify(reply) + "\n");
});
