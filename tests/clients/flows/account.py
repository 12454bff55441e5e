"""What the flows share: the province of demo.json, and a plain second client that looks from outside."""
import imaplib, json, os, ssl, time

LIMIT = 60  # seconds for a step
DEMO = json.load(open(os.environ["DEMO"]))
DOMAIN = DEMO["domain"]


def context():
    return ssl.create_default_context(cafile=DEMO["ca"])


class Account:
    def __init__(self, number):
        self.address, self.password = (DEMO["accounts"][number][k] for k in ("address", "password"))

    def client(self):
        return Client(self)


class Client:
    """Python's imaplib, signed in."""

    def __init__(self, account):
        self.account = account
        self.imap = imaplib.IMAP4_SSL("localhost", DEMO["ports"]["imaps"], ssl_context=context())
        self.imap.login(account.address, account.password)

    def append(self, mailbox, subject, body="Kính gửi các đồng chí"):
        text = (f"From: vanthu@{DOMAIN}\r\nTo: {self.account.address}\r\nSubject: {subject}\r\n"
                f"Date: Mon, 02 Nov 2026 08:00:00 +0700\r\nMessage-ID: <{subject}@client.test>\r\n"
                f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                f"Content-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n").encode()
        status, answer = self.imap.append(mailbox, None, None, text)
        assert status == "OK", answer
        return text

    def uids(self, mailbox, subject, readonly=True):
        status, _ = self.imap.select(mailbox, readonly=readonly)
        if status != "OK":
            return []
        return self.imap.uid("SEARCH", "SUBJECT", f'"{subject}"')[1][0].split()

    def find(self, mailbox, subject):
        """Flags of the message, or None."""
        found = self.uids(mailbox, subject)
        if not found:
            return None
        line = self.imap.uid("FETCH", found[-1], "(FLAGS)")[1][0]
        # It may have gone since.
        return line and [f.decode() for f in imaplib.ParseFlags(line)]

    def content(self, mailbox, subject):
        found = self.uids(mailbox, subject)
        return self.imap.uid("FETCH", found[-1], "(BODY.PEEK[])")[1][0][1] if found else None

    def store(self, mailbox, subject, flag):
        found = self.uids(mailbox, subject, readonly=False)
        assert self.imap.uid("STORE", found[-1], "+FLAGS", flag)[0] == "OK"

    def expunge(self, mailbox, subject):
        self.store(mailbox, subject, r"(\Deleted)")
        self.imap.expunge()


def wait(what, test):
    end = time.time() + LIMIT
    while time.time() < end:
        found = test()
        if found:
            return found
        time.sleep(0.3)
    raise SystemExit(f"FAIL: {what}")


def tag(name):
    return f"{name}{int(time.time())}"
