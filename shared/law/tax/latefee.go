package tax

import (
	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// lateFee computes the late fee on tax that is paid after its due day: a share of the tax for each
// day. The rule follows Tax Collection Law art. 32, its Rules art. 75; its data are in
// rules/national/collection.
type lateFee struct {
	questionRule
	rate money.Fraction

	days, fee *stepSpec
}

// resolveSteps finds the wording of the steps of lateFee in its rule file.
func (r *lateFee) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"late.days": &r.days, "late.fee": &r.fee})
}

// LateFee is the fee for late payment, with the number of days.
type LateFee struct {
	// Days count from the day after the due day to the day of payment, both included.
	Days int
	Fee  money.Amount
	Answer
}

// LateFee returns the late fee on a tax that was due on one day and is paid on another; a tax paid
// in time has a fee of zero.
//
// Errors: *Gap when no rule is in force on the day of payment; *fault.Error 2001 for an amount out
// of range.
func (e *Engine) LateFee(tax money.Amount, due, paid civil.Date) (LateFee, error) {
	r, c, err := beginQuestion[*lateFee](e, "collection.late_fee", paid, nil)
	if err != nil {
		return LateFee{}, err
	}
	if due.IsZero() {
		return LateFee{}, fault.Invalid(fault.Field{Field: "due_date", Problem: "must be a day"})
	}
	if err := checkAmountRange([]namedAmount{{"tax", tax}}); err != nil {
		return LateFee{}, err
	}
	var x LateFee
	if paid.After(due) {
		x.Days = daysBetween(due, paid)
	}
	x.Fee = tax.MulDiv(r.rate.Num()*int64(x.Days), r.rate.Den(), money.HalfUp)
	c.addStep(r.days, exact, CountValue(x.Days), Input{"due", DayValue(due)},
		Input{"paid", DayValue(paid)})
	c.addStep(r.fee, rounded, MoneyValue(x.Fee), Input{"tax", MoneyValue(tax)},
		Input{"rate", RateValue(r.rate)},
		Input{"days", CountValue(x.Days)})
	x.Answer = c.finishAnswer(&r.compiledRule)
	return x, nil
}

// daysBetween returns the number of days after a, up to and including b.
func daysBetween(a, b civil.Date) int { return int(b.Start().Sub(a.Start()).Hours() / 24) }

// lateFeeMethodSpec describes the method of lateFee for rule files: its roles, and how its rule is
// built.
func lateFeeMethodSpec() methodSpec {
	return methodSpec{isQuestion: true, needed: map[string]Kind{"rate": KindRate},
		build: func(b *Book, r compiledRule) steppedRule {
			return &lateFee{questionRule: questionRule{r}, rate: b.rateInRole(r.method, "rate")}
		}}
}

// dueDate computes the last day of a return after its period: some days into the next month, or the
// end of some months. A last day without work moves to the next working day. Days off that belong
// to a longer holiday, inside a time limit of days, extend the limit by as many working days. The
// rule follows Tax Collection Law Rules art. 109; its data are in rules/national/collection.
type dueDate struct {
	questionRule
	// days counts days of the next month; 0 where whole months are counted.
	days money.Amount
	// months counts whole months after the period.
	months money.Amount
	// extending is how many consecutive days off inside the time limit extend it; nil means that they
	// never do.
	extending *Threshold

	law, moved *stepSpec
}

// resolveSteps finds the wording of the steps of dueDate in its rule file.
func (r *dueDate) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"due.law": &r.law, "due.moved": &r.moved})
}

// ReturnDueDate is the last day of a tax return.
type ReturnDueDate struct {
	Last civil.Date
	// Extended counts the working days that a longer holiday inside the time limit added.
	Extended int
	Answer
}

// The returns whose last day DueDate knows.
const (
	// ReturnWithholding is the return of withheld income tax, by month.
	ReturnWithholding = "iit_withholding"
	// ReturnVAT is the return of VAT with its surcharges, and of withheld VAT.
	ReturnVAT = "vat"
	// ReturnBusiness is the prepayment on business income.
	ReturnBusiness = "iit_business"
	// ReturnCIT is the prepayment of enterprise income tax.
	ReturnCIT   = "cit"
	ReturnStamp = "stamp"
	// ReturnAnnualIIT is the annual settlement of comprehensive income.
	ReturnAnnualIIT      = "iit_annual"
	ReturnAnnualBusiness = "iit_business_annual"
	ReturnAnnualCIT      = "cit_annual"
)

