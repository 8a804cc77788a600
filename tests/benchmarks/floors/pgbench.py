"""The sale as scripts for pgbench, each client its own seats: the naive one, and all of it."""

from __future__ import annotations

import re
from typing import Any

from tests.benchmarks.halls import Hall, HallRanOut
from tests.benchmarks.stage import Stage
from worldseat.local import postgres

__all__ = ["BARE", "WHOLE", "run"]

_NUMBERS = r"""
\set n :n + 1
\set seat :first + :client_id + (:n - 1) * :clients
\set fan :client_id + (:n - 1) * :clients
\if :fan >= :seats
SELECT 'the hall ran out'::int;
\endif
"""
_SEAT = "md5('seat' || :seat)::uuid"
_FAN = "md5('fan' || :fan)::uuid"
_EVENT = "'@event@'::uuid"
_ORDER = "md5('order' || :seat)::uuid"
_READ = f"""
SELECT s.status, s.changed_at, s.guid, s.section, s.row, s.number, s.category_id, e.name,
    e.state, e.on_sale_at, e.off_sale_at, e.currency, e.fee_minor, e.fee_basis_points,
    e.limit_per_fan, c.price_minor
FROM sales_seat s JOIN sales_event e ON e.id = s.event_id
JOIN sales_pricecategory c ON c.id = s.category_id WHERE s.id = {_SEAT} AND s.event_id = {_EVENT};
"""
_TAKE = f"UPDATE sales_seat SET status = 'sold', changed_at = now() WHERE id = {_SEAT};\n"
_WRITE = f"""
INSERT INTO sales_order (id, reference, event_id, fan_id, state, total_minor, fees_minor,
    refunded_minor, currency, region, created_at)
VALUES ({_ORDER}, left(md5('o' || :seat), 12), {_EVENT}, {_FAN}, 'paid', 4500, 0, 0, 'EUR',
    'us-east-1', now());
INSERT INTO sales_ticket (id, order_id, event_id, seat_id, fan_id, state, price_minor, fee_minor,
    price_type, currency, created_at, issue)
VALUES (gen_random_uuid(), {_ORDER}, {_EVENT}, {_SEAT}, {_FAN}, 'valid', 4500, 0, '',
    'EUR', now(), 1);
"""
BARE = f"{_NUMBERS}BEGIN;{_READ}{_TAKE}{_WRITE}COMMIT;\n"
WHOLE = f"""{_NUMBERS}
SELECT u.*, t.* FROM knox_authtoken t JOIN accounts_user u ON u.id = t.user_id
WHERE t.token_key = left(encode(sha256(('token' || :fan)::bytea), 'hex'), 15);
BEGIN;
SELECT * FROM sales_storedanswer WHERE fan_id = {_FAN} AND key = 'k' || :seat
    AND created_at > now() - interval '1 day';
{_READ}{_TAKE}
INSERT INTO sales_allowance (id, event_id, fan_id, used)
VALUES (gen_random_uuid(), {_EVENT}, {_FAN}, 1)
ON CONFLICT (event_id, fan_id) DO UPDATE SET used = sales_allowance.used + 1 RETURNING used;
{_WRITE}
INSERT INTO sales_ledgerentry (id, event_id, order_id, kind, amount_minor, currency, created_at)
VALUES (gen_random_uuid(), {_EVENT}, {_ORDER}, 'sale', 4500, 'EUR', now());
INSERT INTO sales_storedanswer (id, fan_id, key, fingerprint, status, body, created_at)
VALUES (gen_random_uuid(), {_FAN}, 'k' || :seat, repeat('f', 64), 201,
    json_build_object('id', {_ORDER}, 'about', repeat('x', 700)), now())
ON CONFLICT (fan_id, key) DO UPDATE SET body = EXCLUDED.body;
COMMIT;
"""


def run(
    stage: Stage,
    hall: Hall,
    script: str,
    *,
    clients: int,
    prepared: bool,
    seconds: float = 0.0,
    sales: int = 0,
) -> dict[str, Any]:
    """Run a script for whole seconds, or else for a number of `sales`.

    Returns `sold`, `failed` and `rate`, transactions a second. Raises HallRanOut.
    """
    often = ["-t", str(sales // clients)] if sales else ["-T", str(round(seconds))]
    path = stage.home / "pgbench.sql"
    path.write_text(script.replace("@event@", str(hall.event)))
    given = {"first": hall.first, "seats": hall.seats, "clients": clients, "n": 0}
    try:
        done = stage.run(
            postgres.binary("pgbench"),
            *("-n", "-f", str(path), "-c", str(clients), "-j", "1", *often),
            *("-M", "prepared" if prepared else "simple"),
            *(f"--define={name}={value}" for name, value in given.items()),
            stage.database_url,
        )
    except RuntimeError as error:
        if "the hall ran out" not in str(error):
            raise
        raise HallRanOut("pgbench", seats=hall.seats, seconds=seconds) from None
    rate = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
    sold = re.search(r"transactions actually processed: (\d+)", done.stdout)
    failed = re.search(r"number of failed transactions: (\d+)", done.stdout)
    return {
        "rate": float(rate.group(1)) if rate else 0.0,
        "sold": int(sold.group(1)) if sold else 0,
        "failed": int(failed.group(1)) if failed else 0,
    }
