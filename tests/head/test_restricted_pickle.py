from __future__ import annotations

import collections
import copyreg
import os
import pickle
import pickletools
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from loki_core.errors import InputError
from loki_core.head.restricted_pickle import as_array, read_pickle
from tests.head.flame_files import chumpy_object, fake_chumpy, python2_pickle, write_flame_pickle

ARRAYS = {
    "doubles": np.arange(12.0).reshape(3, 4) * -1.5e-3,
    "fortran": np.asfortranarray(np.arange(24, dtype=np.float32).reshape(2, 3, 4)),
    "big_endian": np.arange(5, dtype=">f8"),
    "table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32),
    "flags": np.array([True, False]),
    "empty": np.zeros((0, 3)),
    "bytes": np.arange(256, dtype=np.uint8),
}


def read(tmp_path: Path, data: bytes) -> dict[str, Any]:
    path = tmp_path / "model.pkl"
    path.write_bytes(data)
    return read_pickle(path)


def raw(module: str, name: str, arguments: bytes = b")", *, before: bytes = b"") -> bytes:
    """A dictionary {"x": module.name(*arguments)}."""
    return b"\x80\x02}U\x01x" + before + f"c{module}\n{name}\n".encode() + arguments + b"Rs."


@pytest.mark.parametrize("protocol", range(5))
def test_arrays_equal_what_the_real_unpickler_makes(tmp_path: Path, protocol: int) -> None:
    found = read(tmp_path, pickle.dumps(ARRAYS, protocol=protocol))
    for name, array in ARRAYS.items():
        made = as_array(found[name])
        assert made.dtype == array.dtype
        np.testing.assert_array_equal(made, array)


def test_python_2_strings_are_latin_1(tmp_path: Path) -> None:
    arrays = {name: array for name, array in ARRAYS.items() if array.dtype.str[0] != ">" and array.dtype != bool}
    data = python2_pickle(arrays)
    reference = pickle.loads(data, encoding="latin1")
    found = read(tmp_path, data)
    for name in arrays:
        np.testing.assert_array_equal(as_array(found[name]), reference[name])


def test_python_2_text_protocol_keeps_bytes_above_127(tmp_path: Path) -> None:
    assert read(tmp_path, b"(dS'a'\nS'\\xff\\x00\\n'\ns.") == {"a": "\xff\x00\n"}


@pytest.mark.parametrize("kind", ["csc", "csr", "coo"])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_sparse_matrices_become_dense(tmp_path: Path, kind: str, protocol: int) -> None:
    matrix = scipy.sparse.random(5, 40, 0.2, format=kind, random_state=0)
    data = pickle.dumps({"J": matrix}, protocol=protocol)
    np.testing.assert_array_equal(as_array(read(tmp_path, data)["J"]), matrix.toarray())
    if protocol == 2:  # as scipy before 1.8 named its modules
        old = data.replace(f"scipy.sparse._{kind}\n".encode(), f"scipy.sparse.{kind}\n".encode())
        assert old != data
        np.testing.assert_array_equal(as_array(read(tmp_path, old)["J"]), matrix.toarray())


@pytest.mark.parametrize("protocol", range(5))
def test_chumpy_objects_give_their_array(tmp_path: Path, protocol: int) -> None:
    path = write_flame_pickle(tmp_path / "m.pkl", {"v": ARRAYS["doubles"]}, protocol=protocol, chumpy=("v",))
    np.testing.assert_array_equal(as_array(read_pickle(path)["v"]), ARRAYS["doubles"])


def test_chumpy_selection_is_evaluated_and_other_operations_are_refused_by_name(tmp_path: Path) -> None:
    with fake_chumpy():
        leaf = chumpy_object("ch.Ch", x=ARRAYS["doubles"])
        select = chumpy_object("reordering.Select", a=leaf, idxs=np.array([5, 0]), preferred_shape=(2, 1))
        data = pickle.dumps({"select": select, "sum": chumpy_object("logic.Add", a=leaf, b=leaf)}, protocol=2)
    found = read(tmp_path, data)
    np.testing.assert_array_equal(as_array(found["select"]), ARRAYS["doubles"].ravel()[[5, 0]][:, None])
    with pytest.raises(InputError, match=r"chumpy\.logic\.Add"):
        as_array(found["sum"])


