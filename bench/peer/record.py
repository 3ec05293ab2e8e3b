"""The Python peer of record-incentive: what a team would deploy that writes its functions in Python.

It does for one event what the Go function does: it checks the event and the caller's role, finds the creator and
the strategy in the tenancy table (remembered for half a minute), stores the event by one conditional put, and
answers a new event, the same event again, and other content under a used id as the Go function does. It leaves out
batches, revoked tokens, the limit of calls and the log line of each call, so the comparison is in its favour.
"""
import hashlib
import json
import os
import re
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import boto3
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from botocore.exceptions import ClientError

INCENTIVES = os.environ["TABLE_INCENTIVES"]
TENANCY = os.environ["TABLE_TENANCY"]
SHANGHAI = timezone(timedelta(hours=8))
AHEAD = timedelta(minutes=5)
BEHIND = timedelta(days=400)
REMEMBERED = 30  # seconds
LARGEST_REWARD = Decimal("99999999999.99")

IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
ACTION = re.compile(r"[a-z][a-z0-9_]{1,39}")
METRIC = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")

TEXTS = ("event_id", "creator_id", "action_type", "occurred_at", "platform", "content_id", "viewer_ref", "session_id", "device")
DETAILS = ("content_id", "viewer_ref", "session_id", "device")
ORIGINS = ("source", "medium", "campaign", "term", "content")
KNOWN = {*TEXTS, "quantity", "utm", "metrics"}

app = APIGatewayHttpResolver()
dynamodb = boto3.client("dynamodb")
remembered = {}


class Refusal(Exception):
    """An answer other than success, with the code and the reason that the HTTP contract lists."""

    def __init__(self, status, code, reason, sentence, fields=None):
        super().__init__(sentence)
        self.status = status
        self.body = {"error": sentence, "code": code, "reason": reason}
        self.fields = fields


def handler(event, context):
    return app.resolve(event, context)


@app.exception_handler(Refusal)
def refuse(refusal):
    body = refusal.body | {"request_id": app.current_event.request_context.request_id}
    if refusal.fields:
        body["fields"] = [{"field": field, "problem": problem} for field, problem in refusal.fields]
    return answer(refusal.status, body)


@app.post("/api/v1/incentive/record")
def record():
    caller = app.current_event["requestContext"]["authorizer"]["lambda"]
    if not {"operator", "admin"} & set(caller["roles"].split(",")):
        raise Refusal(403, 1003, "forbidden", "The caller's role may not do this.")
    tenant = caller["tenant"]
    event = read_event(app.current_event.body)
    strategy = choose(master(tenant, "LIST#strategy"), event)
    reward = reward_of(strategy, event) if strategy else None
    today = datetime.now(SHANGHAI).date().isoformat()
    if not any(v.get("from", "") <= today for v in master(tenant, "creator#" + event["creator_id"])):
        raise Refusal(404, 3003, "not_found", "There is no such creator.")
    return store(tenant, event, strategy, reward)


def answer(status, body, headers=None):
    return Response(status, "application/json", json.dumps(body, ensure_ascii=False), headers)


# --- the event ---


def read_event(body):
    try:
        event = json.loads(body)
    except ValueError:
        raise invalid([("", "is not valid JSON")]) from None
    if not isinstance(event, dict):
        raise invalid([("", "must be an object")])
    problems = [(name, "is not a known field") for name in event if name not in KNOWN]
    for name in TEXTS:
        if name in event and not isinstance(event[name], str):
            problems.append((name, "must be a string"))
        elif CONTROL.search(event.get(name, "")):
            problems.append((name, "is not a valid string or has control characters"))
    if problems:
        raise invalid(problems)
    check(event, problems)
    if problems:
        raise invalid(problems)
    return event


def invalid(problems):
    return Refusal(400, 2001, "invalid_input", "The input has problems; correct the listed fields and send it again.", problems)


def check(event, problems):
    for name in ("event_id", "creator_id"):
        check_identifier(name, event.get(name, ""), problems)
    if not ACTION.fullmatch(event.get("action_type", "")):
        problems.append(("action_type", "must be 2 to 40 of a-z, 0-9 and _, beginning with a letter"))
    check_moment(event, problems)
    quantity = event.setdefault("quantity", 1)
    if type(quantity) is not int or not 1 <= quantity <= 1_000_000:
        problems.append(("quantity", "must be 1 to 1000000"))
    if event.get("platform"):
        check_identifier("platform", event["platform"], problems)
    for name in DETAILS:
        check_text(name, event.get(name, ""), problems)
    if "utm" in event:
        check_origin(event["utm"], problems)
    if "metrics" in event:
        check_metrics(event["metrics"], problems)


def check_identifier(name, value, problems):
    if not value:
        problems.append((name, "is required"))
    elif not IDENTIFIER.fullmatch(value):
        problems.append((name, "must be 1 to 64 of A-Z, a-z, 0-9, _ and -"))


def check_moment(event, problems):
    text = event.get("occurred_at", "")
    if not text:
        problems.append(("occurred_at", "is required"))
        return
    try:
        if not MOMENT.fullmatch(text):
            raise ValueError
        event["moment"] = moment = datetime.fromisoformat(text).astimezone(SHANGHAI)
    except ValueError:
        problems.append(("occurred_at", "must be a time with offset, like 2026-11-22T09:30:00+08:00"))
        return
    now = datetime.now(SHANGHAI)
    if moment > now + AHEAD:
        problems.append(("occurred_at", "must be at most 5 minutes ahead of the clock"))
    elif moment < now - BEHIND:
        problems.append(("occurred_at", "must be at most 400 days back"))


