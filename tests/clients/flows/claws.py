#!/usr/bin/env python3
"""Drives Claws Mail (Debian's package, under Xvfb) against the server that demo.json describes.

Its settings are written by hand. It is driven by its own command line, which one that runs obeys, by filtering rules,
which flag, move, copy and delete as letters come, and by key strokes: list, read, flag, move, copy, delete, to the Trash,
search on the server, a draft, a letter with its copy in Sent, and back to what another client changed meanwhile. Needs
claws-mail, Xvfb and xdotool. Exits 0 and prints "== OK claws-mail" when every step was seen from outside too.
"""
import glob, os, re, shutil, subprocess, sys, tempfile
from account import Account, DEMO, tag, wait

MINE, OTHERS = Account(8), Account(12)
TAG = tag("cm")
DEMO_FOLDER = "#imap/Demo/"
# What it said to the server in the end.
COMMANDS = ["LIST", "STATUS", "SELECT", "UID FETCH", "UID STORE", "UID COPY", "UID SEARCH", "APPEND", "EXPUNGE", "NOOP"]

ACCOUNT = f"""[Account: 1]
account_name=Demo
is_default=1
name=Nguoi dung
address={MINE.address}
protocol=1
receive_server=localhost
smtp_server=localhost
user_id={MINE.address}
set_imapport=1
imap_port={DEMO['ports']['imaps']}
ssl_imap=1
set_smtpport=1
smtp_port={DEMO['ports']['submissions']}
ssl_smtp=1
use_smtp_auth=1
set_sent_folder=1
sent_folder={DEMO_FOLDER}Sent
set_draft_folder=1
draft_folder={DEMO_FOLDER}Drafts
set_trash_folder=1
trash_folder={DEMO_FOLDER}Trash
receive_at_get_all=1
filter_on_receive=1
filterhook_on_receive=1
"""
PASSWORDS = f"[account:1]\nrecv {MINE.password}\nsend {MINE.password}\n"
SETTINGS = """[Common]
config_version=4
skip_ssl_cert_check=1
unsafe_ssl_certs=1
no_receive_error_panel=1
confirm_on_exit=0
check_on_startup=0
mark_as_read_delay=0
warn_queued_on_exit=0
enable_aspell=0
"""
FOLDERS = f"""<?xml version="1.0" encoding="UTF-8"?>
<folderlist>
    <folder type="imap" name="Demo" account_id="1">
        <folderitem type="inbox" name="INBOX" path="INBOX" account_id="1"/>
        <folderitem type="outbox" name="Sent" path="Sent" account_id="1"/>
        <folderitem type="draft" name="Drafts" path="Drafts" account_id="1"/>
        <folderitem type="trash" name="Trash" path="Trash" account_id="1"/>
        <folderitem type="normal" name="{TAG}-Luu" path="{TAG}-Luu" account_id="1"/>
    </folder>
    <folder type="mh" name="Mail" path="Mail">
        <folderitem type="queue" name="queue" path="queue"/>
    </folder>
</folderlist>
"""
RULES = f"""[preglobal]

[postglobal]

[filtering]
enabled rulename "flag" subject matchcase "{TAG}-co" mark
enabled rulename "move" subject matchcase "{TAG}-doi" move "{DEMO_FOLDER}{TAG}-Luu"
enabled rulename "copy" subject matchcase "{TAG}-sao" copy "{DEMO_FOLDER}{TAG}-Luu"
enabled rulename "delete" subject matchcase "{TAG}-xoa" delete
"""
LETTER = f"""From: {MINE.address}
To: {OTHERS.address}
Subject: {TAG}-gui

Kính gửi các đồng chí
"""


class Claws:
    def __init__(self, home, display):
        self.home, self.process, self.said = home, None, ""
        self.folder = os.path.join(home, "claws")
        self.environment = dict(os.environ, DISPLAY=display, HOME=home, XDG_RUNTIME_DIR=home, LC_ALL="C.UTF-8",
                                NO_AT_BRIDGE="1")
        self.command = ["claws-mail", "--alternate-config-dir", self.folder]
        os.makedirs(os.path.join(home, "Mail", "queue"))
        os.makedirs(self.folder, mode=0o700)
        for name, text in [("accountrc", ACCOUNT), ("passwordstorerc", PASSWORDS), ("clawsrc", SETTINGS),
                           ("folderlist.xml", FOLDERS), ("matcherrc", RULES)]:
            with open(os.path.join(self.folder, name), "w") as out:
                out.write(text)

    def start(self):
        log = open(os.path.join(self.home, "out"), "a")
        self.process = subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=log)
        wait("Claws Mail opens its window", lambda: self.window("Claws Mail"))

    def leave(self):
        self.tell("--exit")
        self.process.wait(20)
        with open(os.path.join(self.folder, "claws.log"), errors="replace") as log:
            self.said += log.read()

    def tell(self, *arguments):
        """What one that runs does, or says."""
        done = subprocess.run(["timeout", "30", *self.command, *arguments], env=self.environment, capture_output=True)
        assert done.returncode == 0, (arguments, done)
        return done.stdout.decode()

    def xdotool(self, *arguments):
        done = subprocess.run(["timeout", "20", "xdotool", *arguments], env=self.environment, capture_output=True)
        return done.stdout.decode()

    def window(self, name):
        return self.xdotool("search", "--onlyvisible", "--name", name).split()

    def key(self, name, key):
        window = wait(f"the window {name}", lambda: self.window(name))[-1]
        self.xdotool("windowfocus", "--sync", window, "key", "--clearmodifiers", key)

    def search(self, mailbox, kind, text):
        """The UIDs that it finds."""
        found = self.tell("--search", DEMO_FOLDER + mailbox, kind, text)
        return sorted(int(os.path.basename(path)) for path in found.split())

    def cached(self, mailbox, uid):
        paths = glob.glob(f"{self.folder}/imapcache/*/*/{mailbox}/{uid}")
        return open(paths[0], errors="replace").read() if paths else ""


