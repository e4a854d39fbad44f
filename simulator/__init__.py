"""A local exchange that speaks the protocol of Binance futures market data over real sockets."""
