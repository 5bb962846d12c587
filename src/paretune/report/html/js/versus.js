/** Two methods question by question, and the answers of all methods to one question. */

import { given, metricNamed, table, unpack } from "./data.js";
import { byId, element, option } from "./dom.js";
import { show } from "./format.js";
import { change, onChange, state } from "./state.js";

const QUESTIONS_AT_ONCE = 20;
let evidence = {};
let mostShown = QUESTIONS_AT_ONCE;

const kept = () => evidence[state.view];
const rowsWithAnswers = () => Object.keys(kept().scores).map(Number).sort((one, other) => one - other);

/** Return the two rows that are compared: those of the state, or else the best and the next. */
const pairShown = () => {
  const rows = rowsWithAnswers();
  const asked = state.pair.map((label) => rows.find((row) => table.label[row] === label)).filter((row) => row !== undefined);
  const [one = rows[0], other = rows.find((row) => row !== one)] = asked;
  return [one, other];
};

/** Return 1 where the first of two rows is better on a question, -1 where the second is, 0 where they are equal. */
const outcomeOf = (question, [one, other]) => {
  const [a, b] = [kept().scores[one][question], kept().scores[other][question]];
  if (a === null || b === null || a === b) return 0;
  return a > b !== metricNamed[table.quality[one]].lower ? 1 : -1;
};

/** Return how a row did on a question: right or wrong where there is nothing else, and otherwise its mean over seeds. */
const verdictOf = (row, question) => {
  const score = kept().scores[row][question];
  const metric = metricNamed[table.quality[row]];
  if (score === null) return "–";
  if (metric.unit === "fraction" && (score === 0 || score === 1)) return score === 1 ? "right" : "wrong";
  const printed = kept().texts[row] ? "; the answer of its first seed:" : "";
  return metric.unit === "fraction" ? `right with ${show(metric, score)} of its seeds${printed}` : `${show(metric, score)}${printed}`;
};

const choices = (rows, chosen) => rows.map((row) => option(table.label[row], table.label[row], row === chosen));

/** Draw the section for the state, from the controls on. */
const drawVersus = () => {
  const section = byId("versus");
  section.hidden = !kept();
  if (!kept()) return;
  const rows = rowsWithAnswers();
  const pair = pairShown();
  byId("versus-first").replaceChildren(...choices(rows, pair[0]));
  byId("versus-second").replaceChildren(...choices(rows, pair[1]));
  const groups = [...new Set(kept().groups)].filter(Boolean).sort();
  byId("versus-group").replaceChildren(option("", "all"), ...groups.map((group) => option(group, group)));
  byId("versus-group").parentElement.hidden = groups.length < 2;
  drawQuestions(pair);
};

const drawQuestions = (pair) => {
  const group = byId("versus-group").value;
  const inside = kept().questions.map((_, question) => question).filter((question) => group === "" || kept().groups[question] === group);
  const outcomes = new Map(inside.map((question) => [question, outcomeOf(question, pair)]));
  const counts = [1, 0, -1].map((wanted) => inside.filter((question) => outcomes.get(question) === wanted).length);
  const [first, second] = pair.map((row) => table.label[row]);
  const things = metricNamed[table.quality[pair[0]]].items;
  byId("versus-count").textContent = `Of ${inside.length} ${things}, ${first} is better on ${counts[0]}, equal on ${counts[1]}, worse on ${counts[2]} than ${second}, by the mean over seeds. The answers shown are those of the first seed, which can be wrong where most seeds are right. paretune compare says whether the difference is significant.`;
  const only = byId("versus-only").value;
  const found = inside.filter((question) => only === "" || outcomes.get(question) === Number(only));
  byId("versus-list").replaceChildren(...found.slice(0, mostShown).map((question) => questionOf(question, pair, outcomes.get(question))));
  const more = byId("versus-more");
  more.replaceChildren();
  if (found.length > mostShown) {
    const button = element("button", { type: "button", className: "button" }, `Show ${Math.min(QUESTIONS_AT_ONCE, found.length - mostShown)} more of ${found.length}`);
    button.addEventListener("click", () => {
      mostShown += QUESTIONS_AT_ONCE;
      drawQuestions(pair);
    });
    more.append(button);
  }
};

/** Return the reference answer: one of several lines as it is written. */
const referenceOf = (target) => {
  if (!target) return [];
  return target.includes("\n") ? [element("p", {}, "Reference answer:"), element("pre", {}, target)] : [element("p", {}, "Reference answer: ", element("b", {}, target))];
};

const questionOf = (question, pair, outcome) => {
  const { prompts, targets, questions, groups, texts, images, image_of } = kept();
  const said = (row) => element("div", { className: "answer" }, element("b", {}, table.label[row]), ` ${verdictOf(row, question)}`, texts[row] ? element("p", { className: "shown" }, texts[row][question] || "(nothing)") : "");
  const all = element("details", {}, element("summary", {}, "Answers of all methods"));
  all.addEventListener("toggle", () => all.open && all.childElementCount === 1 && all.append(element("div", { className: "answers" }, ...rowsWithAnswers().map(said))));
  const word = { 1: "won", 0: "tied", "-1": "lost" }[outcome];
  return element(
    "li",
    { className: `question ${word}` },
    element("p", { className: "question-head" }, element("b", {}, word), ` ${questions[question]}${new Set(groups).size > 1 && groups[question] ? ` (${groups[question]})` : ""}`),
    image_of[question] >= 0 ? element("p", { className: "asked" }, element("img", { src: images[image_of[question]], alt: "The image that is asked about" })) : "",
    prompts[question] ? element("p", { className: "shown" }, prompts[question]) : "",
    ...referenceOf(targets[question]),
    element("div", { className: "answers" }, ...pair.map(said)),
    all,
  );
};

export const startVersus = async () => {
  const section = byId("versus");
  if (section === null || given.evidence === "") return;
  evidence = await unpack(given.evidence);
  if (Object.values(evidence).some((view) => view.shortened)) byId("versus-short").hidden = false;
  const chosen = () => change({ pair: [byId("versus-first").value, byId("versus-second").value] });
  for (const id of ["versus-first", "versus-second"]) byId(id).addEventListener("change", chosen);
  for (const id of ["versus-group", "versus-only"]) {
    byId(id).addEventListener("change", () => {
      mostShown = QUESTIONS_AT_ONCE;
      drawQuestions(pairShown());
    });
  }
  onChange((names) => {
    if (!names.includes("view") && !names.includes("pair")) return;
    mostShown = QUESTIONS_AT_ONCE;
    drawVersus();
  });
  drawVersus();
};
