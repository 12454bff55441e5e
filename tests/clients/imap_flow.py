"""Python's own imaplib against `congvu demo`, as a person works: list, read, flag, move, delete, keep what was
sent, search, come back and find what changed meanwhile.

  python3 tests/clients/imap_flow.py DIR/demo.json
"""
import imaplib
import json
import re
import ssl
import sys

facts = json.load(open(sys.argv[1]))
person = facts["accounts"][8]
tls = ssl.create_default_context(cafile=facts["ca"])


def connect():
    imap = imaplib.IMAP4_SSL("localhost", facts["ports"]["imaps"], ssl_context=tls)
    imap.login(person["address"], person["password"])
    return imap


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def letter(subject, body):
    head = f"From: {person['address']}\r\nTo: a@xa.example\r\nSubject: {subject}\r\n"
    head += f"Message-ID: <{subject}.flow@xa.example>\r\nMIME-Version: 1.0\r\n"
    return (head + f"Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n").encode()


def uids(imap, *criteria):
    return ok(imap.uid("SEARCH", None, *criteria))[0].split()


imap = connect()
names = [re.search(rb'"([^"]*)"$|(\S+)$', line) for line in ok(imap.list())]
names = {(m.group(1) or m.group(2)).decode() for m in names}
assert {"INBOX", "Drafts", "Sent", "Trash", "Archive"} <= names, names
for n in range(4):
    ok(imap.append("INBOX", None, None, letter(f"thu{n}", f"Kính gửi số {n} quyết định")))
ok(imap.append("Sent", r"(\Seen)", None, letter("dagui", "đã gửi")))
ok(imap.append("Drafts", r"(\Seen \Draft)", None, letter("nhap", "đang viết")))

ok(imap.select("INBOX"))
mine = [uids(imap, "HEADER", "Message-ID", f"thu{n}.flow@")[0] for n in range(4)]
got = ok(imap.uid("FETCH", mine[1], "(BODY.PEEK[])"))[0][1]
assert got == letter("thu1", "Kính gửi số 1 quyết định"), got
assert b"\\Seen" not in ok(imap.uid("FETCH", mine[1], "(FLAGS)"))[0]
ok(imap.uid("FETCH", mine[1], "(BODY[TEXT])"))
assert b"\\Seen" in ok(imap.uid("FETCH", mine[1], "(FLAGS)"))[0]
ok(imap.uid("STORE", mine[0], "+FLAGS", r"(\Flagged $Important)"))
assert mine[0] in uids(imap, "FLAGGED", "KEYWORD", "$Important")
imap.literal = "QUYẾT ĐỊNH".encode()
found = ok(imap.uid("SEARCH", "CHARSET", "UTF-8", "BODY"))[0].split()
assert set(mine) <= set(found), (mine, found)
ok(imap.uid("MOVE", mine[2], "Archive"))
assert mine[2] not in uids(imap, "ALL")

# Another connection meanwhile removes one and answers another.
other = connect()
ok(other.select("INBOX"))
ok(other.uid("STORE", mine[3], "+FLAGS.SILENT", r"(\Deleted)"))
ok(other.expunge())
ok(other.uid("STORE", mine[1], "+FLAGS", r"(\Answered)"))
other.logout()
ok(imap.noop())
left = uids(imap, "ALL")
assert mine[3] not in left and mine[0] in left and mine[1] in left
validity = imap.response("UIDVALIDITY")
imap.logout()

imap = connect()
ok(imap.select("INBOX"))
assert imap.response("UIDVALIDITY") == validity
assert b"\\Answered" in ok(imap.uid("FETCH", mine[1], "(FLAGS)"))[0]
assert b"\\Flagged" in ok(imap.uid("FETCH", mine[0], "(FLAGS)"))[0]
ok(imap.select("Archive"))
assert len(uids(imap, "HEADER", "Message-ID", "thu2.flow@")) == 1
ok(imap.select("Drafts"))
assert len(uids(imap, "DRAFT", "HEADER", "Message-ID", "nhap.flow@")) == 1
ok(imap.create("\"Ho so\""))
ok(imap.rename("\"Ho so\"", "\"Ho so 2026\""))
ok(imap.delete("\"Ho so 2026\""))
imap.logout()
print("== OK imaplib")
