#!/usr/bin/env bash
# neomutt against `congvu demo`: opens INBOX, flags a letter, moves one to Archive, deletes one, keeps a draft.
#   DEMO=DIR/demo.json bash tests/clients/neomutt.sh
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
field() { python3 -c "import json,sys; d=json.load(open('$DEMO')); print(eval(sys.argv[1], {'d': d}))" "$1"; }
user=$(field "d['accounts'][10]['address']") pass=$(field "d['accounts'][10]['password']")
port=$(field "d['ports']['imaps']") ca=$(field "d['ca']")
export HOME=$work LC_ALL=C.UTF-8 TERM=xterm
act() {
    python3 - "$1" <<P
import imaplib, ssl, sys
imap = imaplib.IMAP4_SSL("localhost", $port, ssl_context=ssl.create_default_context(cafile="$ca"))
imap.login("$user", "$pass")
def letter(n):
    return f"From: a@xa.example\r\nSubject: mutt {n}\r\nMessage-ID: <mutt{n}@xa.example>\r\n\r\nthu {n}\r\n".encode()
def uid(n, box="INBOX"):
    imap.select(box)
    return imap.uid("SEARCH", None, "HEADER", "Message-ID", f"mutt{n}@xa.example")[1][0].split()
exec(sys.argv[1])
imap.logout()
P
}
cat > "$work/rc" <<X
set folder = "imaps://localhost:$port/"
set spoolfile = "+INBOX"
set imap_user = "$user"
set imap_pass = "$pass"
set ssl_ca_certificates_file = "$ca"
set ssl_use_system_certs = no
set ssl_force_tls = yes
set header_cache = ""
set confirmappend = no
set delete = yes
set mark_old = no
set wait_key = no
set sort = mailbox-order
set abort_key = "\Cx"
X
# keys KEYS: types them; the screen goes to a file.
keys() {
    timeout 60 script -qec "neomutt -n -F '$work/rc' -e \"push '$1'\"" "$work/screen" > /dev/null < /dev/null ||
        { tail -c 3000 "$work/screen"; echo "neomutt failed"; exit 1; }
}
act 'for n in (1, 2, 3): assert imap.append("INBOX", None, None, letter(n))[0] == "OK"'
keys '<search>~s \"mutt 1\"<enter><flag-message><search>~s \"mutt 2\"<enter><delete-message><search>~s \"mutt 3\"<enter><save-message>=Archive<enter><sync-mailbox><quit>'
act 'flags = imap.uid("FETCH", uid(1)[0], "(FLAGS)")[1][0]; assert b"\\Flagged" in flags, flags
assert not uid(2), "deleted"
assert not uid(3) and len(uid(3, "Archive")) == 1, "moved"'
echo "== OK neomutt"
