"""`python -m tests.lint.offline_site FOLDER`: nothing is fetched, and links inside the site lead somewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "use": "href"}
"""Tags whose address a browser fetches without being asked; `a` is followed by people only."""


class Addresses(HTMLParser):
    """Addresses of a page, and the names that links may point at."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.linked: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what a tag points at."""
        values = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := values.get(name))}
        address = values.get(FETCHED.get(tag, "href"))
        if address and tag in FETCHED:
            self.fetched.append(address)
        elif address and tag == "a":
            self.linked.append(address)


def faults(site: Path) -> Iterator[str]:
    """One sentence for each address that needs a network or leads nowhere."""
    pages = {}
    for file in sorted(site.rglob("*.html")):
        pages[file] = Addresses()
        pages[file].feed(file.read_text(encoding="utf-8"))
    for file, page in pages.items():
        where = file.relative_to(site)
        for address in page.fetched:
            if urlsplit(address).scheme in ("http", "https") or address.startswith("//"):
                yield f"{where}: fetches {address}"
        for address in page.fetched + page.linked:
            parts = urlsplit(address)
            if parts.scheme or address.startswith("//") or file.name == "404.html":
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                yield f"{where}: {address} leads nowhere"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{where}: {address} has no such anchor"
    for file in sorted(site.rglob("*.css")):
        if "url(http" in file.read_text(encoding="utf-8").replace('"', "").replace("'", ""):
            yield f"{file.relative_to(site)}: fetches an address"


def main() -> None:
    """Print all faults; the exit code is 1 if there are any."""
    found = list(faults(Path(sys.argv[1]).resolve()))
    for fault in found:
        print(fault)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
