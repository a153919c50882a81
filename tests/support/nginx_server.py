"""A real nginx in front of services, with a configuration of the test's and everything else as nginx has it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.support.availability import unavailable

#: Seconds a start or a stop may take before the test fails.
PATIENCE = 20

#: What runs an ``http`` block in the foreground, with all files in one folder.
FRAME = """\
{user}
daemon off;
worker_processes 1;
pid nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
{block}
}}
"""


class NginxServer:
    """To be used in a ``with`` statement, which checks the configuration first, and ends the server in any case."""

    def __init__(self, folder: Path, block: str) -> None:
        """``block`` is what stands in ``http``. A free port takes the place of 443 there."""
        # Distributions keep it where only administrators look.
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or unavailable("nginx")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
        self.log = folder / "error.log"
        self._command = [program, "-p", f"{folder}/", "-c", "nginx.conf", "-e", "error.log"]
        # Started by root, its worker would be somebody who may not enter the folder.
        user = "user root;" if os.geteuid() == 0 else ""
        listening = block.replace("listen 443", f"listen 127.0.0.1:{self.port}")
        (folder / "nginx.conf").write_text(FRAME.format(user=user, block=listening))

    def __enter__(self) -> Self:
        """Check the configuration, start the server, and return when it accepts connections."""
        check = subprocess.run([*self._command, "-t"], capture_output=True, text=True, check=False)
        assert check.returncode == 0, check.stderr
        assert "[warn]" not in check.stderr
        self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE).close()
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.02)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        """Stop it, and its worker with it."""
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
