"""What is done while a call fails, and what must hold after it.

A scenario is a class: play() runs its steps, one of them the victim in which the fault happens, and says with bad() what
is wrong. The same play without a fault is the baseline: it must have nothing to complain of, and its calls are the cases."""
import json
import os
import re
import signal
import socket
import time

from box import BUNDLE, CGROUPS, OUT, PROGRAMS, STATE, Hang, Step, empty_namespace, read, write
from table import Fault

TASKSHIM, SPAWN_DAEMON = f"{PROGRAMS}/taskshim", f"{PROGRAMS}/spawn-daemon"
ID = "f"
SECONDS = 30  # what one step may take
# What a task may see of itself: it must be the same in every task that runs.
FACTS = "ids caps flags cwd umask signals fds host env session rlimits stat /proc/kcore ls /dev ls /"
FACTS = f"{FACTS} cat /proc/self/oom_score_adj cat /proc/self/cgroup cat /proc/self/mountinfo".split()
WITNESS = f"{OUT}/ran"
MOUNTS = ["--mount", f"{PROGRAMS}:/b:ro", "--mount", f"{OUT}:/w"]
KILLED = -9
KEYCTL = 250 if os.uname().machine == "x86_64" else 219


def normal(facts):
    """Without what differs from run to run: ids and devices of mounts, process ids; and as lines, if a terminal showed it."""
    facts = facts.replace("\r\n", "\n")
    facts = re.sub(r"^\d+ \d+ \d+:\d+ ", "", facts, flags=re.M)
    return re.sub(r"^(pid|ppid|sid|pgid) .*$", r"\1", facts, flags=re.M)


def first_difference(got, wanted):
    got, wanted = got.splitlines(), wanted.splitlines()
    for i in range(max(len(got), len(wanted))):
        pair = [lines[i] if i < len(lines) else "nothing" for lines in (got, wanted)]
        if pair[0] != pair[1]:
            return f"{pair[0]!r} and not {pair[1]!r}"
    return "nothing"


class Scenario:
    name = ""
    roles = ("taskshim",)
    stays = True  # the task, when it has ended, until it is deleted
    beyond = ""  # another scenario: calls that it makes as well are its cases

    def __init__(self, box, fault=None, listing=False, baseline=None):
        self.box, self.fault, self.listing, self.baseline = box, fault, listing, baseline
        self.problems, self.steps, self.victim = [], [], None

    # --- tools ---

    def bad(self, text):
        self.problems.append(text)

    def taskshim(self, *words, victim=False, **more):
        return self.run([TASKSHIM, "--root", STATE, *words], victim, **more)

    def run(self, argv, victim=False, to_file=False, stdin=b"", poke=None):
        trace = (self.fault.words if self.fault else () if self.listing else None) if victim else None
        step = Step(argv)
        self.steps.append(step)
        if victim:
            self.victim = step
        self.box.run(step, SECONDS, trace, stdin, to_file, poke)
        return step

    @property
    def kills(self):
        """The role that SIGKILL hits, or None."""
        return self.fault.role if self.fault and self.fault.is_kill else None

    @property
    def kills_command(self):
        """init is killed between its last word and its exec, or just after: for all that can be known, the command was."""
        words = ("write", "sendto", "rt_sigprocmask", "clone", "seccomp", "execve")
        return self.kills in ("init", "command") and self.fault.call in words

    def ran(self):
        return os.path.exists(WITNESS)

    def wait_for_witness(self):
        deadline = time.monotonic() + SECONDS
        while not self.ran():
            if time.monotonic() > deadline:
                raise Hang("the command does not run")
            self.box.sleep(0.002)

    def told(self, step, statuses=(125, 126, 127)):
        """A failure of ours has a status of its own and says why."""
        if step.status == KILLED and self.kills == "taskshim" and step is self.victim:
            return
        if step.status not in statuses:
            self.bad(f"no documented status: {step}")
        elif "taskshim: " not in step.err and not (step.report and re.match(r"\w+ write \d+ 0x2,", step.report.fault)):
            self.bad(f"no message, and it is not what failed: {step}")

    def honest_end(self, codes, evidence=True):
        """What `wait` says now: one of @codes, or that nobody knows. @evidence: the record must be there."""
        wait = self.taskshim("wait", "--timeout", "20s", ID)
        if wait.status in codes:
            if '"known": true' not in wait.out:
                self.bad(f"a status without a record: {wait}")
        elif wait.status != 125 or "taskshim: " not in wait.err:
            self.bad(f"neither the command's status nor a message: {wait}")
        elif "the task does not exist" in wait.err:
            if evidence:
                self.bad(f"the record is gone: {wait}")
        elif '"known": true' in wait.out:
            self.bad(f"a record that is known, and no status: {wait}")
        return wait

    # --- what must hold after every case ---

    def play(self):
        raise NotImplementedError

    def may_leave(self):
        """A SIGKILL left nobody to clean up, or the clean-up itself failed for good: then gc must do."""
        return self.fault and (self.fault.is_kill or self.fault.is_lasting)

    def sweep(self):
        """gc removes what is nobody's. A task that was set up, runs or has left its record is somebody's, and deleted."""
        step = self.taskshim("gc")
        if step.status != 0:
            self.bad(f"gc fails: {step}")
        step = self.taskshim("list", "--format", "json")
        for task in json.loads(step.out):
            if not self.stays:
                self.bad(f"gc leaves {task}")
            step = self.taskshim("delete", "--force", task["id"])
            if step.status != 0:
                self.bad(f"delete --force fails: {step}")

    def check_told(self, left):
        """What a clean-up that failed for good left of the task was named, and is listed."""
        own = [item for item in left if item.startswith("file ") or item.endswith(f"/{ID}")]
        if not own or not self.fault.is_lasting or self.fault.role != "taskshim":
            return
        if "taskshim: " not in self.victim.err:
            self.bad(f"left without a word: {own}")
        listing = self.taskshim("list", "--quiet")
        if ID not in listing.out.split():
            self.bad(f"left and not listed: {own}")

    def finish(self):
        """After play(): nothing is left, at once or after one sweep."""
        may_leave = bool(self.may_leave())
        # Who goes on trying to clean up is waited for; who was killed has left others that wait for ever.
        others = self.box.wait_empty(0.2 if self.fault and self.fault.is_kill else 20)
        left = self.box.left()
        if not others and not left:
            return
        if not may_leave:
            self.bad(f"left: {others + left}")
            return
        self.check_told(left)
        self.sweep()
        others, left = self.box.wait_empty(10), self.box.left()
        if others or left:
            self.bad(f"left after the sweep: {others + left}")

    def go(self):
        """Plays. Returns what is wrong."""
        for name in os.listdir(OUT):
            os.unlink(f"{OUT}/{name}")
        try:
            self.play()
            self.finish()
        except Hang as hang:
            self.bad(str(hang))
        except Exception as error:  # of what is read here, or of this test: the case fails, the sweep goes on
            self.bad(f"{type(error).__name__}: {error}")
        if self.problems:
            self.box.clear()
        if self.report:
            self.box.finish_report(self.report, 10)
            if self.report.trouble:
                self.bad(f"the tracer: {self.report.trouble}")
        return self.problems

    @property
    def report(self):
        return self.victim.report if self.victim else None


