"""The pages that skipzoo writes, opened in headless Chromium: what a reader would see and do.

    python pages_in_browser.py SKIPZOO_BINARY CONFIGS [--screenshots FOLDER]

A run, an evaluation of it, a comparison of two runs, a sweep over learning rates and a study are made on the digits,
then opened by chromedriver (Debian: chromium-driver) at the width of a desktop and of a phone, light and dark, and
printed. Nothing but Python's own library is needed. Exit code 77: no chromedriver here.
"""
import argparse
import base64
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
import zlib

ARGUMENTS = argparse.ArgumentParser()
ARGUMENTS.add_argument("binary")
ARGUMENTS.add_argument("configs", type=pathlib.Path)
ARGUMENTS.add_argument("--screenshots", type=pathlib.Path)
PHONE, DESKTOP = (390, 844), (1280, 900)
PAPER = (718, 1000)  # What is within the margins of A4, at 96 dots an inch.
TAB = "\ue004"


class Browser:
    """A page in headless Chromium, by the WebDriver protocol."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.driver = subprocess.Popen([shutil.which("chromedriver"), f"--port={port}"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.root = f"http://127.0.0.1:{port}"
        self.wait_until_ready()
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.path = "/session/" + session["sessionId"]

    def wait_until_ready(self, seconds=30):
        for _ in range(10 * seconds):
            try:
                if self.call("GET", "/status")["ready"]:
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"chromedriver did not listen within {seconds} s")

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.root + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def post(self, path, body):
        return self.call("POST", self.path + path, body)

    def open(self, page, size=DESKTOP, dark=False, media=""):
        self.post("/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": {
            "width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}})
        self.post("/goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": {"media": media,
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]}})
        self.post("/url", {"url": page.resolve().as_uri()})

    def run(self, script):
        return self.post("/execute/sync", {"script": script, "args": []})

    def console(self):
        return self.post("/se/log", {"type": "browser"})

    def point_at(self, x, y):
        self.post("/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": [
            {"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)}]}]})

    def press(self, key):
        self.post("/actions", {"actions": [{"type": "key", "id": "keys", "actions": [
            {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]}]})

    def pdf(self):
        """The open page as it is printed on A4 (W3C WebDriver, 17.1)."""
        return base64.b64decode(self.post("/print", {"page": {"width": 21.0, "height": 29.7}, "background": True}))

    def picture(self):
        taken = self.post("/goog/cdp/execute", {"cmd": "Page.captureScreenshot",
                                                "params": {"captureBeyondViewport": True}})
        return base64.b64decode(taken["data"])

    def close(self):
        try:
            self.call("DELETE", self.path)
        finally:
            self.driver.terminate()
            self.driver.wait()


def make_pages(binary, configs, folder):
    """Pages by name."""
    def skipzoo(*arguments):
        done = subprocess.run([binary, *map(str, arguments)], cwd=folder, capture_output=True, text=True,
                              env={**os.environ, "OMP_NUM_THREADS": "1"})
        if done.returncode:
            raise RuntimeError(f"{arguments}: {done.stderr}")

    digits = configs / "digits" / "resnet20.yaml"
    for name, depths in (("small", "[1,1,1]"), ("large", "[2,2,2]")):
        skipzoo("train", "-c", digits, "-o", name, "--set", f"model.depths={depths}", "--set",
                "train.epochs=3")
    skipzoo("evaluate", "small")
    skipzoo("report", "small", "large", "-o", "both.html")
    skipzoo("lr-find", "-c", digits, "--steps", "20", "--out", "lr.html")
    skipzoo("study", "-c", configs / "study" / "digits.yaml", "-o", "study", *(
        word for key in ("study.depths=[8]", "study.seeds=[1]", "study.surface=5", "train.epochs=2")
        for word in ("--set", key)))
    return {"run": folder / "small" / "report.html",
            "evaluation": folder / "small" / "evaluate-best-test.html", "runs": folder / "both.html", "rates": folder / "lr.html",
            "study": folder / "study" / "study.html"}


# Of each chart, its name and how many points its lines have, or its other shapes.
CHARTS = """
return [...document.querySelectorAll('figure svg:not([aria-hidden])')].map(svg => ({
  name: svg.getAttribute('aria-label') || '',
  points: [...svg.querySelectorAll('polyline')].reduce((sum, line) => sum + line.points.length, 0),
  shapes: svg.querySelectorAll('rect, path').length, height: svg.getBoundingClientRect().height}));
"""
# What is not named: of charts their role or name, of tables their caption or the scope of a header cell.
NAMELESS = """
const text = e => e.outerHTML.slice(0, 120);
const charts = [...document.querySelectorAll('svg:not([aria-hidden=true])')]
  .filter(svg => svg.getAttribute('role') !== 'img' || !(svg.getAttribute('aria-label') || '').trim());
const tables = [...document.querySelectorAll('table')]
  .filter(table => !table.caption || !table.caption.textContent.trim());
