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

// The forms of an invoice's fields: the number of a fully digital invoice (数电发票), and the SHA-256
// of its file.
var (
	invoiceNumber = regexp.MustCompile(`^[0-9]{20}$`)
	sha256Text    = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// readListQuery reads the query string of the list of settlements. It returns the filters, the page
// length, and whether only overdue settlements are listed.
func readListQuery(r *httpapi.Request) (settlement.Query, int, bool, error) {
	var p fault.Problems
	q := settlement.Query{Status: settlement.Status(r.Query.Get("status")),
		Creator: ident.Creator(r.Query.Get("creator_id")), Hold: r.Query.Get("hold")}
	p.AddIf(q.Status != "" && !slices.Contains(settlement.Statuses(), q.Status), "status",
		"is not a status")
	p.AddIf(q.Creator != "" && !ident.Valid(q.Creator), "creator_id",
		"must be 1 to 64 letters, digits, _ or -")
	dayParameter := func(name string) civil.Date {
		text := r.Query.Get(name)
		if text == "" {
			return civil.Date{}
		}
		d, err := civil.ParseDate(text)
		p.AddIf(err != nil, name, civil.ErrDate.Error())
		return d
	}
	q.From = dayParameter("from")
	q.To = dayParameter("to")
	// All problems of the query string are collected, so that one answer lists all of them.
	limit, err := r.PageLimit()
	p.AddIf(err != nil, "limit", "must be 1 to 100")
	overdue := r.Query.Get("overdue")
	p.AddIf(overdue != "" && overdue != "true" && overdue != "false", "overdue",
		"must be true or false")
	return q, limit, overdue == "true", p.Err()
}

// actBody has the fields that the body of every act on a settlement has.
type actBody struct {
	Version int    `json:"status_version"`
	Reason  string `json:"reason"`
}

// transitionBody is the request body of a status move.
type transitionBody struct {
	To settlement.Status `json:"to"`
	actBody
}

// intent makes the service's description of an act: who acts on which settlement, at which version
// and for what reason.
func (b actBody) intent(r *httpapi.Request) settlement.Intent {
	return settlement.Intent{By: r.Principal, ID: r.Params["id"], Version: b.Version, Reason: b.Reason}
}

// maxText is the greatest length of a free text, in bytes.
const maxText = 500

// problems lists what is wrong with the common fields of an act's body.
func (b actBody) problems() fault.Problems {
	var p fault.Problems
	p.AddIf(b.Version < 1, "status_version", "must be the status_version you read, 1 or more")
	p.AddIf(len(b.Reason) > maxText, "reason", "must not be longer than 500 bytes")
	return p
}

// readAct reads the body of an act that has only a version and a reason.
func readAct(r *httpapi.Request) (settlement.Intent, error) {
	var b actBody
	if err := r.DecodeJSON(&b); err != nil {
		return settlement.Intent{}, err
	}
	return b.intent(r), b.problems().Err()
}

// manualHoldReasons are the reasons for which a person may put a settlement on hold.
func manualHoldReasons() []string {
	return []string{settlement.HoldManual, "RISK", "PAPER_MISSING", "ACCOUNT_UNCHECKED",
		"WAITING_RECEIPT", settlement.HoldInvoice}
}

// readHold reads the body of a request that puts a settlement on hold.
func readHold(r *httpapi.Request) (settlement.Intent, settlement.Hold, error) {
	var b struct {
		actBody
		Until civil.Date `json:"until"`
		Text  string     `json:"text"`
	}
	if err := r.DecodeJSON(&b); err != nil {
		return settlement.Intent{}, settlement.Hold{}, err
	}
	p := b.problems()
	p.AddIf(!slices.Contains(manualHoldReasons(), b.Reason), "reason",
		"must be one of "+strings.Join(manualHoldReasons(), ", "))
	p.AddIf(len(b.Text) > maxText, "text", "must not be longer than 500 bytes")
	return b.intent(r),
		settlement.Hold{Reason: b.Reason, Owner: r.Subject, Until: b.Until, Text: b.Text}, p.Err()
}

// readConfirmedNet reads the body of a request in which an approver confirms a changed net.
func readConfirmedNet(r *httpapi.Request) (settlement.Intent, money.Amount, error) {
	var b struct {
		actBody
		Net *money.Amount `json:"net"`
	}
	if err := r.DecodeJSON(&b); err != nil {
		return settlement.Intent{}, money.Amount{}, err
	}
	p := b.problems()
	if p.AddIf(b.Net == nil, "net", "must be the net you confirm"); p != nil {
		return settlement.Intent{}, money.Amount{}, p.Err()
	}
	return b.intent(r), *b.Net, nil
}

// readParty reads the body of a request for the settlement of another payee.
func readParty(r *httpapi.Request) (settlement.Intent, string, error) {
	var b struct {
		actBody
		Party string `json:"party"`
	}
	if err := r.DecodeJSON(&b); err != nil {
		return settlement.Intent{}, "", err
	}
	p := b.problems()
	p.AddIf(!ident.Valid(b.Party), "party", "must be the creator_id of a payee of this settlement")
	return b.intent(r), b.Party, p.Err()
}

// readInvoice reads the body of a request that records a payee's invoice.
func readInvoice(r *httpapi.Request) (settlement.Intent, settlement.InvoicePaper, error) {
	var b struct {
		Version int `json:"status_version"`
		settlement.InvoicePaper
	}
	if err := r.DecodeJSON(&b); err != nil {
		return settlement.Intent{}, settlement.InvoicePaper{}, err
	}
	// An invoice needs no reason from the caller: its number is the reason in the audit record.
	a := actBody{Version: b.Version, Reason: "invoice " + b.Number}
	p := a.problems()
	p.AddIf(!invoiceNumber.MatchString(b.Number), "number",
		"must be the 20 digits of a fully digital invoice")
	p.AddIf(b.IssuedOn.IsZero(), "issued_on", civil.ErrDate.Error())
	p.AddIf(!b.Amount.Positive(), "amount", "must be above zero, as yuan with exactly two decimals")
	p.AddIf(!sha256Text.MatchString(b.FileSHA256), "file_sha256",
		"must be 64 lower-case hexadecimal digits")
	return a.intent(r), b.InvoicePaper, p.Err()
}
