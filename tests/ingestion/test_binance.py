"""The wire format: what a frame means, and that no frame can do harm."""

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadFrame
from core.types import Batch, Reply
from ingestion import binance
from tests.ingestion.frames import AT_MS, aggregate, mark, raw, trade


def rejected(*frames: bytes, symbols: set[str] | None = None, latest_ms: int = 2**53) -> dict[str, int]:
    return dict(binance.parse(frames, symbols, latest_ms).rejected)


def counted(batch: Batch) -> int:
    """Every frame is accounted for: a record, a mark, a reply or a refusal."""
    return sum(map(len, batch.records)) + len(batch.marks) + len(batch.replies)


# Names and addresses


def test_only_ascii_letters_of_a_symbol_are_lowered() -> None:
    assert binance.stream_name("İ币安USDT", "aggTrade") == "İ币安usdt@aggTrade"


def test_names_beyond_ascii_are_escaped_in_addresses_and_plain_in_control_frames() -> None:
    name = binance.stream_name("币安人生USDT", "trade")
    url = binance.stream_url("wss://h", "/public", [name, "btcusdt@trade"])
    assert url == "wss://h/public/stream?streams=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9Fusdt@trade/btcusdt@trade"
    assert binance.subscribe([name], 7) == '{"method":"SUBSCRIBE","params":["币安人生usdt@trade"],"id":7}'


def test_control_frames_are_what_the_exchange_documents() -> None:
    assert binance.unsubscribe(["a@trade", "b@trade"], 2) == (
        '{"method":"UNSUBSCRIBE","params":["a@trade","b@trade"],"id":2}'
    )


# Single frames


@pytest.mark.parametrize("form", [trade, lambda **keys: raw(trade(**keys))], ids=["combined", "raw"])
def test_a_trade_is_read_field_by_field(form) -> None:  # type: ignore[no-untyped-def]
    found = binance.parse_trade(form(trade_id=7950493454))
    assert found is not None
    assert (found.symbol, found.trade_id, found.first_id, found.ts_ms) == ("BTCUSDT", 7950493454, 7950493454, AT_MS)
    assert (found.price, found.qty, found.buyer_is_maker) == (63943.9, 0.003, True)


def test_an_aggregate_counts_by_its_own_id_and_is_stored_by_its_last_trade() -> None:
    (found,) = binance.parse([aggregate(number=3477868433, first=8153634393, last=8153634394)]).records
    assert found.kind == "aggTrade"
    assert (found.record_id[0], found.first_id[0], found.trade_id[0]) == (3477868433, 8153634393, 8153634394)
    assert found.trades().trade_id[0] == 8153634394


@pytest.mark.parametrize("frame", [b'{"result":null,"id":1}', trade(X="NA", p="0", q="0"), mark()])
def test_what_is_no_execution_is_none(frame: bytes) -> None:
    assert binance.parse_trade(frame) is None


@pytest.mark.parametrize("frame", [b"", b"{", b"\xff\xfe", trade(p="much"), trade(t="x"), trade(t=0), trade(T=1)])
def test_what_cannot_be_read_is_a_bad_frame(frame: bytes) -> None:
    with pytest.raises(BadFrame):
        binance.parse_trade(frame)


def test_a_record_that_is_no_market_trade_keeps_its_id_and_gets_no_price() -> None:
    batch = binance.parse([trade(trade_id=5), trade(trade_id=6, X="NA", p="0", q="0"), trade(trade_id=7, X="ADL")])
    (found,) = batch.records
    assert found.record_id.tolist() == [5, 6, 7]
    assert found.priced.tolist() == [True, False, False]
    assert found.trades().trade_id.tolist() == [5]
    assert batch.rejected == {"not_market:NA": 1, "not_market:ADL": 1}


def test_words_the_exchange_never_used_share_one_counter() -> None:
    frames = [trade(trade_id=i + 1, X=f"WORD{i}") for i in range(50)]
    assert rejected(*frames) == {"not_market:other": 50}


def test_without_x_price_and_quantity_decide() -> None:
    batch = binance.parse([trade(trade_id=1, X=None), trade(trade_id=2, X=None, p="0", q="0")])
    assert batch.records[0].priced.tolist() == [True, False]


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity", "-inf", "1e13", "1e308"])
def test_a_price_that_cannot_be_is_never_priced(price: str) -> None:
    batch = binance.parse([trade(p=price)])
    assert batch.records[0].record_id.tolist() == [1]
    assert not batch.records[0].priced.any()
    assert batch.rejected == {"bad_price": 1}


@pytest.mark.parametrize("quantity", ["0", "-0.5", "nan", "inf", "1e11", "92233720369"])
def test_a_quantity_that_cannot_be_counted_exactly_is_never_priced(quantity: str) -> None:
    batch = binance.parse([trade(q=quantity)])
    assert not batch.records[0].priced.any()
    assert batch.rejected == {"bad_quantity": 1}