# --- run ---


class Run(Scenario):
    """A task in the foreground, with all defaults."""

    name = "run"
    roles = ("taskshim", "launch", "spawn-daemon", "init")
    options = ()
    more_facts = ()
    stays = False

    def play(self):
        step = self.taskshim(
            "run", "--id", ID, *MOUNTS, *self.options, "--", "/b/probe", *FACTS, *self.more_facts, "exit", "7", victim=True
        )
        facts = normal(step.out)
        if not self.fault:
            if step.status != 7 or step.err:
                self.bad(f"without a fault: {step}")
            self.facts = facts
            return
        if step.status == KILLED:
            self.told(step)
            if facts and os.path.exists(f"{STATE}/{ID}"):
                self.honest_end((7, 137), evidence=False)  # spawn-daemon may be about to clean up
        elif step.status == 7:
            if facts != self.baseline.facts:
                self.bad(f"the task ran otherwise: {first_difference(facts, self.baseline.facts)}")
        elif step.status == 137 and self.kills_command:
            if facts and self.roles[-1] == "init":
                self.bad(f"killed before its exec, it ran: {step}")
        else:
            self.told(step)
            if facts and self.kills != "spawn-daemon":
                self.bad(f"the command ran, its status is lost: {step}")

    def finish(self):
        if self.victim.status != KILLED and not self.may_leave() and self.box.left():
            self.bad(f"left when run returned: {self.box.left()}")
        super().finish()


class RunLimits(Run):
    """With cgroup limits and most of what flags can ask for."""

    name = "run-limits"
    limits = {"memory": ("--memory", "64m"), "pids": ("--pids-limit", "50")}
    flags = "--hostname h --rlimit nofile=100:200 --cap-add KILL --user 1:1 --mount /sys/fs/cgroup:/c:ro".split()
    more_facts = [
        word
        for file in (
            f"memory/taskshim-{ID}/memory.limit_in_bytes",
            f"pids/taskshim-{ID}/pids.max",
            f"taskshim/{ID}/memory.max",
            f"taskshim/{ID}/pids.max",
        )
        for word in ("cat", f"/c/{file}")
    ]


    @property
    def options(self):
        """The limits that this machine can set."""
        v2 = read(f"{CGROUPS}/cgroup.controllers").split() if os.path.exists(f"{CGROUPS}/cgroup.controllers") else []
        have = [name for name in self.limits if name in v2 or os.path.isdir(f"{CGROUPS}/{name}")]
        return [*self.flags, *(word for name in have for word in self.limits[name])]


class RunInit(Run):
    """With a reaper as process 1: the command is its child, and dies with it."""

    name = "run-init"
    roles = ("taskshim", "launch", "spawn-daemon", "init", "command")
    beyond = "run"
    options = ("--init",)

    @property
    def kills_command(self):
        return self.kills == "init" or super().kills_command


class RunRoot(Run):
    """As root: spawn-daemon executes a copy of itself that cannot be written."""

    name = "run-root"
    beyond = "run"
    options = ("--user", "0:0")


class RunTerminal(Run):
    """With a terminal of its own, whose master taskshim gets: all that is printed comes through it."""

    name = "run-terminal"
    beyond = "run"
    options = ("-it",)
    more_facts = ("stat", "/dev/console", "stat", "/dev/tty")


class RunLogs(Run):
    """With a log that is rotated: whatever fails, the task runs as it would."""

    name = "run-logs"
    beyond = "run"
    options = ("--stderr", f"{OUT}/log", "--log-max-size", "8", "--log-max-files", "3")
    more_facts = ("err", "0123456789", "err", "abcdefghij")