const headers = [...document.querySelectorAll('th')]
  .filter(th => !['row', 'col'].includes(th.getAttribute('scope')) || !th.textContent.trim());
const pictures = [...document.querySelectorAll('img:not([alt])')];
const inputs = [...document.querySelectorAll('input:not([aria-label])')];
return [...charts, ...tables, ...headers, ...pictures, ...inputs].map(text);
"""
# How paper shows it: colours of the page and of what is on it, and what is for the pointer.
ON_PAPER = """
const colour = (e, what) => getComputedStyle(e)[what];
const folds = [...document.querySelectorAll('details')];
return {page: colour(document.documentElement, 'backgroundColor'),
  cards: [...new Set([...document.querySelectorAll('.card')].map(e => colour(e, 'backgroundColor')))],
  text: [...new Set([...document.querySelectorAll('h1, h2, td:not(.strong), tbody th')]
    .map(e => colour(e, 'color')))],
  tips: [...document.querySelectorAll('.tip, .over')].filter(e => colour(e, 'display') !== 'none').length,
  broken: [...document.querySelectorAll('figure')].filter(e => colour(e, 'breakInside') !== 'avoid').length,
  cut: [...document.querySelectorAll('.scroll')].filter(e => colour(e, 'overflowY') !== 'visible').length,
  wide: [...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth + 1)
    .map(e => e.textContent.slice(0, 40) + e.scrollWidth + ' of ' + e.clientWidth),
  scheme: colour(document.documentElement, 'colorScheme')};
"""
VISIBLE_TIPS = """
return [...document.querySelectorAll('.tip')].filter(tip => getComputedStyle(tip).visibility === 'visible')
  .map(tip => tip.textContent);
