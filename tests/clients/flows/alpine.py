#!/usr/bin/env python3
"""Alpine on a terminal of its own: opens INBOX, reads, flags, saves to another mailbox, deletes and expunges, searches."""
import os, shutil, sys, tempfile
from account import Account, DEMO, tag, wait
from terminal import Terminal

TAG = tag("al")
MINE = Account(6)


def main():
    folder = tempfile.mkdtemp(prefix="al-")
    client = MINE.client()
    client.imap.create(f"{TAG}-Luu")
    for number in range(3):
        client.append("INBOX", f"{TAG}-{number}", f"Noi dung {number}")
    server = f"localhost:{DEMO['ports']['imaps']}/ssl/novalidate-cert/user={MINE.address}"
    rc = os.path.join(folder, "rc")
    with open(rc, "w") as out:
        out.write(f"""personal-name=Nguoi dung
user-domain={DEMO['domain']}
inbox-path={{{server}}}INBOX
folder-collections=Mail {{{server}}}[]
feature-list=enable-flag-cmd,expunge-without-confirm,enable-aggregate-command-set,
 quit-without-confirm,enable-full-header-cmd
sort-key=Arrival
last-version-used=9.99
""")
    terminal = Terminal("alpine", ["-p", rc, "-i", "-passfile", os.path.join(folder, "none")],
                        dict(os.environ, HOME=folder, TERM="xterm", LINES="40", COLUMNS="120", LC_ALL="C.UTF-8"))
    terminal.expect("PASSWORD")
    terminal.keys(MINE.password + "\r")
    terminal.pump(3)
    terminal.keys("n")  # "keep the password?" where it asks
    terminal.expect(f"{TAG}-2")
    first = client.uids("INBOX", f"{TAG}-0")
    terminal.keys(f"j{position(client, first[0])}\r")
    terminal.pump(1)
    terminal.keys("\r")
    terminal.expect("Noi dung 0")
    terminal.keys("i")
    terminal.pump(1)
    terminal.keys("**")  # important
    terminal.pump(2)
    terminal.keys("n")
    terminal.keys("s")
    terminal.expect("SAVE")
    terminal.keys(f"\x15{TAG}-Luu\r")
    terminal.pump(3)
    terminal.keys("d")
    terminal.keys("d")
    terminal.pump(1)
    terminal.keys("x")
    terminal.pump(3)
    terminal.keys("y")
    wait("flag", lambda: {"\\Flagged", "\\Seen"} <= set(client.find("INBOX", f"{TAG}-0") or []))
    wait("save", lambda: client.find(f"{TAG}-Luu", f"{TAG}-1") is not None)
    wait("expunge", lambda: client.find("INBOX", f"{TAG}-2") is None)
    terminal.end()
    shutil.rmtree(folder, ignore_errors=True)
    print("== OK alpine")


def position(client, uid):
    client.imap.select("INBOX", readonly=True)
    return client.imap.uid("SEARCH", None, "ALL")[1][0].split().index(uid) + 1


sys.exit(main())
