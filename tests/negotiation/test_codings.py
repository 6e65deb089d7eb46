"""Accept-Encoding as RFC 9110, 12.5.3 reads it, and streams that every decoder reads."""

import gzip
import zlib

import pytest

from cpkit.errors import FieldTooLargeError
from cpkit.negotiation.codings import (
    CODINGS,
    LEVELS,
    compressed,
    compressor,
    is_installed,
    negotiate_coding,
)
from tests.properties import given, st

OFFERS = ("zstd", "br", "gzip")


@pytest.mark.parametrize(
    ("field", "coding"),
    [
        pytest.param(None, "identity", id="rule 1: no field, any coding will do"),
        pytest.param("", "identity", id="an empty field wants no coding"),
        pytest.param("compress, gzip", "gzip", id="RFC's example 1"),
        pytest.param("*", "zstd", id="RFC's example 3"),
        pytest.param("compress;q=0.5, gzip;q=1.0", "gzip", id="RFC's example 4"),
        pytest.param("gzip;q=1.0, identity; q=0.5, *;q=0", "gzip", id="RFC's example 5"),
        pytest.param("br", "br", id="rule 3: what is listed"),
        pytest.param("gzip, br", "br", id="equal weights: the server's order"),
        pytest.param("br;q=0.5, gzip", "gzip", id="the heaviest"),
        pytest.param("br;q=0, *", "zstd", id="* is what is not listed"),
        pytest.param("gzip;q=0", "identity", id="identity stays acceptable"),
        pytest.param("gzip;q=0, *;q=0.1, zstd;q=0", "br", id="* under exclusions"),
        pytest.param("identity", "identity", id="identity alone"),
        pytest.param("identity, gzip;q=0.5", "identity", id="identity is liked better"),
        pytest.param("identity;q=0.5, gzip;q=0.5", "gzip", id="equal: smaller"),
        pytest.param("deflate", "identity", id="rule 2: nothing fits, and identity is left"),
        pytest.param("identity;q=0", None, id="identity excluded"),
        pytest.param("*;q=0", None, id="all excluded"),
        pytest.param("deflate, identity;q=0", None, id="nothing left"),
        pytest.param("*;q=0, identity", "identity", id="all but identity excluded"),
        pytest.param("identity;q=0, gzip", "gzip", id="what is left"),
        pytest.param("x-gzip", "gzip", id="RFC 9110, 8.4.1.3: x-gzip is gzip"),
        pytest.param("GZIP", "gzip", id="codings have no case"),
        pytest.param("gzip;q=nan", "identity", id="a malformed weight is dropped"),
        pytest.param("gzip;foo=1", "identity", id="a malformed element is dropped"),
        pytest.param("gzip;Q=1", "gzip", id="q has no case"),
        pytest.param("gzip ; q=0.0", "identity", id="0.0 excludes"),
        pytest.param(",, gzip ,", "gzip", id="empty elements"),
        pytest.param("gzip;q=0, gzip", "identity", id="the first of two counts"),
    ],
)
def test_the_coding_that_a_client_likes_best(field, coding):
    assert negotiate_coding(field, OFFERS) == coding


@pytest.mark.parametrize("field", ["gzip," * 200, "g" * 9000, "gzip;" * 3000])
def test_a_field_over_the_limits_is_refused(field):
    with pytest.raises(FieldTooLargeError):
        negotiate_coding(field, OFFERS)


@given(st.text(alphabet='gzip br*;q=01., -\t"', max_size=60))
def test_what_is_chosen_was_offered(field):
    assert negotiate_coding(field, OFFERS) in (*OFFERS, "identity", None)


def decoded(coding, data):
    if coding == "gzip":
        return gzip.decompress(data)
    if coding == "br":
        return pytest.importorskip("brotli").decompress(data)
    return pytest.importorskip("zstandard").ZstdDecompressor().decompressobj().decompress(data)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("flushing", [True, False])
@given(chunks=st.lists(st.binary(max_size=300), max_size=8))
def test_what_is_compressed_comes_back(coding, flushing, chunks):
    if not is_installed(coding):
        pytest.skip(f"{coding} is not installed")
    made = b"".join(compressed(chunks, compressor(coding), flushing=flushing))
    assert decoded(coding, made) == b"".join(chunks)


def test_each_chunk_of_a_live_stream_can_be_read_at_once():
    stream = compressed([b"one", b"two"], compressor("gzip"), flushing=True)
    reader = zlib.decompressobj(31)
    assert [reader.decompress(part) for part in stream] == [b"one", b"two", b""]


def test_a_gzip_stream_is_the_same_whenever_it_is_made():
    one, two = (b"".join(compressed([b"x"], compressor("gzip"), flushing=False)) for _ in "12")
    assert one == two


def window_of(coding, level, size=None):
    stream = compressor(coding, level, size)
    made = stream.compress(b"x") + stream.finish()
    if coding == "zstd":
        library = pytest.importorskip("zstandard")
        return library.get_frame_parameters(made).window_size
    # RFC 7932, 9.1: of a window of 22 bits 1011, of 18 0011, of 17 0000001.
    return 1 << {0b1011: 22, 0b0011: 18, 0b0001: 17}[made[0] & 0b1111]


def test_a_window_is_what_its_level_and_size_need_and_no_more_than_browsers_have():
    sizes = {level: window_of("zstd", level, 1 << 30) for level in LEVELS["zstd"]}
    assert sizes[1] < sizes[3] < sizes[19] == sizes[22]
    assert max(sizes.values()) == 8 << 20  # RFC 9659
    assert {size: window_of("zstd", 3, size) for size in (0, 1, 1000, 100_000)} == {
        0: 1 << 10,
        1: 1 << 10,
        1000: 1 << 10,
        100_000: 1 << 17,
    }
    assert window_of("br", 4, 1000) == 1 << 22


@pytest.mark.parametrize(
    ("coding", "level"), [(name, level) for name in ("zstd", "br") for level in LEVELS[name]]
)
def test_a_stream_that_is_held_has_a_small_window(coding, level):
    # It is held as long as the client takes: with zstd's own of level 19 that is 80 MB.
    pytest.importorskip({"zstd": "zstandard", "br": "brotli"}[coding])
    quickest_of_br = coding == "br" and level < 2  # has no smaller one
    assert window_of(coding, level) == 1 << (18 if quickest_of_br else 17)
