"use strict";
// Everything that is shown is put in as text: titles come from anyone.

const $ = (id) => document.getElementById(id);
const SHOWN = 20;
const RETRIES = 20; // of a request that the server has no time for

const state = {
  facts: null,
  user: null,
  request: {},
  page: new Map(), // video to rank
  chosen: null,
  waiting: 0, // actions that are not done
  asked: 0, // number of the latest request: older answers are dropped
};

function make(tag, content = "", classes = "") {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  if (content instanceof Node) element.append(content);
  else element.textContent = content;
  return element;
}

function row(tag, cells) {
  const line = document.createElement("tr");
  for (const [content, classes] of cells) line.append(make(tag, content, classes));
  return line;
}

function entry(video, note, sign = "", label = "", action = null) {
  const item = make("li");
  item.append(make("span", named(video), "title"), make("span", note, "quiet"));
  if (!action) return item;
  const button = make("button", sign);
  button.type = "button";
  button.setAttribute("aria-label", `${label} ${named(video)}`);
  button.addEventListener("click", () => guarded(action));
  item.append(button);
  return item;
}

const number = (value, digits = 3) =>
  value === null || value === undefined ? "" : Number(value).toLocaleString("en", { maximumSignificantDigits: digits });
const seconds = (value) =>
  value === null || value === undefined ? "" : `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
const SAID = [ // of each video of the page, beside its score
  ["expected_watch_seconds", "watch", (value) => seconds(value)],
  ["click_probability", "click", (value) => number(value)],
];
const named = (video) => video.title || String(video.video_id);
const time = (value) =>
  value ? new Date(value * 1000).toISOString().slice(0, 16).replace("T", " ") : "time not known";

// Ids of 64 bits are read and written digit by digit: a number of JavaScript has 53.
const isLong = (value, source) =>
  typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source);
const read = (text) => JSON.parse(text, (key, value, context) =>
  isLong(value, context?.source) ? BigInt(context.source) : value);
const write = (value, indent) => JSON.stringify(value, (key, one) =>
  typeof one === "bigint" ? JSON.rawJSON(String(one)) : one, indent);

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: write(body),
  };
  let response;
  for (let left = RETRIES; ; left -= 1) {
    try {
      response = await fetch(path, options);
    } catch {
      throw new Error("the server does not answer");
    }
    const wait = Number(response.headers.get("Retry-After"));
    if (response.status !== 503 || !wait || !left) break;
    say(`the server is busy or loading: asking again in ${wait} s`);
    await new Promise((done) => setTimeout(done, 1000 * wait));
  }
  const found = read(await response.text());
  if (!response.ok) throw new Error(found.error);
  return found;
}

function say(text) {
  $("message").textContent = text;
  $("message").hidden = !text;
}

async function guarded(action) {
  state.waiting += 1;
  document.body.setAttribute("aria-busy", "true");
  try {
    await action();
    say("");
  } catch (error) {
    say(error.message);
  } finally {
    state.waiting -= 1;
    document.body.setAttribute("aria-busy", String(state.waiting > 0));
  }
}

function whole() {
  const own = state.user === null ? {} : { user_id: state.user };
  return { ...own, ...state.request, ...limits() };
}

// The fields of conditions, caps, policy and weights as keys of a request.
function limits() {
  const texts = (id, mark) => $(id).value.split(mark).map((one) => one.trim()).filter(Boolean);
  const numbers = (id) => Object.fromEntries(texts(id, ",").map((one) => {
    const [, name, amount] = /^(.+?)[ :=]+(\S+)$/.exec(one) || [];
    if (!name || Number.isNaN(Number(amount))) throw new Error(`expected a name and a number, such as topic 2, received ${one}`);
    return [name, Number(amount)];
  }));
  const conditions = texts("where", ";").map((one) => {
    const [, column, operator, given] = /^(.+?) (in|not_in|at_most|at_least) (.+)$/.exec(one) || [];
    if (!column) throw new Error(`expected COLUMN in|not_in|at_most|at_least VALUE, received ${one}`);
    const isList = operator.endsWith("in");
    return { column, [operator]: isList ? given.split(",").map((value) => value.trim()) : Number(given) };
  });
  const [policy] = texts("policy", "\n");
  const all = { where: conditions, max_per: numbers("max_per"), policy, weights: numbers("weights") };
  return Object.fromEntries(Object.entries(all).filter(([, one]) => one && Object.keys(one).length));
}

async function refresh() {
  const turn = ++state.asked;
  $("json").value = write(whole(), 1);
  const answer = await ask("/inspect/answer", whole());
  if (turn !== state.asked) return;
  const page = answer.candidates.filter((one) => one.rank).sort((a, b) => a.rank - b.rank);
  state.page = new Map(page.map((one) => [one.video_id, one.rank]));
  showHistory(answer);
  showPage(answer, page);
  showTruth(answer, page);
  showSources(answer);
  const chosen = page.find((one) => one.video_id === state.chosen) || page[0];
  if (chosen && state.facts.has_ranker) await explain(chosen.video_id, turn);
  document.body.dataset.shown = String(turn); // for who waits for it
}

function showHistory(answer) {
  $("num-watched").textContent =
    answer.num_watched > answer.history.length
      ? `latest ${answer.history.length} of ${answer.num_watched}`
      : `${answer.num_watched} watched`;
  $("history").replaceChildren(...answer.history.map((watch) => {
    const length = (watch.watch_seconds ?? -1) < 0 ? "" : `, watched ${seconds(watch.watch_seconds)}`;
    return entry(watch, time(watch.time) + length, "×", "Remove", () => removeWatch(watch.place));
  }));
}

async function removeWatch(place) {
  const changed = { ...state.request };
  for (const name of ["watched_video_ids", "watch_times", "watched_seconds"]) {
    if (changed[name]) changed[name] = changed[name].filter((_, index) => index !== place);
  }
  state.request = changed;
  await refresh();
}

async function addWatch(video) {
  const ids = [...(state.request.watched_video_ids || []), video];
  const changed = { ...state.request, watched_video_ids: ids };
  const at = state.request.time ? state.request.time - 1 : 0;
  if (changed.watch_times) changed.watch_times = [...changed.watch_times, at];
  if (changed.watched_seconds) changed.watched_seconds = [...changed.watched_seconds, -1];
  state.request = changed;
  await refresh();
}

const badge = (source) => make("span", source || "", `source ${source || ""}`);

function showPage(answer, page) {
  const { candidates, ranking } = answer.seconds;
  $("took").textContent =
    `candidates ${(1000 * candidates).toFixed(1)} ms, ranking ${(1000 * ranking).toFixed(1)} ms`;
  $("warnings").replaceChildren(...answer.warnings.map((line) => make("li", line)));
  const truth = truthOf(answer);
  const heads = [["", ""], ["Video", ""], ["score", "number"]];
  const said = SAID.filter(([name]) => name in state.facts.meanings);
  for (const [, head] of said) heads.push([head, "number"]);
  if (truth) heads.push(["true", "number"]);
  heads.push(["candidate score", "number"]);
  const body = document.createElement("tbody");
  for (const one of page.slice(0, SHOWN)) {
    const choose = make("button", named(one), "choose title");
    choose.type = "button";
    const video = document.createDocumentFragment();
    video.append(choose, " ", badge(one.source));
    if (one.placed_by && one.placed_by !== "score") video.append(" ", make("span", one.placed_by, "quiet"));
    const cells = [[String(one.rank), "number"], [video, "title"], [number(one.score), "number"]];
    for (const [name, , shown] of said) cells.push([shown(one[name]), "number"]);
    if (truth) cells.push([seconds(truth.get(one.video_id)), "number"]);
    cells.push([number(one.candidate_score), "number"]);
    const line = row("td", cells);
    line.dataset.video = String(one.video_id);
    line.addEventListener("click", () => guarded(() => explain(one.video_id, state.asked)));
    body.append(line);
  }
  const head = document.createElement("thead");
  head.append(row("th", heads));
  $("meaning").textContent =
    `The slate is ordered by score: ${state.facts.score_meaning}.` +
    (state.facts.meanings.placed_by ? ` Places: ${state.facts.meanings.placed_by}.` : "") + (truth ? " True: what the world expects." : "");
  $("page").replaceChildren(head, body);
}

function truthOf(answer) {
  if (!answer.truth) return null;
  return new Map(answer.candidates.map((one, place) => [one.video_id, answer.truth.seconds[place]]));
}

function showTruth(answer, page) {
  $("truth").hidden = !answer.truth;
  if (!answer.truth) return;
  const truth = truthOf(answer);
  const { best, best_seconds: worth } = answer.truth;
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const own = sum(page.slice(0, best.length).map((one) => truth.get(one.video_id)));
  $("worth").textContent =
    `Expected of the first place each, by the user’s true taste at the end of the log: ` +
    `${seconds(own)} for the page’s first ${best.length}, ${seconds(sum(worth))} for the best ` +
    `${best.length} of the catalogue.`;
  $("best").replaceChildren(...best.map((video, place) => {
    const rank = state.page.get(video.video_id);
    const other = truth.has(video.video_id) ? "candidate, not on the page" : "no candidate";
    const where = rank ? `place ${rank} here` : other;
    return entry(video, `${seconds(worth[place])}, ${where}`);
  }));
}

function showSources(answer) {
  const bySource = new Map();
  for (const one of answer.candidates) {
    if (!bySource.has(one.source)) bySource.set(one.source, []);
    bySource.get(one.source).push(one);
  }
  $("sources").replaceChildren(...[...bySource].map(([source, found]) => {
    const details = document.createElement("details");
    const summary = make("summary");
    summary.append(badge(source), ` ${found.length} candidates`);
    const table = document.createElement("table");
    table.append(row("th", [["Video", ""], ["score", "number"], ["found by", ""], ["place", "number"]]));
    for (const one of found) {
      table.append(row("td", [
        [named(one), "title"],
        [number(one.candidate_score), "number"],
        [one.seed_video_id === null ? "" : String(one.seed_video_id), ""],
        [one.rank ? String(one.rank) : "–", "number"],
      ]));
    }
    details.append(summary, table);
    return details;
  }));
}

async function explain(video, turn) {
  state.chosen = video;
  for (const line of $("page").querySelectorAll("tbody tr")) {
    line.setAttribute("aria-selected", String(line.dataset.video === String(video)));
  }
  const why = await ask("/inspect/why", { ...whole(), video_id: video });
  if (turn !== state.asked || state.chosen !== video) return;
  $("why-what").textContent =
    `${named(why)}: ${number(why.score, 4)} by the ranker (${why.score_meaning}). Each line is ` +
    `the score’s change by what the feature says, against a neutral value.`;
  $("nearest").replaceChildren(...why.nearest.map((one) =>
    make("li", `Near ${named(one)}, which was watched (cosine ${one.cosine.toFixed(2)})`)));
  const heads = [["Feature", ""], ["value", "number"], ["without it", "number"], ["change", "number"]];
  const lines = why.features.map((one) => {
    const change = `${one.change >= 0 ? "+" : "−"}${number(Math.abs(one.change))}`;
    const cells = [value(one.feature, one.value), number(one.without)].map((text) => [text, "number"]);
    const direction = one.change >= 0 ? "number more" : "number less";
    return row("td", [[one.feature.replaceAll("_", " "), ""], ...cells, [change, direction]]);
  });
  $("features").replaceChildren(row("th", heads), ...lines);
}

// A feature in units of people; two numbers stand for "not known" in every feature.
function value(name, given) {
  if (given === null) return "";
  if (given === -1 || given < -1e38) return "–";
  if (name === "age") return `${number(100 * given)} years`; // it is read in centuries
  if (/_(rate|share|fraction)$/.test(name)) return `${number(100 * given)} %`;
  if (!name.includes("seconds") || name.endsWith("odds")) return number(given);
  const units = [["years", 31556952], ["days", 86400], ["hours", 3600], ["min", 60], ["s", 0]];
  const [unit, size] = units.find(([, least]) => given >= 2 * least);
  return `${number(given / (size || 1))} ${unit}`;
}

async function chooseUser(text) {
  const found = await ask(`/inspect/user?user_id=${encodeURIComponent(text)}`);
  state.user = found.user_id;
  state.request = found.request;
  state.page = new Map();
  state.chosen = null;
  await refresh();
}

async function listUsers(text) {
  const { users } = await ask(`/inspect/users?query=${encodeURIComponent(text)}`);
  if (text !== $("user").value.trim()) return users;
  $("users").replaceChildren(...users.map((user) => {
    const option = document.createElement("option");
    option.value = String(user);
    return option;
  }));
  return users;
}

async function find(text) {
  if (!text) return $("found").replaceChildren();
  const { videos } = await ask(`/inspect/videos?query=${encodeURIComponent(text)}`);
  if (text !== $("query").value.trim()) return undefined;
  return $("found").replaceChildren(...videos.slice(0, 8).map((video) =>
    entry(video, String(video.video_id), "+", "Add", () => {
      $("query").value = "";
      $("found").replaceChildren();
      return addWatch(video.video_id);
    })));
}

function typed() {
  let found;
  try {
    found = read($("json").value);
  } catch (error) {
    throw new Error(`the request is no JSON: ${error.message}`);
  }
  $("limits").reset(); // the text has them
  const { user_id: user = null, ...request } = found;
  state.user = user;
  state.request = request;
}

async function start() {
  say("loading …");
  state.facts = await ask("/inspect/facts");
  const { facts } = state;
  const places = Object.entries(facts.sources).map(([name, places]) => `${name} ${places}`);
  $("about").textContent =
    `version ${facts.version}, ${facts.catalogue.toLocaleString("en")} videos, ` +
    `${facts.num_candidates} candidates; places of each source: ${places.join(", ")} ` +
    "(the tower fills what others leave)";
  const can = Object.entries(facts.limits).filter(([, names]) => names.length);
  const columns = (names) => [...new Set(names.map((name) => name.replace(/ (in|not_in|at_\w+)$/, "")))];
  $("can").textContent = can.map(([what, names]) => `${what}: ${columns(names).join(", ")}`).join("; ");
  $("choose").hidden = !facts.inspect;
  const users = facts.inspect ? await listUsers("") : [];
  if (users.length) {
    $("user").value = String(users[0]);
    await chooseUser(String(users[0]));
  } else {
    await refresh();
  }
}

$("choose").addEventListener("submit", (event) => {
  event.preventDefault();
  guarded(() => chooseUser($("user").value.trim()));
});
$("user").addEventListener("input", () => guarded(() => listUsers($("user").value.trim())));
$("limits").addEventListener("submit", (event) => {
  event.preventDefault();
  guarded(refresh);
});
$("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const first = $("found").querySelector("button");
  if (first) first.click();
});
$("query").addEventListener("input", () => guarded(() => find($("query").value.trim())));
$("typed").addEventListener("submit", (event) => {
  event.preventDefault();
  guarded(async () => {
    typed();
    await refresh();
  });
});
guarded(start);
