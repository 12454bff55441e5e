#!/usr/bin/env python3
"""Python's imaplib, and IMAPClient where it is installed: list, read, flag, move, delete, append, search, come back."""
import sys
from account import Account, DEMO, context, tag

TAG = tag("py")
MINE = Account(5)
FOLDER = f"Công văn {TAG}"


def standard():
    client = MINE.client()
    imap = client.imap
    for number in range(3):
        client.append("INBOX", f"{TAG}-{number}")
    status, listed = imap.list()
    assert status == "OK" and any(b'"INBOX"' in line or line.endswith(b"INBOX") for line in listed), listed
    assert "Kính gửi".encode() in client.content("INBOX", f"{TAG}-0")
    client.store("INBOX", f"{TAG}-0", r"(\Seen \Flagged)")
    assert {"\\Seen", "\\Flagged"} <= set(client.find("INBOX", f"{TAG}-0"))
    assert imap.create(f"{TAG}-Luu")[0] == "OK"
    uid = client.uids("INBOX", f"{TAG}-1", readonly=False)[0]
    assert imap.uid("MOVE", uid, f"{TAG}-Luu")[0] == "OK"
    assert client.find(f"{TAG}-Luu", f"{TAG}-1") is not None and client.find("INBOX", f"{TAG}-1") is None
    client.expunge("INBOX", f"{TAG}-2")
    assert client.find("INBOX", f"{TAG}-2") is None
    for mailbox in ("Drafts", "Sent"):
        text = client.append(mailbox, f"{TAG}-{mailbox}")
        assert client.content(mailbox, f"{TAG}-{mailbox}") == text
    # A word with accents, in its own literal.
    imap.select("INBOX", readonly=True)
    imap.literal = "KÍNH GỬI".encode()
    status, found = imap.uid("SEARCH", "CHARSET", "UTF-8", "BODY")
    assert status == "OK" and client.uids("INBOX", f"{TAG}-0")[0] in found[0].split(), found
    # Two connections: what one does the other hears.
    other = MINE.client()
    imap.select("INBOX")
    before = int(imap.response("EXISTS")[1][0] or 0)
    other.append("INBOX", f"{TAG}-9")
    imap.noop()
    assert int(imap.response("EXISTS")[1][-1]) == before + 1
    imap.logout()


def imapclient():
    try:
        from imapclient import IMAPClient
    except ImportError:
        print("-- skipped: IMAPClient is not installed")
        return
    with IMAPClient("localhost", DEMO["ports"]["imaps"], ssl_context=context()) as client:
        client.login(MINE.address, MINE.password)
        assert client.namespace().personal
        special = {flag: name for flags, _, name in client.list_folders() for flag in flags}
        assert {b"\\Sent", b"\\Drafts", b"\\Trash"} <= set(special), special
        client.create_folder(FOLDER)
        assert client.folder_exists(FOLDER)
        uid = client.append(FOLDER, f"Subject: {TAG}-x\r\n\r\nthân\r\n".encode(), flags=[b"\\Seen"])
        assert b"APPENDUID" in uid, uid
        selected = client.select_folder(FOLDER)
        assert selected[b"EXISTS"] == 1
        uid = client.search(["SUBJECT", f"{TAG}-x"])[0]
        row = client.fetch([uid], ["ENVELOPE", "BODYSTRUCTURE", "FLAGS", "RFC822.SIZE"])[uid]
        assert row[b"ENVELOPE"].subject == f"{TAG}-x".encode() and b"\\Seen" in row[b"FLAGS"]
        client.add_flags([uid], [b"$important"])
        assert b"$Important" in client.get_flags([uid])[uid]
        client.idle()
        MINE.client().append("INBOX", f"{TAG}-y")
        client.idle_done()
        client.delete_messages([uid])
        client.expunge()
        assert client.search() == []
        if b"SORT" in client.capabilities():
            client.select_folder("INBOX")
            assert client.sort("REVERSE DATE")
        client.close_folder()
        client.delete_folder(FOLDER)


standard()
imapclient()
print("== OK python")
sys.exit(0)
