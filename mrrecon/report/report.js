(() => {
const byId = (id) => document.getElementById(id);
const colours = JSON.parse(byId("colours").textContent);
// Axes: 0 to the patient's right, 1 to the front, 2 to the top; each with the letters of its low and high end.
const LETTERS = [["L", "R"], ["P", "A"], ["I", "S"]];
const PLANES = [
  {name: "Axial", across: 0, up: 1, through: 2},
  {name: "Coronal", across: 0, up: 2, through: 1},
  {name: "Sagittal", across: 1, up: 2, through: 0},
];
const NAMES = JSON.parse(byId("names").textContent);
const KINDS = JSON.parse(byId("grid").dataset.kinds);  // of tissue: they have no difference from intensities
const IMAGES = [...NAMES, ...(KINDS.length ? [] : ["difference"])].map((name) => name[0].toUpperCase() + name.slice(1));
const sections = [...document.querySelectorAll("section.scan")];
let scan = null, at = [0, 0, 0], wanted = 0, planned = false, chosen = "";
const view = {low: 0, high: 1, limit: 1, colours};

const make = (parent, tag, name = "", text = "") => {
  const element = parent.appendChild(document.createElement(tag));
  element.className = name;
  element.textContent = text;
  return element;
};
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const text = (value) => String(Number(value.toPrecision(3))).replace("-", "−");
const signed = (value) => (value > 0 ? "+" : "") + text(value);

// ---- choosing a scan

async function show(number) {
  wanted = number;
  byId("scan").value = number;
  sections.forEach((section, i) => { section.hidden = i !== number; });
  document.querySelectorAll("a[data-scan]").forEach((link) =>
    link.toggleAttribute("aria-current", Number(link.dataset.scan) === number));
  // Pictures stay beside the viewer; a still stands in for it.
  const still = sections[number].querySelector(".still"), block = byId("volume-" + number);
  const replace = (by) => { if (still) still.hidden = by; };
  sections[number].querySelector(".notes").before(byId("message"), byId("viewer"));
  scan = null;
  byId("viewer").hidden = true;
  byId("message").hidden = !block;
  replace(Boolean(block));
  if (!block) return;
  if (!("DecompressionStream" in window)) {
    replace(false);
    byId("message").textContent = "This browser cannot unpack the volumes (it has no DecompressionStream): "
      + "Chrome and Edge from 80, Firefox from 113 and Safari from 16.4 can.";
    return;
  }
  byId("message").textContent = "Unpacking the volumes …";
  try {
    const read = JSON.parse(block.textContent);
    read.original = await unpack(read.original, read.shape);
    read.difference = await unpack(read.difference, read.shape);
    if (wanted !== number) return;  // another scan was chosen meanwhile
    scan = read;
  } catch (error) {
    replace(false);
    byId("message").textContent = "The volumes could not be unpacked: " + error + ".";
    return;
  }
  byId("message").hidden = true;
  byId("viewer").hidden = false;
  // Of a few slices one plane is worth looking at; the others can still be chosen.
  const size = scan.shape.map((n, axis) => n * scan.spacing[axis]), thin = size.indexOf(Math.min(...size));
  byId("planes").value = size[thin] < Math.max(...size) / 5 ? String(2 - thin) : chosen;
  reset();
}

// ---- drawing

function flipped(axis) { return axis === 1 || byId("orientation").value === "radiological"; }

function draw() {
  planned = false;
  if (!scan) return;
  for (const {plane, slider, place, panels} of rows) {
    const {across, up, through} = plane, n = scan.shape;
    slider.max = n[through] - 1;
    slider.value = at[through];
    slider.hidden = n[through] === 1;
    const said = `slice ${at[through] + 1} of ${n[through]}`;
    place.textContent = said;
    slider.setAttribute("aria-valuetext", said);
    const flip = flipped(across);
    const left = (flip ? n[across] - 1 - at[across] : at[across]) + 0.5, top = n[up] - 0.5 - at[up];
    panels.forEach(({panel, canvas, lines, letters}, image) => {
      paint(canvas, {scan, at, view, plane, image, flip});
      canvas.style.imageRendering = byId("smooth").checked ? "auto" : "pixelated";
      canvas.setAttribute("aria-label", `${plane.name} ${said}, ${IMAGES[image].toLowerCase()}`);
      lines[0].style.top = 100 * top / n[up] + "%";
      lines[1].style.left = 100 * left / n[across] + "%";
      lines.forEach((line) => { line.hidden = !byId("crosshair").checked; });
      const ends = LETTERS[across];
      [ends[+flip], ends[+!flip], LETTERS[up][1], LETTERS[up][0]].forEach((letter, i) => {
        letters[i].textContent = letter;
      });
    });
  }
  bars.forEach(({low, middle, high}, i) => {
    low.textContent = i ? signed(-view.limit) : text(view.low);
    middle.textContent = i ? "0" : "intensity";
    high.textContent = i ? signed(view.limit) : text(view.high);
  });
  byId("level").nextElementSibling.textContent = text((view.low + view.high) / 2);
  byId("width").nextElementSibling.textContent = text(view.high - view.low);
  byId("limit").nextElementSibling.textContent = "±\u2009" + text(view.limit);
  const i = (at[0] * scan.shape[1] + at[1]) * scan.shape[2] + at[2];
  const value = scan.original.value[scan.original.q[i]], error = scan.difference.value[scan.difference.q[i]];
  const index = scan.order.map(([axis, against]) => against ? scan.shape[axis] - 1 - at[axis] : at[axis]);
  byId("readout").textContent = `voxel [${index.join(", ")}]: ${NAMES[0]} ${text(value)}, ${NAMES[1]} ` + (
    KINDS.length ? kind(value + error) : `${text(value + error)}, difference ${signed(error)}`);
}

function kind(value) {
  const [low, high] = scan.window, last = KINDS.length - 1;
  return KINDS[clamp(Math.round((value - low) / (high - low) * last), 0, last)];
}

function redraw() {
  if (!planned) requestAnimationFrame(draw);
  planned = true;
}

function layout() {
  if (!scan) return;
  const only = byId("planes").value, size = scan.shape.map((n, axis) => n * scan.spacing[axis]);
  const shown = rows.filter((_, i) => only === "" || only === String(i));
  rows.forEach((row) => row.cells.forEach((cell) => { cell.hidden = !shown.includes(row); }));
  const widest = Math.max(...shown.map(({plane}) => size[plane.across]));
  const tall = shown.reduce((sum, {plane}) => sum + size[plane.up], 0);
  const narrow = matchMedia("(max-width: 700px)").matches;
  const room = byId("grid").clientWidth - (narrow ? 8 : 124 + 24);
  const scale = Math.min(room / IMAGES.length / widest, Math.max(520, innerHeight - 210) / tall);  // pixels per mm
  for (const {plane, panels} of shown)
    for (const {panel, frame} of panels) {
      panel.style.width = widest * scale + "px";
      frame.style.width = size[plane.across] * scale + "px";
      frame.style.height = size[plane.up] * scale + "px";
    }
  redraw();
}

// ---- what the reader does

function reset() {
  [view.low, view.high] = scan.window;
  view.limit = scan.limit;
  at = scan.shape.map((n) => n >> 1);
  byId("smooth").checked = Math.min(...scan.shape) >= 32;
  sliders();
  layout();
}

function sliders() {
  const [low, high] = scan.range;
  byId("level").value = 1000 * ((view.low + view.high) / 2 - low) / (high - low);
  byId("width").value = 1000 * (view.high - view.low) / (high - low);
  byId("limit").value = 1000 * view.limit / scan.greatest;
}

function windowed() {
  const [low, high] = scan.range;
  const level = low + byId("level").value / 1000 * (high - low), half = byId("width").value / 2000 * (high - low);
  [view.low, view.high] = [level - half, level + half];
  redraw();
}

function go(axis, step) {
  at[axis] = clamp(at[axis] + step, 0, scan.shape[axis] - 1);
  redraw();
}

function point(event, {across, up}, frame) {
  const box = frame.getBoundingClientRect(), n = scan.shape;
  const column = clamp(Math.floor((event.clientX - box.left) / box.width * n[across]), 0, n[across] - 1);
  const row = clamp(Math.floor((event.clientY - box.top) / box.height * n[up]), 0, n[up] - 1);
  at[across] = flipped(across) ? n[across] - 1 - column : column;
  at[up] = n[up] - 1 - row;
  redraw();
}

function key(event, {across, up, through}) {
  const right = flipped(across) ? -1 : 1;
  const moves = {
    ArrowRight: [across, right], ArrowLeft: [across, -right], ArrowUp: [up, 1], ArrowDown: [up, -1],
    PageUp: [through, 1], PageDown: [through, -1], "+": [through, 1], "-": [through, -1],
  };
  if (event.key === "Home") { at = scan.shape.map((n) => n >> 1); redraw(); }
  else if (moves[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) go(...moves[event.key]);
  else return;
  event.preventDefault();
}

function listen(panel, frame, plane) {
  let turned = 0;
  panel.addEventListener("pointerdown", (event) => {
    // A finger may be about to scroll the page: it places the crosshair by a tap.
    if (event.button !== 0 || event.pointerType !== "mouse") return;
    panel.setPointerCapture(event.pointerId);
    point(event, plane, frame);
  });
  panel.addEventListener("click", (event) => point(event, plane, frame));
  panel.addEventListener("pointermove", (event) => {
    if (event.buttons & 1 && event.pointerType === "mouse") point(event, plane, frame);
  });
  panel.addEventListener("keydown", (event) => key(event, plane));
  panel.addEventListener("wheel", (event) => {
    event.preventDefault();
    // A notch of a wheel is one slice; a touchpad sends many small turns, which add up. A line counts as 33 pixels.
    turned += event.deltaMode ? 33 * event.deltaY : event.deltaY;
    if (Math.abs(turned) < 50) return;
    go(plane.through, -Math.sign(turned));
    turned = 0;
  }, {passive: false});
}

// ---- building the page

const grid = byId("grid");
make(grid, "span", "corner");
IMAGES.forEach((name, i) => make(grid, "h3", "", i < 2 ? name : `${IMAGES[1]} − ${NAMES[0]}`));
grid.style.setProperty("--images", IMAGES.length);
byId("limit").parentElement.hidden = KINDS.length > 0;
const rows = PLANES.map((plane) => {
  const head = make(grid, "div", "plane");
  make(head, "strong", "", plane.name);
  const slider = make(head, "input");
  slider.type = "range";
  slider.min = 0;
  slider.setAttribute("aria-label", plane.name + " slice");
  slider.addEventListener("input", () => { at[plane.through] = Number(slider.value); redraw(); });
  const place = make(head, "span");
  const panels = IMAGES.map((image, column) => {
    const panel = make(grid, "div", "panel");
    panel.tabIndex = column ? -1 : 0;  // the three of a row move together: one stop of the Tab key is enough
    panel.setAttribute("role", "application");
    panel.setAttribute("aria-label", `${plane.name}, ${image.toLowerCase()}: arrow keys move the crosshair, `
      + "page up and page down change the slice");
    const frame = make(panel, "div", "frame"), canvas = make(frame, "canvas");
    canvas.setAttribute("role", "img");
    const lines = [make(frame, "i", "across"), make(frame, "i", "down")];
    const letters = [0, 1, 2, 3].map(() => make(panel, "b"));
    listen(panel, frame, plane);
    return {panel, frame, canvas, lines, letters};
  });
  return {plane, slider, place, panels, cells: [head, ...panels.map(({panel}) => panel)]};
});
make(grid, "span", "corner");
const bars = [0, 1].slice(0, IMAGES.length - 1).map((isSigned) => {
  const bar = make(grid, "div", "scale"), canvas = make(bar, "canvas"), ends = make(bar, "div");
  bar.style.gridColumn = isSigned ? "span 1" : "span 2";
  canvas.width = colours.length;
  canvas.height = 1;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", isSigned ? "Colours of the difference" : "Greys of the images");
  const context = canvas.getContext("2d");
  colours.forEach((colour, i) => {
    context.fillStyle = `rgb(${isSigned ? colour : Array(3).fill(255 * i / (colours.length - 1))})`;
    context.fillRect(i, 0, 1, 1);
  });
  return {low: make(ends, "span"), middle: make(ends, "span"), high: make(ends, "span")};
});

byId("level").addEventListener("input", windowed);
byId("width").addEventListener("input", windowed);
byId("limit").addEventListener("input", () => {
  view.limit = byId("limit").value / 1000 * scan.greatest;
  redraw();
});
for (const id of ["orientation", "crosshair", "smooth"]) byId(id).addEventListener("change", redraw);
byId("planes").addEventListener("change", () => { chosen = byId("planes").value; layout(); });
byId("reset").addEventListener("click", reset);
addEventListener("resize", layout);

const turn = (step) => show((wanted + step + sections.length) % sections.length);
byId("scan").addEventListener("change", () => show(Number(byId("scan").value)));
byId("previous").addEventListener("click", () => turn(-1));
byId("next").addEventListener("click", () => turn(1));
document.querySelectorAll("a[data-scan]").forEach((link) => link.addEventListener("click", (event) => {
  event.preventDefault();
  show(Number(link.dataset.scan));
  scrollTo({top: 0});
}));
if (sections.length) show(0);
})();
