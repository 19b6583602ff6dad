"""Write a fitted target predictor to an ONNX file, and check the file."""

import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from landbridge.saving import versions, write_beside
from landbridge.training import need_torch
from landbridge.training.model import NetworkModel
from landbridge.training.rows import flat
from landbridge.transfer import Transfer

FORMAT = "landbridge.onnx/1"
INPUT, LOGITS, PROBABILITIES, VALUES = "rows", "logits", "probabilities", "values"
TOLERANCE = 1e-5
LARGEST = 2**31 - 2**20
"""Protobuf takes files below 2 GB."""


def export_onnx(model: Any, path: str | os.PathLike, *, rows: ArrayLike | None = None) -> Path:
    """Write what predicts in the target to an ONNX file, all of it or nothing.

    The file takes ``rows`` (n, ...), for any n, in single precision, and gives ``logits`` and
    ``probabilities`` (n, n_classes), or ``values`` (n,) in regression. Its metadata holds
    ``classes`` as JSON, in the order of the columns, with ``task``, ``format`` and ``versions``.
    Where onnxruntime is installed, the file is run before it gets its name, and must give what
    the model gives, to 1e-5. Needs ``pip install 'landbridge[onnx]'``.

    What can be exported is a network, with its body and head, or a learner that is linear (its
    probabilities a softmax); before it whatever takes target rows there, where that is affine or
    the body of a ``DeepTransfer``: the mapping, if it maps target rows at all, and the steps of
    a pipeline. A map of source rows onto the target is no part of what predicts. Not exported
    are kernel mappings that meet in between, trees, searches over thresholds, networks in Keras.

    Parameters
    ----------
    model : fitted NetworkSource, DeepTransfer, FineTune or Transfer
        Rows are flat in a ``Transfer`` and where ``input_shape`` is given, else of the network's
        shape.
    path : path
        Where to write, by custom with the ending ``.onnx``.
    rows : array-like of shape (n, ...), optional
        Rows to check the file with; by default a few drawn at random.

    Returns
    -------
    Path

    Raises
    ------
    ImportError
        If PyTorch, onnx or onnxscript is not installed.
    TypeError
        If the model holds something that cannot be exported, which is named.
    ValueError
        If PyTorch cannot write the network down, it takes 2 GB or more, or the file gives
        something else than the model; then nothing is left behind.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from landbridge import NetworkSource, Training
    >>> from landbridge.onnx import export_onnx
    >>> X = np.random.default_rng(0).normal(size=(60, 2))
    >>> net = NetworkSource((8,), training=Training(max_epochs=2), random_state=0)
    >>> net = net.fit(X, np.where(X[:, 0] > 0, "up", "down"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_onnx(net, os.path.join(folder, "net.onnx")).stat().st_size > 0
    True
    """
    _need_onnx()
    if not isinstance(model, (NetworkModel, Transfer)):
        raise TypeError(
            "model must be a fitted NetworkSource, DeepTransfer, FineTune or Transfer: found "
            f"{type(model).__name__}."
        )
    check_is_fitted(model)
    from landbridge.onnx.stages import chain_of

    chain = chain_of(model)
    given = _rows(rows, chain.input_shape)
    return write_chain(chain, given, _expected(model, given, chain.classes), path)


def write_chain(
    chain: Any,
    rows: NDArray,
    expected: NDArray,
    path: str | os.PathLike,
    *,
    input_name: str = INPUT,
    facts: dict[str, str] | None = None,
) -> Path:
    """Write a chain of stages to an ONNX file, checked on rows and what is expected for them.

    Parameters
    ----------
    chain : landbridge.onnx.stages.Chain
    rows : ndarray of shape (n, ...)
        Two at least, in the type and shape of the file's input.
    expected : ndarray of shape (n, n_classes) or (n,)
        Probabilities or values, to 1e-5.
    path : path
    input_name : str
        Of the file's input.
    facts : dict of str, optional
        Further metadata.

    Raises
    ------
    ValueError
        If chain or file give something else than expected; then nothing is left behind.
    """
    _need_onnx()
    from landbridge.onnx.stages import Predictor

    predictor = Predictor(chain).eval()
    with need_torch().no_grad():
        found = predictor(need_torch().from_numpy(rows))
    _check_same(expected, [np.asarray(values) for values in _listed(found)], "The chain of stages")
    data = _onnx_bytes(predictor, rows, _metadata(chain.classes) | (facts or {}), input_name)
    path = Path(path)
    with write_beside(path) as beside:
        beside.write(data)
        beside.flush()
        if find_spec("onnxruntime") is not None:
            for some in (rows, rows[:1]):  # so that no number of rows is fixed
                outputs = _run(beside.name, some, input_name)
                _check_same(expected[: len(some)], outputs, "The file")
    return path


