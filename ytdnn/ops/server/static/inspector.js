"use strict";
// Everything that is shown is put in as text: titles come from anyone.

const $ = (id) => document.getElementById(id);
const SHOWN = 20;
const RETRIES = 20; // of a request that the server has no time for

const state = {
  facts: null,
  user: null,
  request: {},
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

// Cells are texts or nodes, or pairs of one and its classes.
function row(tag, cells) {
  const line = make("tr");
  line.append(...cells.map((cell) => make(tag, ...[cell].flat())));
  return line;
}

function entry(video, note, sign, label, action) {
  const [item, button] = [make("li"), make("button", sign)];
  button.setAttribute("aria-label", `${label} ${named(video)}`);
  button.addEventListener("click", () => guarded(action));
  item.append(make("span", named(video), "title"), make("span", note, "quiet"), button);
  return item;
}

const number = (value, digits = 3) =>
  value === null || value === undefined ? "" : Number(value).toLocaleString("en", { maximumSignificantDigits: digits });
const seconds = (value) => value === null || value === undefined ? "" : `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
const SAID = [ // of each video of the page, beside its score
  ["expected_watch_seconds", "watch", seconds],
  ["click_probability", "click", number],
];
const named = (video) => video.title || String(video.video_id);
const time = (value) => value ? new Date(value * 1000).toISOString().slice(0, 16).replace("T", " ") : "time not known";

// Ids of 64 bits are read and written digit by digit: a number of JavaScript has 53.
const isLong = (value, source) => typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source);
const read = (text) => JSON.parse(text, (key, value, context) =>
  isLong(value, context?.source) ? BigInt(context.source) : value);
const write = (value, indent) => JSON.stringify(value, (key, one) =>
  typeof one === "bigint" ? JSON.rawJSON(String(one)) : one, indent);

async function ask(path, body) {
  const headers = { "Content-Type": "application/json" };
  const options = body === undefined ? {} : { method: "POST", headers, body: write(body) };
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
  showHistory(answer);
  showPage(answer, page);
  showSources(answer);
  const chosen = page.find((one) => one.video_id === state.chosen) || page[0];
  if (chosen && state.facts.has_ranker) await explain(chosen.video_id, turn);
  document.body.dataset.shown = String(turn); // for who waits for it
}

function showHistory(answer) {
  const { num_watched: all, history: { length: some } } = answer;
  $("num-watched").textContent = all > some ? `latest ${some} of ${all}` : `${all} watched`;
  $("history").replaceChildren(...answer.history.map((watch) => {
    const length = (watch.watch_seconds ?? -1) < 0 ? "" : `, watched ${seconds(watch.watch_seconds)}`;
    return entry(watch, time(watch.time) + length, "×", "Remove", () => removeWatch(watch.place));
  }));
}

async function changeLists(change) {
  const names = ["watched_video_ids", "watch_times", "watched_seconds"];
  const known = names.filter((name) => name === names[0] || state.request[name]);
  const lists = known.map((name) => [name, change(state.request[name] || [], name)]);
  state.request = { ...state.request, ...Object.fromEntries(lists) };
  await refresh();
}

const removeWatch = (place) => changeLists((list) => list.toSpliced(place, 1));

function addWatch(video) {
  const time = state.request.time ? state.request.time - 1 : 0;
  const added = { watched_video_ids: video, watch_times: time, watched_seconds: -1 };
  return changeLists((list, name) => [...list, added[name]]);
}

const badge = (source) => make("span", source || "", `source ${source || ""}`);

function showPage(answer, page) {
  const { candidates, ranking } = answer.seconds;
  $("took").textContent =
    `candidates ${(1000 * candidates).toFixed(1)} ms, ranking ${(1000 * ranking).toFixed(1)} ms`;
  $("warnings").replaceChildren(...answer.warnings.map((line) => make("li", line)));
  const { meanings, score_meaning: meaning } = state.facts;
  const said = SAID.filter(([name]) => name in meanings);
  const heads = ["", "Video", "score", ...said.map(([, head]) => head), "candidate score"];
  const lines = page.slice(0, SHOWN).map((one) => {
    const video = document.createDocumentFragment();
    video.append(make("button", named(one), "choose title"), " ", badge(one.source));
    if (one.placed_by && one.placed_by !== "score") video.append(" ", make("span", one.placed_by, "quiet"));
    const values = [number(one.score), ...said.map(([name, , shown]) => shown(one[name])), number(one.candidate_score)];
    const line = row("td", [[one.rank, "number"], [video, "title"], ...values.map((text) => [text, "number"])]);
    line.dataset.video = String(one.video_id);
    line.addEventListener("click", () => guarded(() => explain(one.video_id, state.asked)));
    return line;
  });
  $("meaning").textContent = `The slate is ordered by score: ${meaning}.` +
    (meanings.placed_by ? ` Places: ${meanings.placed_by}.` : "");
  $("page").replaceChildren(row("th", heads), ...lines);
}

function showSources(answer) {
  const bySource = Map.groupBy(answer.candidates, (one) => one.source);
  $("sources").replaceChildren(...[...bySource].map(([source, found]) => {
    const [details, summary, table] = ["details", "summary", "table"].map((tag) => make(tag));
    summary.append(badge(source), ` ${found.length} candidates`);
    table.append(row("th", ["Video", "score", "found by", "place"]), ...found.map((one) => row("td", [
      [named(one), "title"],
      [number(one.candidate_score), "number"],
      one.seed_video_id ?? "",
      [one.rank || "–", "number"],
    ])));
    details.append(summary, table);
    return details;
  }));
}

async function explain(video, turn) {
  state.chosen = video;
  for (const line of $("page").querySelectorAll("[data-video]")) {
    line.setAttribute("aria-selected", String(line.dataset.video === String(video)));
  }
  const why = await ask("/inspect/why", { ...whole(), video_id: video });
  if (turn !== state.asked || state.chosen !== video) return;
  $("why-what").textContent =
    `${named(why)}: ${number(why.score, 4)} by the ranker (${why.score_meaning}). Each line is ` +
    `the score’s change by what the feature says, against a neutral value.`;
  $("nearest").replaceChildren(...why.nearest.map((one) =>
    make("li", `Near ${named(one)}, which was watched (cosine ${one.cosine.toFixed(2)})`)));
  const lines = why.features.map((one) => {
    const [sign, direction] = one.change >= 0 ? ["+", "more"] : ["−", "less"];
    const cells = [value(one.feature, one.value), number(one.without)].map((text) => [text, "number"]);
    const change = [sign + number(Math.abs(one.change)), `number ${direction}`];
    return row("td", [one.feature.replaceAll("_", " "), ...cells, change]);
  });
  $("features").replaceChildren(row("th", ["Feature", "value", "without it", "change"]), ...lines);
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
  const { user_id: user, request } = await ask(`/inspect/user?user_id=${encodeURIComponent(text)}`);
  Object.assign(state, { user, request, chosen: null });
  await refresh();
}

async function listUsers(text) {
  const { users } = await ask(`/inspect/users?query=${encodeURIComponent(text)}`);
  if (text !== $("user").value.trim()) return users;
  $("users").replaceChildren(...users.map((user) => new Option("", user)));
  return users;
}

async function find(text) {
  if (!text) return $("found").replaceChildren();
  const { videos } = await ask(`/inspect/videos?query=${encodeURIComponent(text)}`);
  if (text !== $("query").value.trim()) return undefined;
  return $("found").replaceChildren(...videos.slice(0, 8).map((video) =>
    entry(video, String(video.video_id), "+", "Add", () => {
      $("find").reset();
      $("found").replaceChildren();
      return addWatch(video.video_id);
    })));
}

async function typed() {
  try {
    const { user_id: user = null, ...request } = read($("json").value);
    Object.assign(state, { user, request });
  } catch (error) {
    throw new Error(`the request is no JSON: ${error.message}`);
  }
  $("limits").reset(); // the text has them
  await refresh();
}

async function start() {
  say("loading …");
  const facts = state.facts = await ask("/inspect/facts");
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
  if (!users.length) return refresh();
  $("user").value = String(users[0]);
  return chooseUser(String(users[0]));
}

function on(id, kind, action) {
  $(id).addEventListener(kind, (event) => {
    if (kind === "submit") event.preventDefault();
    guarded(action);
  });
}
on("choose", "submit", () => chooseUser($("user").value.trim()));
on("user", "input", () => listUsers($("user").value.trim()));
on("limits", "submit", refresh);
on("find", "submit", () => $("found").querySelector("button")?.click());
on("query", "input", () => find($("query").value.trim()));
on("typed", "submit", typed);
guarded(start);