class RunJoin(Run):
    """In namespaces that are there, and in a new network namespace."""

    name = "run-join"
    beyond = "run"
    options = [word for kind in ("pid", "ipc", "uts") for word in (f"--{kind}", f"/proc/self/ns/{kind}")]
    options += ["--net", "none"]


class RunUser(Run):
    """With a user namespace of its own: the parent maps its ids, and init has no rights on the host."""

    name = "run-user"
    beyond = "run"
    options = ("--userns", "100000:65536", "--net", "none", "--mount", f"{PROGRAMS}:/mapped:ridmap")


class RunJoinUser(Run):
    """The same, in namespaces that are there: a process in between, which has init's role, joins them."""

    name = "run-join-user"
    roles = ("taskshim", "launch", "spawn-daemon", "init", "command")
    beyond = "run-user"
    options = ["--userns", "100000:65536"]
    options += [word for kind in ("ipc", "uts") for word in (f"--{kind}", f"/proc/self/ns/{kind}")]


class RunSeccomp(Run):
    """With the default profile: whoever runs, runs under it."""

    name = "run-seccomp"
    beyond = "run"
    options = ("--seccomp", "default")
    more_facts = ("call", f"{KEYCTL}:0,-3,0")


class RunNotify(Run):
    """With a filter that libseccomp compiles, and a listener that gets its descriptor and says nothing."""

    name = "run-notify"
    beyond = "run"
    options = ("--seccomp", f"{OUT}/profile")
    more_facts = ("mkdir", "/tmp/d")
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": f"{OUT}/listener",
        "syscalls": [
            {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 33},
            {"names": ["swapoff"], "action": "SCMP_ACT_NOTIFY"},
        ],
    }

    def play(self):
        write(f"{OUT}/profile", json.dumps(self.profile))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{OUT}/listener")
            listener.listen()
            super().play()


class RunPoked(Scenario):
    """A task in the foreground to which something happens when it runs."""

    roles = ("taskshim", "spawn-daemon")
    beyond = "run"
    stays = False
    options = ()
    task = "trap 15 touch /w/ran pause"
    signal = None  # to taskshim
    ends = (55,)

    def poke(self):
        """Returns whether it is done. A little later: `started` is written when the command may run already."""
        if not self.ran() or time.time() < os.stat(WITNESS).st_mtime + 0.02:
            return False
        for pid in self.box.processes():
            if self.box.name(pid).endswith("(taskshim)"):
                os.kill(pid, self.signal)
        return True

    def play(self):
        poke = self.poke if self.signal else None
        step = self.taskshim(
            "run", "--id", ID, *MOUNTS, *self.options, "--", "/b/probe", *self.task.split(), victim=True, poke=poke
        )
        if step.status in self.ends or (step.status == KILLED and self.signal == signal.SIGKILL):
            return
        self.told(step)
        if self.fault and self.ran() and self.kills not in ("taskshim", "spawn-daemon"):
            self.bad(f"the command ran, its status is lost: {step}")


class RunSignalled(RunPoked):
    name = "run-signalled"
    signal = signal.SIGTERM
    ends = (55, 143)  # 143: the signal came before `started`, and the start was given up


class RunOrphaned(RunPoked):
    """taskshim is killed: the monitor ends the task and removes what it had."""

    name = "run-orphaned"
    roles = ("spawn-daemon",)
    signal = signal.SIGKILL


class RunTimeout(RunPoked):
    name = "run-timeout"
    roles = ("spawn-daemon",)
    options = ("--timeout", "50ms")


class RunStrays(RunPoked):
    """Without a pid namespace of its own the task leaves processes behind, which the monitor ends."""

    name = "run-strays"
    options = ("--pid", "host")
    task = "stray session stray here touch /w/ran exit 7"
    ends = (7,)


class RunDetached(Scenario):
    """run -d, then wait and delete; the monitor's calls come during these."""

    name = "run-d"
    roles = ("taskshim", "launch", "spawn-daemon", "init")

    def play(self):
        step = self.taskshim(
            "run", "-d", "--id", ID, *MOUNTS, "--", "/b/probe", "touch", "/w/ran", "sleep", "20", "exit", "7", victim=True
        )
        if step.status == 0:
            if not step.out.startswith("CGROUP:"):
                self.bad(f"no ID string: {step}")
            codes = (7, 137) if self.kills == "spawn-daemon" or self.kills_command else (7,)
            wait = self.honest_end(codes)
            if wait.status == 125 and self.kills != "spawn-daemon":
                self.bad(f"the exit is lost: {wait}")
            if wait.status == 7 and not self.ran():
                self.bad(f"it did not run: {wait}")
        else:
            self.told(step)
            if step.status != KILLED and self.ran() and self.kills != "spawn-daemon":
                self.bad(f"a start that failed, and the command runs: {step}")
            if step.status == KILLED and os.path.exists(f"{STATE}/{ID}"):
                self.after_death()
            return
        delete = self.taskshim("delete", ID)
        if delete.status != 0:
            self.bad(f"delete: {delete}")

    def after_death(self):
        """Of the start: list and state must cope with what there is, and wait must not wait for ever."""
        for words in (("list",), ("state", ID)):
            step = self.taskshim(*words)
            if step.status != 0:
                self.told(step, (1,))
        if self.ran():
            self.honest_end((7, 137))


# --- verbs on a detached task ---


