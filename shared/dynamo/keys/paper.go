package keys

import (
	"strings"

	"fenzhang/shared/civil"
)

// --- ledger table: the lives of statements ---

// StatementState is the life of a creator's statement; period is a month or a part of one, 2026-08-H1.
func StatementState(t, creator, period string) Key {
	return Key{CreatorBook(t, creator), StatementStatePrefix + period}
}

// StatementStatePrefix begins the sort keys of statements' lives.
const StatementStatePrefix = "ST#"

// AcceptDay lists the statements that the creators' silence accepts from a day.
func AcceptDay(t string, day civil.Date) string { return tenant(t) + "ACCEPT#" + day.String() }

// Acceptance is one statement on such a list.
func Acceptance(t string, day civil.Date, creator, period string) Key {
	return Key{AcceptDay(t, day), creator + "#" + period}
}

// AcceptanceOf reads creator and period back from the sort key of such an entry.
func AcceptanceOf(sk string) (creator, period string, ok bool) { return strings.Cut(sk, "#") }
