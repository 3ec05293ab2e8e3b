package audit

import (
	"time"

	"fenzhang/shared/civil"
)

// The retention classes of records.
const (
	RetainVoucher = "voucher" // vouchers, ledgers, receipts; also what names no class
	RetainReturn  = "return"  // tax returns, report files, bank statements
)

// Years of keeping, counted from the first day after the end of the fiscal year (the calendar year
// in Shanghai).
//
// Source: 会计档案管理办法 (Order 79 of the Ministry of Finance and the Archives Administration, in force
// from 2016-01-01), annexed tables of terms.
const (
	voucherYears = 30
	returnYears  = 10
)

// RetainUntil is the instant until which entries must be kept: the latest of theirs, because an
// object is locked as a whole.
func RetainUntil(entries []Entry) time.Time {
	var until time.Time
	for _, e := range entries {
		years := voucherYears
		if e.Record.Retention == RetainReturn {
			years = returnYears
		}
		if t := civil.On(civil.DateOf(e.Record.At).Year()+1+years, time.January,
			1).Start(); t.After(until) {
			until = t
		}
	}
	return until
}