def test_a_chumpy_object_inside_itself_is_refused(tmp_path: Path) -> None:
    with fake_chumpy():
        loop = chumpy_object("ch.Ch")
        loop.x = loop
        data = pickle.dumps({"v": loop}, protocol=2)
    with pytest.raises(InputError, match="nested too deep"):
        as_array(read(tmp_path, data)["v"])


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.reduction = function, args

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.reduction


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [[{"deep": (x,)}]], lambda x: np.array([x], object)])
def test_code_is_refused_by_name_and_not_run(tmp_path: Path, protocol: int, wrap: Any) -> None:
    trace = tmp_path / "ran"
    for function, args in ((os.system, (f"touch {trace}",)), (eval, (f"open({str(trace)!r}, 'w')",)), (Path.touch, (trace,))):
        with pytest.raises(InputError, match=r"(system|eval|getattr|Path|touch)'; nothing was run"):
            read(tmp_path, pickle.dumps({"v_template": wrap(Call(function, *args))}, protocol=protocol))
    assert not trace.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"), ("posix", "system"), ("nt", "system"), ("builtins", "eval"), ("__builtin__", "getattr"),
        ("builtins", "exec"), ("builtins", "__import__"), ("subprocess", "Popen"), ("importlib", "import_module"),
        ("numpy", "load"), ("numpy", "fromfile"), ("numpy", "memmap"), ("numpy.testing._private.utils", "runstring"),
        ("numpy.f2py.crackfortran", "myeval"), ("numpy.core.multiarray", "fromfile"), ("numpy.ndarray", "tofile"),
        ("numpy.core.multiarray", "_reconstruct.__globals__"), ("scipy.sparse.csc", "csc_matrix.__init__"),
        ("chumpy", ""), ("chumpy.ch", "os\x00system"), ("chumpyx.ch", "Ch"), ("operator", "attrgetter"), ("functools", "partial"),
        ("loki_core.head.restricted_pickle", "read_pickle"), ("copyreg", "add_extension"), ("codecs", "encode"),
    ],
)  # fmt: skip
def test_every_unknown_name_is_refused(tmp_path: Path, module: str, name: str) -> None:
    short = (module.encode(), name.encode())
    stacked = b"\x80\x04}\x8c\x01x" + b"".join(b"\x8c" + bytes([len(s)]) + s for s in short) + b"\x93)Rs."
    by_instance = b"}S'x'\n(i" + module.encode() + b"\n" + name.encode() + b"\ns."
    for data in (raw(module, name), stacked, by_instance):
        with pytest.raises(InputError):
            read(tmp_path, data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"}S'x'\nPsecret\ns.", id="persistent id"),
        pytest.param(b"\x80\x02}U\x01xU\x01aQs.", id="binary persistent id"),
        pytest.param(b"\x80\x02}U\x01x\x82\x01s.", id="extension"),
        pytest.param(b"\x80\x05}\x8c\x01x\x97s.", id="out-of-band buffer"),
        pytest.param(b"\x80\x05}\x8c\x01x\x96" + struct.pack("<Q", 1 << 40) + b"s.", id="huge bytearray"),
        pytest.param(b"\x80\x04}\x8c\x01x\x8e" + struct.pack("<Q", 1 << 62) + b"s.", id="huge bytes"),
        pytest.param(b"\x80\x02}r\xff\xff\xff\x7fU\x01xNs", id="no stop"),
        pytest.param(b"\x80\x02]U\x01xNs.", id="entries without a dictionary"),
        pytest.param(b"\x80\x02}}Ns.", id="a dictionary as key"),
        pytest.param(b"\x80\x02})Ns.", id="a tuple as key"),
        pytest.param(b"\x80\x02}U\x01xcnumpy\nndarray\n}U\x01aNsbs.", id="state for a class"),
        pytest.param(b"\x80\x02}U\x01x}N}U\x07__setstate__Ns\x86bs.", id="state for a dictionary"),
        pytest.param(b"\x80\x02}U\x01xU\x01y)Rs.", id="call of a string"),
        pytest.param(b"I" + b"9" * 100_000 + b"\n.", id="long number"),
        pytest.param(b"\x80\x02]" + b"2" * 10 + b".", id="a list"),
        pytest.param(b"", id="empty"),
        pytest.param(b"..", id="stop at once"),
        pytest.param(b"PK\x03\x04 not a pickle", id="a zip"),
        pytest.param(b"\x80\x02" + b"}" * 100_001, id="endless objects"),
    ],
)
def test_tricks_and_damage_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError):
        read(tmp_path, data)


def test_a_state_with_slots_changes_no_class(tmp_path: Path) -> None:
    before = set(vars(np.ndarray)), dict(copyreg.dispatch_table)
    found = read(tmp_path, raw("chumpy.ch", "Ch", b")RN}U\x0c__setstate__U\x01ys\x86b0cchumpy.ch\nCh\n)"))
    assert found["x"].of == "chumpy.ch.Ch"
    assert before == (set(vars(np.ndarray)), dict(copyreg.dispatch_table))


