"""The REST endpoints: answers in the exchange's shapes, and what each of them costs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from simulator.bars import DAY_MS, HOUR_MS, INTERVALS
from simulator.contracts import exchange_info
from simulator.day import day_of
from simulator.decimals import printed, scaled
from simulator.exchange import Exchange
from simulator.funding import marked
from simulator.klines import bars_of, rest_rows, span_of
from simulator.parameters import Params, Refusal, limit_of, required, symbol_of, time_range, whole
from simulator.records import Instrument, Record

AGG_WINDOW_MS: Final = 2 * DAY_MS
KLINES_DEFAULT: Final = 500
KLINES_MOST: Final = 1500


def time(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/time``."""
    return {"serverTime": exchange.now_ms + exchange.clock_error_ms}


def ping(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/ping``."""
    return {}


def info(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/exchangeInfo``."""
    return exchange_info(exchange)


def klines(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/klines``."""
    symbol, interval, limit, start, end = _klines_asked(exchange, params)
    return rest_rows(bars_of(exchange, symbol, interval, limit, start, end), interval, exchange.instruments[symbol])


def _klines_asked(exchange: Exchange, params: Params) -> tuple[str, str, int, int | None, int | None]:
    symbol = symbol_of(exchange, params)
    interval = required(params, "interval")
    if interval not in INTERVALS:
        raise Refusal(400, -1120, "Invalid interval.")
    start, end = time_range(params)
    return symbol, interval, limit_of(params, KLINES_DEFAULT, KLINES_MOST), start, end


def klines_work(exchange: Exchange, params: Params) -> Callable[[], object] | None:
    """What of ``klines`` can be worked out on another thread beforehand: the bars of the past."""
    history = exchange.source.history
    symbol, interval, limit, start, end = _klines_asked(exchange, params)
    span = span_of(exchange, symbol, interval, limit, start, end)
    if history is None or symbol not in history or span is None:
        return None
    end_ms = min(span.end_ms, exchange.source.past_start_ms)
    known, first, coarse = history, span.at[0], span.coarse
    return lambda: known.hours(symbol, first, end_ms) if coarse else known.minutes(symbol, first, end_ms)


def agg_trades(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/aggTrades``: two days back at most, and no further than the simulator remembers single trades."""
    symbol = symbol_of(exchange, params)
    start, end = time_range(params)
    from_id = whole(params, "fromId")
    limit = limit_of(params, 500, 1000)
    if from_id is not None and (start is not None or end is not None):
        raise Refusal(400, -1128, "Combination of optional parameters invalid.")
    log = exchange.tapes[symbol].aggregates
    earliest = max(exchange.now_ms - AGG_WINDOW_MS, exchange.known_from_ms(symbol))
    too_old = any(bound is not None and bound < earliest for bound in (start, end))
    if too_old or (from_id is not None and log.oldest is not None and from_id < log.oldest[0]):
        raise Refusal(400, -4166, "Search window is restricted to recent 2 days only.")
    return [
        {
            "a": a.id,
            "p": a.price,
            "q": a.qty,
            "nq": a.qty,
            "f": a.first_id,
            "l": a.last_id,
            "T": a.trade_ms,
            "m": a.buyer_is_maker,
        }
        for a in log.read(limit, from_id, start, end)
    ]


def trades(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/trades``: the newest executions."""
    symbol = symbol_of(exchange, params)
    instrument = exchange.instruments[symbol]
    return [_trade_row(r, instrument) for r in exchange.tapes[symbol].newest_trades(limit_of(params, 500, 1000))]


def _trade_row(r: Record, i: Instrument) -> dict[str, object]:
    worth = scaled(r.price, i.price_decimals) * scaled(r.qty, i.qty_decimals)
    return {
        "id": r.id,
        "price": r.price,
        "qty": r.qty,
        "quoteQty": printed(worth, i.quote_decimals),
        "time": r.trade_ms,
        "isBuyerMaker": r.buyer_is_maker,
        "isRPITrade": False,
    }


def historical_trades(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/historicalTrades``: not without a key, and the simulator hands out none."""
    raise Refusal(401, -2014, "API-key format invalid.")


def premium_index(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/premiumIndex``: one contract, or all that have a price."""
    if "symbol" in params:
        return _premium(exchange, symbol_of(exchange, params))
    return [_premium(exchange, symbol) for symbol, tape in exchange.tapes.items() if tape.last_price]


def _premium(exchange: Exchange, symbol: str) -> dict[str, object]:
    now = exchange.now_ms
    mark = marked(exchange.instruments[symbol], float(exchange.tapes[symbol].last_price or 0), now)
    return {
        "symbol": symbol,
        "markPrice": f"{mark.mark:.8f}",
        "indexPrice": f"{mark.index:.8f}",
        "estimatedSettlePrice": f"{mark.index:.8f}",
        "lastFundingRate": mark.rate_text,
        "interestRate": "0.00010000" if mark.rate_text else "",
        "nextFundingTime": mark.next_funding_ms,
        "time": now,
    }


def funding_info(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/fundingInfo``; ``updateTime`` may be null."""
    return [
        {
            "symbol": i.symbol,
            "adjustedFundingRateCap": "0.00300000",
            "adjustedFundingRateFloor": "-0.00300000",
            "fundingIntervalHours": i.funding_hours,
            "disclaimer": False,
            "updateTime": None if n % 2 else 1_756_684_800_000,
        }
        for n, i in enumerate(exchange.instruments.values())
        if i.status == "TRADING" and not i.delivered
    ]


def funding_rate(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/fundingRate``: past settlements of one contract, oldest first; of a delivery contract none."""
    i = exchange.instruments[symbol_of(exchange, params)]
    start, end = time_range(params)
    limit = limit_of(params, 100, 1000)
    if i.delivered:
        return []
    now, step = exchange.now_ms, i.funding_hours * HOUR_MS
    newest = min(now, end if end is not None else now) // step
    oldest = max(-(-i.onboard_ms // step), newest - limit + 1)
    if start is not None:
        oldest = max(-(-i.onboard_ms // step), -(-start // step))
    return [
        {
            "symbol": i.symbol,
            "fundingTime": n * step,
            "fundingRate": marked(i, 0.0, n * step).rate_text,
            "markPrice": "",
        }
        for n in range(oldest, min(newest, oldest + limit - 1) + 1)
    ]


def ticker_24hr(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/ticker/24hr``: an object with a symbol, an array without."""
    if "symbol" in params:
        symbol = symbol_of(exchange, params)
        found = _day_row(exchange, symbol)
        return found if found is not None else {"symbol": symbol, "lastPrice": "0", "volume": "0", "count": 0}
    rows = (_day_row(exchange, symbol) for symbol in exchange.instruments)
    return [row for row in rows if row is not None]


def ticker_work(exchange: Exchange, params: Params) -> Callable[[], object] | None:
    """The bars of the day, on another thread."""
    history, now = exchange.source.history, exchange.now_ms
    symbols = [symbol_of(exchange, params)] if "symbol" in params else list(exchange.instruments)
    if history is None:
        return None
    known, end = history, min(now, exchange.source.past_start_ms)
    return lambda: [known.minutes(symbol, now - DAY_MS, end) for symbol in symbols if symbol in known]


def _day_row(exchange: Exchange, symbol: str) -> dict[str, object] | None:
    day, i = day_of(exchange, symbol), exchange.instruments[symbol]
    if day is None:
        return None
    newest = exchange.tapes[symbol].newest_trades(1)
    average = day.quote_volume // day.volume if day.volume else day.last
    return {
        "symbol": symbol,
        "priceChange": printed(day.last - day.open, i.price_decimals),
        "priceChangePercent": f"{(day.last / day.open - 1) * 100:.3f}",
        "weightedAvgPrice": printed(average, i.price_decimals),
        "lastPrice": printed(day.last, i.price_decimals),
        "lastQty": newest[-1].qty if newest else "0",
        "openPrice": printed(day.open, i.price_decimals),
        "highPrice": printed(day.high, i.price_decimals),
        "lowPrice": printed(day.low, i.price_decimals),
        "volume": printed(day.volume, i.qty_decimals),
        "quoteVolume": printed(day.quote_volume, i.quote_decimals),
        "openTime": day.open_ms,
        "closeTime": day.close_ms,
        "firstId": day.first_id,
        "lastId": day.last_id,
        "count": day.count,
    }


def _klines_weight(params: Params) -> int:
    limit = params.get("limit", "")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 20):
        return 5
    return next((weight for most, weight in ((100, 1), (500, 2), (1000, 5)) if int(limit) <= most), 10)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How a path is answered. ``work``: what can be done beforehand, on another thread."""

    answer: Callable[[Exchange, Params], object]
    weight: Callable[[Params], int]
    work: Callable[[Exchange, Params], Callable[[], object] | None] | None = None
    compressed: bool = False  # on a loopback only worth showing where the exchange's own answer is huge
    counted: bool = True  # False: outside the weight budget, and without its header


def _flat(weight: int) -> Callable[[Params], int]:
    return lambda params: weight


def _one_or_all(one: int, every: int) -> Callable[[Params], int]:
    return lambda params: one if "symbol" in params else every


ENDPOINTS: Final[Mapping[str, Endpoint]] = {
    "ping": Endpoint(ping, _flat(1)),
    "time": Endpoint(time, _flat(1)),
    "exchangeInfo": Endpoint(info, _flat(1), compressed=True),
    "klines": Endpoint(klines, _klines_weight, klines_work),
    "aggTrades": Endpoint(agg_trades, _flat(20)),
    "trades": Endpoint(trades, _flat(5)),
    "historicalTrades": Endpoint(historical_trades, _flat(200)),
    "premiumIndex": Endpoint(premium_index, _one_or_all(1, 10)),
    "fundingInfo": Endpoint(funding_info, _flat(1), counted=False),
    "fundingRate": Endpoint(funding_rate, _flat(1), counted=False),
    "ticker/24hr": Endpoint(ticker_24hr, _one_or_all(1, 40), ticker_work),
}


def body(value: object) -> bytes:
    """JSON as the exchange writes it: compact, raw UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
