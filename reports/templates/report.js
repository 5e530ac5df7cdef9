"use strict";
(() => {
  const claims = [...document.querySelectorAll("section.claim")];
  const bar = document.getElementById("filter");
  if (!claims.length || !bar) return;
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const texts = new Map(claims.map((claim) => [claim, claim.textContent.toLowerCase()]));
  const search = make("input", { type: "search", id: "words", autocomplete: "off" });
  const boxes = ["satisfied", "not-satisfied", "not-assessed"].map((verdict) =>
    make("input", { type: "checkbox", checked: true, value: verdict, id: "show-" + verdict }));
  const told = make("p", { className: "soft" });
  told.setAttribute("role", "status");
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let shown = 0;
    for (const claim of claims) {
      const fits = verdicts.has(claim.dataset.verdict) && words.every((word) => texts.get(claim).includes(word));
      claim.hidden = !fits;
      shown += fits;
    }
    told.textContent = `${shown} of ${claims.length} claims shown`;
  };
  const all = () => [...document.querySelectorAll("details")];
  const unfold = make("button", { type: "button", textContent: "Unfold everything" });
  unfold.addEventListener("click", () => {
    const open = all().some((each) => !each.open);
    all().forEach((each) => { each.open = open; });
    unfold.textContent = open ? "Fold everything" : "Unfold everything";
  });
  search.addEventListener("input", apply);
  boxes.forEach((box) => box.addEventListener("change", apply));
  bar.append(
    make("label", { htmlFor: "words", textContent: "Search claims " }), search,
    ...boxes.map((box) => make("label", {}, box, " " + box.value.replace("-", " "))), unfold, told);
  bar.hidden = false;
  apply();
  // A link to a claim that the filter hides must still lead there.
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.closest("section.claim[hidden]")) {
      search.value = "";
      boxes.forEach((box) => { box.checked = true; });
      apply();
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => all().forEach((each) => { each.open = true; }));
})();
