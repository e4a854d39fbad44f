from pathlib import Path

import pytest

from core.errors import SettingsError
from core.settings import Settings
from core.types import WatchedPair


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()


def test_each_variable_reaches_its_field() -> None:
    s = Settings.from_env(
        {
            "PAIRSIGHT_WS_URL": "ws://127.0.0.1:9700/",
            "PAIRSIGHT_REST_URL": "http://127.0.0.1:9700",
            "PAIRSIGHT_DB": "x/y.db",
            "PAIRSIGHT_SYMBOLS": " btcusdt, 币安人生USDT ",
            "PAIRSIGHT_STREAM": "aggTrade",
            "PAIRSIGHT_AUTOSTART": "0",
            "PAIRSIGHT_ROLE": "read",
            "PAIRSIGHT_WATCH": "ethusdt/btcusdt, SOLUSDT/BTCUSDT@5m:classic, ETHUSDT/BTCUSDT@1m",
            "PAIRSIGHT_ALERT_URLS": "tgram://a:b/1 mailto://me:x@h?to=a@b.c,d@e.f, json://h/p",
            "PAIRSIGHT_ALLOWED_EMAILS": "Ann@Example.org, bob@example.org",
        }
    )
    assert s.ws_url == "ws://127.0.0.1:9700"
    assert s.db == Path("x/y.db")
    assert s.symbols == ("BTCUSDT", "币安人生USDT")
    assert (s.stream, s.autostart, s.role) == ("aggTrade", False, "read")
    assert s.watch == (WatchedPair("ETHUSDT", "BTCUSDT"), WatchedPair("SOLUSDT", "BTCUSDT", 300, "classic"))
    assert s.alert_urls == ("tgram://a:b/1", "mailto://me:x@h?to=a@b.c,d@e.f", "json://h/p")
    assert "mailto" not in repr(s)  # addresses of channels are secrets
    assert s.allowed_emails == ("ann@example.org", "bob@example.org")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PAIRSIGHT_STALE_AFTER_S", "soon", "PAIRSIGHT_STALE_AFTER_S must be seconds, was 'soon'"),
        ("PAIRSIGHT_STALE_AFTER_S", "nan", "PAIRSIGHT_STALE_AFTER_S must be seconds from"),
        ("PAIRSIGHT_SYMBOLS", "BTCUSDT,btcusdt", "has BTCUSDT twice"),
        ("PAIRSIGHT_SYMBOLS", ",", "must be symbols"),
        ("PAIRSIGHT_STREAM", "kline", "must be trade or aggTrade, was 'kline'"),
        ("PAIRSIGHT_ROLE", "write", "PAIRSIGHT_ROLE must be any or read, was 'write'"),
        ("PAIRSIGHT_WS_URL", "http://x", "must be an address like wss://"),
        ("PAIRSIGHT_WS_URL", "ws://", "was 'ws://': name the host, or leave the variable out for wss://fstream"),
        ("PAIRSIGHT_REST_URL", "http://x:y", "must be an address like https://"),
        ("PAIRSIGHT_ALLOWED_EMAILS", "ann", "must be addresses such as you@example.org, had 'ann'"),
        ("PAIRSIGHT_WATCH", "ETHUSDT", "must be pairs such as ETHUSDT/BTCUSDT@1m"),
        ("PAIRSIGHT_WATCH", "ETHUSDT/BTCUSDT@2m", "had 'ETHUSDT/BTCUSDT@2m'"),
        ("PAIRSIGHT_WATCH", "ETHUSDT/BTCUSDT:best", "had 'ETHUSDT/BTCUSDT:best'"),
        ("PAIRSIGHT_WATCH", "ETHUSDT/ethusdt", "must be pairs"),
        ("PAIRSIGHT_ALERT_URLS", "json://h/p secret", "separated by spaces; number 2 is none"),
        (
            "PAIRSIGHT_TAKER_FEE_BPS",
            "1001",
            "PAIRSIGHT_TAKER_FEE_BPS must be basis points from -100 to 1000, was '1001'",
        ),
        ("PAIRSIGHT_MAKER_FEE_BPS", "-101", "must be basis points from -100 to 1000"),
        ("PAIRSIGHT_FLUSH_MS", "1.5", "must be a whole number"),
    ],
)
def test_a_setting_that_cannot_be_used_stops_the_start_with_a_sentence(name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError) as e:
        Settings.from_env({name: value})
    assert str(e.value).startswith(name)
    assert says in str(e.value)


@pytest.mark.parametrize(
    ("url", "real"),
    [
        ("wss://fstream.binance.com", True),
        ("ws://127.0.0.1:9700", False),
        ("wss://binance.com.evil.example", False),
        ("wss://notbinance.com", False),
    ],
)
def test_only_the_exchange_itself_may_be_called_live(url: str, real: bool) -> None:
    assert Settings(ws_url=url).is_exchange is real
