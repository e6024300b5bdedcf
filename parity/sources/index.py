"""One pinned file from the package index that the user has configured; nothing of it is built, imported or executed.

pip would build the metadata of a source distribution, which runs code of packages that nobody pinned, and is not there
at all where uv made the environment. So the index is asked here: the pages of PEP 503 (HTML) and PEP 691 (JSON), over
http, https or file, or a folder of files. What comes back counts only if it has the pinned SHA-256. What speaks to a
server is imported when one is asked: hardly any command downloads, and all import this.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import sys
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from parity.errors import InputError, one_line
from parity.files.documents import parse_json
from parity.files.schema import check_form

if TYPE_CHECKING:
    import urllib.response

DEFAULT = "https://pypi.org/simple"
SECONDS = 60.0  # without a byte
MOST_PAGE = 64 << 20  # bytes of an index's page; the longest of PyPI has some 20 MB
PIECE = 1 << 20
JSON, HTML = "application/vnd.pypi.simple.v1+json", "text/html"
FAILURES = (OSError, ValueError, LookupError, RecursionError)  # of a server, a page, or an address


@dataclass(frozen=True)
class Pinned:
    """A file of an index.

    Attributes
    ----------
    requirement : as `name==version`
    file : its name there
    sha256 : what it must have
    size : bytes
    """

    requirement: str
    file: str
    sha256: str
    size: int

    @property
    def project(self) -> str:
        """The project's name as an index's addresses have it (PEP 503)."""
        return re.sub(r"[-_.]+", "-", self.requirement.partition("==")[0]).lower()


def download(wanted: Pinned, folder: Path) -> Path:
    """The file, in a folder.

    Raises
    ------
    InputError : no index or folder of the user's configuration gives it, or what it gives has another hash
    """
    told: list[str] = []
    for place, address in _addresses(wanted, told):
        path = folder / wanted.file
        try:
            said = _fetched(wanted, address, path)
        except FAILURES as error:
            said = one_line(error, 200)
        if said is None:
            return path
        told.append(f"{place}: {said}")
    raise InputError(
        f"{wanted.requirement}: {wanted.file} cannot be downloaded ({'; '.join(told) or 'no index is configured'}); "
        "the first run needs a package index, later ones only the cache"
    )


def _addresses(wanted: Pinned, told: list[str]) -> Iterator[tuple[str, str]]:
    # (what it is called in an error, address) of every place that has a file of that name.
    import urllib.request

    for folder in _setting("find-links"):
        path = Path(urllib.request.url2pathname(urllib.parse.urlsplit(folder).path)) / wanted.file
        if path.is_file():
            yield folder, path.absolute().as_uri()
    for index in _indexes():
        place = _without_password(index)
        try:
            found = _linked(wanted, index)
        except FAILURES as error:
            told.append(f"{place}: {one_line(error, 200)}")
            continue
        if found is None:
            told.append(f"{place}: has no {wanted.file}")
        else:
            yield place, found


def _fetched(wanted: Pinned, address: str, path: Path) -> str | None:
    # What is wrong with what was written to the path; None where it is the file that is pinned.
    digest, size = hashlib.sha256(), 0
    with _open(address) as answer, path.open("wb") as file:
        while piece := answer.read(PIECE):
            size += len(piece)
            if size > wanted.size:
                return f"gives more than the {wanted.size} bytes that are pinned"
            digest.update(piece)
            file.write(piece)
    if (got := digest.hexdigest()) != wanted.sha256:
        return f"gives {size} bytes with sha256 {got}, pinned are {wanted.size} with {wanted.sha256}"
    return None


def _linked(wanted: Pinned, index: str) -> str | None:
    page = f"{index.rstrip('/')}/{wanted.project}/"
    if urllib.parse.urlsplit(page).scheme == "file":  # a folder of folders, as `pip` reads one too
        page += "index.html"
    with _open(page, f"{JSON}, {HTML};q=0.5") as answer:
        text = answer.read(MOST_PAGE + 1)
        kind = answer.headers.get_content_type()
        page = answer.url
    if len(text) > MOST_PAGE:
        raise ValueError(f"its page of {wanted.project} has more than {MOST_PAGE} bytes")
    links = links_of(text, json_form=kind == JSON)
    return next((urllib.parse.urljoin(page, url) for name, url in links if name == wanted.file), None)


def links_of(text: bytes, *, json_form: bool) -> Iterator[tuple[str, str]]:
    """File names and addresses on an index's page.

    Parameters
    ----------
    json_form : whether the page is JSON (PEP 691); HTML (PEP 503) otherwise

    Raises
    ------
    ValueError : it is not JSON, or of another form
    """
    return _links_of_json(text) if json_form else _links_of_html(text)


def _links_of_json(text: bytes) -> Iterator[tuple[str, str]]:
    page = parse_json(text)
    check_form(page, {"files": [{"filename": str, "url": str}]})
    for entry in page["files"]:
        yield entry["filename"], entry["url"]


def _links_of_html(text: bytes) -> Iterator[tuple[str, str]]:
    from html.parser import HTMLParser

    found: list[str] = []

    class Anchors(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(value for key, value in attrs if tag == "a" and key == "href" and value)

    Anchors().feed(text.decode("utf-8", "replace"))
    for url in found:
        yield urllib.parse.unquote(urllib.parse.urlsplit(url).path.rpartition("/")[2]), url


@contextlib.contextmanager
def _open(address: str, accept: str = "*/*") -> Iterator[urllib.response.addinfourl]:
    import urllib.request

    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("http", "https", "file"):
        raise ValueError(f"{_without_password(address)} is no http, https or file address")
    request = urllib.request.Request(_without_password(address), headers={"Accept": accept, "User-Agent": "parity"})
    if signed := _credentials(parts):
        request.add_unredirected_header("Authorization", signed)
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        yield answer


def _credentials(parts: urllib.parse.SplitResult) -> str | None:
    import netrc

    user, password = parts.username, parts.password
    if user is None and parts.hostname:
        with contextlib.suppress(OSError, netrc.NetrcParseError):
            if known := netrc.netrc().authenticators(parts.hostname):
                user, _, password = known
    if user is None:
        return None
    both = ":".join(urllib.parse.unquote(word or "") for word in (user, password))
    return f"Basic {base64.b64encode(both.encode()).decode()}"


def _without_password(address: str) -> str:
    parts = urllib.parse.urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _indexes() -> list[str]:
    if any(value.lower() in ("1", "true", "yes", "on") for value in _setting("no-index")):
        return []
    first = _setting("index-url") or [os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL") or DEFAULT]
    return list(dict.fromkeys([first[-1], *_setting("extra-index-url"), *os.environ.get("UV_INDEX", "").split()]))


def _setting(name: str) -> list[str]:
    # pip's own order: a variable before the files, and a later file before an earlier one.
    if value := os.environ.get(f"PIP_{name.upper().replace('-', '_')}"):
        return value.split()
    import configparser

    found: list[str] = []
    for path in _files_of_pip():
        config = configparser.RawConfigParser()
        with contextlib.suppress(OSError, configparser.Error, UnicodeDecodeError):
            config.read(path, encoding="utf-8")
        for section in ("global", "download"):
            found = config.get(section, name, fallback="").split() or found
    return found


def _files_of_pip() -> list[Path]:
    own = os.environ.get("PIP_CONFIG_FILE")
    if own == os.devnull:
        return []
    name = "pip.ini" if sys.platform == "win32" else "pip.conf"
    shared = platformdirs.site_config_dir("pip", False, multipath=True).split(os.pathsep)
    folders = [*map(Path, shared), Path("/etc"), Path.home() / ".pip", platformdirs.user_config_path("pip", False)]
    files = [folder / name for folder in (*folders, Path(sys.prefix))]
    return [*files, Path(own)] if own else files
