#!/usr/bin/env python3
"""Drives Thunderbird (Debian's package, under Xvfb) against the server that demo.json describes.

The account is set up from the server's own autoconfig answer; then: list, read, flag, move, learn what may be
done with mailboxes that others shared (the same as JMAP says), delete, append to Drafts, send with a copy in Sent,
search on the server, and come back to changes that another client made meanwhile. Needs thunderbird and Xvfb; talks to Thunderbird by Marionette. Exits 0 and prints
"== OK thunderbird" when every step was seen from outside too.
"""
import base64, json, os, shutil, signal, socket, subprocess, sys, tempfile, time, urllib.request
from account import Account, DEMO, DOMAIN, LIMIT, context, tag, wait

HERE = os.path.dirname(os.path.abspath(__file__))
MINE, OTHERS = Account(3), Account(4)
TAG = tag("tb")


class Marionette:
    """Thunderbird's remote control: JSON packets with their length in front."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT * 3)
        self.number = 0
        self.packet()

    def packet(self):
        length = b""
        while (octet := self.socket.recv(1)) != b":":
            if not octet:
                raise SystemExit("FAIL: Thunderbird went away")
            length += octet
        data = b""
        while len(data) < int(length):
            data += self.socket.recv(int(length) - len(data))
        return json.loads(data)

    def call(self, name, **parameters):
        self.number += 1
        data = json.dumps([0, self.number, name, parameters]).encode()
        self.socket.sendall(str(len(data)).encode() + b":" + data)
        _, _, error, result = self.packet()
        if error:
            raise SystemExit(f"FAIL: {name}: {error.get('message')}\n{error.get('stacktrace', '')[:600]}")
        return result

    def run(self, step, *arguments):
        """A step of thunderbird.js; what it resolves to."""
        script = open(os.path.join(HERE, "thunderbird.js")).read() + f"""
        const given = Array.from(arguments), done = given.pop();
        steps.{step}(...given).then(v => done({{value: v === undefined ? null : v}}),
                                   e => done({{error: String(e) + "\\n" + (e.stack || "")}}));"""
        result = self.call("WebDriver:ExecuteAsyncScript", script=script, args=list(arguments),
                           sandbox="system", newSandbox=False)["value"]
        if "error" in result:
            raise SystemExit(f"FAIL: {step}: {result['error']}")
        return result["value"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def profile(port):
    folder = tempfile.mkdtemp(prefix="tb-")
    prefs = {
        "marionette.port": port, "network.dns.localDomains": f"mail.{DOMAIN},localhost",
        "mail.provider.suppress_dialog_on_startup": True, "mail.spotlight.firstRunDone": True,
        "mail.shell.checkDefaultClient": False, "mailnews.start_page.enabled": False, "app.update.enabled": False,
        "datareporting.policy.dataSubmissionEnabled": False, "toolkit.telemetry.enabled": False,
        "extensions.update.enabled": False, "app.donation.eoy.version.viewed": 999, "mail.rights.version": 1,
        "mail.server.default.check_new_mail": False, "mailnews.message_display.disable_remote_image": True,
        "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
        "services.settings.server": "http://127.0.0.1:9/", "mail.biff.show_alert": False,
    }
    with open(os.path.join(folder, "user.js"), "w") as out:
        for name, value in prefs.items():
            out.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
    return folder


def autoconfig():
    """The server's answer to a client that sets itself up."""
    url = f"https://localhost:{DEMO['ports']['https']}/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress={MINE.address}"
    with urllib.request.urlopen(url, context=context(), timeout=LIMIT) as answer:
        return answer.read().decode()


def jmap_rights(names):
    """What JMAP says of the same mailboxes (RFC 8621 §2): may one put messages into them, may one remove some."""
    secret = base64.b64encode(f"{MINE.address}:{MINE.password}".encode()).decode()
    base = f"https://localhost:{DEMO['ports']['https']}"

    def ask(path, body=None):
        headers = {"Authorization": "Basic " + secret, "Content-Type": "application/json"}
        data = body and json.dumps(body).encode()
        request = urllib.request.Request(base + path, data, headers)
        with urllib.request.urlopen(request, context=context(), timeout=LIMIT) as answer:
            return json.load(answer)
    session = ask("/jmap/session")
    owner = next(k for k, v in session["accounts"].items() if v["name"].startswith(OTHERS.address.split("@")[0]))
    using = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
    answer = ask("/jmap/api", {"using": using, "methodCalls": [["Mailbox/get", {"accountId": owner, "ids": None}, "0"]]})
    found = {m["name"]: m["myRights"] for m in answer["methodResponses"][0][1]["list"]}
    return {name: {"file": found[name]["mayAddItems"], "remove": found[name]["mayRemoveItems"]} for name in names}


