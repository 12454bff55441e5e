"""Python's own poplib against `congvu demo`, with imaplib as the witness.

  python3 tests/clients/maildrop.py DIR/demo.json
"""
import imaplib
import json
import poplib
import ssl
import sys

facts = json.load(open(sys.argv[1]))
person = facts["accounts"][7]
host, ports = "localhost", facts["ports"]
tls = ssl.create_default_context(cafile=facts["ca"])


def letter(n):
    body = "\r\n".join(["Kính gửi: bà con", ".", "..hai chấm", "x" * 900, f"số {n}", ""])
    head = f"From: a@xa.example\r\nSubject: thu {n}\r\nMessage-ID: <pop{n}@xa.example>\r\n"
    head += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    return (head + "\r\n" + body).encode()


def inbox():
    imap = imaplib.IMAP4_SSL(host, ports["imaps"], ssl_context=tls)
    imap.login(person["address"], person["password"])
    imap.select("INBOX")
    return imap


def maildrop(implicit):
    if implicit:
        pop = poplib.POP3_SSL(host, ports["pop3s"], context=tls, timeout=30)
    else:
        pop = poplib.POP3(host, ports["pop3"], timeout=30)
        assert "STLS" in pop.capa() and "USER" not in pop.capa()
        pop.stls(context=tls)
    assert "USER" in pop.capa() and {"PLAIN", "LOGIN"} <= set(pop.capa()["SASL"]), pop.capa()
    pop.user(person["address"])
    pop.pass_(person["password"])
    return pop


imap = inbox()
for n in range(3):
    assert imap.append("INBOX", None, None, letter(n))[0] == "OK"
imap.logout()

pop = maildrop(implicit=True)
count, octets = pop.stat()
sizes = [int(line.split()[1]) for line in pop.list()[1]]
ids = [line.split()[1] for line in pop.uidl()[1]]
assert len(sizes) == len(ids) == count and sum(sizes) == octets, (count, octets)
assert len(set(ids)) == count
try:
    maildrop(implicit=False)
    raise SystemExit("two sessions have one maildrop")
except poplib.error_proto as error:
    assert b"[IN-USE]" in error.args[0], error
for back, n in ((2, 0), (1, 1), (0, 2)):
    number = count - back
    _, lines, _ = pop.retr(number)
    assert b"\r\n".join(lines) + b"\r\n" == letter(n), lines
    assert sizes[number - 1] == len(letter(n))
    _, top, _ = pop.top(number, 1)
    assert top == letter(n).split(b"\r\n")[: len(top)] and top[-1] == "Kính gửi: bà con".encode()
pop.dele(count)
pop.rset()
pop.dele(count - 1)
pop.noop()
pop.quit()

pop = maildrop(implicit=False)
assert pop.stat()[0] == count - 1
assert [line.split()[1] for line in pop.uidl()[1]] == ids[:-2] + ids[-1:]
pop.dele(1)
pop.close()

imap = inbox()
found = imap.search(None, "HEADER", "Message-ID", "@xa.example")[1][0].split()
subjects = [imap.fetch(n, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][0][1] for n in found]
assert [s.strip() for s in subjects][-2:] == [b"Subject: thu 0", b"Subject: thu 2"], subjects
assert int(imap.status("INBOX", "(MESSAGES)")[1][0].split()[-1].rstrip(b")")) == count - 1
imap.logout()
print("== OK poplib")