class OnTask(Scenario):
    """A detached task that pauses; the victim is one verb on it."""

    task = "trap 15 touch /w/ran pause"
    run_options = ()
    words = ()
    ends = (55,)  # how the task may have ended after the verb

    def start(self):
        step = self.taskshim("run", "-d", "--id", ID, *MOUNTS, *self.run_options, "--", "/b/probe", *self.task.split())
        if step.status != 0:
            raise RuntimeError(f"run -d: {step}")
        self.wait_for_witness()

    def status(self):
        step = self.taskshim("state", ID)
        return json.loads(step.out)["status"] if step.status == 0 else step.err

    def play(self):
        self.start()
        step = self.taskshim(*self.words, victim=True)
        self.judge(step)

    def judge(self, step):
        raise NotImplementedError

    def again(self, step, done=()):
        """A verb that failed said so, and works when it is called again. @done: what the first may have done already."""
        self.told(step, (self.failed,))
        second = self.taskshim(*self.words)
        if second.status != 0 and not any(text in second.err for text in done):
            self.bad(f"and again: {second}")

    failed = 125


class Stop(OnTask):
    """Of a task that takes SIGTERM."""

    name = "stop"
    words = ("stop", ID)

    def judge(self, step):
        if step.status != 0:
            self.again(step)
        if self.status() != "stopped":
            self.bad(f"not stopped, but {self.status()}: {step}")
        codes = self.ends if step.status == 0 else (*self.ends, 137)
        if self.honest_end(codes).status == 125:
            self.bad("the exit is lost")
        self.delete()

    def delete(self):
        delete = self.taskshim("delete", ID)
        if delete.status != 0:
            self.bad(f"delete: {delete}")


class StopIgnored(Stop):
    """Of a task that ignores it."""

    name = "stop-ignored"
    task = "ignore 15 touch /w/ran pause"
    words = ("stop", "--time", "100ms", ID)
    ends = (137,)


class Kill(Stop):
    name = "kill"
    words = ("kill", ID, "TERM")
    failed = 1

    def judge(self, step):
        if step.status != 0:
            self.again(step, done=("not running",))
        if self.honest_end(self.ends).status == 125:
            self.bad("the exit is lost")
        self.delete()


class KillAll(Kill):
    name = "kill-all"
    words = ("kill", "--all", ID, "TERM")


class Wait(Stop):
    name = "wait"
    task = "touch /w/ran sleep 30 exit 7"
    words = ("wait", ID)
    ends = (7,)

    def judge(self, step):
        if step.status not in self.ends:
            self.told(step, (125,))
        if self.honest_end(self.ends).status == 125:
            self.bad("the exit is lost")
        self.delete()


class WaitEnded(Wait):
    """Of a task that has ended."""

    name = "wait-ended"
    task = "touch /w/ran exit 7"

    def start(self):
        super().start()
        self.taskshim("wait", ID)


class State(Stop):
    name = "state"
    words = ("state", ID)
    failed = 1
    wanted = "running"

    def judge(self, step):
        if step.status == 0:
            self.compare(step)
        else:
            self.again(step)
        self.taskshim("stop", ID)
        self.delete()

    def facts_of(self, step):
        """Without the limits, which are left out where they cannot be read."""
        state = json.loads(step.out)
        return state["status"], sorted(state), sorted({*state["taskshim"]} - {"limits"}), state["taskshim"].get("exit", {}).get("exitCode")

    def compare(self, step):
        self.facts = self.facts_of(step)
        if self.baseline and self.facts != self.baseline.facts:
            self.bad(f"not {self.baseline.facts} but {self.facts}")


class StateEnded(State):
    name = "state-ended"
    task = "touch /w/ran exit 7"

    def start(self):
        super().start()
        self.taskshim("wait", ID)


class List(State):
    name = "list"
    words = ("list",)

    def facts_of(self, step):
        return [re.split(" +", line)[:3:2] for line in step.out.splitlines()[1:]]


class Stats(State):
    """What a call that fails hides is not called unknown."""

    name = "stats"
    words = ("stats", "--format", "json", ID)

    def facts_of(self, step):
        def unknown(value, path):
            if isinstance(value, dict):
                return [p for key, item in value.items() for p in unknown(item, f"{path}.{key}")]
            return [path] if value is None and path != ".cpu.ticks" else []

        stats = json.loads(step.out)
        return unknown(stats, ""), [(p["comm"], sorted(p)) for p in stats["processes"]]


class StatsTable(State):
    """Of all tasks."""

    name = "stats-table"
    words = ("stats",)

    def facts_of(self, step):
        return [[cell if i < 2 or cell in ("-", "none") else "" for i, cell in enumerate(line.split())] for line in step.out.splitlines()]


class Events(Stats):
    name = "events-stats"
    words = ("events", "--stats", ID)

    def facts_of(self, step):
        data = json.loads(step.out)["data"]
        return sorted(data), [sorted(data["memory"].get(key, [])) for key in ("usage", "swap", "kernel", "raw")], sorted(data["cpu"]["usage"])


class EventsToTheEnd(Stop):
    name = "events"
    task = "touch /w/ran sleep 100 exit 7"
    words = ("events", "--interval", "1h", ID)
    ends = (7,)

    def judge(self, step):
        if step.status != 0:
            self.told(step, (1,))
        elif step.out:
            self.bad(f"events of nothing: {step}")
        if self.honest_end(self.ends).status == 125:
            self.bad("the exit is lost")
        self.delete()


