// Package income reads the files that platforms send to an agency: statements as CSV, commerce
// orders and incentive events as NDJSON. It converts them to income lines and events of the API.
package income

import (
	"fmt"

	"fenzhang/local/apiclient"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// Line is one income line that was read and checked, with its creator.
type Line struct {
	LineID        string
	CreatorID     ident.Creator
	IncomeType    string
	Platform      string
	AccountUID    string
	Nickname      string
	ShopID        string
	OccurredOn    civil.Date
	ServicePeriod civil.Month
	Gross         money.Amount // with VAT, before the platform's share
	PlatformFee   money.Amount
	Refund        money.Amount
	Subsidy       money.Amount
	Distributable money.Amount // what the agency received; negative when a settled sale was refunded
	Count         int64
	Description   string
	Source        string
}

// ForAPI returns the line in the form of the API.
func (l Line) ForAPI() apiclient.IncomeLine {
	return apiclient.IncomeLine{
		LineID: l.LineID, CreatorID: l.CreatorID, IncomeType: l.IncomeType, Platform: l.Platform,
		AccountUID: l.AccountUID, Nickname: l.Nickname, ShopID: l.ShopID,
		OccurredOn: l.OccurredOn.String(), ServicePeriod: l.ServicePeriod.String(),
		GrossBeforePlatform: l.Gross.String(), PlatformFee: l.PlatformFee.String(),
		Refund:  l.Refund.String(),
		Subsidy: l.Subsidy.String(), Distributable: l.Distributable.String(),
		Count: l.Count, Description: l.Description, Source: l.Source,
	}
}

// Remark is a row that a person should look at: it was refused, or it was read but looks wrong.
type Remark struct {
	Source string // the file
	Row    int    // its line, counted from 1
	Key    string // the id of the row, when it could be read
	Reason string
}

// String returns file, row, key and reason.
func (r Remark) String() string {
	return fmt.Sprintf("%s row %d %s: %s", r.Source, r.Row, r.Key, r.Reason)
}

// Batch is the content of a file. Lines, Refused and Ignored together cover all its rows.
type Batch struct {
	Lines   []Line
	Refused []Remark
	Odd     []Remark // read, but a check failed
	Ignored int      // rows that are no income: estimates, unsettled orders
}

// Roster maps platform accounts to creators.
type Roster map[apiclient.PlatformAccount]string

// RosterOf returns the accounts of some creators.
func RosterOf(creators []apiclient.Creator) Roster {
	r := Roster{}
	for _, c := range creators {
		for _, a := range c.PlatformAccounts {
			r[a] = string(c.CreatorID)
		}
	}
	return r
}

// findCreator returns the creator of a platform account.
//
// Errors: an error that names the account when no creator has it.
func (r Roster) findCreator(platform, uid string) (ident.Creator, error) {
	id, ok := r[apiclient.PlatformAccount{Platform: platform, UID: uid}]
	if !ok {
		return "", fmt.Errorf("no creator has the %s account %q", platform, uid)
	}
	return ident.Creator(id), nil
}
