// Package income reads what platforms hand to an agency - statements as CSV, commerce orders and
// incentive events as NDJSON - and turns it into the lines and events of the API.
package income

import (
	"fmt"

	"fenzhang/local/apiclient"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// Line is one line of income, read and checked, with the creator it belongs to.
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
	Gross         money.Amount // with VAT, before the platform's part
	PlatformFee   money.Amount
	Refund        money.Amount
	Subsidy       money.Amount
	Distributable money.Amount // what the agency received; negative when a settled sale came back
	Count         int64
	Description   string
	Source        string
}

// ForAPI gives the line as the API takes it.
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

// Remark is something a person should look at: a row that was refused, or one that was taken but
// looks odd.
type Remark struct {
	Source string // the file
	Row    int    // its line, counted from 1
	Key    string // the row's own number, where it could be read
	Reason string
}

// String gives file, row and reason.
func (r Remark) String() string {
	return fmt.Sprintf("%s row %d %s: %s", r.Source, r.Row, r.Key, r.Reason)
}

// Batch is what a file gave. Lines, Refused and Ignored together are all its rows.
type Batch struct {
	Lines   []Line
	Refused []Remark
	Noted   []Remark // taken, but a check failed
	Ignored int      // rows that are no money: estimates, unsettled orders
}

// Roster finds the creator of a platform account.
type Roster map[apiclient.PlatformAccount]string

// RosterOf lists the accounts of the creators.
func RosterOf(creators []apiclient.Creator) Roster {
	r := Roster{}
	for _, c := range creators {
		for _, a := range c.PlatformAccounts {
			r[a] = string(c.CreatorID)
		}
	}
	return r
}

// find gives the creator of an account, or an error that names the account.
func (r Roster) find(platform, uid string) (ident.Creator, error) {
	id, ok := r[apiclient.PlatformAccount{Platform: platform, UID: uid}]
	if !ok {
		return "", fmt.Errorf("no creator has the %s account %q", platform, uid)
	}
	return ident.Creator(id), nil
}
