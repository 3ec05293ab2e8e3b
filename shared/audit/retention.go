package audit

import (
	"time"

	"fenzhang/shared/civil"
)

// The retention classes of records.
const (
	RetainVoucher = "voucher" // vouchers, ledgers, receipts; also records without a class
	RetainReturn  = "return"  // tax returns, report files, bank statements
)

// Years of retention, counted from the first day after the end of the fiscal year (the calendar
// year in Shanghai).
//
// Source: 会计档案管理办法 (Order 79 of the Ministry of Finance and the Archives Administration, in force
// from 2016-01-01), annexed tables of terms.
const (
	voucherYears = 30
	returnYears  = 10
)

// RetainUntil returns the time until which a batch of entries must be retained: the latest of their
// times, because an object is locked as a whole.
func RetainUntil(entries []Entry) time.Time {
	var until time.Time
	for _, e := range entries {
		years := voucherYears
		if e.Record.Retention == RetainReturn {
			years = returnYears
		}
		end := civil.NewDate(civil.DateOf(e.Record.At).Year()+1+years, time.January, 1).Start()
		if end.After(until) {
			until = end
		}
	}
	return until
}
