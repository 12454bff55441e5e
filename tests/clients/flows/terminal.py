"""A pseudo terminal for clients that want one."""
import os, pty, re, select, time
from account import LIMIT


class Terminal:
    """A program on a pseudo terminal: keys in, screen text out."""

    def __init__(self, program, arguments, environment):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execvpe(program, [program, *arguments], environment)
        self.seen = ""

    def pump(self, seconds):
        end = time.time() + seconds
        while time.time() < end:
            ready, _, _ = select.select([self.master], [], [], 0.1)
            if ready:
                try:
                    data = os.read(self.master, 65536).decode("utf-8", "replace")
                except OSError:
                    return False
                self.seen += re.sub(r"\x1b[\[(][0-9;?]*[A-Za-z]", "", data)
        return True

    def expect(self, text):
        end = time.time() + LIMIT
        while text not in self.seen:
            if time.time() > end or not self.pump(0.2) and text not in self.seen:
                raise SystemExit(f"FAIL: no {text!r} on the screen: {self.seen[-600:]!r}")
        self.seen = self.seen.split(text, 1)[1]

    def keys(self, text):
        os.write(self.master, text.encode())

    def end(self):
        self.pump(1)
        try:
            os.kill(self.pid, 15)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)