def array_pickle(shape: bytes, dtype: bytes, data: bytes, subtype: bytes = b"cnumpy\nndarray\n") -> bytes:
    return (
        b"\x80\x02}U\x01xcnumpy.core.multiarray\n_reconstruct\n" + subtype + b"K\x00\x85U\x01b\x87R(K\x01"
        + shape + dtype + b"\x89" + data + b"tbs."
    )  # fmt: skip


DTYPE = b"cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R"


@pytest.mark.parametrize(
    ("shape", "dtype", "data", "subtype"),
    [
        pytest.param(b"J\xff\xff\xff\x7f\x85", DTYPE, b"U\x08" + b"\0" * 8, b"cnumpy\nndarray\n", id="more shape than bytes"),
        pytest.param(b"J\xff\xff\xff\xff\x85", DTYPE, b"U\x08" + b"\0" * 8, b"cnumpy\nndarray\n", id="negative shape"),
        pytest.param(b"K\x01\x85", DTYPE.replace(b"f8", b"O8"), b"]Na", b"cnumpy\nndarray\n", id="objects"),
        pytest.param(b"K\x01\x85", DTYPE.replace(b"f8", b"V8"), b"U\x08" + b"\0" * 8, b"cnumpy\nndarray\n", id="void"),
        pytest.param(b"K\x01\x85", b"N", b"U\x08" + b"\0" * 8, b"cnumpy\nndarray\n", id="no dtype"),
        pytest.param(b"K\x01\x85", DTYPE + b"(K\x03U\x01<NU\x01aNtb", b"U\x08" + b"\0" * 8, b"cnumpy\nndarray\n", id="fields"),
        pytest.param(b"K\x01\x85", DTYPE, b"K\x08", b"cnumpy\nndarray\n", id="a number for bytes"),
        pytest.param(b"K\x01\x85", DTYPE, b"U\x08" + b"\0" * 8, b"cchumpy.ch\nCh\n", id="odd subclass"),
        pytest.param(b"K\x01\x85", DTYPE, b"U\x08" + b"\0" * 8, b"N", id="no class"),
    ],
)
def test_crooked_arrays_are_refused_when_made(tmp_path: Path, shape: bytes, dtype: bytes, data: bytes, subtype: bytes) -> None:
    good = as_array(read(tmp_path, array_pickle(b"K\x01\x85", DTYPE, b"U\x08" + b"\0" * 8))["x"])
    np.testing.assert_array_equal(good, [0.0])
    with pytest.raises(InputError):
        as_array(read(tmp_path, array_pickle(shape, dtype, data, subtype))["x"])


def test_sparse_indices_out_of_bounds_are_refused(tmp_path: Path) -> None:
    for kind in ("csc", "csr", "coo"):
        matrix = scipy.sparse.random(5, 40, 0.2, format=kind, random_state=0)
        (matrix.row if kind == "coo" else matrix.indices)[0] = 10_000
        with pytest.raises(InputError, match="damaged"):
            as_array(read(tmp_path, pickle.dumps({"J": matrix}, protocol=2))["J"])
    matrix = scipy.sparse.csc_matrix((5, 40))
    matrix._shape = (10**6, 10**6)
    with pytest.raises(InputError, match="shape"):
        as_array(read(tmp_path, pickle.dumps({"J": matrix}, protocol=2))["J"])


def test_doubling_references_cost_no_more_than_the_file(tmp_path: Path) -> None:
    data = b"\x80\x02}U\x01x]" + b"2\x86" * 200 + b"s."
    with pytest.raises(InputError, match="got tuple"):
        as_array(read(tmp_path, data)["x"])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_file_is_always_refused_politely(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    with fake_chumpy():
        model = {"a": ARRAYS["table"], "c": chumpy_object("ch.Ch", x=ARRAYS["doubles"]), "s": scipy.sparse.eye(3, format="csc")}
        whole = bytearray(pickle.dumps(model, protocol=data.draw(st.sampled_from([0, 2, 4]))))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        for value in read(tmp_path_factory.getbasetemp(), bytes(whole[: data.draw(st.integers(1, len(whole)))])).values():
            as_array(value)
    except InputError:
        pass


def test_ordinary_python_objects_are_refused_too(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"collections\.OrderedDict"):
        read(tmp_path, pickle.dumps({"x": collections.OrderedDict(a=1)}, protocol=2))


def test_the_oracle_would_have_run_the_code() -> None:
    """Guards the tests above against becoming empty: the malicious pickles are valid ones."""
    assert any(op.name == "REDUCE" for op, _, _ in pickletools.genops(pickle.dumps(Call(os.getpid), protocol=2)))
    assert pickle.loads(pickle.dumps(Call(os.getpid), protocol=2)) == os.getpid()