def flow(claws):
    other = MINE.client()
    other.imap.create(f"{TAG}-Luu")
    for name in ["co", "doi", "sao", "xoa", "doc"]:
        other.append("INBOX", f"{TAG}-{name}")
    uid = lambda name, mailbox="INBOX": int(other.uids(mailbox, f"{TAG}-{name}")[-1])
    there = lambda name, mailbox="INBOX": other.find(mailbox, f"{TAG}-{name}")
    kept = f"{TAG}-Luu"
    claws.start()
    claws.tell("--receive-all")
    wait("flag", lambda: "\\Flagged" in (there("co") or []))
    wait("move", lambda: there("doi", kept) is not None and there("doi") is None)
    wait("copy", lambda: there("sao", kept) is not None)
    wait("delete", lambda: there("xoa") is None)
    assert there("sao") is not None, "the copied letter is gone"
    letter = uid("doc")
    wait("list", lambda: claws.search("INBOX", "subject", f"{TAG}-doc") == [letter])
    claws.tell("--select", f"{DEMO_FOLDER}INBOX/{letter}")
    wait("read", lambda: "\\Seen" in (there("doc") or []))
    wait("the letter's text", lambda: "Kính gửi các đồng chí" in claws.cached("INBOX", letter))
    claws.key("Demo - Claws Mail", "ctrl+d")
    wait("to the Trash", lambda: there("doc", "Trash") is not None and there("doc") is None)
    found = claws.search("INBOX", "extended", 'body_part matchcase "đồng chí"')
    assert {uid("co"), uid("sao")} <= set(found), f"search on the server: {found}"
    assert claws.search("INBOX", "extended", f'body_part matchcase "{TAG}-khong"') == [], "search for nothing"

    path = os.path.join(claws.home, "letter")
    with open(path, "w") as out:
        out.write(LETTER)
    claws.tell("--compose-from-file", path)
    claws.key("Compose message", "ctrl+s")
    wait("draft", lambda: there("gui", "Drafts") is not None)
    # It is sent in the draft's place only once Claws Mail has seen the draft itself.
    wait("the draft is listed", lambda: claws.search("Drafts", "subject", f"{TAG}-gui") == [uid("gui", "Drafts")])
    claws.key("Compose message", "ctrl+Return")
    wait("copy in Sent", lambda: there("gui", "Sent") is not None)
    receiver = OTHERS.client()
    wait("delivery", lambda: receiver.find("INBOX", f"{TAG}-gui") is not None)
    wait("the draft goes", lambda: there("gui", "Drafts") is None)

    claws.leave()
    other.append("INBOX", f"{TAG}-moi")
    other.store("INBOX", f"{TAG}-co", r"(\Answered)")
    other.expunge("INBOX", f"{TAG}-sao")
    claws.start()
    claws.tell("--receive-all")
    wait("what came meanwhile", lambda: claws.search("INBOX", "subject", f"{TAG}-moi") == [uid("moi")])
    assert claws.search("INBOX", "subject", f"{TAG}-sao") == [], "what went meanwhile"
    answered = lambda: claws.search("INBOX", "extended", f'subject matchcase "{TAG}-co" & replied')
    wait("what was answered meanwhile", lambda: answered() == [uid("co")])
    claws.leave()
    missing = [name for name in COMMANDS if not re.search(rf"IMAP> \d+ {name}\b", claws.said)]
    assert not missing, f"it never said {missing}"
    bad = [line for line in claws.said.splitlines() if re.search(r"IMAP< \d+ (BAD|NO)\b", line)]
    assert not bad, bad


def main():
    home, display = tempfile.mkdtemp(prefix="cm-"), f":{os.getpid() % 20000 + 20100}"
    screen = subprocess.Popen(["Xvfb", display, "-screen", "0", "1100x750x24", "-nolisten", "tcp"],
                              stderr=subprocess.DEVNULL)
    claws = Claws(home, display)
    try:
        wait("Xvfb starts", lambda: os.path.exists(f"/tmp/.X11-unix/X{display[1:]}"))
        flow(claws)
        print("== OK claws-mail")
    finally:
        for process in filter(None, [claws.process, screen]):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(home, ignore_errors=True)


sys.exit(main())
