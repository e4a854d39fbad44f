"""``exchangeInfo``: what is listed, with filters in no particular order."""

from __future__ import annotations

from typing import Final

from simulator.decimals import printed
from simulator.exchange import Exchange
from simulator.records import Instrument

MAX_PRICE: Final = 4_529_764


def exchange_info(exchange: Exchange) -> dict[str, object]:
    """The whole answer."""
    return {
        "timezone": "UTC",
        "serverTime": exchange.now_ms + exchange.clock_error_ms,
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
        "deliveryDate": 1_798_185_600_000 if i.delivered else 4_133_404_800_000,
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