class Exec(OnTask):
    """Another command in it: whatever happens to that, the task goes on."""

    name = "exec"
    roles = ("taskshim", "launch", "spawn-daemon", "init")
    words = ("exec", ID, "/b/probe", *FACTS, "exit", "7")

    def judge(self, step):
        facts = re.sub(r"/exec-[0-9a-f]{12}", "", normal(step.out))
        if not self.fault:
            if step.status != 7 or step.err:
                self.bad(f"without a fault: {step}")
            self.facts = facts
        elif step.status == 7:
            if facts != self.baseline.facts:
                self.bad(f"it ran otherwise: {first_difference(facts, self.baseline.facts)}")
        elif step.status != 137 or not self.kills_command:
            self.told(step)
            if facts and not self.kills:
                self.bad(f"it ran, its status is lost: {step}")
        if self.status() != "running":
            self.bad(f"the task is {self.status()}")
        if not self.may_leave() and self.cgroups():
            self.bad(f"left: {self.cgroups()}")
        delete = self.taskshim("delete", "--force", ID)
        if delete.status != 0:
            self.bad(f"delete: {delete}")

    def cgroups(self):
        """Of commands, below the task's."""
        places = (f"{CGROUPS}/unified/taskshim/{ID}", f"{CGROUPS}/taskshim/{ID}")
        return [name for place in places if os.path.isdir(place) for name in os.listdir(place) if name.startswith("exec-")]


class ExecTerminal(Exec):
    """With a terminal, made in the task's own devpts."""

    name = "exec-terminal"
    beyond = "exec"
    words = ("exec", "-t", ID, "/b/probe", *FACTS, "exit", "7")


class ExecDetached(Exec):
    """One that goes on without anybody."""

    name = "exec-detached"
    words = ("exec", "--detach", ID, "/b/probe", "pause")

    def play(self):
        self.start()
        self.judge(self.taskshim(*self.words, victim=True, to_file=True))

    def judge(self, step):
        if step.status != 0:
            self.told(step)
        if self.status() != "running":
            self.bad(f"the task is {self.status()}")
        delete = self.taskshim("delete", "--force", ID)
        if delete.status != 0:
            self.bad(f"delete: {delete}")


class Ps(State):
    name = "ps"
    words = ("ps", ID)

    def facts_of(self, step):
        return len(step.out.splitlines()), "/b/probe trap" in step.out


class PsJson(Ps):
    name = "ps-json"
    words = ("ps", "--format", "json", ID)

    def facts_of(self, step):
        return len(json.loads(step.out))


class Delete(Stop):
    name = "delete"
    task = "touch /w/ran exit 7"
    words = ("delete", ID)
    failed = 1

    def start(self):
        super().start()
        self.taskshim("wait", ID)

    def judge(self, step):
        if step.status == 0:
            if self.box.left() and not self.may_leave():
                self.bad(f"left when delete returned: {self.box.left()}")
        else:
            self.again(step, done=("the task does not exist",))


class DeleteForce(Delete):
    """Of a task that runs."""

    name = "delete-force"
    task = "ignore 15 touch /w/ran pause"
    words = ("delete", "--force", ID)

    def start(self):
        OnTask.start(self)


class Pause(Stop):
    """A pause that failed has let go of everything; one that was killed left it running or paused. Either can be repeated."""

    name = "pause"
    words = ("pause", ID)
    failed = 1

    def judge(self, step):
        if step.status != 0:
            if step.status != KILLED and self.status() != "running" and not self.fault.is_lasting:
                self.bad(f"it failed, and the task is {self.status()}: {step}")
            self.again(step)
        if self.status() != "paused":
            self.bad(f"not paused, but {self.status()}: {step}")
        if self.taskshim("gc").status != 0 or self.status() != "paused":
            self.bad(f"after gc it is {self.status()}")
        self.resume_and_end()

    def resume_and_end(self):
        if self.taskshim("resume", ID).status != 0 or self.status() != "running":
            self.bad(f"not resumed, but {self.status()}")
        if self.taskshim("stop", ID).status != 0 or self.honest_end(self.ends).status not in self.ends:
            self.bad("the exit is lost")
        self.delete()


class Resume(Pause):
    name = "resume"
    words = ("resume", ID)

    def start(self):
        super().start()
        self.taskshim("pause", ID)

    def judge(self, step):
        if step.status != 0:
            self.again(step)
        self.resume_and_end()


class StopPaused(Stop):
    """If it cannot be let go on for good, it is killed when its grace is over."""

    name = "stop-paused"
    words = ("stop", "--time", "2s", ID)

    @property
    def ends(self):
        return (55, 137) if self.fault and self.fault.is_lasting else (55,)

    def start(self):
        super().start()
        self.taskshim("pause", ID)


class StatePaused(State):
    name = "state-paused"

    def start(self):
        super().start()
        self.taskshim("pause", ID)


class DeletePaused(DeleteForce):
    name = "delete-paused"
    beyond = "delete-force"

    def start(self):
        super().start()
        self.taskshim("pause", ID)


