#!/usr/bin/env python3
"""Sums a journal (NDJSON, one entry a line) by itself and holds the sums against what the API says.

usage: sum_journal.py journal.ndjson answers.json

answers.json has {"paying_entity": ..., "period": ... or null, "trial": <answer of /v1/ledger/trial-balance>,
"balances": [<answers of /v1/ledger/balances>]}. It ends with "N entries, N books agree", or with 1 and what differs.
"""
import json
import re
import sys
from collections import defaultdict

AMOUNT = re.compile(r"(-?)(0|[1-9][0-9]*)\.([0-9]{2})")


def fen(text):
    sign, yuan, cents = AMOUNT.fullmatch(text).groups()
    whole = int(yuan) * 100 + int(cents)
    return -whole if sign else whole


def main(journal, answers):
    wrong, seen = [], set()
    books = defaultdict(lambda: defaultdict(int))  # (creator, entity) -> account -> fen
    opening, debit, credit = defaultdict(int), defaultdict(int), defaultdict(int)
    with open(answers, encoding="utf-8") as f:
        want = json.load(f)
    with open(journal, encoding="utf-8") as f:
        for line in f:
            entry = json.loads(line)
            key = (entry["creator_id"], entry["id"])
            if key in seen:
                wrong.append("%s of %s stands twice" % (entry["id"], entry["creator_id"]))
            seen.add(key)
            if sum(fen(p["amount"]) for p in entry["postings"]) != 0:
                wrong.append("%s does not sum to zero" % entry["id"])
            for p in entry["postings"]:
                amount = fen(p["amount"])
                books[entry["creator_id"], entry["entity"]][p["account"]] += amount
                if entry["entity"] != want["paying_entity"]:
                    continue
                if want["period"] is None or entry["accounting_period"] < want["period"]:
                    opening[p["account"]] += amount
                elif entry["accounting_period"] == want["period"]:
                    (debit if amount > 0 else credit)[p["account"]] += abs(amount)

    told = {row["account"]: row for row in want["trial"]["rows"]}
    for account in sorted(set(opening) | set(debit) | set(credit) | set(told)):
        row = told.get(account, {"opening": "0.00", "debit": "0.00", "credit": "0.00", "closing": "0.00"})
        mine = (opening[account], debit[account], credit[account], opening[account] + debit[account] - credit[account])
        theirs = tuple(fen(row[k]) for k in ("opening", "debit", "credit", "closing"))
        if mine != theirs:
            wrong.append("trial balance, %s: the journal has %s, the API %s" % (account, mine, theirs))

    agree = 0
    for answer in want["balances"]:
        for book in answer["books"]:
            mine = {a: n for a, n in books[answer["creator_id"], book["paying_entity"]].items() if n}
            theirs = {a["account"]: fen(a["balance"]) for a in book["accounts"]}
            if mine != theirs:
                wrong.append("%s at %s: the journal has %s, the API %s" % (answer["creator_id"], book["paying_entity"], mine, theirs))
            agree += 1
    for text in wrong:
        print(text)
    if not wrong:
        print("%d entries, %d books agree" % (len(seen), agree))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
