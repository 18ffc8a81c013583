"""Market maker protection and the dead-man switch."""

from typing import Any

from trader.venue.core.deadman import Heartbeat, HeartbeatAction, check_heartbeat
from trader.venue.core.mmp import MmpConfig, MmpState, check_config
from trader.venue.core.refusal import Refused, bad_schema
from trader.venue.wire.call import Answer, Call
from trader.venue.wire.fields import decimal, integer, needed_integer, objects, strings, text
from trader.venue.wire.text import plain_or_none
from trader.venue.wire.user_routes import preference_row

_TTL_MS_MAX = 86_400_000


def update_mmp(call: Call) -> Answer:
    """PUT /v2/users/update_mmp: set the limits of one group in one asset; what it traded is forgotten."""
    if not call.exchange.settings.mmp_enabled:
        raise bad_schema("mmp", "market maker protection is not enabled for this account")
    body = call.body
    config = MmpConfig(
        asset=text(body, "asset") or "",
        mmp=text(body, "mmp") or "mmp1",
        window_interval=needed_integer(body, "window_interval"),
        freeze_interval=needed_integer(body, "freeze_interval"),
        trade_limit=decimal(body, "trade_limit"),
        delta_limit=decimal(body, "delta_limit"),
        vega_limit=decimal(body, "vega_limit"),
    )
    check_config(config, call.exchange.market.underlyings)
    call.account.mmp.pop((config.asset, config.mmp), None)  # the newest stands last
    call.account.mmp[config.asset, config.mmp] = MmpState(config=config)
    return Answer(preference_row(call))


def reset_mmp(call: Call) -> Answer:
    """PUT /v2/users/reset_mmp: thaw a group."""
    key = text(call.body, "asset") or "", text(call.body, "mmp") or "mmp1"
    state = call.account.mmp.get(key)
    if state is None:
        raise bad_schema("mmp", f"{key[1]} is not configured for {key[0]}")
    state.reset()
    return Answer(None)


def create_heartbeat(call: Call) -> Answer:
    """POST /v2/heartbeat/create: it guards nothing before its first acknowledgement."""
    body = call.body
    heartbeat = Heartbeat(
        heartbeat_id=text(body, "heartbeat_id") or "",
        impact=text(body, "impact") or "",
        contract_types=strings(body, "contract_types"),
        underlying_assets=strings(body, "underlying_assets"),
        product_symbols=strings(body, "product_symbols"),
        config=[
            HeartbeatAction(
                action=text(row, "action") or "",
                unhealthy_count=1 if row.get("unhealthy_count") is None else needed_integer(row, "unhealthy_count"),
                value=decimal(row, "value"),
                tag=text(row, "tag"),
            )
            for row in objects(body, "config")
        ]
        or [HeartbeatAction(action="cancel_orders")],
    )
    check_heartbeat(heartbeat)
    call.account.heartbeats[heartbeat.heartbeat_id] = heartbeat
    return Answer({"heartbeat_id": heartbeat.heartbeat_id, "status": "created"})


def acknowledge(call: Call) -> Answer:
    """POST /v2/heartbeat: alive; `ttl` milliseconds until the next one is due, 0 switches it off."""
    heartbeat = call.account.heartbeats.get(text(call.body, "heartbeat_id") or "")
    if heartbeat is None:
        raise Refused("heartbeat_not_found", status=404)
    ttl_ms = needed_integer(call.body, "ttl")
    if not 0 <= ttl_ms <= _TTL_MS_MAX:
        raise bad_schema("ttl", f"must be between 0 and {_TTL_MS_MAX} milliseconds")
    wall_ms = int(call.wall_secs * 1000)
    call.exchange.acknowledge(call.account, heartbeat, ttl_ms, wall_ms)
    return Answer(
        {
            "heartbeat_timestamp": str(heartbeat.due_ms if heartbeat.due_ms is not None else wall_ms),
            "process_enabled": "true" if heartbeat.enabled else "false",
        }
    )


def heartbeats(call: Call) -> Answer:
    """GET /v2/heartbeat: all of the account's, or the one named. `user_id` is taken and has to be the caller's."""
    user_id, wanted = integer(call.query, "user_id"), call.query.get("heartbeat_id")
    if user_id is not None and user_id != call.account.user_id:
        raise Refused("unauthorized", status=401)
    return Answer([_row(call, h) for h in call.account.heartbeats.values() if wanted in (None, h.heartbeat_id)])


def _row(call: Call, heartbeat: Heartbeat) -> dict[str, Any]:
    return {
        "heartbeat_id": heartbeat.heartbeat_id,
        "user_id": call.account.user_id,
        "impact": heartbeat.impact,
        "contract_types": heartbeat.contract_types,
        "underlying_assets": heartbeat.underlying_assets,
        "product_symbols": heartbeat.product_symbols,
        "config": [
            {
                "action": action.action,
                "unhealthy_count": action.unhealthy_count,
                "value": plain_or_none(action.value),
                "tag": action.tag,
            }
            for action in heartbeat.config
        ],
        "status": _status(heartbeat),
        "last_ack": str(heartbeat.last_ack_ms) if heartbeat.last_ack_ms is not None else None,
        "next_ack_required_by": str(heartbeat.due_ms) if heartbeat.due_ms is not None else None,
    }


def _status(heartbeat: Heartbeat) -> str:
    if heartbeat.missed:
        return "unhealthy"
    return "healthy" if heartbeat.enabled else "disabled"