class Update(Stop):
    """Whole or not at all, but for a kill on the way."""

    name = "update"
    failed = 1
    limits = {"memory": ("64m", "96m"), "pids": ("50", "60")}
    flags = {"memory": "--memory", "pids": "--pids-limit"}

    def with_limits(self, which):
        v2 = read(f"{CGROUPS}/cgroup.controllers").split() if os.path.exists(f"{CGROUPS}/cgroup.controllers") else []
        have = [name for name in self.limits if name in v2 or os.path.isdir(f"{CGROUPS}/{name}")]
        return [word for name in have for word in (self.flags[name], self.limits[name][which])]

    @property
    def run_options(self):
        return self.with_limits(0)

    @property
    def words(self):
        return ("update", *self.with_limits(1), ID)

    def now(self):
        return json.loads(self.taskshim("state", ID).out)["taskshim"]["limits"]

    def start(self):
        super().start()
        self.before = self.now()

    def judge(self, step):
        got = self.now()
        if step.status != 0:
            if step.status != KILLED and got != self.before and not self.fault.is_lasting:
                self.bad(f"it failed, and the limits are {got}: {step}")
            self.again(step)
        self.facts = self.now()
        if self.baseline and self.facts != self.baseline.facts:
            self.bad(f"not {self.baseline.facts} but {self.facts}")
        if self.facts == self.before and self.words[1:-1]:
            self.bad(f"nothing is changed: {step}")
        self.taskshim("stop", ID)
        self.delete()


# --- recovery ---


class Id(State):
    name = "id"
    words = ("id", ID)

    def facts_of(self, step):
        string = json.loads(step.out.partition(":")[2])
        return sorted(string), string["id"]


class Open(Stop):
    """Of a task that runs."""

    name = "open"
    failed = 1
    options = ()
    answer, answer_status = "running", 0

    def play(self):
        self.start()
        self.words = ("open", *self.options, self.taskshim("id", ID).out.strip())
        self.prepare()
        self.judge(self.taskshim(*self.words, victim=True))

    def prepare(self):
        pass

    def judge(self, step):
        step = self.once_more(step)
        if step.status != self.answer_status or step.out.split()[:1] != [self.answer]:
            self.bad(f"not {self.answer}: {step}")
        self.after()

    def once_more(self, step):
        """A call that failed gave no answer, and said so; the next one gives it."""
        if step.status not in (1, KILLED):
            return step
        self.told(step, (1,))
        return self.taskshim(*self.words)

    def after(self):
        if self.status() != "running":
            self.bad(f"it was open'ed, and is {self.status()}")
        if self.taskshim("stop", ID).status != 0 or self.honest_end(self.ends).status == 125:
            self.bad("the exit is lost")
        self.delete()


class OpenEnded(Open):
    name = "open-ended"
    task = "touch /w/ran exit 7"
    answer = "exited"

    def prepare(self):
        self.taskshim("wait", ID)

    def after(self):
        if self.honest_end((7,)).status != 7:
            self.bad("the exit is lost")
        self.delete()


class OpenLost(Open):
    """The monitor was killed. Its task died of that, but not what the task left behind: it has no pid namespace."""

    name = "open-lost"
    run_options = ("--pid", "host")
    task = "stray session touch /w/ran pause"
    answer, answer_status = "lost", 3

    def prepare(self):
        monitor = json.loads(self.taskshim("state", ID).out)["taskshim"]["monitorPid"]
        os.kill(monitor, signal.SIGKILL)
        while monitor not in self.box.ends:
            self.box.sleep(1)

    def judge(self, step):
        """A second open may find that the first has done its work: then the record says so."""
        step = self.once_more(step)
        if step.out.split()[:1] not in (["lost"], ["exited"]):
            self.bad(f"not lost: {step}")
        wait = self.honest_end((137,))  # this kernel may tell how the command ended
        if '"cause": "monitor-lost"' not in wait.out:
            self.bad(f"not what happened: {wait}")
        if others := self.box.wait_empty(2):
            self.bad(f"opened, and {others} go on")
        self.delete()


class OpenDestroy(Open):
    name = "open-destroy"
    options = ("--destroy",)
    answer = "exited"

    def judge(self, step):
        step = self.once_more(step)
        if step.out.partition(" ")[0].rstrip(":") not in ("exited", "lost"):
            self.bad(f"not destroyed: {step}")
        if self.box.left() and not self.may_leave():
            self.bad(f"left when open --destroy returned: {self.box.left()}")


class Gc(Scenario):
    """After starts that were killed: before and after the cgroups, and with the command running."""

    name = "gc"

    def play(self):
        deaths = ("flock", "mkdir", "sendto", "poll")
        for i, call in enumerate(deaths):
            words = ("--root", STATE, "run", "--id", f"{ID}{i}", "--pids-limit", "50", "--", "/bin/sleep", "100")
            step = Step([TASKSHIM, *words])
            self.box.run(step, SECONDS, Fault("taskshim", call, 1, "killed").words)
            self.box.finish_report(step.report, 1)
        step = self.taskshim("gc", victim=True)
        if step.status != 0:
            self.told(step, (1,))
            if self.taskshim("gc").status != 0:
                self.bad("and again")
        if others := self.box.wait_empty(2):
            self.bad(f"swept, and {others} go on")


# --- an OCI bundle: create, start, kill, delete; nobody monitors, we are the subreaper ---