@pytest.mark.parametrize("key", ["X", "st", "m"])
def test_a_null_says_nothing_so_the_record_is_left_to_rest(key: str) -> None:
    """A missing ``X`` or ``st`` is known to happen; of null nobody knows whether it was an execution."""
    whole = json.loads(trade())
    whole["data"][key] = None
    assert rejected(json.dumps(whole).encode()) == {"malformed": 1}


@pytest.mark.parametrize("number", [0, -1, 2**53, 2**63, 10**30, 1.5, "x", None, True])
def test_an_id_that_cannot_be_one_makes_the_frame_malformed(number: object) -> None:
    assert rejected(trade(t=number)) == {"malformed": 1}


@pytest.mark.parametrize("keys", [{"T": AT_MS + 60_000}, {"T": AT_MS - 3_600_000}, {"T": 1}])
def test_a_trade_time_its_push_cannot_explain_is_as_if_never_received(keys: dict[str, Any]) -> None:
    batch = binance.parse([trade(trade_id=1), trade(trade_id=2, **keys)])
    assert batch.records[0].record_id.tolist() == [1]
    assert batch.rejected == {"bad_time": 1}


def test_one_absurd_date_does_not_move_the_watermark() -> None:
    century = AT_MS + 75 * 365 * 86_400_000
    batch = binance.parse([trade(trade_id=1), trade(trade_id=2, E=century, T=century)], latest_ms=AT_MS + 1000)
    assert batch.watermark_ms == AT_MS + 1
    assert batch.rejected == {"bad_time": 1}


def test_an_aggregate_that_ends_before_it_begins_is_refused() -> None:
    assert rejected(aggregate(first=9, last=8)) == {"bad_id": 1}


def test_symbols_not_asked_for_and_coin_margined_rows_are_foreign() -> None:
    frames = [trade("BTCUSDT", 1), trade("ETHUSDT", 1), trade("ETHUSDT", 2), mark("XRPUSDT")]
    assert rejected(*frames, symbols={"BTCUSDT"}) == {"foreign": 3}
    assert rejected(trade("BTCUSD_PERP", st=2)) == {"foreign": 1}


@pytest.mark.parametrize(
    "frame",
    [
        b"{}", b"[]", b"null", b"17", b'"text"', b'{"data":null}', b'{"stream":"x","data":{"e":"ticker","k":{}}}',
        b'{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","a":"63980.00","T":1}}', b'[{"e":"24hrTicker"}]',
        b'{"data":[]}', b'[{"s":"BTCUSDT"}]', b'{"e":17}', b'{"data":{"e":["trade"]}}',
    ],
)  # fmt: skip
def test_well_formed_frames_that_are_not_ours_are_foreign_or_empty(frame: bytes) -> None:
    batch = binance.parse([frame])
    assert counted(batch) == 0
    assert batch.rejected in ({"foreign": 1}, {})  # an empty list of marks is nothing at all


@pytest.mark.parametrize(
    "frame",
    [b"", b"{", b"\x00\xff", b"[" * 100_000, b'{"e":"trade"', b"x" * (1 << 21), b'{"e":"trade"}', trade(m="maybe")],
    ids=["empty", "cut", "binary", "nested", "half", "huge", "no keys", "wrong type"],
)
def test_a_frame_that_cannot_be_read_is_counted_and_harms_no_other(frame: bytes) -> None:
    batch = binance.parse([trade(trade_id=1), frame, trade(trade_id=2)])
    assert batch.records[0].record_id.tolist() == [1, 2]
    assert batch.rejected == {"malformed": 1}


def test_two_halves_of_a_frame_do_not_add_up_to_one() -> None:
    whole = trade()
    batch = binance.parse([whole[:40], whole[40:]])
    assert counted(batch) == 0
    assert batch.rejected == {"malformed": 2}


# Marks, replies, notices


@pytest.mark.parametrize("form", [lambda f: f, raw, lambda f: b"[" + raw(f) + b"," + raw(f) + b"]"])
def test_mark_prices_are_read_alone_raw_and_in_arrays(form) -> None:  # type: ignore[no-untyped-def]
    marks = binance.parse([form(mark())]).marks
    assert len(marks) in (1, 2)
    assert marks[0].symbol == "BTCUSDT"
    assert (marks[0].mark, marks[0].index, marks[0].funding_rate) == (83084.3, 83123.65891304, 7.8e-07)
    assert marks[0].next_funding_ms == 1_791_388_800_000


def test_a_contract_without_funding_has_a_rate_of_zero() -> None:
    assert binance.parse([mark(r="")]).marks[0].funding_rate == 0.0


@pytest.mark.parametrize("rate", [-0.0001, "-1E-4", "-0.00010000"])
def test_a_funding_rate_is_read_however_it_is_spelt(rate: object) -> None:
    assert binance.parse([mark(r=rate)]).marks[0].funding_rate == -0.0001


