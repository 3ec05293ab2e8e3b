package keys

import (
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
)

// --- ledger table: the lives of statements ---

// StatementState is the life of a creator's statement; period is a month or a part of one,
// 2026-08-H1.
func StatementState(t ident.Tenant, creator ident.Creator, period string) Key {
	return Key{CreatorBook(t, creator), StatementStatePrefix + period}
}

// StatementStatePrefix begins the sort keys of statements' lives.
const StatementStatePrefix = "ST#"

// AcceptanceDay lists the statements that the creators' silence accepts from a day.
func AcceptanceDay(t ident.Tenant, day civil.Date) string {
	return tenantPrefix(t) + "ACCEPT#" + day.String()
}

// Acceptance is one statement on such a list.
func Acceptance(t ident.Tenant, day civil.Date, creator ident.Creator, period string) Key {
	return Key{AcceptanceDay(t, day), string(creator+"#") + period}
}

// ParseAcceptanceKey reads creator and period back from the sort key of such an entry.
func ParseAcceptanceKey(sk string) (creator ident.Creator, period string, ok bool) {
	who, period, ok := strings.Cut(sk, "#")
	return ident.Creator(who), period, ok
}
