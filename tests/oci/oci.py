"""What the checks of podman and containerd share: they run on taskshim, and on runc beside it."""
import os
import pty
import select
import shutil
import subprocess
import tarfile
import time

LIMIT = int(os.environ.get("TS_LIMIT", "60"))  # seconds that a command may take
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Failed(Exception):
    pass


def expect(what, wanted, got):
    if wanted != got:
        raise Failed(f"{what}: wanted {wanted!r}, got {got!r}")


def expect_in(what, part, text):
    if part not in text:
        raise Failed(f"{what}: no {part!r} in {text!r}")


def wait_until(what, condition):
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise Failed(f"hang: {what}")


def on_terminal(argv, env, keys=b""):
    """A command with a terminal of its own, on which @keys are typed when it has said that it is ready: what appears there, and its
    status."""
    master, slave = pty.openpty()
    process = subprocess.Popen(argv, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    seen, end, sent = b"", time.monotonic() + LIMIT, False
    while time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            try:
                data = os.read(master, 4096)
            except OSError:
                data = b""
            if not data:
                break
            seen += data
        elif process.poll() is not None:
            break
        if keys and not sent and b"ready" in seen:
            os.write(master, keys)
            sent = True
    os.close(master)
    return seen.decode(errors="replace"), process.wait(timeout=LIMIT)


def checks_of(names):
    """The functions of a module with one argument, p."""
    found = [value for value in list(names.values()) if getattr(value, "__module__", "") == "__main__" and callable(value)]
    return [check for check in found if not isinstance(check, type) and check.__code__.co_varnames[: check.__code__.co_argcount] == ("p",)]


def make_root(root):
    """A root with busybox in it, and beside it ROOT.tar."""
    for name in ("bin", "tmp", "etc", "proc", "sys", "dev", "root"):
        os.makedirs(f"{root}/{name}")
    os.chmod(f"{root}/tmp", 0o1777)
    busybox = shutil.which("busybox")
    shutil.copy(busybox, f"{root}/bin/busybox")
    for name in subprocess.run([busybox, "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout.split():
        if name != "busybox":
            os.symlink("busybox", f"{root}/bin/{name}")
    with open(f"{root}/etc/passwd", "w", encoding="ascii") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    with open(f"{root}/etc/group", "w", encoding="ascii") as file:
        file.write("root:x:0:\nuser:x:1000:\n")
    with tarfile.open(f"{root}.tar", "w") as tar:
        tar.add(root, arcname=".")


def outcome(check, client):
    try:
        check(client)
        return None
    except (Failed, subprocess.TimeoutExpired, OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}" if not isinstance(error, Failed) else str(error)
    finally:
        client.clear()


def play(checks, clients):
    passed = failed = elsewhere = 0
    width = max(len(check.__name__) for check in checks)
    print(f"{'':{width}}  " + "  ".join(f"{name:9}" for name in clients))
    for check in checks:
        problems = {name: outcome(check, client) for name, client in clients.items()}
        print(f"{check.__name__:{width}}  " + "  ".join(f"{'FAILED' if problem else 'ok':9}" for problem in problems.values()), flush=True)
        for name, problem in problems.items():
            if problem:
                print(f"    {name}: {problem}")
        ours, theirs = problems.get("taskshim"), problems.get("runc")
        if not ours:
            passed += 1
        elif theirs:
            elsewhere += 1
        else:
            failed += 1
    if elsewhere:
        print(f"{elsewhere} checks fail on runc as well: they do not count")
    print(f"{passed} passed, {failed} failed")
    return failed