def check_text(name, value, problems):
    if not isinstance(value, str):
        problems.append((name, "must be a string"))
    elif len(value) > 128:
        problems.append((name, "must have at most 128 characters"))


def check_origin(origin, problems):
    if not isinstance(origin, dict):
        problems.append(("utm", "must be an object"))
        return
    for name, value in origin.items():
        if name not in ORIGINS:
            problems.append(("utm." + name, "is not a known field"))
        else:
            check_text("utm." + name, value, problems)


def check_metrics(metrics, problems):
    if not isinstance(metrics, dict):
        problems.append(("metrics", "must be an object"))
        return
    if len(metrics) > 20:
        problems.append(("metrics", "must have at most 20 entries"))
        return
    for name in sorted(metrics):
        if not METRIC.fullmatch(name):
            problems.append(("metrics." + name, "must be named with up to 40 of a-z, 0-9 and _, beginning with a letter"))
        if not isinstance(metrics[name], str):
            problems.append(("metrics." + name, "must be a string"))
        elif not NUMBER.fullmatch(metrics[name]):
            problems.append(("metrics." + name, 'must be a decimal string, like "12.5"'))


# --- creator and strategy ---


def master(tenant, name):
    """The versions of one object, or those of all strategies; what was found is remembered for half a minute."""
    partition = "T#" + tenant + "#" + name
    until, versions = remembered.get(partition, (0, None))
    if until > time.monotonic():
        return versions
    found = dynamodb.query(
        TableName=TENANCY,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": partition}},
        ConsistentRead=True,
    )
    versions = [json.loads(item["doc"]["S"]) for item in found["Items"]]
    if versions:
        remembered[partition] = (time.monotonic() + REMEMBERED, versions)
    return versions


def choose(strategies, event):
    """The strategy that rewards the event: one for its platform goes before one for all, then the latest, then by name."""
    day = event["moment"].date().isoformat()
    newest = {}
    for s in strategies:
        known = newest.get(s["strategy_id"])
        if s["from"] <= day and (known is None or s["version"] > known["version"]):
            newest[s["strategy_id"]] = s
    fitting = [s for s in newest.values() if fits(s, event, day)]
    fitting.sort(key=lambda s: s["strategy_id"])
    return max(fitting, key=lambda s: (bool(s["match"].get("platform")), s["from"]), default=None)


def fits(strategy, event, day):
    match = strategy["match"]
    platform = match.get("platform") or None
    return (
        match["action_type"] == event["action_type"]
        and platform in (None, event.get("platform"))
        and day <= (strategy.get("to") or day)
    )


def reward_of(strategy, event):
    reward = strategy["reward"]
    times = event["quantity"] if "per_unit" in reward else 1
    value = Decimal(reward["per_unit"] if "per_unit" in reward else reward["amount"]) * times
    cash = reward["kind"] == "cash"
    if value > (LARGEST_REWARD if cash else LARGEST_REWARD * 100):
        problem = "makes a reward above 99999999999.99; correct the quantity or the strategy " + strategy["strategy_id"]
        raise invalid([("quantity", problem)])
    return {"kind": reward["kind"], "amount": f"{value:.2f}" if cash else int(value)}


# --- storing it once ---


def store(tenant, event, strategy, reward):
    item = item_of(tenant, event, strategy, reward)
    try:
        dynamodb.put_item(
            TableName=INCENTIVES,
            Item=item,
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ClientError as failure:
        if failure.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return repeated(event, item, failure.response["Item"])
    return answer(201, decided(event, item))


def repeated(event, item, first):
    if first["h"] != item["h"]:
        sentence = "This event_id was recorded with other content; send a new event under a new id."
        raise Refusal(422, 2002, "key_reused", sentence)
    return answer(200, decided(event, first), {"Idempotency-Replayed": "true"})


def item_of(tenant, event, strategy, reward):
    item = {
        "pk": {"S": "T#" + tenant + "#E#" + event["event_id"]},
        "sk": {"S": "E"},
        "cr": {"S": event["creator_id"]},
        "ac": {"S": event["action_type"]},
        "at": {"S": event["moment"].isoformat()},
        "q": {"N": str(event["quantity"])},
        "h": {"S": digest(event)},
        "rec": {"N": str(time.time_ns() // 1_000_000)},
    }
    if event.get("platform"):
        item["pf"] = {"S": event["platform"]}
    details = {name: event[name] for name in (*DETAILS, "utm", "metrics") if event.get(name)}
    if details:
        item["o"] = {"S": json.dumps(details, ensure_ascii=False)}
    if reward is None:
        item["parked"] = {"S": "strategy_missing"}
    else:
        item["rk"] = {"S": reward["kind"]}
        item["ra"] = {"N": str(reward["amount"])}
        item["si"] = {"S": strategy["strategy_id"]}
        item["sv"] = {"N": str(strategy["version"])}
        if "daily_cap" in strategy:
            item["sc"] = {"N": str(strategy["daily_cap"])}
    return item


def decided(event, item):
    if "parked" in item:
        return {"event_id": event["event_id"], "reward": None, "strategy": None, "parked": "strategy_missing"}
    kind, amount = item["rk"]["S"], item["ra"]["N"]
    return {
        "event_id": event["event_id"],
        "reward": {"kind": kind, "amount": f"{Decimal(amount):.2f}" if kind == "cash" else int(amount)},
        "strategy": {"strategy_id": item["si"]["S"], "version": int(item["sv"]["N"])},
    }


def digest(event):
    """One short text for the content of an event; a time counts as an instant, whatever its offset."""
    content = {name: value for name, value in event.items() if value not in ("", {}) and name not in ("moment", "occurred_at")}
    text = json.dumps([event["moment"].timestamp(), content], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:36]
