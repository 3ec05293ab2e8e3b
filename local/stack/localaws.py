"""Starts the local AWS with one thing put right.

On AWS an INSERT by PartiQL is a write like any other: the table's stream carries it. MiniStack 1.5.33 leaves that
out, so events that were recorded in batches would never be counted.
"""

import runpy

from ministack.services import dynamodb

insert = dynamodb._partiql_insert


def insert_and_tell(table, parsed):
    answer = insert(table, parsed)
    if answer[0] == 200:
        item = parsed["item"]
        if set(item) == {"M"}:
            item = item["M"]
        dynamodb._emit_stream_event(table["TableName"], "INSERT", None, item)
    return answer


dynamodb._partiql_insert = insert_and_tell
runpy.run_module("ministack", run_name="__main__")