def share():
    """Two mailboxes of somebody else, the one to read, the other to work in."""
    client = OTHERS.client()
    for name, rights in ((f"{TAG}-xem", "lr"), (f"{TAG}-lam", "lrswite")):
        assert client.imap.create(name)[0] == "OK"
        client.append(name, f"{TAG}-chung")
        assert client.imap.setacl(name, MINE.address, rights)[0] == "OK"
    return [f"{TAG}-xem", f"{TAG}-lam"]


def flow(tb):
    other = MINE.client()
    for number in range(3):
        other.append("INBOX", f"{TAG}-{number}")
    tb.run("trust", open(DEMO["ca"]).read())
    tb.run("setUp", autoconfig(), MINE.address, MINE.password)
    tb.run("list", f"{TAG}-2")
    text = tb.run("read", f"{TAG}-0")
    assert "Kính gửi các đồng chí" in base64.b64decode(text).decode(), "read"
    tb.run("flag", f"{TAG}-0")
    wait("flag", lambda: {"\\Seen", "\\Flagged"} <= set(other.find("INBOX", f"{TAG}-0") or []))
    tb.run("move", f"{TAG}-1", f"{TAG}-Luu")
    wait("move", lambda: other.find(f"{TAG}-Luu", f"{TAG}-1") is not None)
    assert other.find("INBOX", f"{TAG}-1") is None, "the moved message is still in INBOX"
    shared = share()
    said = tb.run("rights", shared)
    assert said == jmap_rights(shared), said
    assert said == {shared[0]: {"file": False, "remove": False}, shared[1]: {"file": True, "remove": True}}, said
    tb.run("remove", f"{TAG}-2")
    wait("delete", lambda: other.find("INBOX", f"{TAG}-2") is None)
    tb.run("draft", f"{TAG}-nhap")
    wait("draft", lambda: other.find("Drafts", f"{TAG}-nhap") is not None)
    tb.run("send", f"{TAG}-gui", OTHERS.address)
    wait("copy in Sent", lambda: other.find("Sent", f"{TAG}-gui") is not None)
    receiver = OTHERS.client()
    wait("delivery", lambda: receiver.find("INBOX", f"{TAG}-gui") is not None)
    assert tb.run("search", TAG) == 1, "search on the server"
    tb.run("leave")
    other.append("INBOX", f"{TAG}-4")
    other.store("INBOX", f"{TAG}-0", r"(\Answered)")
    other.expunge(f"{TAG}-Luu", f"{TAG}-1")
    tb.run("back", f"{TAG}-4", f"{TAG}-0", f"{TAG}-Luu")


def main():
    port, display = free_port(), f":{os.getpid() % 20000 + 100}"
    folder = profile(port)
    environment = dict(os.environ, DISPLAY=display, HOME=folder, MOZ_DISABLE_AUTO_SAFE_MODE="1", LC_ALL="C.UTF-8")
    started = [subprocess.Popen(["Xvfb", display, "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
                                stderr=subprocess.DEVNULL)]
    try:
        time.sleep(1)
        log = open(os.path.join(folder, "log"), "w")
        started.append(subprocess.Popen(
            ["thunderbird", "--no-remote", "--profile", folder, "--marionette", "--remote-allow-system-access"],
            env=environment, stdout=log, stderr=log, start_new_session=True))

        def up():
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return True
            except OSError:
                return False
        wait("Thunderbird starts", up)
        tb = Marionette(port)
        tb.call("WebDriver:NewSession", strictFileInteractability=False)
        tb.call("Marionette:SetContext", value="chrome")
        tb.call("WebDriver:SetTimeouts", script=LIMIT * 1000)
        flow(tb)
        print("== OK thunderbird")
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)


sys.exit(main())
