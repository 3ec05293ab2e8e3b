"""Starts the local AWS (MiniStack) with one difference from AWS mended.

On AWS an item inserted by PartiQL appears on the table's stream as every other write does; MiniStack 1.5.33 leaves
it out, and record-incentive writes its batches that way. The mend calls the same function that MiniStack's own
PutItem calls. When a later MiniStack emits these records itself, this file goes and `python -m ministack` returns.
"""

from ministack.app import main
from ministack.services import dynamodb

insert = dynamodb._partiql_insert


def insert_on_stream(table, parsed):
    answer = insert(table, parsed)
    if answer[0] == 200:
        item = parsed["item"]
        if set(item) == {"M"}:
            item = item["M"]
        dynamodb._emit_stream_event(parsed["table"], "INSERT", None, item)
    return answer


dynamodb._partiql_insert = insert_on_stream
main()
