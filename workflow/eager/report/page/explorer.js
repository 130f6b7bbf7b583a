"use strict";
// The branch explorer: draws what stored.js reads.
// Texts of models and data sets reach the page through textContent only.
(() => {
  const ROW = 56; // height of a row of the tree in pixels, as in the style sheet
  const AT_ONCE = 600; // tokens put into the page at a time
  const LEVELS = [0.5, 1.0, 1.5, 2.0, 2.5]; // nats at which the background gets stronger
  const PLAIN = ["ok", "wrong", "no_answer", "no_answer_length"]; // say no more than the verdict
  const byId = (id) => document.getElementById(id);
  const { index, unpack, tokensOf, joinBytes, inTreeOrder, branchesOf } = stored;
  const pick = { cell: byId("pick-cell"), method: byId("pick-method"), prompt: byId("pick-prompt") };
  const panel = byId("text");
  let shown = null; // {order, bySequence, branches, longest} of the prompt on the screen
  let view = null; // {sequence, tokens, spans, branchAt, picked} of the sequence on the screen
  let turn = 0; // number of the latest request, so that a slow earlier one does not overwrite it

  function element(name, text, className) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function counted(number, noun, ending = "s") {
    return number + " " + noun + (number === 1 ? "" : ending);
  }

  function quoted(text) {
    return "“" + text.replaceAll("\n", "↵").replaceAll(" ", "␣") + "”";
  }

  function verdict(sequence) {
    if (sequence.right) return { sign: "✓", word: "right", name: "is-right" };
    if (sequence.answer === null) return { sign: "○", word: "no answer", name: "is-wrong" };
    return { sign: "✗", word: "wrong", name: "is-wrong" };
  }

  function origin(sequence) {
    const branch = shown.branches.find((other) => other.child === sequence.index);
    if (sequence.parent === null) {
      const theta = sequence.theta === null ? "" : ", θ " + sequence.theta.toFixed(2);
      return "root" + (sequence.round ? ", round " + sequence.round : "") + theta;
    }
    const where = "from #" + sequence.parent + " at " + sequence.fork;
    if (!branch) return where;
    return where + ": " + branch.entropy.toFixed(2) + " > " + branch.threshold.toFixed(2) + ", " + quoted(branch.kept) + " / " + quoted(branch.forked);
  }

  function drawTree() {
    const tree = byId("tree");
    const rows = shown.order.map((sequence) => {
      const { sign, word, name } = verdict(sequence);
      const row = element("div");
      row.setAttribute("role", "treeitem");
      row.setAttribute("aria-level", sequence.level);
      row.setAttribute("aria-selected", "false");
      row.tabIndex = -1;
      const title = element("span", "\u2003".repeat(Math.min(sequence.level - 1, 5)) + "#" + sequence.index + " ");
      title.append(element("b", sign + " " + word, name));
      if (sequence.answer !== null) title.append(" " + sequence.answer);
      const about = element("span", origin(sequence), "about");
      about.title = origin(sequence);
      row.append(title, about);
      row.addEventListener("click", () => select(sequence));
      sequence.row = row;
      return row;
    });
    tree.replaceChildren(...rows, drawLanes());
    tree.scrollTop = 0;
  }

  function drawLanes() {
    const make = (name, values) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
      return made;
    };
    const place = (position) => (92 * position) / Math.max(shown.longest, 1) + "%";
    const picture = make("svg", { height: ROW * shown.order.length, "aria-hidden": "true" });
    shown.order.forEach((sequence, number) => {
      const y = ROW * number + ROW / 2;
      sequence.lane = make("line", { x1: place(sequence.fork), x2: place(sequence.fork + sequence.own), y1: y, y2: y });
      sequence.y = y;
      if (sequence.parent !== null) {
        const from = shown.bySequence.get(sequence.parent).y;
        picture.append(make("line", { class: "edge", x1: place(sequence.fork), x2: place(sequence.fork), y1: from, y2: y }));
        picture.append(make("circle", { cx: place(sequence.fork), cy: from, r: 3 }));
      }
      const sign = make("text", { x: "94%", y: y + 5 });
      sign.textContent = verdict(sequence).sign;
      picture.append(sequence.lane, sign);
    });
    return picture;
  }

  function select(sequence, focus = true) {
    for (const other of shown.order) {
      const chosen = other === sequence;
      other.row.setAttribute("aria-selected", chosen);
      other.row.tabIndex = chosen ? 0 : -1;
      other.lane.classList.toggle("chosen", chosen);
    }
    if (focus) sequence.row.focus();
    byId("sequence-title").textContent = "Sequence #" + sequence.index;
    drawFacts(sequence);
    const tokens = joinBytes(tokensOf(sequence, shown.bySequence));
    view = { sequence, tokens, spans: [], branchAt: new Map(), picked: -1 };
    drawBranches(sequence);
    panel.replaceChildren();
    panel.scrollTop = 0;
    byId("readout").textContent = "No token picked.";
    drawTokens(AT_ONCE);
  }

  function drawFacts(sequence) {
    const { sign, word } = verdict(sequence);
    const why = PLAIN.includes(sequence.status) ? "" : " (" + sequence.status.replaceAll("_", " ") + ")";
    const facts = {
      Verdict: sign + " " + word + why,
      Answer: sequence.answer === null ? "none" : sequence.answer,
      Tokens: sequence.fork + sequence.own + ", of which " + sequence.fork + " inherited",
      Start: origin(sequence),
      End: sequence.end === "length" ? "cut off at the token limit" : "end of sequence",
    };
    byId("facts").replaceChildren(
      ...Object.entries(facts).flatMap(([name, value]) => [element("dt", name), element("dd", value)]),
    );
  }

  function drawBranches(sequence) {
    const items = branchesOf(sequence, shown.branches, shown.bySequence).map((branch) => {
      view.branchAt.set(branch.position, branch);
      const jump = element(
        "button",
        "token " + branch.position + ": entropy " + branch.entropy.toFixed(3) + " > threshold " + branch.threshold.toFixed(3) +
          ", kept " + quoted(branch.kept) + ", branched to " + quoted(branch.forked),
      );
      jump.type = "button";
      jump.addEventListener("click", () => {
        panel.focus();
        pickToken(branch.position);
      });
      const goal = branch.child === sequence.index ? branch.parent : branch.child;
      const go = element("button", (goal === branch.parent ? "parent #" : "child #") + goal);
      go.type = "button";
      go.addEventListener("click", () => select(shown.bySequence.get(goal)));
      const item = element("li");
      item.append(jump, go);
      return item;
    });
    byId("branches").replaceChildren(...(items.length ? items : [element("li", "none")]));
  }

  function level(entropy) {
    return entropy === null ? 0 : LEVELS.filter((limit) => entropy >= limit).length;
  }

  function drawTokens(upTo) {
    const added = document.createDocumentFragment();
    const end = Math.min(upTo, view.tokens.length);
    for (let i = view.spans.length; i < end; i++) {
      const token = view.tokens[i];
      const names = [];
      if (i < view.sequence.fork) names.push("inherited");
      if (i === view.sequence.fork && i > 0) names.push("own-begins");
      if (level(token.entropy)) names.push("heat-" + level(token.entropy));
      if (view.branchAt.has(i)) names.push("branch");
      const span = element("span", token.text, names.join(" "));
      span.dataset.position = i;
      view.spans.push(span);
      added.append(span);
    }
    panel.append(added);
  }

  function pickToken(position) {
    const wanted = Math.max(0, Math.min(position, view.tokens.length - 1));
    if (!view.tokens.length) return;
    if (wanted >= view.spans.length) drawTokens(wanted + AT_ONCE);
    if (view.picked >= 0) view.spans[view.picked].classList.remove("picked");
    view.picked = wanted;
    const span = view.spans[wanted];
    span.classList.add("picked");
    const box = span.getBoundingClientRect();
    const frame = panel.getBoundingClientRect();
    if (box.top < frame.top || box.bottom > frame.bottom) {
      panel.scrollTop += box.top - frame.top - frame.height / 3;
    }
    const token = view.tokens[wanted];
    const branch = view.branchAt.get(wanted);
    byId("readout").textContent =
      "Token " + wanted + " of " + view.tokens.length + ", " + quoted(token.text) + ": " +
      (token.entropy === null ? "entropy not recorded" : "entropy " + token.entropy.toFixed(2) + " nats") +
      (wanted < view.sequence.fork ? ", inherited from #" + token.from : "") +
      (branch ? ". Branch: " + branch.entropy.toFixed(3) + " > " + branch.threshold.toFixed(3) + ", #" + branch.parent + " kept " + quoted(branch.kept) + ", #" + branch.child + " took " + quoted(branch.forked) : "") + ".";
  }

  function chosen() {
    const cell = index.cells[pick.cell.value];
    const method = cell.methods[pick.method.value];
    return { cell, method, prompt: method.prompts[pick.prompt.value] };
  }

  async function show() {
    const mine = ++turn;
    const { cell, method, prompt } = chosen();
    byId("previous-prompt").disabled = pick.prompt.selectedIndex <= 0;
    byId("next-prompt").disabled = pick.prompt.selectedIndex >= pick.prompt.options.length - 1;
    byId("status").textContent = "Loading";
    if (!prompt || prompt.pack === null) {
      byId("status").textContent = "This prompt was left out of the page.";
      byId("tree").replaceChildren();
      return;
    }
    const parts = [];
    if (prompt.base !== undefined) parts.push(await unpack(prompt.base));
    parts.push(await unpack(prompt.pack));
    if (mine !== turn) return;
    const sequences = parts.flatMap((part) => part.sequences);
    shown = {
      bySequence: new Map(sequences.map((sequence) => [sequence.index, sequence])),
      branches: parts.flatMap((part) => part.forks),
      longest: sequences.reduce((most, sequence) => Math.max(most, sequence.fork + sequence.own), 0),
    };
    shown.order = inTreeOrder(sequences);
    const about = cell.prompts[prompt.id] || { text: "", target: "" };
    byId("prompt-text").textContent = about.text;
    byId("prompt-target").textContent = about.target || "none: programs are scored by tests";
    drawTree();
    if (shown.order.length) select(shown.order[0], false);
    performance.mark("explorer-shown"); // read by those who measure how fast the page opens
    byId("status").textContent =
      method.name + ", prompt " + prompt.id + ": " + counted(prompt.sequences, "sequence") + ", " + prompt.right + " right, " + counted(shown.branches.length, "branch", "es") + ".";
  }

  function fill(list, labels) {
    list.replaceChildren(
      ...labels.map(([value, label]) => {
        const option = element("option", label);
        option.value = value;
        return option;
      }),
    );
  }

  function fillMethods() {
    const methods = index.cells[pick.cell.value].methods;
    const before = pick.method.value;
    fill(pick.method, methods.map((method, number) => [number, method.name]));
    const usual = methods.findIndex((method) => method.method === "eager_init");
    pick.method.value = before && methods[before] ? before : Math.max(usual, 0);
    fillPrompts();
  }

  function fillPrompts() {
    const before = pick.prompt.value;
    const { prompts } = index.cells[pick.cell.value].methods[pick.method.value];
    const labels = prompts
      .map((prompt, number) => [number, prompt.id + " (" + prompt.right + " of " + prompt.sequences + " right)", prompt])
      .filter(([, , prompt]) => prompt.pack !== null);
    fill(pick.prompt, labels);
    if (before && labels.some(([number]) => String(number) === before)) pick.prompt.value = before;
    show();
  }

  function step(by) {
    pick.prompt.selectedIndex += by;
    show();
  }

  function moveInTree(event) {
    const at = shown.order.findIndex((sequence) => sequence.row === document.activeElement);
    if (at < 0) return;
    const here = shown.order[at];
    const goals = {
      ArrowDown: shown.order[at + 1],
      ArrowUp: shown.order[at - 1],
      Home: shown.order[0],
      End: shown.order[shown.order.length - 1],
      ArrowLeft: shown.bySequence.get(here.parent),
      ArrowRight: here.children[0],
    };
    if (event.key === "Enter") panel.focus();
    else if (!(event.key in goals)) return;
    else if (goals[event.key]) select(goals[event.key]);
    event.preventDefault();
  }

  function moveInText(event) {
    const goals = {
      ArrowRight: view.picked + 1,
      ArrowLeft: view.picked - 1,
      Home: 0,
      End: view.tokens.length - 1,
    };
    if (!(event.key in goals)) return;
    pickToken(goals[event.key]);
    event.preventDefault();
  }

  function drawLegend() {
    const legend = byId("legend");
    legend.append("Entropy in nats: ");
    LEVELS.forEach((limit, number) => legend.append(element("span", "≥ " + limit, "heat-" + (number + 1)), " "));
    legend.append(element("span", "inherited", "inherited"), " ", element("span", "branch", "branch"));
    legend.append(" Click a token, or use the arrow keys, to read its entropy.");
  }

  drawLegend();
  pick.cell.addEventListener("change", fillMethods);
  pick.method.addEventListener("change", fillPrompts);
  pick.prompt.addEventListener("change", show);
  byId("previous-prompt").addEventListener("click", () => step(-1));
  byId("next-prompt").addEventListener("click", () => step(1));
  byId("tree").addEventListener("keydown", moveInTree);
  panel.addEventListener("keydown", moveInText);
  panel.addEventListener("click", (event) => {
    if (event.target.dataset.position) pickToken(Number(event.target.dataset.position));
  });
  panel.addEventListener("scroll", () => {
    const left = panel.scrollHeight - panel.scrollTop - panel.clientHeight;
    if (left < 2 * panel.clientHeight) drawTokens(view.spans.length + AT_ONCE);
  });
  fill(pick.cell, index.cells.map((cell, number) => [number, cell.label]));
  fillMethods();
})();
