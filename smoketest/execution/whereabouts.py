"""What the kernel says of a thread that hangs: the system call, and the file that it is about."""

from contextlib import suppress
from pathlib import Path


def kernel_view(native_id: int, *, process: int | str = "self") -> str:
    """Return a line on a thread of this process, or of one below it, on Linux; elsewhere nothing.

    https://man7.org/linux/man-pages/man5/proc_pid_syscall.5.html
    """
    with suppress(OSError, IndexError, ValueError):
        task = Path("/proc", str(process), "task", str(native_id))
        state = (task / "stat").read_text().rpartition(") ")[2][0]
        number, *arguments = (task / "syscall").read_text().split()
        if number == "running":
            return "In the kernel: not, it is running\n"
        waits_in = (task / "wchan").read_text()
        return (
            f"In the kernel: state {state}, system call {number}, in {waits_in}{_file(task, int(arguments[0], 16))}\n"
        )
    return ""


def _file(task: Path, descriptor: int) -> str:
    """Return the file of a system call whose first argument is a descriptor; often it is."""
    with suppress(OSError, OverflowError):
        return f", first argument may be the file {(task / 'fd' / str(descriptor)).readlink()}"
    return ""
