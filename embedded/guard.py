"""Runs a command that ends when this process's stdin does: `python guard.py COMMAND…`.

The kernel closes the other end of that pipe when our parent is gone, even after `kill -9`, on every Unix. So no
server outlives the clipgraph that started it. Run as a script with `python -I -S`: nothing of the house is imported.
"""

import signal
import subprocess
import sys
import threading

STOP_TIMEOUT_SECONDS = 5.0


def main() -> int:
    """Run the command until it ends, or until our parent does; its exit code is ours."""
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)  # noqa: S603 - the command is our parent's
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: child.terminate())
    threading.Thread(target=_stop_with_parent, args=(child,), daemon=True).start()
    return abs(child.wait())


def _stop_with_parent(child: "subprocess.Popen[bytes]") -> None:
    sys.stdin.buffer.read()
    child.terminate()
    try:
        child.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main())