@pytest.mark.parametrize("keys", [{"p": "0"}, {"p": "nan"}, {"i": "inf"}, {"r": "much"}, {"r": "7"}, {"r": "nan"}])
def test_a_mark_that_cannot_be_is_refused(keys: dict[str, str]) -> None:
    assert rejected(mark(**keys)) == {"bad_mark": 1}


@pytest.mark.parametrize(
    ("frame", "reply"),
    [
        (b'{"result":null,"id":1}', Reply(1, None)),
        (b'{"result":["btcusdt@trade"],"id":3}', Reply(3, ["btcusdt@trade"])),
        (b'{"result":true,"id":5}', Reply(5, True)),
        (b'{"code":0,"msg":"Unknown property"}', Reply(None, None, "Unknown property (code 0)")),
        (
            b'{"error":{"code":4,"msg":"Too many subscriptions"},"id":9}',
            Reply(9, None, "Too many subscriptions (code 4)"),
        ),
    ],
)
def test_answers_are_told_from_data_in_both_error_shapes(frame: bytes, reply: Reply) -> None:
    assert binance.parse([trade(), frame]).replies == (reply,)
    assert binance.parse([raw(trade()), frame]).replies == (reply,)


def test_the_shutdown_notice_is_passed_on() -> None:
    assert binance.parse([b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}']).closing


# Properties

junk = st.binary(max_size=60) | st.sampled_from([trade(), aggregate(), mark(), b'{"result":null,"id":1}']).flatmap(
    lambda frame: st.tuples(st.integers(0, len(frame)), st.binary(max_size=3)).map(
        lambda cut: frame[: cut[0]] + cut[1] + frame[cut[0] + len(cut[1]) :]
    )
)


@settings(deadline=None)
@given(st.lists(junk, max_size=12))
def test_no_bytes_make_parse_raise_and_every_frame_is_accounted_for(frames: list[bytes]) -> None:
    batch = binance.parse(frames)
    assert batch.frames == len(frames)
    for found in batch.records:
        ticks = found.trades()
        assert (np.isfinite(ticks.price) & (ticks.price > 0)).all()
        assert (np.isfinite(ticks.qty) & (ticks.qty > 0)).all()
        assert (found.record_id > 0).all()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("eETstpqXmafl"), inner, max_size=4),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("eETstpqXmafl"), values, max_size=8), st.sampled_from(["trade", "aggTrade"]))
def test_no_value_in_any_key_makes_parse_raise(keys: dict[str, object], event: str) -> None:
    frame = json.loads(trade() if event == "trade" else aggregate())
    frame["data"] |= keys
    batch = binance.parse([json.dumps(frame).encode(), trade(trade_id=77)])
    assert any(77 in found.record_id for found in batch.records)


@settings(deadline=None)
@given(st.integers(0, 10**17), st.integers(0, 8))
def test_a_printed_decimal_is_read_as_the_float_python_reads(digits: int, places: int) -> None:
    text = f"{digits // 10**places}.{digits % 10**places:0{places}d}" if places else str(digits)
    frame = trade(p=text)
    found = binance.parse([frame]).records[0].price[0]
    assert found == float(text) or (math.isnan(found) and math.isnan(float(text)))


# Recordings


def lines(path: Path) -> list[bytes]:
    with gzip.open(path) as file:
        return [line.rstrip(b"\n") for line in file]


@pytest.mark.recording
@pytest.mark.parametrize("run", [1, 7, 400, 30_000])
def test_a_real_recording_is_read_exactly_in_runs_of_any_length(shared_data: Path, run: int) -> None:
    frames = lines(shared_data / "ws_trade_messages_usdm_20240718T2357_20240719T0005.ndjson.gz")
    if run == 1:
        frames = frames[:2000]
    batches = [binance.parse(frames[i : i + run]) for i in range(0, len(frames), run)]
    assert not any(batch.rejected for batch in batches)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        truth = [data for line in frames if (data := json.loads(line)["data"])["s"] == symbol]
        parts = [found for batch in batches for found in batch.records if found.symbol == symbol]
        for column, key, read in (
            ("record_id", "t", int), ("trade_id", "t", int), ("first_id", "t", int), ("ts_ms", "T", int),
            ("event_ms", "E", int), ("price", "p", float), ("qty", "q", float), ("buyer_is_maker", "m", bool),
        ):  # fmt: skip
            got = np.concatenate([getattr(part, column) for part in parts])
            assert got.tolist() == [read(data[key]) for data in truth], column


@pytest.mark.recording
def test_a_mixed_recording_gives_its_trades_and_counts_the_rest_as_foreign(shared_data: Path) -> None:
    batch = binance.parse(lines(shared_data / "ws_mixed_messages_usdm_20240719T0001_30s.ndjson.gz"))
    assert sum(map(len, batch.records)) == 1451
    assert batch.rejected == {"foreign": 7215 + 1137}
