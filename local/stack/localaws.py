"""Starts the local AWS with what MiniStack 1.5.33 leaves out and the stack needs.

- An INSERT by PartiQL is a write like any other: the table's stream carries it. Without this, events that were
  recorded in batches would never be counted.
- Rights have other names than calls: the batch calls of SQS are allowed by the right to the single call, and
  PartiQL statements by PartiQLInsert and the like on their own table.
"""

import json
import re
import runpy

from ministack.core import iam_actions
from ministack.services import dynamodb

insert = dynamodb._partiql_insert
action_of = iam_actions.extract_iam_action
transaction_checks = iam_actions.dynamodb_transaction_checks

STATEMENT = re.compile(r'\s*(?:(INSERT)\s+INTO|(UPDATE)|(DELETE)\s+FROM|(SELECT)\s.*?\sFROM)\s+"?([\w.-]+)"?', re.I | re.S)


def insert_and_tell(table, parsed):
    answer = insert(table, parsed)
    if answer[0] == 200:
        item = parsed["item"]
        if set(item) == {"M"}:
            item = item["M"]
        dynamodb._emit_stream_event(table["TableName"], "INSERT", None, item)
    return answer


def single_action_of(*args, **kwargs):
    action = action_of(*args, **kwargs)
    if isinstance(action, str) and action.startswith("sqs:"):
        action = action.removesuffix("Batch")
    return action


def checks_of(action, body, region, account):
    """The (action, table) pairs that a call of several parts must be allowed; none for any other call."""
    if action not in ("dynamodb:BatchExecuteStatement", "dynamodb:ExecuteStatement"):
        return transaction_checks(action, body, region, account)
    call = json.loads(body)
    checks = []
    for part in call.get("Statements", [call]):
        found = STATEMENT.match(part.get("Statement", ""))
        if not found:
            return []
        verb = next(v for v in found.groups()[:4] if v)
        checks.append((f"dynamodb:PartiQL{verb.capitalize()}", iam_actions._dynamodb_table_arn(found[5], region, account)))
    return checks


dynamodb._partiql_insert = insert_and_tell
iam_actions.extract_iam_action = single_action_of
iam_actions.dynamodb_transaction_checks = checks_of
runpy.run_module("ministack", run_name="__main__")
