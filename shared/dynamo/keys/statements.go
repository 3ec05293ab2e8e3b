package keys

import (
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
)

// --- ledger table: the lives of statements ---

// StatementState is the key of the item that holds the state of a creator's statement, from sent to
// confirmed, accepted or disputed; period is a month or a part of a month (2026-08-H1).
func StatementState(t ident.Tenant, creator ident.Creator, period string) Key {
	return Key{CreatorBook(t, creator), StatementStatePrefix + period}
}

// StatementStatePrefix begins the sort keys of the states of statements.
const StatementStatePrefix = "ST#"

// AcceptanceDay is the partition that lists the statements which count as accepted from that day on
// when the creator has not answered.
func AcceptanceDay(t ident.Tenant, day civil.Date) string {
	return tenantPrefix(t) + "ACCEPT#" + day.String()
}

// Acceptance is the key of one statement in the list of AcceptanceDay.
func Acceptance(t ident.Tenant, day civil.Date, creator ident.Creator, period string) Key {
	return Key{AcceptanceDay(t, day), string(creator+"#") + period}
}

// ParseAcceptanceKey reads creator and period back from the sort key of an Acceptance.
func ParseAcceptanceKey(sk string) (creator ident.Creator, period string, ok bool) {
	who, period, ok := strings.Cut(sk, "#")
	return ident.Creator(who), period, ok
}
