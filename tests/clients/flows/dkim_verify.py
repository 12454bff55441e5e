"""dkimpy's word on the signatures of letters: each `N.eml` of a folder must bear two of ours at its top that hold,
and none must hold any more once its body was changed. `records.json` is DNS.

  python3 tests/clients/flows/dkim_verify.py DIR
"""
import json
import pathlib
import sys

import dkim

folder = pathlib.Path(sys.argv[1])
records = json.loads((folder / "records.json").read_text())


def txt(name, timeout=5):
    return records[name.decode().rstrip(".")].encode()


def holds(raw, at):
    try:
        return dkim.DKIM(raw).verify(idx=at, dnsfunc=txt)
    except dkim.ValidationError:
        return False


good = unreadable = 0
for file in sorted(folder.glob("*.eml")):
    raw = file.read_bytes()
    try:
        dkim.rfc822_parse(raw)
    except dkim.MessageFormatError:
        # What has lines in its header that are no fields, dkimpy does not look at.
        unreadable += 1
        continue
    for at in (0, 1):
        assert holds(raw, at), f"{file.name}: signature {at}"
    changed = raw.rstrip() + b"\r\n\r\nP.S.\r\n"
    for at in (0, 1):
        assert not holds(changed, at), f"{file.name}: P.S."
    good += 1
print(f"== OK {good} verified, {unreadable} not read by dkimpy")
