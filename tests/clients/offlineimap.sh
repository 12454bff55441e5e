#!/usr/bin/env bash
# offlineimap against `congvu demo`: pulls into a Maildir; a flag, a deletion and a new letter go up; what an IMAP
# client did meanwhile comes down.
#   DEMO=DIR/demo.json bash tests/clients/offlineimap.sh
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
field() { python3 -c "import json,sys; d=json.load(open('$DEMO')); print(eval(sys.argv[1], {'d': d}))" "$1"; }
user=$(field "d['accounts'][9]['address']") pass=$(field "d['accounts'][9]['password']")
port=$(field "d['ports']['imaps']") ca=$(field "d['ca']")
export HOME=$work LC_ALL=C.UTF-8
umask 077
cat > "$work/rc" <<X
[general]
accounts = demo
metadata = $work/meta
ui = quiet
[Account demo]
localrepository = here
remoterepository = there
[Repository here]
type = Maildir
localfolders = $work/mail
[Repository there]
type = IMAP
remotehost = localhost
remoteport = $port
ssl = yes
sslcacertfile = $ca
remoteuser = $user
remotepass = $pass
X
sync() { timeout 60 offlineimap -c "$work/rc" -o > "$work/log" 2>&1 || { cat "$work/log"; echo "offlineimap failed: $1"; exit 1; }; }
# act COMMANDS: Python over imaplib in INBOX; letter(n) makes one.
act() {
    python3 - "$1" <<P
import imaplib, ssl, sys
imap = imaplib.IMAP4_SSL("localhost", $port, ssl_context=ssl.create_default_context(cafile="$ca"))
imap.login("$user", "$pass")
imap.select("INBOX")
def letter(n):
    return f"From: a@xa.example\r\nSubject: off {n}\r\nMessage-ID: <off{n}@xa.example>\r\n\r\nthu {n}\r\n".encode()
def uid(n, box="INBOX"):
    imap.select(box)
    return imap.uid("SEARCH", None, "HEADER", "Message-ID", f"off{n}@xa.example")[1][0].split()
exec(sys.argv[1])
imap.logout()
P
}
file() { grep -rl "^Message-ID: <off$1@" "$work/mail" | head -1; }
act 'for n in (1, 2, 3): assert imap.append("INBOX", None, None, letter(n))[0] == "OK"'
sync "first"
for n in 1 2 3; do [ "$(file $n)" ] || { echo "letter $n did not come"; exit 1; }; done
for box in Drafts Sent Trash Archive; do [ -d "$work/mail/$box" ] || { echo "no folder $box"; exit 1; }; done
# Here: read one, remove another, write a draft.
one=$(file 1); mv "$one" "$work/mail/INBOX/cur/$(basename "${one%%:2,*}"):2,FS"
rm "$(file 2)"
printf 'From: %s\nSubject: off 4\nMessage-ID: <off4@xa.example>\n\nnhap\n' "$user" > "$work/mail/Drafts/cur/1.off4:2,DS"
sync "second"
act 'flags = imap.uid("FETCH", uid(1)[0], "(FLAGS)")[1][0]; assert b"\\Seen" in flags and b"\\Flagged" in flags, flags
assert not uid(2) and len(uid(3)) == 1
four = uid(4, "Drafts"); assert len(four) == 1 and b"\\Draft" in imap.uid("FETCH", four[0], "(FLAGS)")[1][0]'
# There: move one, answer another.
act 'three = uid(3)[0]; assert imap.uid("MOVE", three, "Archive")[0] == "OK"
assert imap.uid("STORE", uid(1)[0], "+FLAGS", "(\\Answered)")[0] == "OK"'
sync "third"
case $(file 3) in "$work/mail/Archive/"*) ;; *) echo "letter 3 was not moved: $(file 3)"; exit 1 ;; esac
case $(file 1) in *:2,*R*) ;; *) echo "letter 1 was not answered: $(file 1)"; exit 1 ;; esac
echo "== OK offlineimap"
