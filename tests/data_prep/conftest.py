"""Factories that several test files of data_prep use, and a server of files with its failures."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from bam.base.checked import RECORD
from bam.data_prep.classes import OBJECTS


@pytest.fixture(scope="session")
def picture():
    """A random picture, uint8 (height, width, 3), smooth enough to survive JPEG."""

    def make(height, width, seed=0):
        rng = np.random.default_rng(seed)
        small = Image.fromarray(rng.integers(0, 256, (4, 4, 3)).astype(np.uint8))
        return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))

    return make


@pytest.fixture
def coco_folder(tmp_path):
    """Writes a COCO folder; `photographs` by file name as arrays (None: no file) of the stated grid.

    `annotations` are dicts with `file`, `category` and any of COCO's fields. Returns the folder.
    """

    def write(photographs, annotations, grid=(100, 100)):
        folder = tmp_path / "coco"
        (folder / "annotations").mkdir(parents=True, exist_ok=True)
        (folder / "train2017").mkdir(exist_ok=True)
        names = [name.replace("_", " ") for name in OBJECTS]
        images = {}
        for number, (file, pixels) in enumerate(photographs.items(), 1):
            height, width = grid if pixels is None else pixels.shape[:2]
            images[file] = {"id": number, "file_name": file, "height": height, "width": width}
            if pixels is not None:
                Image.fromarray(pixels).save(folder / "train2017" / file)
        rows = [
            {
                "id": number,
                "image_id": images[annotation["file"]]["id"],
                "category_id": OBJECTS.index(annotation["category"]) + 1,
                "iscrowd": 0,
                "area": 2000,
                "segmentation": [[10, 10, 60, 10, 60, 50, 10, 50]],
                **{key: value for key, value in annotation.items() if key not in ("file", "category")},
            }
            for number, annotation in enumerate(annotations, 1)
        ]
        content = {
            "images": list(images.values()),
            "annotations": rows,
            "categories": [{"id": number, "name": name} for number, name in enumerate(names, 1)],
        }
        path = folder / "annotations" / "instances_train2017.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return folder

    return write


@pytest.fixture(scope="session")
def contents():
    """The bytes of every file below a folder, by relative path; not what loading notes there."""

    def read(folder):
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != RECORD
        }

    return read


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.asked.append((self.path, asked))
        failures = server.failures.get(self.path, [])
        failure = failures.pop(0) if failures else None
        content = server.files.get(self.path)
        if failure == "wait":
            server.waiting.wait(5)
        if failure == "close":
            return
        if isinstance(failure, int) or content is None:
            self.send_error(failure or 404)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.ranges else None
        if start is not None and start >= len(content):
            self.send_error(416)
            return
        self.send_response(200 if start is None else 206)
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        rest = content[start or 0 :]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        cut = len(rest) // 2 if failure == "cut" else server.cut
        self.wfile.write(rest if cut is None else rest[:cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """A server of `files`; `asked` lists path and Range of each request, `cut` breaks answers off.

    failures: by path what comes of the next requests, a status, or "cut", "wait" (five seconds), or "close".
    `close` ends it.
    """
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.files, running.failures, running.asked = {}, {}, []
        running.ranges, running.cut, running.waiting = True, None, threading.Event()
        running.handle_error = lambda *_: None  # who asked is gone
        running.url = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()

        def close():
            running.waiting.set()
            running.shutdown()
            thread.join()
            running.server_close()

        running.close = close
        yield running
        close()
