package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/ruletest"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/money"
)

const (
	manySettlements = 1_000_000
	fewSettlements  = 100_000
	templates       = 50 // payees with different incomes; every other payee is like one of them
)

// retaxSection computes the taxes of a million booked settlements again under a second national
// pack, and reports the differences of each person. Half of the payees are taxed cumulatively at
// an entity that files for the platform, half month by month.
func retaxSection(context.Context, *bench) ([]row, error) {
	first, err := taxpack.LoadEmbedded()
	if err != nil {
		return nil, err
	}
	second, err := changedLaw()
	if err != nil {
		return nil, err
	}
	booked, err := bookPayees(first)
	if err != nil {
		return nil, err
	}
	few, err := measureRetax(second, booked, fewSettlements)
	if err != nil {
		return nil, err
	}
	many, err := measureRetax(second, booked, manySettlements)
	if err != nil {
		return nil, err
	}
	return []row{
		{what: "1,000,000 settlements of " + strconv.Itoa(many.totals.Persons) +
			" payees taxed again under a second pack, differences per person", goal: "<= 5 s",
			measured: fmt.Sprintf("%.2f s, %.2f s of processor time, %d payees differ", many.took.Seconds(),
				many.cpu.Seconds(), many.totals.Changed), met: atMost(many.took.Seconds(), 5)},
		{what: "live memory at the end, after 100,000 and after 1,000,000", goal: "flat",
			measured: fmt.Sprintf("%.1f MiB, %.1f MiB", mebibytes(few.live), mebibytes(many.live)),
			met:      atMost(mebibytes(many.live), mebibytes(few.live)+1)},
		{what: "allocated for each settlement",
			measured: fmt.Sprintf("%d bytes", many.allocated/manySettlements)},
	}, nil
}

// mebibytes returns bytes in mebibytes.
func mebibytes[T int64 | uint64](bytes T) float64 { return float64(bytes) / (1 << 20) }

// changedLaw returns the law with other deductions from labor income.
func changedLaw() (*tax.Corpus, error) {
	return ruletest.ChangedLaw(ruletest.LaborCostChange("0.25"),
		ruletest.Change{File: "iit/labor_platform/monthly_deduction.yaml", From: `value: "5000.00"`,
			To: `value: "6000.00"`})
}

// bookPayees returns the bookings of a year, two payments in each month, for each template of a
// payee.
func bookPayees(law *tax.Corpus) ([][]lawdiff.Event, error) {
	out := make([][]lawdiff.Event, templates)
	for n := range out {
		var rows []tax.Row
		for p := range 24 {
			f := benchPayment(civil.NewMonth(2026, 1).Add(p/2).Day(5+p%2*15),
				money.Fen(int64(1+n)*31_007+int64(p)*9_973), n%2 == 0)
			r, err := law.ComputeRows(f, rows)
			if err != nil {
				return nil, err
			}
			rows = append(rows, r.Rows...)
			out[n] = append(out[n], lawdiff.Event{PersonYear: lawdiff.PersonYear{Entity: "ent", Year: 2026},
				Kind: lawdiff.Booking, Settlement: ident.Settlement("st-" + strconv.Itoa(p)),
				Creator: "c", Facts: &f, Rows: r.Rows})
		}
	}
	return out, nil
}

// benchPayment returns the tax facts of one payment.
func benchPayment(on civil.Date, amount money.Amount, filed bool) tax.Facts {
	f := tax.Facts{PaymentDate: on, VATDate: on,
		Entity:   tax.Entity{ID: "ent", Place: "330106", PlaceTier: "city", VAT: "general"},
		Platform: "douyin",
		Taxpayer: tax.Taxpayer{Kind: "natural_person", Resident: true, VAT: "natural_person",
			Collection: "withheld", Jurisdiction: "330106"},
		Amount: amount, VATIncluded: true, AgencyFiling: filed,
		Positions: []tax.Position{{ID: "p", Rule: "vat.natural_person.withholding",
			Reading: "daily_1000_at_1pct"}}}
	if filed {
		f.Entity.Filings = []tax.PlatformFiling{{Platform: "douyin", From: civil.NewDate(2025, 10, 1)}}
	}
	return f
}

// retaxed is the measurements of one run.
type retaxed struct {
	totals    lawdiff.Totals
	took, cpu time.Duration
	live      uint64 // live bytes after the last person
	allocated uint64
}

// measureRetax streams so many settlements through the second law and writes a line for each payee
// whose taxes differ.
func measureRetax(law *tax.Corpus, booked [][]lawdiff.Event, settlements int) (retaxed, error) {
	var r retaxed
	lines := bufio.NewWriter(io.Discard)
	persons := (settlements + len(booked[0]) - 1) / len(booked[0])
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, cpu := time.Now(), processorTime()
	var err error
	r.totals, err = lawdiff.CompareByPerson(law, func(yield func(*lawdiff.Event, error) bool) {
		var e lawdiff.Event
		for n := range persons {
			taxpayer := fmt.Sprintf("tp-%08d", n)
			for i := range booked[n%len(booked)] {
				e = booked[n%len(booked)][i]
				e.Taxpayer = ident.Taxpayer(taxpayer)
				if !yield(&e, nil) {
					return
				}
			}
		}
	}, func(p *lawdiff.Person) error {
		// memory is measured when all persons have been compared and the stream is still open
		if p.Taxpayer == ident.Taxpayer(fmt.Sprintf("tp-%08d", persons-1)) {
			r.took, r.cpu = time.Since(began), processorTime()-cpu
			runtime.ReadMemStats(&after)
			r.allocated = after.TotalAlloc - before.TotalAlloc
			runtime.GC()
			runtime.ReadMemStats(&after)
			r.live = after.HeapAlloc
		}
		return writeLine(lines, p)
	})
	return r, err
}

// writeLine writes how much more, or less, a payee owes under the second law.
func writeLine(w *bufio.Writer, p *lawdiff.Person) error {
	var more money.Amount
	for i := range p.Differences {
		more = more.Add(p.Differences[i].Change().Withheld)
	}
	_, err := fmt.Fprintf(w, "%s %s %d %s\n", p.Entity, p.Taxpayer, p.Year, more)
	return err
}

// processorTime returns the CPU time of this process; 0 where the system does not report it.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
