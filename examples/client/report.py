"""The account: balances, and every position with its margin and where it would be liquidated."""

from examples.client.connect import at_market, close, connect
from trader.domain.order import Side


def main() -> None:
    gateway, contract = connect()
    at_market(gateway, contract, Side.SELL, 3)
    wallet = gateway.wallet()
    print(f"balance {wallet.balance} {wallet.asset}, free {wallet.available}, blocked {wallet.blocked_margin}")
    print(f"margin mode {gateway.margin_terms().mode}, equity {gateway.account.balances().net_equity}")
    margined = {row.symbol: row for row in gateway.margin_terms().positions}  # up to 10 s behind the fills
    for held in gateway.positions("BTC"):
        row = margined.get(held.symbol)
        told = "margin not told yet" if row is None else f"margin {row.margin}, liquidated at {row.liquidation_price}"
        print(f"{held.symbol}: {held.quantity:+d} at {held.entry_price}, {told}")
    close(gateway, contract)


if __name__ == "__main__":
    main()