"""
# Contrast of text on its card (WCAG 2.2, 1.4.3), the least of the page.
CONTRAST = """
const probe = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const rgba = colour => { probe.clearRect(0, 0, 1, 1); probe.fillStyle = colour; probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data]; };
const light = rgb => rgb.slice(0, 3).map(v => v / 255)
  .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const below = element => { const layers = [];
  for (let e = element; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
  let colour = [255, 255, 255];
  for (const layer of layers.reverse()) colour = colour.map((v, i) => v + (layer[i] - v) * layer[3] / 255);
  return colour; };
let least = {ratio: 99};
for (const e of document.querySelectorAll('h1, h2, h3, p, td, th, summary, .soft, .key, svg text')) {
  if (!e.textContent.trim() || e.closest('.tip') || e.closest('.example')) continue;
  const style = getComputedStyle(e);
  const a = light(rgba(e.namespaceURI.endsWith('svg') ? style.fill : style.color)), b = light(below(e));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < least.ratio) least = {ratio: ratio, text: e.textContent.slice(0, 40), tag: e.tagName};
}
return least;
"""


def pdf_objects(pdf):
    """A PDF's bytes and, behind them, those of the objects that are packed in streams."""
    packed = re.findall(rb"/Type\s*/ObjStm\b.*?stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    return pdf + b"".join(zlib.decompressobj().decompress(one) for one in packed)


class Pages(unittest.TestCase):
    pages, browser, screenshots = {}, None, None

    def test_nothing_is_said_on_the_console(self):
        for name, page in self.pages.items():
            self.browser.open(page)
            self.assertEqual(self.browser.console(), [], name)

    def test_every_chart_has_its_data(self):
        for name, page in self.pages.items():
            self.browser.open(page)
            charts = self.browser.run(CHARTS)
            self.assertGreater(len(charts), 0, name)
            for chart in charts:
                self.assertTrue(chart["name"], f"{name}: a chart without a label")
                self.assertGreater(chart["points"] + chart["shapes"], 1, f"{name}: {chart['name']}")
                self.assertLess(chart["height"], DESKTOP[1] / 2, f"{name}: {chart['name']}")

    def test_the_pointer_shows_values(self):
        for name in self.pages:
            self.browser.open(self.pages[name])
            self.assertEqual(self.browser.run(VISIBLE_TIPS), [], name)
            x, y = self.browser.run("""
                const spot = document.querySelectorAll('.spot > .over')[1];
                spot.scrollIntoView({block: 'center'});
                const box = spot.getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2];""")
            self.browser.point_at(x, y)
            tips = self.browser.run(VISIBLE_TIPS)
            self.assertEqual(len(tips), 1, name)
            self.assertRegex(tips[0], r"\d", name)

    def test_the_tab_key_shows_values(self):
        for name in self.pages:
            self.browser.open(self.pages[name])
            self.browser.point_at(1, 1)
            for _ in range(200):
                self.browser.press(TAB)
                if self.browser.run("return document.activeElement.classList.contains('spot')"):
                    break
            else:
                self.fail(f"{name}: no chart can be reached by the tab key")
            self.assertEqual(len(self.browser.run(VISIBLE_TIPS)), 1, name)
            self.assertTrue(self.browser.run("return document.activeElement.getAttribute('aria-label')"), name)

    def test_the_confusion_matrix_sums_to_the_pictures(self):
        for name in ("run", "evaluation"):
            self.browser.open(self.pages[name])
            total = self.browser.run("""
                return [...document.querySelectorAll('table.map td')]
                  .map(td => parseInt(td.textContent.replace(/\\D/g, '')) || 0).reduce((a, b) => a + b, 0);""")
            self.assertEqual(total, 359, name)  # The test split of the digits.

    def test_each_class_has_a_curve_with_its_name(self):
        self.browser.open(self.pages["run"])
        chart = self.browser.run("""
            const svg = document.querySelector('svg[aria-label^="Recall by class"]');
            return {names: [...svg.querySelectorAll('.end-name')].map(e => e.textContent),
              styles: [...svg.querySelectorAll('polyline')]
                .map(e => getComputedStyle(e).strokeDasharray + e.className.baseVal),
              boxes: [...svg.querySelectorAll('.end-name')].map(e => [e.getBoundingClientRect().top,
                e.getBoundingClientRect().right, svg.closest('.card').getBoundingClientRect().right])};""")
        self.assertEqual(sorted(chart["names"]), [str(digit) for digit in range(10)])
        self.assertEqual(len({style.split("k")[0] for style in chart["styles"]}), 10, "dashes that are the same")
        tops = sorted(box[0] for box in chart["boxes"])
        self.assertGreater(min(b - a for a, b in zip(tops, tops[1:])), 8, "names over each other")
        for _, right, card in chart["boxes"]:
            self.assertLess(right, card)

    def test_all_is_named_for_who_cannot_see_it(self):
        for name, page in self.pages.items():
            self.browser.open(page)
            self.assertEqual(self.browser.run(NAMELESS), [], name)
            self.assertEqual(self.browser.run("return document.documentElement.lang"), "en", name)
            self.assertTrue(self.browser.run("return document.title"), name)

    def test_paper_is_white_and_text_dark_where_the_system_is_dark(self):
        for name, page in self.pages.items():
            self.browser.open(page, PAPER, dark=True, media="print")
            paper = self.browser.run(ON_PAPER)
            self.assertEqual(paper["page"], "rgb(255, 255, 255)", name)
            self.assertEqual(paper["cards"], ["rgb(255, 255, 255)"], name)
            for colour in paper["text"]:
                self.assertLess(max(map(int, re.findall(r"\d+", colour)[:3])), 100, f"{name}: {colour}")
            self.assertEqual(paper["scheme"], "light", name)
            for what in ("tips", "broken", "cut"):
                self.assertEqual(paper[what], 0, f"{name}: {what}")
            self.assertEqual(paper["wide"], [], name)
            self.assertGreaterEqual(self.browser.run(CONTRAST)["ratio"], 4.5, name)

    def test_it_can_be_printed(self):
        for name, page in self.pages.items():
            self.browser.open(page, dark=True)
            pdf = self.browser.pdf()
            self.assertTrue(pdf.startswith(b"%PDF-"), name)
            self.assertGreater(len(pdf), 10_000, name)
            pages = len(re.findall(rb"/Type\s*/Page\b", pdf_objects(pdf)))
            self.assertIn(pages, range(1, 40), name)
            if self.screenshots is not None:
                self.screenshots.mkdir(parents=True, exist_ok=True)
                (self.screenshots / f"{name}.pdf").write_bytes(pdf)

    def test_a_phone_need_not_scroll_sideways(self):
        for name, page in self.pages.items():
            self.browser.open(page, PHONE)
            width = self.browser.run("return document.documentElement.scrollWidth")
            self.assertLessEqual(width, PHONE[0], name)

    def test_text_has_contrast_light_and_dark(self):
        for name, page in self.pages.items():
            for dark in (False, True):
                self.browser.open(page, dark=dark)
                least = self.browser.run(CONTRAST)
                self.assertGreaterEqual(least["ratio"], 4.5, f"{name}, dark: {dark}: {least}")

    def test_screenshots(self):
        if self.screenshots is None:
            self.skipTest("--screenshots names no folder")
        self.screenshots.mkdir(parents=True, exist_ok=True)
        for name, page in self.pages.items():
            for width, size in (("desktop", DESKTOP), ("phone", PHONE)):
                for dark in (False, True):
                    self.browser.open(page, size, dark)
                    time.sleep(0.2)
                    file = f"{name}_{width}_{'dark' if dark else 'light'}.png"
                    (self.screenshots / file).write_bytes(self.browser.picture())


def main():
    args = ARGUMENTS.parse_args()
    if shutil.which("chromedriver") is None:
        print("skipped: no chromedriver here (Debian's chromium-driver)")
        return 77
    Pages.screenshots = args.screenshots
    with tempfile.TemporaryDirectory() as folder:
        Pages.pages = make_pages(os.path.abspath(args.binary), args.configs.resolve(), pathlib.Path(folder))
        Pages.browser = Browser()
        try:
            result = unittest.TextTestRunner(verbosity=2).run(
                unittest.defaultTestLoader.loadTestsFromTestCase(Pages))
        finally:
            Pages.browser.close()
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