class Bundle(Scenario):
    words = ()
    args = "touch /w/ran exit 7"
    verb = "create"

    def write_bundle(self):
        if os.path.exists(f"{BUNDLE}/config.json"):
            os.unlink(f"{BUNDLE}/config.json")
        config = json.loads(self.taskshim("spec").out)
        config["process"]["args"] = ["/b/probe", *self.args.split()]
        config["mounts"] = [
            {"destination": "/b", "type": "bind", "source": PROGRAMS, "options": ["rbind", "ro"]},
            {"destination": "/w", "type": "bind", "source": OUT, "options": ["rbind", "rw"]},
        ]
        write(f"{BUNDLE}/config.json", json.dumps(config))

    def verb_step(self, verb, *words):
        return self.taskshim(verb, *words, victim=self.verb == verb, to_file=True)

    def chain(self):
        """The verbs one after the other, until one fails. Returns that one."""
        step = self.verb_step("create", "--bundle", BUNDLE, "--pid-file", f"{OUT}/pid", ID)
        if step.status != 0:
            return step
        self.pid = int(read(f"{OUT}/pid"))
        step = self.verb_step("start", ID)
        if step.status != 0:
            return step
        return None

    def play(self):
        self.write_bundle()
        step = self.chain()
        if step:
            self.told(step, (1,))
            self.after_failure(step)
        else:
            self.after_start()
        os.unlink(f"{BUNDLE}/config.json")

    def after_failure(self, step):
        """Of create: nothing is there. Of start: the task is as it was, or has ended."""
        if step.status == KILLED:
            return
        if self.verb == "create" and step is self.victim:
            if self.ran():
                self.bad(f"it ran: {step}")
            return
        self.taskshim("delete", "--force", ID)

    def after_start(self):
        wait = self.honest_end((7, 137) if self.kills_command else (7,))
        if (self.ends_by_reaper() not in (7, None) or not self.ran()) and not self.kills_command:
            self.bad(f"start said that it runs: {wait}, {self.ends_by_reaper()}")
        delete = self.verb_step("delete", ID)
        if delete.status != 0:
            self.told(delete, (1,))
            delete = self.taskshim("delete", "--force", ID)
            if delete.status != 0:
                self.bad(f"and again: {delete}")

    def ends_by_reaper(self):
        status = self.box.ends.get(self.pid)
        return None if status is None else os.waitstatus_to_exitcode(status)


class Create(Bundle):
    """The fault is in create, or in init at its gate."""

    name = "create"
    roles = ("taskshim", "launch", "spawn-daemon", "init")

    def after_failure(self, step):
        if step is not self.victim and step.status == 1 and self.fault and self.fault.role == "init":
            if self.ran() and "exec" not in step.err:
                self.bad(f"it ran: {step}")
        super().after_failure(step)


