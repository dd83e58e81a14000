"""A model whose state can be kept: weights in files, and all that a training depends on."""

from __future__ import annotations

import os
from typing import Any

from .. import _checks
from .compiled import CompiledModel

# state.py is imported where it is used: what reads and writes files would be half of the time
# that a model takes to import.


class StatefulModel(CompiledModel):
    """A compiled model that can be saved and loaded."""

    def save_weights(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        max_shard_size: None = None,
    ) -> None:
        """Write the weights, and the optimizer's variables once it has any, to a file.

        NumPy's .npz format, with a checksum; ``numpy.load`` reads it. The file appears whole or
        not at all: after an error the one before is as it was.

        Parameters
        ----------
        filepath : str or os.PathLike
            Ends in ``.npz``; the folder must exist.
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
        from .state import save_weights

        _checks.only("max_shard_size", max_shard_size, None)
        save_weights(self, filepath, _checks.boolean("overwrite", overwrite))

    def load_weights(self, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
        """Set the weights, and the optimizer's variables if the model is compiled and the file
        has them, from a file of ``save_weights``.

        A layer finds its weights by its class and its place among the layers of that class, not
        by its name. An optimizer of another kind is left as it is, with a warning.

        Parameters
        ----------
        filepath : str or os.PathLike
            Ends in ``.npz``.
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
        from .state import load_weights

        load_weights(self, filepath, _checks.boolean("skip_mismatch", skip_mismatch))

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
