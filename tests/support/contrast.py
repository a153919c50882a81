"""How well a person can read a page: the contrast of each text that shows, by WCAG 2.2 §1.4.3."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Seconds after which a text has its final colour.
FADING = 3

#: Returns the texts whose contrast is too low: 3 for large text, 4.5 for other. Disabled controls need none.
_FIND = """(page) => {
  const parse = (text) => { const found = text.match(/[\\d.]+/g).map(Number); return [...found, 1].slice(0, 4); };
  const over = (top, below) => top.slice(0, 3).map((part, index) => part * top[3] + below[index] * (1 - top[3]));
  const linear = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = (color) => {
    const [red, green, blue] = color.map(linear);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const found = [];
  const judge = (element, text) => {
    if (!text || !element.checkVisibility({ visibilityProperty: true })) return;
    if (element.closest("[disabled], noscript, script")) return;
    const places = [];
    for (let place = element; place; place = place.parentElement) places.unshift(place);
    let [ground, opacity] = [page, 1];
    for (const place of places) {
      const style = getComputedStyle(place);
      ground = over(parse(style.backgroundColor), ground);
      opacity *= Number(style.opacity);
    }
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    if (size === 0) return;
    const color = parse(style.color);
    color[3] *= opacity;
    const [low, high] = [luminance(over(color, ground)), luminance(ground)].sort((one, other) => one - other);
    const ratio = (high + 0.05) / (low + 0.05);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) found.push(`${ratio.toFixed(2)}: ${text.slice(0, 40)} (${element.className})`);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) judge(texts.currentNode.parentElement, texts.currentNode.data.trim());
  for (const field of document.querySelectorAll("input, select, textarea")) {
    judge(field, field.value || field.placeholder);
  }
  return [...new Set(found)];
}"""


def hard_to_read(page: Page, *, scheme: str) -> list[str]:
    """Return the texts of a page that stand out too little from their ground, with their contrast.

    A text that is fading in gets the time for it.
    """
    below = [28, 32, 34] if scheme == "dark" else [255, 255, 255]
    end = time.monotonic() + FADING
    found: list[str] = page.evaluate(_FIND, below)
    while found and time.monotonic() < end:
        page.wait_for_timeout(100)
        found = page.evaluate(_FIND, below)
    return found
