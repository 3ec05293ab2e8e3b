package main

import (
	"fmt"
	"time"

	"fenzhang/local/apiclient"
	"fenzhang/local/income"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// makeSettleCalls returns two settle calls for a service month, made on the day before its pay day:
// for an advertisement that a brand paid to the agency, and for a commission with goods and rate.
func makeSettleCalls(members []member, index int) ([]income.SettleCall, []income.Expected) {
	month := serviceMonths()[index]
	ts := payDay(month).AddDays(-1).Start().Add(20*time.Hour + time.Duration(index)*time.Minute)
	gmv, rate := money.Yuan(int64(12_000+3_000*index)), "0.18"
	ad, sale := members[40+index], members[44+index]
	requests := []apiclient.SettleRequest{
		{UserID: ad.id, ActivityID: fmt.Sprintf("brand-%s", month), IncomeType: xingtu,
			Amount: money.Yuan(int64(4_500 + 900*index)).String()},
		{UserID: sale.id, ActivityID: fmt.Sprintf("group-buy-%s", month), IncomeType: commerce,
			GMV: gmv.String(), Rate: rate,
			Amount: money.MustRate(rate).ApplyTo(gmv, money.HalfEven).String()},
	}
	var calls []income.SettleCall
	var list []income.Expected
	for i, q := range requests {
		q.TS, q.ServicePeriod = ts.UnixMilli(), month.String()
		calls = append(calls,
			income.SettleCall{Key: fmt.Sprintf("demo-direct-%s-%d", month, i+1), Request: q})
		list = append(list, income.Expected{
			Tenant: demoTenant, CreatorID: ident.Creator(q.UserID), IncomeType: q.IncomeType, Period: month,
			ActivityID: q.ActivityID, PayOn: payDay(month), Gross: money.MustParse(q.Amount),
		})
	}
	return calls, list
}

// dayAfter returns the business date on which the files of a month are sent.
func dayAfter(month civil.Month) civil.Date { return month.Add(1).First() }
