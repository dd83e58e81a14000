"""A model that can be looked at, and whose state can be kept: weights in files, and all that a
training depends on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from .. import _checks
from .._messages import print_message
from .compiled import CompiledModel

# state.py and summary.py are imported where they are used: a model would take much longer to
# import with all that reads and writes files.


class StatefulModel(CompiledModel):
    """A compiled model that can be shown, saved and loaded."""

    def save(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        zipped: bool | None = None,
    ) -> None:
        """Write the whole model to a file, to be read by :func:`fastmlp.models.load_model`: layers,
        weights, what it was compiled with, the optimizer's variables and the seeds, so that a
        training goes on to the very bits. See :func:`fastmlp.models.save_model`.

        Parameters
        ----------
        filepath : str or os.PathLike
            Ends in ``.keras`` or ``.npz``; the folder must exist.
        overwrite : bool
            Whether to replace a file that is there.
        zipped : bool, optional
            True or None: a model is in one file.

        Raises
        ------
        ValueError
            If something of the model is no plain data.
        FileExistsError
            If the file is there and ``overwrite`` is False.
        OSError
            If it cannot be written; then the file that was there is as it was.
        """
        from ..saving.model_files import save_model

        save_model(self, filepath, overwrite, zipped)

    def save_weights(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        max_shard_size: None = None,
    ) -> None:
        """Write the weights, and the optimizer's variables once it has any, to a file.

        The file appears whole or not at all: after an error the one before is as it was.

        Parameters
        ----------
        filepath : str or os.PathLike
            Ends in ``.npz``, which ``numpy.load`` reads and which has a checksum; in
            ``.weights.h5``, Keras's format (``fastmlp[keras]``); or in ``.safetensors``
            (``fastmlp[safetensors]``). The folder must exist.
        overwrite : bool
            Whether to replace a file that is there.
        max_shard_size : None
            Weights are in one file.

        Raises
        ------
        ValueError
            If the model is not built, or an argument is not as described.
        FileExistsError
            If the file is there and ``overwrite`` is False.
        OSError
            If it cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> import fastmlp
        >>> def make():
        ...     return fastmlp.Sequential([fastmlp.Input((2,)), fastmlp.layers.Dense(1)])
        >>> model, twin = make(), make()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.npz")
        ...     model.save_weights(path)
        ...     twin.load_weights(path)
        >>> bool((model.get_weights()[0] == twin.get_weights()[0]).all())
        True
        """
        from ..saving.weight_files import save_weights

        _checks.only("max_shard_size", max_shard_size, None)
        save_weights(self, filepath, _checks.boolean("overwrite", overwrite))

    def load_weights(self, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
        """Set the weights, and the optimizer's variables if the model is compiled and the file
        has them, from a file of ``save_weights``, of ``save``, or of Keras.

        A layer finds its weights by its class and its place among the layers of that class, not
        by its name. An optimizer of another kind is left as it is, with a warning.

        Parameters
        ----------
        filepath : str or os.PathLike
            Ends as those of ``save_weights``, in ``.keras``, or in ``.h5``, Keras's older format.
        skip_mismatch : bool
            Whether to leave weights as they are that the file lacks or has in another shape, with
            a warning, instead of raising.

        Raises
        ------
        ValueError
            If the model is not built, the file is damaged, or its weights are not this model's;
            then nothing is changed.
        OSError
            If the file cannot be read.
        """
        from ..saving.weight_files import load_weights

        load_weights(self, filepath, _checks.boolean("skip_mismatch", skip_mismatch))

    def export(
        self,
        filepath: str | os.PathLike[str],
        format: str = "onnx",
        verbose: bool | None = None,
        input_signature: None = None,
    ) -> None:
        """Write the model as an ONNX file: float64 from "input" (batch, ...) to "output"
        (batch, ...), of the operators of set 17 that ONNX Runtime computes in float64.

        Dropout and noise are left out. Needs the package onnx (``pip install "fastmlp[onnx]"``).

        Parameters
        ----------
        filepath : str or os.PathLike
            Ends in ``.onnx``; a file that is there is replaced.
        format : str
            "onnx"; :meth:`export_c` writes C.
        verbose : bool, optional
            Whether to print where the file is.
        input_signature : None
            Batches of any size, float64.

        Raises
        ------
        ValueError
            If the model is not built, has a layer written in Python or a weight that is not
            finite, or an argument is not as described.
        ImportError
            If onnx is not installed.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> import fastmlp
        >>> model = fastmlp.Sequential([fastmlp.Input((2,)), fastmlp.layers.Dense(1, "tanh")])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.export(os.path.join(folder, "net.onnx"), format="onnx")
        ...     os.listdir(folder)
        ['net.onnx']
        """
        from ..export.onnx_file import export_onnx

        _checks.only("format", format, "onnx")
        _checks.only("input_signature", input_signature, None)
        export_onnx(self, filepath, verbose is not None and _checks.boolean("verbose", verbose))

    def export_c(self, filepath: str | os.PathLike[str], name: str | None = None) -> None:
        """Write the model as one C99 file, whose outputs are those of ``predict`` to the bit.

        The file needs the C library's sqrt, fma and mem functions and nothing else; it allocates
        nothing, has no variables, and holds a test of itself. Dropout and noise are left out.

        Parameters
        ----------
        filepath : str or os.PathLike
            Ends in ``.c``; a file that is there is replaced.
        name : str, optional
            What the names of its functions and macros begin with, as in ``net_predict`` and
            ``NET_WORK``; by default the file's name without ``.c``.

        Raises
        ------
        ValueError
            If the model is not built, has a layer written in Python or a weight that is not
            finite, or an argument is not as described.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import fastmlp
        >>> model = fastmlp.Sequential([fastmlp.Input((2,)), fastmlp.layers.Dense(1, "tanh")])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "net.c")
        ...     model.export_c(path)
        ...     text = path.read_text()
        >>> "void net_predict(const double *x, double *y, double *work)" in text
        True
        """
        from ..export.c_file import export_c

        export_c(self, filepath, name)

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print the table of layers, output shapes and numbers of parameters.

        Parameters
        ----------
        line_length : int, optional
            Width of the table; by default that of the terminal, at most 88 (100 with
            ``show_trainable``).
        positions : list of float, optional
            Right edges of the columns as shares of the line; by default [0.45, 0.8, 1.0].
        print_fn : callable, optional
            Called once with the whole text instead of printing it.
        expand_nested : bool
            Whether to show the layers of models inside this one.
        show_trainable : bool
            Whether to show which layers are trainable.
        layer_range : list of str, optional
            Names (or patterns of names) of the first and the last layer to show.

        Raises
        ------
        ValueError
            If ``line_length`` is below 40 or too small for the columns, or another argument is
            not as described.

        Examples
        --------
        >>> import fastmlp
        >>> texts = []
        >>> fastmlp.Sequential([fastmlp.Input((2,))], name="m").summary(print_fn=texts.append)
        >>> texts[0].splitlines()[0]
        'Model: "m"'
        """
        from .summary import summary_text

        nested = _checks.boolean("expand_nested", expand_nested)
        trainable = _checks.boolean("show_trainable", show_trainable)
        text = summary_text(self, line_length, positions, nested, trainable, layer_range)
        if print_fn is None:
            print_message(text, line_break=False)
        else:
            print_fn(text)

    def _repr_html_(self) -> str:
        from .summary import summary_html

        return summary_html(self)

    # For callbacks, which import no models.

    def _training_state(self) -> Any:
        from .state import training_state

        return training_state(self)

    def _set_training_state(self, state: Any) -> None:
        from .state import set_training_state

        set_training_state(self, state)

    def _save_training_state(self, path: str, further: Any, about: Any) -> None:
        from .state import save_training_state

        save_training_state(path, self, further, about)

    def _load_training_state(self, path: str) -> Any:
        from .state import load_training_state

        return load_training_state(path)
