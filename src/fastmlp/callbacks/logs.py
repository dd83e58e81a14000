"""Callbacks that hand the logs on: to a file, to a server."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .. import _checks
from .callback import Callback, Logs


class CSVLogger(Callback):
    """Write the logs of every epoch to a CSV file, a line an epoch.

    The columns are ``epoch`` and the sorted names of the first epoch's logs; without validation
    in that epoch, each name also with ``val_`` before it. What an epoch lacks is ``NA``. Every
    line is in the file once its epoch has ended.

    Parameters
    ----------
    filename : str or os.PathLike
        The file; its folder must exist.
    separator : str
        One character between the columns.
    append : bool
        Whether to write after what the file holds, with a header only if it is empty.

    Raises
    ------
    ValueError
        If ``separator`` is not one character.
    OSError
        When training begins, if the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> import fastmlp
    >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
    >>> model.compile("sgd", "mse", engine="reference")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "log.csv")
    ...     history = model.fit([[0.0]], [1.0], verbose=0, callbacks=[CSVLogger(path)])
    ...     with open(path) as file:
    ...         print(file.read().splitlines())
    ['epoch,loss,val_loss', '0,1.0,NA']
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        if not isinstance(separator, str) or len(separator) != 1:
            raise ValueError(f"separator must be one character. Received: separator={separator!r}")
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = _checks.boolean("append", append)
        self.keys: list[str] | None = None
        self.append_header = True
        self.csv_file: Any = None
        self.writer: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._close()
        self.keys = None
        self.append_header = True
        if self.append and os.path.exists(self.filename):
            self.append_header = os.path.getsize(self.filename) == 0
        # Open for all of the training, and beyond this method.
        self.csv_file = open(  # noqa: SIM115
            self.filename, "a" if self.append else "w", newline="", encoding="utf-8"
        )

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys]
        if self.writer is None:
            import csv

            self.writer = csv.writer(self.csv_file, delimiter=self.sep)
            if self.append_header:
                self.writer.writerow(["epoch", *self.keys])
        self.writer.writerow([epoch, *(_cell(logs.get(key, "NA")) for key in self.keys)])
        self.csv_file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._close()

    def _close(self) -> None:
        if self.csv_file is not None:
            self.csv_file.close()
        self.csv_file = self.writer = None


def _cell(value: Any) -> Any:
    scalar = isinstance(value, str) or getattr(value, "ndim", None) == 0
    if isinstance(value, Iterable) and not scalar:
        return f'"[{", ".join(map(str, value))}]"'
    return value


class RemoteMonitor(Callback):
    """POST the logs of every epoch to a server, as JSON.

    A server that does not answer is a warning, and training goes on.

    Parameters
    ----------
    root : str
        The server's address, such as ``"http://localhost:9000"``.
    path : str
        Where on the server.
    field : str
        The form's field that holds the JSON; not used with ``send_as_json``.
    headers : dict, optional
        Further HTTP headers.
    send_as_json : bool
        Whether to send the JSON itself, of type ``application/json``, and no form.

    Raises
    ------
    ValueError
        If ``root`` is no HTTP address.

    Examples
    --------
    >>> RemoteMonitor("http://localhost:9000").path
    '/publish/epoch/end/'
    """

    #: Seconds after which a server that is silent counts as out of reach.
    timeout = 10.0

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        if not isinstance(root, str) or not root.startswith(("http://", "https://")):
            raise ValueError(f"root must begin with http:// or https://. Received: root={root!r}")
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = _checks.boolean("send_as_json", send_as_json)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        # Here, as they take longer to import than all of fastmlp.
        import http.client
        import json
        import urllib.error
        import urllib.parse
        import urllib.request

        values = {key: np.asarray(value).tolist() for key, value in (logs or {}).items()}
        text = json.dumps({"epoch": epoch, **values})
        if self.send_as_json:
            body, kind = text, "application/json"
        else:
            body = urllib.parse.urlencode({self.field: text})
            kind = "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, **(self.headers or {})}
        request = urllib.request.Request(self.root + self.path, body.encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout):
                pass
        except urllib.error.HTTPError:
            pass  # the server was reached; what it makes of the logs is its affair
        except (OSError, http.client.HTTPException):
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}", stacklevel=2)
