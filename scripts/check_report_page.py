#!/usr/bin/python3
"""Opens the page of `quantbench report` in headless Chromium and checks what a reader relies on.

    scripts/check_report_page.py results/default/report.html
    scripts/check_report_page.py report.html --pictures docs/pictures      # also writes pictures of it
    scripts/check_report_page.py report.json --build quantbench            # makes the page by that program first

Fails, saying what and with exit code 1, unless: nothing is written to the console; no request leaves the file; the file is smaller
than 2 MB; every column sorts by pointer and by keyboard, with numbers in order and empty ones last; filters show what they should;
rows, points and the list choose the cell that is shown; the theme can be changed and keeps text readable (WCAG AA); nothing is wider
than a phone. A part that the report has nothing for is not checked, and said so.

Needs Debian's chromium, chromium-driver and python3-selenium, and for the pictures poppler-utils; optipng and pngquant make them smaller.
Exit code 77: something of that is missing. 2: bad input.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select
except ImportError:
    webdriver = None

MOST_BYTES = 2_000_000
DESKTOP, PHONE = (1280, 900), (390, 844)


class Failure(Exception):
    pass


def require(condition: bool, message: str) -> None:
    if not condition:
        raise Failure(message)


def start_browser() -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--force-color-profile=srgb", "--hide-scrollbars",
                     "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
    browser.set_window_size(*DESKTOP)
    browser.execute_cdp_cmd("Network.enable", {})
    return browser


class Page:
    def __init__(self, browser: webdriver.Chrome, path: Path, most_bytes: int):
        self.browser = browser
        self.most_bytes = most_bytes
        self.path = path
        self.url = path.resolve().as_uri()

    def open(self) -> None:
        self.browser.get(self.url)

    def js(self, script: str, *arguments):
        return self.browser.execute_script(script, *arguments)

    def scroll_to(self, element, options: str = "") -> None:
        """And until the page was told so: it hides what points at a place when it is scrolled, however late it hears of it."""
        self.browser.execute_async_script(f"""
            const done = arguments[1];
            arguments[0].scrollIntoView({options});
            requestAnimationFrame(() => requestAnimationFrame(() => done()));""", element)

    def all(self, selector: str) -> list:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def has(self, selector: str) -> bool:
        return bool(self.all(selector))

    def keys(self, key: str) -> None:
        webdriver.ActionChains(self.browser).send_keys(key).perform()

    def emulate(self, scheme: str | None = None, media: str = "") -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}] if scheme else []
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})

    def size(self, width: int, height: int, scale: float = 1, mobile: bool = False) -> None:
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                     {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile})


# ---- What the browser noticed


def check_requests(page: Page) -> None:
    """Every request is of the file itself or of data that stands in it."""
    for entry in page.browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] != "Network.requestWillBeSent":
            continue
        url = message["params"]["request"]["url"]
        require(url.split("#")[0] == page.url or url.startswith("data:"), f"a request leaves the file: {url}")


def check_console(page: Page) -> None:
    entries = page.browser.get_log("browser")
    require(not entries, "the console is not empty: " + "; ".join(entry["message"] for entry in entries))


def check_size(page: Page) -> None:
    size = page.path.stat().st_size
    require(size < page.most_bytes, f"the file has {size} bytes, of at most {page.most_bytes}")


# ---- Sorting

COLUMN = """
const [table, column] = arguments;
return Array.from(table.tBodies[0].rows).map((row) => {
  const cell = row.cells[column];
  const text = cell.innerText.replace("\\u25c6", "").trim();
  return {value: cell.dataset.v === undefined ? null : Number(cell.dataset.v), text};
});"""


def is_sorted(cells: list[dict], descending: bool) -> bool:
    empty = [cell["text"] == "" and cell["value"] is None for cell in cells]
    if any(is_empty and not next_is_empty for is_empty, next_is_empty in zip(empty, empty[1:])):
        return False
    values = [cell["value"] for cell, is_empty in zip(cells, empty) if not is_empty]
    if not values or any(value is None for value in values):
        return True  # texts: their order is the browser's
    return values == sorted(values, reverse=descending)


def check_sorting(page: Page) -> int:
    """Every column of the table of results, by pointer; returns the number of columns."""
    table = page.one("#result-table")
    headers = page.all("#result-table thead th")
    for index, header in enumerate(headers):
        title = header.text.strip()
        before = sorted(row.get_attribute("data-cell") for row in page.all("#result-table tbody tr"))
        for expected in ("ascending", "descending"):
            header.find_element(By.CSS_SELECTOR, "button").click()
            require(header.get_attribute("aria-sort") == expected, f"column {title}: aria-sort is not {expected}")
            cells = page.js(COLUMN, table, index)
            require(is_sorted(cells, expected == "descending"), f"column {title} is not in {expected} order: {cells}")
        others = page.js("return document.querySelectorAll('#result-table th[aria-sort]').length")
        require(others == 1, f"{others} columns say that they are sorted by")
        after = sorted(row.get_attribute("data-cell") for row in page.all("#result-table tbody tr"))
        require(before == after, f"sorting by {title} changes which rows there are")
    methods = [cell["text"] for cell in page.js(COLUMN, table, method_column(page))]
    require(len(set(methods)) > 1, "there is one method only: nothing is sorted")
    return len(headers)


def method_column(page: Page) -> int:
    return page.js("return document.querySelector('#result-table tbody .method').cellIndex")


def check_keyboard_sorting(page: Page) -> None:
    """Tab reaches the buttons of the headers; Enter and space press them."""
    buttons = page.all("#result-table thead .sort")
    page.js("arguments[0].focus()", buttons[0])
    page.keys(Keys.TAB)
    focused = page.browser.switch_to.active_element
    require(focused == buttons[1], "Tab does not go from one header to the next")
    header = focused.find_element(By.XPATH, "..")
    start = header.get_attribute("aria-sort")
    page.keys(Keys.ENTER)
    first = header.get_attribute("aria-sort")
    page.keys(Keys.SPACE)
    second = header.get_attribute("aria-sort")
    require({first, second} == {"ascending", "descending"}, f"Enter and space do not sort: {start}, {first}, {second}")
    outline = page.js("return getComputedStyle(arguments[0]).outlineStyle", focused)
    require(outline != "none", "the focus is not seen")


# ---- Filters


def shown_methods(page: Page) -> list[str]:
    return page.js("""return Array.from(document.querySelectorAll('#result-table tbody tr')).filter((row) => row.offsetParent !== null)
        .map((row) => row.querySelector('.method a').textContent)""")


def check_filters(page: Page) -> None:
    every = shown_methods(page)
    word = every[len(every) // 2].split(":")[-1]
    field = page.one("#filter-text")
    field.send_keys(word)
    wanted = [method for method in every if word.lower() in method.lower()]
    require(sorted(shown_methods(page)) == sorted(wanted), f"the filter '{word}' shows {shown_methods(page)}")
    require(page.one("#count").text == f"{len(wanted)} of {len(every)} cells", f"the count is {page.one('#count').text}")
    field.send_keys(" nothing-has-this-name")
    require(not shown_methods(page), "a filter that nothing passes shows rows")
    page.one("#filter button[type=reset]").click()
    wait_for(lambda: len(shown_methods(page)) == len(every), "'show all' does not show all")
    for chip in page.all(".chip[data-family]"):
        family = chip.get_attribute("data-family")
        chip.click()
        shown = page.js("""return Array.from(document.querySelectorAll('#result-table tbody tr')).filter((row) => !row.hidden)
            .map((row) => row.dataset.family)""")
        require(bool(shown) and set(shown) == {family}, f"the family {family} shows rows of {set(shown)}")
        chip.click()
    require(len(shown_methods(page)) == len(every), "families that are not pressed still filter")


def wait_for(condition, message: str) -> None:
    for _ in range(50):
        if condition():
            return
        time.sleep(0.02)
    raise Failure(message)


# ---- Cells and drawings


def shown_cell(page: Page) -> str:
    shown = page.js("return Array.from(document.querySelectorAll('.cell')).filter((cell) => cell.offsetParent !== null).map((cell) => cell.dataset.cell)")
    require(len(shown) == 1, f"{len(shown)} cells are shown at once")
    return shown[0]


def check_cells(page: Page) -> None:
    link = page.all("#result-table tbody .method a")[-1]
    key = link.get_attribute("href").split("#cell-")[1]
    page.js("arguments[0].click()", link)
    wait_for(lambda: shown_cell(page) == key, "the link of a row does not show its cell")
    choice = Select(page.one("#cell-choice"))
    require(choice.first_selected_option.get_attribute("value") == key, "the list does not name the cell that is shown")
    for option in choice.options[:3]:
        choice.select_by_value(option.get_attribute("value"))
        require(shown_cell(page) == option.get_attribute("value"), "the list does not choose the cell")
    before = shown_cell(page)
    page.one("#chooser [data-step='1']").click()
    require(shown_cell(page) != before, "'next' does not go on")


def check_heat_maps(page: Page) -> None:
    """Numbers can be read in every colour, on either scale."""
    for scale in ("shared", "own"):
        Select(page.one("#scale-choice")).select_by_value(scale)
        worst = page.js(CONTRAST + """
            let worst = 21;
            for (const cell of document.querySelectorAll('.cell .heat td[class]')) {
              const style = getComputedStyle(cell);
              worst = Math.min(worst, contrast(style.color, style.backgroundColor));
            }
            return worst;""")
        require(worst >= 4.5, f"numbers of a heat map have a contrast of {worst:.2f}")


def changed_text(page: Page, selector: str, before: str, seconds: float = 5) -> str:
    """What an element says once it says something else, or still: drawing takes a while on a busy machine."""
    end = time.monotonic() + seconds
    while (text := page.one(selector).text) in ("", before) and time.monotonic() < end:
        time.sleep(0.05)
    return text


def check_points(page: Page) -> None:
    """Arrow keys walk through the points of a drawing and say what they are."""
    chart = page.one("#charts .chart")
    page.scroll_to(chart)
    page.js("arguments[0].focus()", chart)
    page.keys(Keys.ARROW_RIGHT)
    first = changed_text(page, "#tip", "")
    page.keys(Keys.ARROW_RIGHT)
    second = changed_text(page, "#tip", first)
    require("bits per weight" in first and first != second, f"arrow keys show '{first}', then '{second}'")
    mark = page.one("#charts .mark.current").get_attribute("data-cell")
    page.keys(Keys.ENTER)
    wait_for(lambda: shown_cell(page) == mark, "Enter on a point does not show its cell")
    page.js("document.activeElement.blur()")
    point = page.one("#charts .mark[data-cell]")
    page.scroll_to(point, "{block: 'center'}")
    webdriver.ActionChains(page.browser).move_to_element(point).perform()
    wait_for(lambda: page.one("#tip").is_displayed(), "no tooltip is shown at a point")


# ---- Theme and width

CONTRAST = """
function luminance(colour) {
  const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a, b) {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => p - q);
  return (y + 0.05) / (x + 0.05);
}
function behind(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (colour !== "rgba(0, 0, 0, 0)" && colour !== "transparent") return colour;
  }
  return "rgb(255, 255, 255)";
}
"""

TEXT_CONTRAST = CONTRAST + """
const found = [];
for (const element of document.querySelectorAll("body *")) {
  if (element.closest("script, style") || element.offsetParent === null && !(element instanceof SVGElement)) continue;
  const own = Array.from(element.childNodes).some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== "");
  if (!own || element.matches(".skip, option, title, desc")) continue;
  const style = getComputedStyle(element);
  const inSvg = element instanceof SVGElement;
  const on = inSvg && /(^| )g\\d/.test(element.getAttribute("class") ?? "") ? null : behind(inSvg ? element.ownerSVGElement : element);
  if (on === null) continue;  // on a colour of a heat map
  const ratio = contrast(inSvg ? style.fill : style.color, on);
  if (ratio < 4.5) found.push(`${element.tagName}.${element.getAttribute("class")} '${element.textContent.trim().slice(0, 30)}': ${ratio.toFixed(2)}`);
}
return found;"""


def is_dark(page: Page) -> bool:
    return page.js(CONTRAST + "return luminance(getComputedStyle(document.body).backgroundColor) < 0.2")


def check_themes(page: Page) -> None:
    for scheme in ("light", "dark"):
        page.emulate(scheme)
        page.open()
        require(is_dark(page) == (scheme == "dark"), f"the page is not {scheme} where the system is")
        check_contrast(page, f"{scheme} as the system is")
        page.one("#theme").click()
        require(is_dark(page) == (scheme == "light"), f"the button does not change the theme from {scheme}")
        check_contrast(page, f"other than the system's {scheme}")
        require(page.js("return window.localStorage.length + document.cookie.length") == 0, "the theme is kept outside the page")
        page.emulate(scheme, "print")
        require(not is_dark(page), "paper is dark")
        check_contrast(page, "print")
    page.emulate("light")
    page.open()


def check_contrast(page: Page, where: str) -> None:
    found = page.js(TEXT_CONTRAST)
    require(not found, f"text that is hard to read, {where}: {found[:5]} and {max(0, len(found) - 5)} more")


def check_width(page: Page) -> None:
    for width, height in (PHONE, (320, 640), DESKTOP):
        page.size(width, height, mobile=width < 500)
        page.open()
        scroll = page.js("return document.documentElement.scrollWidth")
        require(scroll <= width, f"the page is {scroll} pixels wide on a screen of {width}")
    page.size(*DESKTOP)


def check_headings(page: Page) -> None:
    require(page.js("return document.querySelectorAll('h1').length") == 1, "there is not one h1")
    levels = page.js("return Array.from(document.querySelectorAll('h1, h2, h3, h4')).map((h) => Number(h.tagName[1]))")
    require(all(after <= before + 1 for before, after in zip(levels, levels[1:])), f"headings skip a level: {levels}")
    ids = page.js("return Array.from(document.querySelectorAll('[id]')).map((e) => e.id)")
    require(len(ids) == len(set(ids)), "an id is used twice")
    dead = page.js("return Array.from(document.querySelectorAll('a[href^=\"#\"]')).map((a) => a.getAttribute('href').slice(1)).filter((id) => !document.getElementById(id))")
    require(not dead, f"links without a target: {dead}")
    page.js("document.body.focus()")
    page.keys(Keys.TAB)
    require(page.browser.switch_to.active_element.get_attribute("class") == "skip", "the first stop of Tab is not the skip link")


# ---- Pictures


def picture(page: Page, path: Path, clip_height: int | None = None) -> None:
    height = page.js("return document.documentElement.scrollHeight")
    width = page.js("return document.documentElement.clientWidth")
    clip = {"x": 0, "y": 0, "width": width, "height": min(height, clip_height or height), "scale": 1}
    data = page.browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True, "clip": clip})
    path.write_bytes(base64.b64decode(data["data"]))
    shrink(path)


def shrink(path: Path) -> None:
    if shutil.which("pngquant"):
        subprocess.run(["pngquant", "--force", "--skip-if-larger", "--output", path, "128", path], check=False)
    if shutil.which("optipng"):
        subprocess.run(["optipng", "-quiet", "-o2", path], check=True)


def print_pages(page: Page, folder: Path) -> int:
    """The pages of the print layout as PNG; returns their number."""
    page.emulate(None)
    page.open()
    data = page.browser.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": False,
                                                            "preferCSSPageSize": True})
    with tempfile.TemporaryDirectory() as temporary:
        pdf = Path(temporary) / "page.pdf"
        pdf.write_bytes(base64.b64decode(data["data"]))
        subprocess.run(["pdftoppm", "-r", "80", "-png", pdf, folder / "print"], check=True)
    pages = sorted(folder.glob("print-*.png"))
    for path in pages:
        shrink(path)
    return len(pages)


def write_pictures(page: Page, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        page.emulate(theme)
        page.size(*DESKTOP)
        page.open()
        picture(page, folder / f"report_{theme}.png", clip_height=3300)
        page.size(*PHONE, mobile=True)
        page.open()
        picture(page, folder / f"report_{theme}_phone.png", clip_height=2600)
    page.size(*DESKTOP)
    print(f"{folder}: light, dark, both on a phone, {print_pages(page, folder)} pages of print")


CHECKS = (
    ("size", check_size, None),
    ("headings, links, skip link", check_headings, None),
    ("sorting by pointer", check_sorting, "#result-table"),
    ("sorting by keyboard", check_keyboard_sorting, "#result-table"),
    ("filters", check_filters, "#result-table"),
    ("choice of a cell", check_cells, "#chooser"),
    ("heat maps", check_heat_maps, ".cell .heat"),
    ("points by keyboard and pointer", check_points, "#charts .mark"),
    ("themes and contrast", check_themes, None),
    ("widths", check_width, None),
    ("console", check_console, None),
    ("requests", check_requests, None),
)


def run_checks(page: Page) -> bool:
    page.open()
    good = True
    for name, check, needed in CHECKS:
        if needed and not page.has(needed):
            print(f"  left out  {name}: the report has nothing for it")
            continue
        try:
            check(page)
            print(f"  good      {name}")
        except Failure as failure:
            print(f"  BAD       {name}: {failure}")
            good = False
    return good


def check(path: Path, most_bytes: int, pictures: Path | None) -> bool:
    browser = start_browser()
    try:
        page = Page(browser, path, most_bytes)
        print(f"{path}: {path.stat().st_size} bytes")
        good = run_checks(page)
        if pictures:
            write_pictures(page, pictures)
    finally:
        browser.quit()
    return good


def missing_programs(with_pictures: bool) -> list[str]:
    needed = {"chromium": "chromium", "chromedriver": "chromium-driver"}
    if with_pictures:
        needed["pdftoppm"] = "poppler-utils"
    missing = [package for program, package in needed.items() if not shutil.which(program)]
    return missing + (["python3-selenium"] if webdriver is None else [])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path, help="report.html, or with --build a report.json")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="writes pictures of both themes, a phone and print there")
    parser.add_argument("--build", type=Path, metavar="QUANTBENCH", help="makes the page of a report.json by this program first")
    parser.add_argument("--most-bytes", type=int, default=MOST_BYTES, help="of the file (default 2 MB, enough for some forty cells)")
    arguments = parser.parse_args()
    if missing := missing_programs(arguments.pictures is not None):
        print("check_report_page: missing Debian packages: " + " ".join(missing), file=sys.stderr)
        return 77
    if not arguments.page.is_file():
        print(f"check_report_page: {arguments.page} is no file", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        page = arguments.page
        if arguments.build:
            subprocess.run([arguments.build, "report", page, "--out", folder, "--format", "html"], check=True)
            page = Path(folder) / "report.html"
        return 0 if check(page, arguments.most_bytes, arguments.pictures) else 1


if __name__ == "__main__":
    sys.exit(main())