class CreateTerminal(Create):
    """With a terminal, whose master a socket gets that nobody accepts from."""

    name = "create-terminal"
    beyond = "create"

    def write_bundle(self):
        super().write_bundle()
        config = json.loads(read(f"{BUNDLE}/config.json"))
        config["process"]["terminal"] = True
        write(f"{BUNDLE}/config.json", json.dumps(config))

    def verb_step(self, verb, *words):
        return super().verb_step(verb, *(("--console-socket", f"{OUT}/console") if verb == "create" else ()), *words)

    def play(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{OUT}/console")
            listener.listen()
            super().play()


class Start(Bundle):
    name = "start"
    verb = "start"


class WithManager:
    """Started by a service manager: the task has a socket for sd_notify(3), and says nothing there."""

    def play(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(f"{OUT}/manager")
            self.box.environment = {"NOTIFY_SOCKET": f"{OUT}/manager"}
            try:
                super().play()
            finally:
                self.box.environment = {}


class CreateNotify(WithManager, Create):
    name = "create-notify"
    beyond = "create"


class StartNotify(WithManager, Start):
    name = "start-notify"
    beyond = "start"


class KillBundle(Bundle):
    name = "kill-bundle"
    verb = "kill"
    args = "trap 15 touch /w/ran pause"

    def after_start(self):
        self.wait_for_witness()
        step = self.verb_step("kill", ID, "TERM")
        if step.status != 0:
            self.told(step, (1,))
            second = self.taskshim("kill", ID, "TERM")
            if second.status != 0 and "not running" not in second.err:
                self.bad(f"and again: {second}")
        self.honest_end((55,))
        delete = self.taskshim("delete", ID)
        if delete.status != 0 or self.ends_by_reaper() != 55:
            self.bad(f"after the kill: {delete}, {self.ends_by_reaper()}")


class DeleteBundle(Bundle):
    name = "delete-bundle"
    verb = "delete"


class DeleteCreated(Bundle):
    """Of a task that was created only: delete kills it."""

    name = "delete-created"
    verb = "delete"

    def chain(self):
        step = self.verb_step("create", "--bundle", BUNDLE, ID)
        if step.status != 0:
            raise RuntimeError(f"create: {step}")

    def after_start(self):
        step = self.verb_step("delete", ID)
        if step.status != 0:
            self.told(step, (1,))
            second = self.taskshim("delete", ID)
            if second.status != 0 and "the task does not exist" not in second.err:
                self.bad(f"and again: {second}")
        if self.ran():
            self.bad("it ran")


# --- spawn-daemon alone ---


class SpawnDaemon(Scenario):
    """With its config and the gate on standard input."""

    name = "spawn-daemon"
    roles = ("spawn-daemon", "init")
    more_facts = ()

    def add(self, config):
        """What else the config has."""

    def play(self):
        config = json.loads(self.taskshim("spec").out)
        config["process"]["args"] = ["/b/probe", *FACTS, *self.more_facts, "exit", "7"]
        config["mounts"] = [{"destination": "/b", "type": "bind", "source": PROGRAMS, "options": ["rbind", "ro"]}]
        config["mounts"].append({"destination": "/w", "type": "bind", "source": OUT, "options": ["rbind", "rw"]})
        config["taskshim"].update(id=ID, stateDir=f"{STATE}/{ID}", stdout="/tmp/out/stdout", stderr="/tmp/out/stderr")
        self.add(config)
        os.mkdir(f"{STATE}/{ID}", 0o700)
        step = self.run([SPAWN_DAEMON], victim=True, stdin=f"{json.dumps(config)}\ntrue\n".encode())
        facts = normal(read(f"{OUT}/stdout")) if os.path.exists(f"{OUT}/stdout") else ""
        lines = [json.loads(line) for line in step.out.splitlines()]
        last = lines[-1] if lines else {}
        if not self.fault:
            if step.status != 7 or last.get("exitCode") != 7:
                self.bad(f"without a fault: {step}")
            self.facts = facts
        elif step.status == 7:
            self.check_run(step, facts, last)
        elif step.status == KILLED:
            if self.kills != "spawn-daemon":
                self.bad(f"killed: {step}")
            elif facts:
                self.honest_end((7, 137))
        elif step.status == 137 and self.kills_command:
            if facts or last.get("signal") != 9:
                self.bad(f"killed before its exec: {step}")
        else:
            self.check_failure(step, facts, last)
        self.taskshim("delete", "--force", ID)
        if os.path.exists(f"{STATE}/{ID}"):
            os.rmdir(f"{STATE}/{ID}")

    def mute(self):
        """The failing call is the one that tells."""
        return self.fault.call in ("write", "poll")

    def check_run(self, step, facts, last):
        if facts != self.baseline.facts:
            self.bad(f"the task ran otherwise: {first_difference(facts, self.baseline.facts)}")
        if last.get("exitCode") != 7 and not self.mute():
            self.bad(f"no exited line: {step}")
        self.honest_end((7,))

    def check_failure(self, step, facts, last):
        if step.status not in (125, 126, 127):
            self.bad(f"no documented status: {step}")
        elif facts:
            self.bad(f"the command ran, its status is lost: {step}")
        elif last.get("type") != "error" and not self.mute():
            self.bad(f"no error line: {step}")
        elif os.listdir(f"{STATE}/{ID}"):
            self.bad(f"left in the state directory: {os.listdir(f'{STATE}/{ID}')}")


class SpawnDaemonNetwork(SpawnDaemon):
    """With a network namespace, a device that moves there, and sysctls of it and of the ipc namespace."""

    name = "spawn-daemon-network"
    beyond = "spawn-daemon"
    sysctls = {"net.ipv4.conf.eth0.rp_filter": "2", "kernel.shmmax": "1234567"}
    more_facts = [word for name in sysctls for word in ("cat", f"/sysctl/sys/{name.replace('.', '/')}")] + ["links"]
    count = 0  # a device of the play before may be on its way out yet

    def add(self, config):
        config["linux"]["namespaces"].append({"type": "network"})
        config["linux"]["sysctl"] = self.sysctls
        config["linux"]["netDevices"] = {self.device: {"name": "eth0"}}
        config["mounts"].append({"destination": "/sysctl", "type": "proc"})

    def probe(self, *words):
        step = self.run([f"{PROGRAMS}/probe", *words])
        return [line for line in step.out.splitlines() if f" {self.device} " in line]

    def play(self):
        SpawnDaemonNetwork.count += 1
        self.device, other = f"d{self.count}", f"p{self.count}"
        self.probe("veth", self.device, other, "link-up", other, "link-up", self.device, "add-addr", self.device, "192.0.2.1", "24", "0")
        before = self.probe("links")
        super().play()
        after = self.probe("links")
        if self.kills == "spawn-daemon" or self.fault and self.fault.is_lasting and self.fault.role == "spawn-daemon":
            pass  # the kernel has it, or spawn-daemon could not even give it back
        elif self.victim.status in (7, 137) and "started" in self.victim.out:
            if after:
                self.bad(f"the task had it, and it is here: {after}")
        elif after != before:
            self.bad(f"not given back: {after} and not {before}")
        self.run([f"{PROGRAMS}/probe", "del-link", other])


class SpawnDaemonBase(SpawnDaemon):
    """With a base mount namespace."""

    name = "spawn-daemon-base"
    beyond = "spawn-daemon"
    fd = -1  # one does for all

    def add(self, config):
        if SpawnDaemonBase.fd < 0:
            SpawnDaemonBase.fd = empty_namespace()
        config["taskshim"]["baseMountNamespace"] = f"/proc/{os.getpid()}/fd/{self.fd}"


SCENARIOS = {
    s.name: s
    for s in (
        Run, RunLimits, RunInit, RunRoot, RunSeccomp, RunNotify, RunLogs, RunTerminal, RunJoin, RunUser, RunJoinUser, RunSignalled, RunOrphaned, RunTimeout, RunStrays, RunDetached, Stop, StopIgnored, Kill, KillAll, Wait, WaitEnded, State, StateEnded, List, Stats, StatsTable, Events, EventsToTheEnd, Exec, ExecTerminal, ExecDetached, Ps, PsJson, Delete, DeleteForce, Pause, Resume, StopPaused, StatePaused, DeletePaused, Update,
        Id, Open, OpenEnded, OpenLost, OpenDestroy, Gc, Create, CreateTerminal, CreateNotify, Start, StartNotify, KillBundle, DeleteBundle, DeleteCreated, SpawnDaemon, SpawnDaemonNetwork, SpawnDaemonBase,
    )
}  # fmt: skip
