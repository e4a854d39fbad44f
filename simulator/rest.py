"""The REST endpoints: parameters checked as the exchange checks them, answers in its shapes, refusals in its words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from simulator.bars import DAY_MS, INTERVALS
from simulator.decimals import printed, scaled
from simulator.exchange import Exchange
from simulator.klines import bars_of, rest_rows
from simulator.records import Instrument, Record

Params = Mapping[str, str]
AGG_WINDOW_MS: Final = 2 * DAY_MS
MAX_PRICE: Final = 4_529_764


class Refusal(Exception):  # noqa: N818 (what the exchange does)
    """An error body: HTTP status, code and message."""

    def __init__(self, status: int, code: int, msg: str) -> None:
        super().__init__(msg)
        self.status, self.code, self.msg = status, code, msg


def time(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/time``."""
    return {"serverTime": exchange.clock.now_ms()}


def ping(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/ping``."""
    return {}


def klines(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/klines``."""
    symbol = _symbol(exchange, params)
    interval = _required(params, "interval")
    if interval not in INTERVALS:
        raise Refusal(400, -1120, "Invalid interval.")
    start, end = _range(params)
    bars = bars_of(exchange, symbol, interval, _limit(params, 500, 1500), start, end)
    return rest_rows(bars, interval, exchange.instruments[symbol])


def agg_trades(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/aggTrades``: two days back at most, and no further than the simulator remembers single trades."""
    symbol = _symbol(exchange, params)
    start, end = _range(params)
    from_id = _whole(params, "fromId")
    limit = _limit(params, 500, 1000)
    if from_id is not None and (start is not None or end is not None):
        raise Refusal(400, -1128, "Combination of optional parameters invalid.")
    log = exchange.tapes[symbol].aggregates
    earliest = max(exchange.clock.now_ms() - AGG_WINDOW_MS, exchange.known_from_ms(symbol))
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
    symbol = _symbol(exchange, params)
    instrument = exchange.instruments[symbol]
    newest = exchange.tapes[symbol].newest_trades(_limit(params, 500, 1000))
    return [_trade_row(r, instrument) for r in newest]


def exchange_info(exchange: Exchange, params: Params) -> object:
    """``/fapi/v1/exchangeInfo``."""
    return {
        "timezone": "UTC",
        "serverTime": exchange.clock.now_ms(),
        "futuresType": "U_MARGINED",
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
            {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
        ],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [_symbol_info(i, n) for n, i in enumerate(exchange.instruments.values())],
    }


def _symbol_info(i: Instrument, n: int) -> dict[str, object]:
    tick = printed(i.tick, i.price_decimals)
    step = printed(1, i.qty_decimals)
    filters: list[dict[str, object]] = [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": str(MAX_PRICE), "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "1000000", "stepSize": step},
        {"filterType": "MARKET_LOT_SIZE", "minQty": step, "maxQty": "120000", "stepSize": step},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": i.min_notional},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": "1.0500",
            "multiplierDown": "0.9500",
            "multiplierDecimal": "4",
        },
    ]
    turn = n % len(filters)  # their order means nothing, so it differs from symbol to symbol
    return {
        "symbol": i.symbol,
        "pair": i.symbol.partition("_")[0],
        "contractType": i.contract_type if i.status != "PENDING_TRADING" else "",
        "deliveryDate": 4_133_404_800_000 if i.contract_type != "CURRENT_QUARTER" else 1_798_185_600_000,
        "onboardDate": i.onboard_ms,
        "status": i.status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": i.base,
        "quoteAsset": i.quote,
        "marginAsset": i.quote,
        "pricePrecision": i.price_decimals,
        "quantityPrecision": i.qty_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN" if i.contract_type != "TRADIFI_PERPETUAL" else "COMMODITY",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": filters[turn:] + filters[:turn],
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


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


def _required(params: Params, name: str) -> str:
    value = params.get(name, "")
    if not value:
        raise Refusal(400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return value


def _symbol(exchange: Exchange, params: Params) -> str:
    symbol = _required(params, "symbol").upper()
    if symbol not in exchange.instruments:
        raise Refusal(400, -1121, "Invalid symbol.")
    return symbol


def _whole(params: Params, name: str) -> int | None:
    value = params.get(name)
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 19:
        legal = "^[0-9]{1,20}$"
        raise Refusal(400, -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")
    return int(value)


def _range(params: Params) -> tuple[int | None, int | None]:
    start, end = _whole(params, "startTime"), _whole(params, "endTime")
    if start is not None and end is not None and start > end:
        raise Refusal(400, -1023, "Start time is greater than end time.")
    return start, end


def _limit(params: Params, default: int, most: int) -> int:
    limit = _whole(params, "limit")
    if limit is None:
        return default
    if not 1 <= limit <= most:
        raise Refusal(400, -1130, "Data sent for parameter 'limit' is not valid.")
    return limit


Endpoint = Callable[[Exchange, Params], object]
ENDPOINTS: Final[Mapping[str, Endpoint]] = {
    "ping": ping,
    "time": time,
    "exchangeInfo": exchange_info,
    "klines": klines,
    "aggTrades": agg_trades,
    "trades": trades,
}


def body(value: object) -> bytes:
    """JSON as the exchange writes it: compact, raw UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
