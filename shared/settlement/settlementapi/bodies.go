package settlementapi

import (
	"regexp"
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
)

var (
	invoiceNumber = regexp.MustCompile(`^[0-9]{20}$`)
	sha256Text    = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// listQuery reads the query string of a list: what narrows it, its length, and whether only overdue
// ones are wanted.
func listQuery(r *httpapi.Request) (settlement.Query, int, bool, error) {
	var p fault.Problems
	q := settlement.Query{Status: settlement.Status(r.Query.Get("status")),
		Creator: ident.Creator(r.Query.Get("creator_id")), Hold: r.Query.Get("hold")}
	p.AddIf(q.Status != "" && !slices.Contains(settlement.Statuses(), q.Status), "status",
		"is not a status")
	p.AddIf(q.Creator != "" && !ident.Valid(q.Creator), "creator_id",
		"must be 1 to 64 letters, digits, _ or -")
	day := func(name string) civil.Date {
		text := r.Query.Get(name)
		if text == "" {
			return civil.Date{}
		}
		d, err := civil.ParseDate(text)
		p.AddIf(err != nil, name, civil.ErrDate.Error())
		return d
	}
	q.From, q.To = day("from"), day("to")
	limit, err := r.Limit()
	p.AddIf(err != nil, "limit", "must be 1 to 100")
	late := r.Query.Get("overdue")
	p.AddIf(late != "" && late != "true" && late != "false", "overdue", "must be true or false")
	return q, limit, late == "true", p.Err()
}

// act is what the body of every act on a settlement has.
type act struct {
	Version int    `json:"status_version"`
	Reason  string `json:"reason"`
}

type transitionBody struct {
	To settlement.Status `json:"to"`
	act
}

func (b act) intent(r *httpapi.Request) settlement.Intent {
	return settlement.Intent{By: r.Principal, ID: r.Params["id"], Version: b.Version, Reason: b.Reason}
}

// maxText bounds free text, in bytes.
const maxText = 500

func (b act) problems() fault.Problems {
	var p fault.Problems
	p.AddIf(b.Version < 1, "status_version", "must be the status_version you read, 1 or more")
	p.AddIf(len(b.Reason) > maxText, "reason", "must not be longer than 500 bytes")
	return p
}

// simple reads the body of an act that needs nothing but a version and a reason.
func simple(r *httpapi.Request) (settlement.Intent, error) {
	var b act
	if err := r.JSON(&b); err != nil {
		return settlement.Intent{}, err
	}
	return b.intent(r), b.problems().Err()
}

// holdReasons are the holds that a person may set.
func holdReasons() []string {
	return []string{settlement.HoldManual, "RISK", "PAPER_MISSING", "ACCOUNT_UNCHECKED",
		"WAITING_RECEIPT", settlement.HoldInvoice}
}

func holdOf(r *httpapi.Request) (settlement.Intent, settlement.Hold, error) {
	var b struct {
		act
		Until civil.Date `json:"until"`
		Text  string     `json:"text"`
	}
	if err := r.JSON(&b); err != nil {
		return settlement.Intent{}, settlement.Hold{}, err
	}
	p := b.problems()
	p.AddIf(!slices.Contains(holdReasons(), b.Reason), "reason",
		"must be one of "+strings.Join(holdReasons(), ", "))
	p.AddIf(len(b.Text) > maxText, "text", "must not be longer than 500 bytes")
	return b.intent(r),
		settlement.Hold{Reason: b.Reason, Owner: r.Subject, Until: b.Until, Text: b.Text}, p.Err()
}

func netOf(r *httpapi.Request) (settlement.Intent, money.Amount, error) {
	var b struct {
		act
		Net *money.Amount `json:"net"`
	}
	if err := r.JSON(&b); err != nil {
		return settlement.Intent{}, money.Amount{}, err
	}
	p := b.problems()
	if p.AddIf(b.Net == nil, "net", "must be the net you confirm"); p != nil {
		return settlement.Intent{}, money.Amount{}, p.Err()
	}
	return b.intent(r), *b.Net, nil
}

func partyOf(r *httpapi.Request) (settlement.Intent, string, error) {
	var b struct {
		act
		Party string `json:"party"`
	}
	if err := r.JSON(&b); err != nil {
		return settlement.Intent{}, "", err
	}
	p := b.problems()
	p.AddIf(!ident.Valid(b.Party), "party", "must be the creator_id of a payee of this settlement")
	return b.intent(r), b.Party, p.Err()
}

func invoiceOf(r *httpapi.Request) (settlement.Intent, settlement.InvoicePaper, error) {
	var b struct {
		Version int `json:"status_version"`
		settlement.InvoicePaper
	}
	if err := r.JSON(&b); err != nil {
		return settlement.Intent{}, settlement.InvoicePaper{}, err
	}
	a := act{Version: b.Version, Reason: "invoice " + b.Number}
	p := a.problems()
	p.AddIf(!invoiceNumber.MatchString(b.Number), "number",
		"must be the 20 digits of a fully digital invoice")
	p.AddIf(b.IssuedOn.IsZero(), "issued_on", civil.ErrDate.Error())
	p.AddIf(!b.Amount.Positive(), "amount", "must be above zero, as yuan with exactly two decimals")
	p.AddIf(!sha256Text.MatchString(b.FileSHA256), "file_sha256",
		"must be 64 lower-case hexadecimal digits")
	return a.intent(r), b.InvoicePaper, p.Err()
}
