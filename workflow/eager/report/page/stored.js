"use strict";
// The results that are stored in the page: unpacked a prompt at a time, and followed up the tree.
const stored = (() => {
  const KEPT_PACKS = 6;
  const index = JSON.parse(document.getElementById("index").textContent);
  const packs = new Map();

  async function unpack(number) {
    if (packs.has(number)) return packs.get(number);
    const binary = atob(document.getElementById("pack-" + number).textContent);
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const buffer = await new Response(stream).arrayBuffer();
    const size = new DataView(buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
    const total = header.sequences.reduce((sum, sequence) => sum + sequence.own, 0);
    const codes = new Uint32Array(total);
    for (let plane = 0; plane < header.planes; plane++) {
      const low = new Uint8Array(buffer, 4 + size + plane * total, total);
      for (let i = 0; i < total; i++) codes[i] |= low[i] << (8 * plane);
    }
    const entropies = new Uint8Array(buffer, 4 + size + header.planes * total, total);
    let start = 0;
    for (const sequence of header.sequences) {
      sequence.codes = codes.subarray(start, start + sequence.own);
      sequence.entropies = entropies.subarray(start, start + sequence.own);
      sequence.texts = header.texts;
      start += sequence.own;
    }
    packs.set(number, header);
    if (packs.size > KEPT_PACKS) packs.delete(packs.keys().next().value);
    return header;
  }

  // Tokens of a sequence from its start: what it inherits comes from its parent.
  function tokensOf(sequence, bySequence, end = Infinity) {
    const before =
      sequence.parent === null
        ? []
        : tokensOf(bySequence.get(sequence.parent), bySequence, sequence.fork);
    const own = Math.min(sequence.own, end - sequence.fork);
    for (let i = 0; i < own; i++) {
      before.push({
        text: sequence.texts[sequence.codes[i]],
        entropy: sequence.entropies[i] === index.notRecorded ? null : sequence.entropies[i] / index.entropySteps,
        from: sequence.index,
      });
    }
    before.length = Math.min(before.length, end);
    return before;
  }

  // Characters may be spread over tokens: their bytes are decoded in one stream.
  function joinBytes(tokens) {
    const decoder = new TextDecoder();
    let open = null;
    for (const token of tokens) {
      if (typeof token.text === "string") {
        if (open) open.text += decoder.decode();
        open = null;
      } else {
        token.text = decoder.decode(new Uint8Array(token.text), { stream: true });
        open = token;
      }
    }
    if (open) open.text += decoder.decode();
    return tokens;
  }

  function inTreeOrder(sequences) {
    const order = [];
    const visit = (sequence, level) => {
      sequence.level = level;
      sequence.children = sequences.filter((other) => other.parent === sequence.index);
      sequence.children.sort((a, b) => a.fork - b.fork || a.index - b.index);
      order.push(sequence);
      sequence.children.forEach((child) => visit(child, level + 1));
    };
    sequences.filter((sequence) => sequence.parent === null).forEach((root) => visit(root, 1));
    return order;
  }

  // Branches of this sequence and, up to where it left them, of those it descends from.
  function branchesOf(sequence, branches, bySequence, end = Infinity) {
    const own = branches.filter((branch) => branch.parent === sequence.index && branch.position < end);
    if (sequence.parent === null) return own;
    const created = branches.filter((branch) => branch.child === sequence.index);
    const above = branchesOf(bySequence.get(sequence.parent), branches, bySequence, sequence.fork);
    return [...above.filter((branch) => branch.child !== sequence.index), ...created, ...own];
  }

  return { index, unpack, tokensOf, joinBytes, inTreeOrder, branchesOf };
})();
