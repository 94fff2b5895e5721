"use strict";
const form = document.querySelector("form");
const findings = [...document.querySelectorAll("article")];
const shown = document.querySelector("#shown");
// a finding is shown if every filter that is set fits it
function filter() {
  const levels = [...form.querySelectorAll("input[type=checkbox]")].filter((box) => box.checked).map((box) => box.value);
  const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
  let number = 0;
  for (const finding of findings) {
    const data = finding.dataset;
    const fits = levels.includes(data.severity)
      && ["app", "environment", "rule"].every((name) => !form.elements[name].value || form.elements[name].value === data[name])
      && (!words.length || words.every((word) => finding.textContent.toLowerCase().includes(word)));
    finding.hidden = !fits;
    number += fits;
  }
  shown.textContent = `${number} of ${findings.length} shown`;
}
if (form) {
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  filter();
}
const theme = document.querySelector("#theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
