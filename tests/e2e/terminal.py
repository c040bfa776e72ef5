"""A terminal with a person at it, for the end-to-end tests: taskshim in a session of its own, whose terminal is a pseudo-terminal."""
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time

from lib import LIMIT, TASKSHIM, wait_until

LFLAG, OFLAG = 3, 1  # of tcgetattr()


class Terminal:
    def __init__(self, root, *args, rows=24, columns=80, argv=None, **streams):
        """`taskshim ARGS...`, or @argv; @streams: those of its 0, 1, 2 that are not the terminal."""
        self.root = root
        self.master, self.slave = os.openpty()
        self.text = ""  # that was read and not looked at yet
        self.resize(rows, columns)
        self.modes_before = self.modes()
        streams = {**dict.fromkeys(("stdin", "stdout", "stderr"), self.slave), **streams}
        # pylint: disable=consider-using-with,subprocess-popen-preexec-fn
        self.process = subprocess.Popen(argv or [TASKSHIM, "--root", root.path, *args], env={**root.env, "TERM": "vt100"},
                                        start_new_session=True, preexec_fn=lambda: self.control(), **streams)

    def control(self):
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def modes(self):
        return termios.tcgetattr(self.slave)

    def is_raw(self):
        modes = self.modes()
        return not modes[LFLAG] & (termios.ICANON | termios.ECHO | termios.ISIG) and not modes[OFLAG] & termios.OPOST

    def type(self, keys):
        data = keys.encode()
        while data:
            data = data[os.write(self.master, data):]

    def read_until(self, part):
        """What the screen shows up to @part, which is looked for behind what was found before."""
        while part not in self.text:
            if not select.select([self.master], [], [], LIMIT)[0]:
                raise AssertionError(f"hang: no {part!r} in {self.text!r}")
            try:
                self.text += os.read(self.master, 65536).decode()
            except OSError as error:
                raise AssertionError(f"the end, and no {part!r} in {self.text!r}") from error
        found, _, self.text = self.text.partition(part)
        return found

    def read_to_end(self):
        """All that is shown until taskshim has ended."""
        deadline = time.monotonic() + LIMIT
        while True:
            if time.monotonic() > deadline:
                raise AssertionError(f"hang after {self.text!r}")
            over = self.process.poll() is not None
            if select.select([self.master], [], [], 0 if over else 0.05)[0]:
                self.text += os.read(self.master, 65536).decode()
            elif over:
                text, self.text = self.text, ""
                return text.replace("\r\n", "\n")

    def wait(self):
        return self.process.wait(LIMIT)

    def close(self):
        """The window is closed."""
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = -1

    def wait_raw(self):
        wait_until("the terminal is raw", self.is_raw)