def _need_onnx() -> None:
    need_torch()
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise ImportError(f"Export needs {' and '.join(missing)}: pip install 'landbridge[onnx]'.")


def _rows(rows: ArrayLike | None, input_shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Two rows or more in the shape of the file's input."""
    if rows is None:
        drawn = np.random.default_rng(0).standard_normal((5, *input_shape))
        return drawn.astype(np.float32)
    given = np.asarray(flat(rows), dtype=np.float32)
    n_numbers = int(np.prod(input_shape))
    if given.ndim != 2 or given.shape[1] != n_numbers or len(given) < 2:
        raise ValueError(
            f"rows must be 2 or more of shape {input_shape}: found shape {np.shape(rows)}."
        )
    return given.reshape(-1, *input_shape)


def _expected(model: Any, rows: NDArray, classes: NDArray | None) -> NDArray[np.float64]:
    """What the model itself says: probabilities of these classes, or values."""
    rows = rows.astype(np.float64)
    if classes is None:
        return np.asarray(model.predict(rows), dtype=np.float64)
    return model.predict_proba(rows)[:, np.searchsorted(model.classes_, classes)]


def _listed(found: Any) -> list[Any]:
    return list(found) if isinstance(found, (tuple, list)) else [found]


def _check_same(expected: NDArray, found: list[NDArray], what: str) -> None:
    """The last output is that of the model: probabilities or values."""
    last = found[-1].astype(np.float64)
    size = max(1.0, float(np.abs(expected).max()))
    far = float(np.abs(last - expected).max()) if last.shape == expected.shape else np.inf
    if not far <= TOLERANCE * size:
        raise ValueError(
            f"{what} gives something else than the model: the outputs differ by {far:.3g}, "
            f"expected at most {TOLERANCE * size:.3g}. Nothing was written."
        )


def _metadata(classes: NDArray | None) -> dict[str, str]:
    facts = {
        "format": FORMAT,
        "task": "regression" if classes is None else "classification",
        "versions": json.dumps(versions()),
    }
    if classes is not None:
        facts["classes"] = json.dumps(classes.tolist(), default=str)
    return facts


def _onnx_bytes(predictor: Any, rows: NDArray, metadata: dict[str, str], input_name: str) -> bytes:
    """The predictor as the content of an ONNX file, for any number of rows."""
    torch = need_torch()
    n_bytes = sum(value.nbytes for value in predictor.state_dict().values())
    if n_bytes > LARGEST:
        raise ValueError(
            f"The weights take {n_bytes / 1e9:.1f} GB, and an ONNX file holds less than 2 GB: "
            "export a smaller network."
        )
    outputs = [LOGITS, PROBABILITIES] if predictor.classifies else [VALUES]
    try:
        with silence():
            program = torch.onnx.export(
                predictor,
                (torch.from_numpy(rows),),
                dynamo=True,
                input_names=[input_name],
                output_names=outputs,
                dynamic_shapes=({0: torch.export.Dim("n")},),
                verbose=False,
            )
    except Exception as error:  # whatever a network's own code raises on the way
        raise ValueError(
            f"PyTorch cannot write this network down: {str(error).splitlines()[0]} A network "
            "whose steps depend on the values of its rows, or on their number, has no ONNX form."
        ) from error
    written = program.model_proto
    for name, text in metadata.items():
        written.metadata_props.add(key=name, value=text)
    return written.SerializeToString()


def _run(path: str, rows: NDArray, input_name: str) -> list[NDArray]:
    """What onnxruntime makes of the file and rows."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, {input_name: rows})


@contextmanager
def silence() -> Iterator[None]:
    """Where nothing is printed, logged or warned of."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            redirect_stdout(StringIO()),
            redirect_stderr(StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