// DueDate returns the last day for the return of the period that ends with the month, quarter or
// year of a day.
//
// Errors: *Gap when no rule is in force; 5002 calendar_missing where the calendar of the year is
// not loaded.
func (e *Engine) DueDate(kind string, periodEnd civil.Date,
	working *calendar.Calendar) (ReturnDueDate, error) {
	r, c, err := beginQuestion[*dueDate](e, "collection.due."+kind, periodEnd, nil)
	if err != nil {
		return ReturnDueDate{}, err
	}
	first := periodEnd.Month().Add(1).First()
	last := first.AddDays(wholeNumber(r.days) - 1)
	// a rule counts either days of the next month or whole months
	if n := wholeNumber(r.months); n > 0 {
		last = periodEnd.Month().Add(n).Last()
	}
	c.addStep(r.law, exact, DayValue(last), Input{"period_end", DayValue(periodEnd)},
		Input{"days", CountValue(wholeNumber(r.days))},
		Input{"months", CountValue(wholeNumber(r.months))})
	x := ReturnDueDate{Last: last}
	if x.Extended, err = r.holidayExtension(first, last, working); err != nil {
		return ReturnDueDate{}, err
	}
	if x.Last, err = nthWorkingDay(last, x.Extended, working); err != nil {
		return ReturnDueDate{}, err
	}
	c.addStep(r.moved, exact, DayValue(x.Last), Input{"last", DayValue(last)},
		Input{"extended", CountValue(x.Extended)})
	x.Answer = c.finishAnswer(&r.compiledRule)
	return x, nil
}

// wholeNumber returns a number of days or months, which rule files write with two decimals, like an
// amount.
func wholeNumber(n money.Amount) int { return int(n.Fen() / money.Yuan(1).Fen()) }

// holidayExtension counts the days off inside the time limit that belong to a run long enough to
// extend it. An ordinary weekend is never long enough.
func (r *dueDate) holidayExtension(first, last civil.Date,
	working *calendar.Calendar) (int, error) {
	extended, run := 0, 0
	if r.extending == nil {
		return 0, nil
	}
	for d := first; !d.After(last); d = d.AddDays(1) {
		works, err := working.IsWorkingDay(d)
		switch {
		case err != nil:
			return 0, err
		case works:
			run = 0
			continue
		}
		run++
		switch long := r.extending.IsMet(money.Yuan(int64(run))); {
		// the run has just become long enough, so all of its days count at once
		case long && !r.extending.IsMet(money.Yuan(int64(run-1))):
			extended += run
		case long:
			extended++
		}
	}
	return extended, nil
}

// nthWorkingDay returns the n-th working day after a day; with n = 0 the day itself or, if there is
// no work on it, the next working day.
func nthWorkingDay(d civil.Date, n int, working *calendar.Calendar) (civil.Date, error) {
	if n == 0 {
		return working.WorkingDayOnOrAfter(d)
	}
	var err error
	for ; n > 0 && err == nil; n-- {
		d, err = working.NextWorkingDay(d)
	}
	return d, err
}

// dueDateMethodSpec describes the method of dueDate for rule files: its roles, and how its rule is
// built.
func dueDateMethodSpec() methodSpec {
	return methodSpec{isQuestion: true,
		optional: map[string]Kind{"days": KindAmount, "months": KindAmount, "extending": KindThreshold},
		build: func(b *Book, r compiledRule) steppedRule {
			d := &dueDate{questionRule: questionRule{r}}
			if v := b.findValue(r.method.Uses["extending"]); v != nil {
				d.extending = &v.Threshold
			}
			if v := b.findValue(r.method.Uses["days"]); v != nil {
				d.days = v.Amount
			}
			if v := b.findValue(r.method.Uses["months"]); v != nil {
				d.months = v.Amount
			}
			return d
		}}
}
